/** Signal handlers for the programs under the storm. */

import { cstring, dlfcn, sigaction, signal } from "@libc/ipc/ffi";

/** `SIGRTMIN+5` */
const REAL_TIME = 39;

/** Whether the storm is over; `SIGHUP` sets it. */
export const storm = { over: false };

Deno.addSignalListener("SIGUSR2", () => {});
// A function of the C library that does nothing, without SA_RESTART.
const action = new Uint8Array(sigaction.size);
const harmless = dlfcn().dlsym(null, cstring("abs", "symbol"));
sigaction.write(action, {
  sa_handler: BigInt(Deno.UnsafePointer.value(harmless)),
});
signal().sigaction(REAL_TIME, action, null);
Deno.addSignalListener("SIGHUP", () => storm.over = true);
