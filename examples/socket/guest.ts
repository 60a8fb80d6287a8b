import { IpcError } from "@libc/ipc/errno";
import { Socket } from "@libc/ipc/socket";
import { lines, PATH } from "./lines.ts";

async function enter(): Promise<Socket> {
  try {
    return await Socket.connect(PATH, { timeout: 1000 });
  } catch (error) {
    if (!(error instanceof IpcError)) throw error;
    console.error(`${error.message}\nIs the room open?`);
    Deno.exit(1);
  }
}

using room = await enter();

// What is typed goes to the room. At its end (Ctrl-D) the room sees the end of
// this direction; what the others say still comes.
const typed = Deno.stdin.readable.pipeTo(room.writable)
  .catch(() => console.error("nobody hears this any more"));

for await (const line of lines(room)) console.log(line);
console.log("the room is closed");
await Promise.race([typed, Promise.resolve()]);
Deno.exit();
