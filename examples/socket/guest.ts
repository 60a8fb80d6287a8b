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

// What is typed goes to the room, which sees the end of it (Ctrl-D) as the end
// of this direction; what was said before still comes back.
let left = false;
Deno.stdin.readable.pipeTo(room.writable)
  .then(() => left = true, () => console.error("nobody hears this any more"));

try {
  for await (const line of lines(room)) console.log(line);
} catch (error) {
  if (!(error instanceof IpcError)) throw error;
}
console.log(left ? "left" : "the room is closed");
// Whatever is still being typed must not keep this program alive.
Deno.exit();
