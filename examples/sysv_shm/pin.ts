import { IpcError } from "@libc/ipc/errno";
import { SysvSharedMemory } from "@libc/ipc/sysv-shm";
import { KEY, Note } from "./note.ts";

const text = Deno.args.join(" ") || "hello";

function open(): SysvSharedMemory {
  try {
    return SysvSharedMemory.open(KEY, { size: Note.size });
  } catch (error) {
    if (!(error instanceof IpcError)) throw error;
    console.error(`${error.message}\nIs there a board?`);
    Deno.exit(1);
  }
}

using segment = open();
using mapping = segment.attach();
const note = mapping.view(Note);
note.text = text;
note.writer = Deno.pid;
// Last, because it tells the board that there is a new note.
const number = Note.atomic(mapping, "count").add(1) + 1;
const { attachCount } = segment.stat();
console.log(`note ${number}, seen by ${attachCount} processes`);
