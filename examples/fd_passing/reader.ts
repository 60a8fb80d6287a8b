import { IpcError } from "@libc/ipc/errno";
import { Memfd } from "@libc/ipc/memfd";
import { PipeWriter } from "@libc/ipc/pipe";
import { Socket } from "@libc/ipc/socket";
import { PATH } from "./books.ts";

const [title = "sockets", ...words] = Deno.args;

async function visit(): Promise<Socket> {
  try {
    return await Socket.connect(PATH, { type: "seqpacket", timeout: 5000 });
  } catch (error) {
    if (!(error instanceof IpcError)) throw error;
    console.error(`${error.message}\nIs the library open?`);
    Deno.exit(1);
  }
}

using library = await visit();
await library.send(title);
const answer = await library.receiveFds({ timeout: 5000 });
if (answer === null || answer.fdsLost) {
  console.error("the library has closed, or no descriptor is left here");
  Deno.exit(1);
}
console.log(new TextDecoder().decode(answer.data));
const [first, second] = answer.fds;
if (first === undefined || second === undefined) Deno.exit(1);

const options = { takeOver: true } as const;
// The seals guarantee that the library can neither change nor truncate it.
using book = Memfd.fromFd(first, {
  ...options,
  requireSeals: ["write", "shrink"],
});
using notes = PipeWriter.fromFd(second, options);
using pages = book.map({ readOnly: true });
console.log(new TextDecoder().decode(pages.read(0, pages.size)).trimEnd());
await notes.write(words.join(" "));
