import { IpcError } from "@libc/ipc/errno";
import type { Mapping } from "@libc/ipc/mapping";
import { mapFile } from "@libc/ipc/mmap";
import { PATH, Progress } from "./progress.ts";

function open(): Mapping {
  try {
    return mapFile(PATH, { readOnly: true, length: Progress.size });
  } catch (error) {
    if (!(error instanceof IpcError)) throw error;
    console.error(`${error.message}\nIs the work under way?`);
    Deno.exit(1);
  }
}

using mapping = open();
const progress = mapping.view(Progress);
let shown = -1;
do {
  const { done, total } = progress;
  if (done !== shown) {
    shown = done;
    console.log(`${"#".repeat(done).padEnd(total)} ${done} of ${total}`);
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
} while (shown < progress.total);
