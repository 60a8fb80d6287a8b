// Descriptors that must be closed only once.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { checkInt, errno, unistd } from "@libc/ipc/ffi";
import { Fd } from "@libc/ipc/fd";
import { IpcError } from "@libc/ipc/errno";
import { pipe } from "@libc/ipc/pipe";

Deno.test("Fd refuses its number after close() and can be closed again", () => {
  const { reader: { fd }, writer } = pipe();
  writer.close();
  fd.close();
  fd.close();
  assertEquals(fd.closed, true);
  assertThrows(() => fd.number, TypeError, "closed");
  assertThrows(() => fd.duplicate(), TypeError, "closed");
});

Deno.test("Fd cannot be constructed by a user", () => {
  assertThrows(() => new Fd(undefined, 0, "x"), TypeError, "directly");
});

Deno.test("Fd.duplicate() is another descriptor of the same pipe", () => {
  using ends = pipe();
  using copy = ends.writer.fd.duplicate();
  assert(copy.number !== ends.writer.fd.number);
  ends.writer.close();
  const written = unistd().write(copy.number, new Uint8Array([9]), 1);
  checkInt(written, errno[0], "write", "write to", "a pipe");
  const bytes = new Uint8Array(2);
  assertEquals([ends.reader.readSync(bytes), bytes[0]], [1, 9]);
});

Deno.test("Fd.close() is the error of close(), and closes all the same", () => {
  const { reader: { fd }, writer } = pipe();
  using _writer = writer;
  // Other code closes our descriptor.
  unistd().close(fd.number);
  const error = assertThrows(() => fd.close(), IpcError);
  assertEquals([error.code, error.syscall, fd.closed], [
    "EBADF",
    "close",
    true,
  ]);
});
