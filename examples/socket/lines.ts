import type { Socket } from "@libc/ipc/socket";

/** Where the room is: in the working directory. */
export const PATH = "room.sock";

/** The lines that come, to the end: a stream does not know where they end. */
export async function* lines(socket: Socket): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of socket) {
    text += decoder.decode(bytes, { stream: true });
    const found = text.split("\n");
    text = found.pop() ?? "";
    yield* found;
  }
}
