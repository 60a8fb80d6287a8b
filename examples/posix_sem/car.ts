import { IpcError } from "@libc/ipc/errno";
import { PosixSemaphore } from "@libc/ipc/posix-sem";
import { NAME } from "./places.ts";

/** Seconds that the car stays. */
const seconds = Number(Deno.args[0] ?? 3);
/** Seconds that it waits for a place. */
const patience = Number(Deno.args[1] ?? 10);

function find(): PosixSemaphore {
  try {
    return PosixSemaphore.open(NAME);
  } catch (error) {
    if (!(error instanceof IpcError)) throw error;
    console.error(`${error.message}\nIs the garage open?`);
    Deno.exit(1);
  }
}

using places = find();
if (!places.tryAcquire()) {
  console.log("full, waiting");
  try {
    await places.acquire({ timeout: patience * 1000 });
  } catch (error) {
    if (!(error instanceof IpcError && error.code === "ETIMEDOUT")) throw error;
    console.log("too full, leaving");
    Deno.exit(2);
  }
}
console.log("parked");
await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
places.release();
console.log("gone");
