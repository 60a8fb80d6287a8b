import { ignore } from "@libc/ipc/signal";
import { spawn } from "@libc/ipc/spawn";
import { LETTER, SEND, STOP } from "./protocol.ts";

// Signals are queued only if all threads block them, and Deno has many threads
// before the program begins. So the receiver is started with them blocked.
const receiver = spawn(Deno.execPath(), {
  args: [
    "run",
    "--quiet",
    "--allow-ffi",
    new URL("receive.ts", import.meta.url).pathname,
  ],
  signalMask: [LETTER, SEND, ...STOP],
});
// Ctrl-C reaches both processes; only the receiver should end by it.
ignore("SIGINT");
const { code } = await receiver.status;
Deno.exit(code);
