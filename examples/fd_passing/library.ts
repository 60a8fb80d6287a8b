import { IpcError } from "@libc/ipc/errno";
import { Memfd } from "@libc/ipc/memfd";
import { pipe } from "@libc/ipc/pipe";
import { Socket } from "@libc/ipc/socket";
import { books, PATH } from "./books.ts";

/** A book in memory that nobody can change any more. */
function print(title: string, text: string): Memfd {
  const bytes = new TextEncoder().encode(text);
  const book = Memfd.create(title, { size: bytes.length });
  book.pwrite(bytes);
  book.seal("write", "seal");
  return book;
}

async function lend(reader: Socket): Promise<void> {
  using _reader = reader;
  const { pid } = reader.peerCredentials();
  const asked = await reader.receive({ timeout: 5000, maxSize: 200 });
  if (asked === null) return;
  const title = new TextDecoder().decode(asked);
  const text = books.get(title);
  if (text === undefined) {
    await reader.send(`There is no "${title}"`);
    return;
  }
  using book = print(title, text);
  using notes = pipe();
  // The reader gets duplicates of the descriptors, for the same memory and
  // pipe.
  await reader.sendFds([book, notes.writer], `Here is "${title}"`);
  // While the writing end is open here, the notes have no end.
  notes.writer.close();
  console.log(`process ${pid} has "${title}"`);
  const note = (await new Response(notes.reader.readable).text()).trim();
  console.log(`process ${pid} has given it back: ${note || "no note"}`);
}

using library = Socket.listen(PATH, { type: "seqpacket", replaceStale: true });
Deno.addSignalListener("SIGINT", () => library.close());
Deno.addSignalListener("SIGTERM", () => library.close());
console.log(`open at ${PATH}`);

for await (const reader of library.connections()) {
  lend(reader).catch((error) => {
    if (!(error instanceof IpcError)) throw error;
    console.error(`cannot lend: ${error.message}`);
  });
}
console.log("closed");
