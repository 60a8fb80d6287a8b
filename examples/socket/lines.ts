import type { Socket } from "@libc/ipc/socket";

/** The socket of the room, in the working directory. */
export const PATH = "room.sock";

/** Splits a stream, which has no message boundaries, into lines. */
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
