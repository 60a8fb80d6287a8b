import { IpcError } from "@libc/ipc/errno";
import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
import { KEY, LOAVES, ROOM, SHELF, TILL } from "./shelf.ts";

/** Loaves to bake, and milliseconds that each takes. */
const loaves = Number(Deno.args[0] ?? 10);
const pace = Number(Deno.args[1] ?? 500);
/** Milliseconds without a customer after which the baker goes home. */
const PATIENCE = 30_000;

const stopped = new AbortController();
Deno.addSignalListener("SIGINT", () => stopped.abort());
Deno.addSignalListener("SIGTERM", () => stopped.abort());
const options = { timeout: PATIENCE, signal: stopped.signal };

// No loaves, all places free, the till free. Removed at the end of this scope.
using shelf = SysvSemaphoreSet.create(KEY, [0, SHELF, 1]);
console.log(`open, with room for ${SHELF}`);
try {
  for (let i = 1; i <= loaves; i++) {
    await new Promise((resolve) => setTimeout(resolve, pace));
    // Atomically take a place and add a loaf, as soon as both are possible.
    await shelf.operate([
      { index: ROOM, delta: -1 },
      { index: LOAVES, delta: 1 },
    ], options);
    console.log(`loaf ${i}, ${shelf.value(LOAVES)} on the shelf`);
  }
  await shelf.waitZero(LOAVES, options);
  // The last customer is still paying.
  await shelf.acquire(TILL, options);
  console.log("sold out");
} catch (error) {
  const idle = error instanceof IpcError && error.code === "ETIMEDOUT";
  if (!idle && !stopped.signal.aborted) throw error;
  console.log(`closed, with ${shelf.value(LOAVES)} left`);
}
