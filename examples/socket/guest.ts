import { IpcError } from "@libc/ipc/errno";
import { Socket } from "@libc/ipc/socket";
import { lines, PATH } from "./lines.ts";

async function enter(): Promise<Socket> {
  try {
    return await Socket.connect(PATH, { timeout: 5000 });
  } catch (error) {
    if (!(error instanceof IpcError)) throw error;
    console.error(`${error.message}\nIs the room open?`);
    Deno.exit(1);
  }
}

using room = await enter();

// Send standard input to the room. Its end (Ctrl-D) ends this direction only,
// so that lines of the others still arrive.
let left = false;
Deno.stdin.readable.pipeTo(room.writable)
  .then(() => left = true, () => console.error("nobody hears this any more"));

try {
  for await (const line of lines(room)) console.log(line);
} catch (error) {
  if (!(error instanceof IpcError)) throw error;
}
console.log(left ? "left" : "the room is closed");
// The pending read of standard input must not keep this program alive.
Deno.exit();
