/**
 * Creates and opens a FIFO, whose path is its argument, with few descriptors
 * left, and prints the outcome of each attempt.
 */

import { IpcError } from "@libc/ipc/errno";
import { Fifo } from "@libc/ipc/fifo";
import { F_DUPFD_CLOEXEC, fcntl, unistd } from "@libc/ipc/ffi";

const codes: string[] = [];

function duplicate(): number {
  return fcntl().fcntl_int(0, F_DUPFD_CLOEXEC, 0);
}

/** Opens all descriptors that are left. */
function takeAll(): number[] {
  const taken: number[] = [];
  for (let fd; (fd = duplicate()) >= 0;) taken.push(fd);
  return taken;
}

/** Makes something with so many descriptors left. */
async function attempt(
  left: number,
  make: () => Disposable | undefined | Promise<Disposable>,
): Promise<void> {
  const taken = takeAll();
  for (let i = 0; i < left; i++) unistd().close(taken.pop() ?? -1);
  let result = "made";
  try {
    (await make())?.[Symbol.dispose]();
  } catch (error) {
    result = error instanceof IpcError ? error.code : String(error);
  }
  const free = takeAll();
  codes.push(result + (free.length === left ? "" : " leaks"));
  for (const fd of [...taken, ...free]) unistd().close(fd);
}

const [path = ""] = Deno.args;
for (const left of [0, 1]) await attempt(left, () => Fifo.create(path));
for (const left of [0, 1]) {
  await attempt(left, () => Fifo.create(path, { ignoreUmask: true }));
}
using fifo = Fifo.create(path);
for (const left of [0, 1]) await attempt(left, () => Fifo.open(path));
for (const left of [0, 1, 2]) {
  await attempt(left, () => fifo.openReadWrite());
}
for (const left of [0, 1]) await attempt(left, () => fifo.openReader());
using _reader = fifo.openReader();
for (const left of [0, 1]) {
  await attempt(left, () => fifo.tryOpenWriter());
  await attempt(left, () => fifo.openWriterSync({ timeout: 9 }));
  await attempt(left, () => fifo.openWriter());
}
console.log(codes.join());
