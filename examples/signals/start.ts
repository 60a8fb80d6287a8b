import { ignore } from "@libc/ipc/signal";
import { spawn } from "@libc/ipc/spawn";
import { LETTER, SEND, STOP } from "./protocol.ts";

// A program can queue signals only if all of its threads block them, and Deno
// has many threads before the program begins. So it is started that way.
const receiver = spawn(Deno.execPath(), {
  args: [
    "run",
    "--quiet",
    "--allow-ffi",
    new URL("receive.ts", import.meta.url).pathname,
  ],
  signalMask: [LETTER, SEND, ...STOP],
});
// Ctrl-C reaches both; the receiver is the one to end by it.
ignore("SIGINT");
const { code } = await receiver.status;
Deno.exit(code);
