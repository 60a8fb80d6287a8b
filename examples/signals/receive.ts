import { SignalQueue } from "@libc/ipc/signal";
import { LETTER, SEND, STOP } from "./protocol.ts";

using queue = SignalQueue.open([LETTER, SEND, ...STOP]);
console.log(`waiting for: send.ts ${Deno.pid} some text`);

let text = "";
for await (const { signal, pid, value } of queue) {
  if (signal === LETTER) {
    text += String.fromCodePoint(value);
  } else if (signal === SEND) {
    console.log(`process ${pid} says: ${text}`);
    text = "";
  } else {
    console.log(`the end, by ${signal}`);
    break;
  }
}
