import { IpcError } from "@libc/ipc/errno";
import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
import { KEY, LOAVES, ROOM, TILL } from "./shelf.ts";

/** Loaves to buy: all of them or none. */
const count = Number(Deno.args[0] ?? 2);
/** Seconds that paying takes. */
const seconds = Number(Deno.args[1] ?? 1);

function find(): SysvSemaphoreSet {
  try {
    return SysvSemaphoreSet.open(KEY);
  } catch (error) {
    if (!(error instanceof IpcError)) throw error;
    console.error(`${error.message}\nIs the baker there?`);
    Deno.exit(1);
  }
}

using shelf = find();
try {
  // Atomically, as soon as all three are possible. The kernel releases the till
  // if this process dies (undo).
  await shelf.operate([
    { index: LOAVES, delta: -count },
    { index: ROOM, delta: count },
    { index: TILL, delta: -1, undo: true },
  ], { timeout: 20_000 });
  console.log(`took ${count}, paying`);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  shelf.release(TILL);
  console.log("paid");
} catch (error) {
  if (!(error instanceof IpcError)) throw error;
  // The baker has closed (EIDRM), or there were too few loaves (ETIMEDOUT).
  console.log(`left: ${error.code}`);
}
