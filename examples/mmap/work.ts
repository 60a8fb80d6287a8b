import { check0, errno, unistd } from "@libc/ipc/ffi";
import { mapFile } from "@libc/ipc/mmap";
import { PATH, Progress } from "./progress.ts";

const STEPS = 40;

/** Milliseconds that a step takes. */
const effort = Number(Deno.args[0] ?? 125);

{
  using mapping = mapFile(PATH, { create: true, size: Progress.size });
  const progress = mapping.view(Progress);
  const done = Progress.atomic(mapping, "done");
  progress.total = STEPS;
  console.log(`working from step ${progress.done} on`);
  while (progress.done < STEPS) {
    await new Promise((resolve) => setTimeout(resolve, effort));
    done.add(1);
    mapping.flush();
  }
}

// Deno.remove() would need --allow-write; libc is available without it.
const path = new TextEncoder().encode(`${PATH}\0`);
check0(unistd().unlink(path), errno[0], "unlink", "remove", PATH);
console.log(`done, ${PATH} removed`);
