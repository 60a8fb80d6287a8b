import { IpcError } from "@libc/ipc/errno";
import { Memfd } from "@libc/ipc/memfd";
import { Letter } from "./letter.ts";

function open(): Memfd {
  const [pid, fd] = Deno.args.map(Number);
  if (pid === undefined || fd === undefined) {
    console.error("usage: guest.ts PID FD, as owner.ts says them");
    Deno.exit(2);
  }
  try {
    // Without this seal the owner could kill this process by truncating it.
    return Memfd.open({ pid, fd }, { requireSeals: ["shrink"] });
  } catch (error) {
    if (!(error instanceof IpcError)) throw error;
    console.error(error.message);
    Deno.exit(1);
  }
}

using memory = open();
using mapping = memory.map();
const letter = mapping.view(Letter);
console.log(`the owner asks: ${letter.question}`);
console.log(`sealed: ${memory.seals.join(", ")}`);

letter.answer = "it is fine";
letter.pid = Deno.pid;
// Last, because it tells the owner that the answer is complete.
Letter.atomic(mapping, "answered").store(1);
