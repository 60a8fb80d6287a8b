// Closing byte streams, their descriptors, and the end of the process.

import { IpcError, pipe } from "@libc/ipc";
import { fcntl } from "@libc/ipc/ffi";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { openedSince, openFds } from "../../../util.ts";
import { CAPACITY, fullPipe, isPending, STREAMS } from "./util.ts";

Deno.test("close() rejects what waits, and only that", async () => {
  using ends = fullPipe();
  using other = pipe();
  const writes = [ends.writer.write("a"), ends.writer.write("b")];
  const reads = [
    other.reader.read(new Uint8Array(1)),
    other.reader.read(new Uint8Array(1)),
  ];
  await new Promise((resolve) => setTimeout(resolve, 5));
  ends.writer.close();
  other.reader.close();
  for (const write of writes) {
    await assertRejects(
      () => write,
      TypeError,
      "Cannot write to a closed pipe",
    );
  }
  for (const read of reads) {
    await assertRejects(
      () => read,
      TypeError,
      "Cannot read from a closed pipe",
    );
  }
  assertEquals(ends.reader.readSync(new Uint8Array(CAPACITY)), CAPACITY);
  assertStrictEquals(ends.reader.readSync(new Uint8Array(1)), null);
});

Deno.test("inheritable() is another open file of the same pipe, which blocks", async () => {
  const nonBlocking = (fd: number) => (fcntl().fcntl(fd, 3) & 0o4000) !== 0;
  using ends = pipe();
  ends.writer.writeSync("made non-blocking by this");
  assert(nonBlocking(ends.writer.fd.number));
  using second = ends.writer.inheritable();
  assert(!nonBlocking(second.number));
  assert(nonBlocking(ends.writer.fd.number));
  assertEquals(fcntl().fcntl(second.number, 1), 1, "close-on-exec");
  ends.writer.close();
  const buffer = new Uint8Array(99);
  ends.reader.readSync(buffer);
  const read = ends.reader.read(buffer);
  assert(await isPending(read), "the second descriptor keeps it open");
  second.close();
  assertStrictEquals(await read, null);
});

Deno.test("an end is blocking until it is used here, for the child that gets it", () => {
  const flags = (fd: number) => fcntl().fcntl(fd, 3) & 0o4000;
  using ends = pipe();
  assertEquals(flags(ends.reader.fd.number), 0);
  assertStrictEquals(ends.reader.tryRead(new Uint8Array(1)), undefined);
  assertEquals(flags(ends.reader.fd.number), 0o4000);
  assertEquals(flags(ends.writer.fd.number), 0);
});

Deno.test("1000 pipes, used in every way and closed, leave no descriptor", async () => {
  {
    // This creates the reactor, which stays.
    using ends = pipe();
    const read = ends.reader.read(new Uint8Array(1), { timeout: 3 });
    await assertRejects(() => read, IpcError);
  }
  const before = openFds(STREAMS);
  for (let i = 0; i < 1000; i++) {
    using ends = pipe();
    const read = ends.reader.read(new Uint8Array(9));
    if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    if (i % 3 === 0) {
      ends.writer.writeSync("x");
      await read;
    } else if (i % 3 === 1) {
      ends.writer.close();
      await read;
    } else {
      ends.reader.close();
      await assertRejects(() => read, TypeError);
    }
  }
  assertEquals(openedSince(before, STREAMS), []);
});

Deno.test("FdReader and FdWriter cannot be made by hand", () => {
  using ends = pipe();
  for (const end of [ends.reader, ends.writer]) {
    // deno-lint-ignore no-explicit-any -- wrong on purpose
    const Class = end.constructor as any;
    const error = assertThrows(() => new Class(undefined, end.fd, {}));
    assertInstanceOf(error, TypeError);
  }
});
