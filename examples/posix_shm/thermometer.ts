import { PosixSharedMemory } from "@libc/ipc/posix-shm";
import { NAME, Reading } from "./reading.ts";

const READINGS = 10;

/** Milliseconds between two readings. */
const interval = Number(Deno.args[0] ?? 500);

// Removed at the end of this scope, if this process created it.
using memory = PosixSharedMemory.openOrCreate(NAME, {
  size: Reading.size,
  owner: true,
});
console.log(memory.created ? `created ${NAME}` : `found an old ${NAME}`);

using mapping = memory.map();
const reading = mapping.view(Reading);
const count = Reading.atomic(mapping, "count");
reading.off = 0;
count.store(0);

for (let i = 1; i <= READINGS; i++) {
  await new Promise((resolve) => setTimeout(resolve, interval));
  reading.degrees = 21 + Math.sin(i / 3);
  // Last, because it tells the displays that there is a new reading.
  count.store(i);
}
reading.off = 1;

if (!memory.created) memory.unlink();
console.log(`removed ${NAME} after ${READINGS} readings`);
