import { IpcError } from "@libc/ipc/errno";
import { Fifo } from "@libc/ipc/fifo";
import { encode, PATH } from "./protocol.ts";

const text = Deno.args.join(" ") || "hello";

function openServer(): Fifo {
  try {
    return Fifo.open(PATH);
  } catch (error) {
    if (!(error instanceof IpcError)) throw error;
    console.error(`${error.message}\nIs the server running?`);
    Deno.exit(1);
  }
}

using server = openServer();
// The answer comes on a FIFO of our own, which is removed at the end. The
// server uses `mkfifo`, this uses `mknod`; the result is the same.
using own = Fifo.createNode(`shout-${Deno.pid}.fifo`);
using reader = own.openReader();

using writer = await server.openWriter({ timeout: 1000 });
await writer.write(encode({ replyTo: own.path, text }));

// Wait for the server to open it, and read until the server closes it.
const buffer = new Uint8Array(65536);
let answer = "";
for (;;) {
  const count = await reader.read(buffer, { timeout: 5000 });
  if (count === null) break;
  answer += new TextDecoder().decode(buffer.subarray(0, count));
}
console.log(answer.trimEnd());
