import { IpcError } from "@libc/ipc/errno";
import { PosixSharedMemory } from "@libc/ipc/posix-shm";
import { NAME, Reading } from "./reading.ts";

function open(): PosixSharedMemory {
  try {
    // `size` refuses memory that is shorter than the struct.
    return PosixSharedMemory.open(NAME, {
      readOnly: true,
      size: Reading.size,
    });
  } catch (error) {
    if (!(error instanceof IpcError)) throw error;
    console.error(`${error.message}\nIs the thermometer running?`);
    Deno.exit(1);
  }
}

using memory = open();
using mapping = memory.map();
const reading = mapping.view(Reading);

let seen = 0;
for (;;) {
  // Read this first, so that the last reading is not missed.
  const off = reading.off === 1;
  if (reading.count !== seen) {
    seen = reading.count;
    console.log(`reading ${seen}: ${reading.degrees.toFixed(1)} degrees`);
  }
  if (off) break;
  await new Promise((resolve) => setTimeout(resolve, 50));
}
console.log("the thermometer is off");
