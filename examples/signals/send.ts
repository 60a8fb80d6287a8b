import { IpcError } from "@libc/ipc/errno";
import { sigqueue } from "@libc/ipc/signal";
import { LETTER, SEND } from "./protocol.ts";

const [pid, ...words] = Deno.args;
if (pid === undefined) {
  console.error("Usage: send.ts <pid> <text>");
  Deno.exit(2);
}

try {
  for (const character of words.join(" ")) {
    sigqueue(Number(pid), LETTER, { value: character.codePointAt(0) ?? 0 });
  }
  sigqueue(Number(pid), SEND);
} catch (error) {
  if (!(error instanceof IpcError)) throw error;
  console.error(error.message);
  Deno.exit(1);
}
