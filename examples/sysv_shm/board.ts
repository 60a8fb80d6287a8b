import { SysvSharedMemory } from "@libc/ipc/sysv-shm";
import { KEY, Note } from "./note.ts";

/** Milliseconds without a note after which the board is removed. */
const PATIENCE = 30_000;

// Removed at the end of this scope.
using segment = SysvSharedMemory.create(KEY, Note.size);
using mapping = segment.attach();
const note = mapping.view(Note);
const count = Note.atomic(mapping, "count");
console.log(`segment ${segment.id} of ${segment.size} bytes`);

let stopped = false;
Deno.addSignalListener("SIGINT", () => stopped = true);
Deno.addSignalListener("SIGTERM", () => stopped = true);

let seen = 0;
let last = performance.now();
while (!stopped && performance.now() - last < PATIENCE) {
  const now = count.load();
  if (now !== seen) {
    seen = now;
    last = performance.now();
    console.log(`process ${note.writer} says: ${note.text}`);
    if (note.text === "goodbye") break;
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
}
console.log(`removed; notes seen: ${seen}`);
