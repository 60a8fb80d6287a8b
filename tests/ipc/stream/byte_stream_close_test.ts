// Closing streams of bytes, their descriptors, and the end of the process.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { fcntl } from "../../../ffi/libc/fcntl.ts";
import { IpcError } from "../../../ffi/core/errno.ts";
import { pipe } from "../../../ipc/stream/pipe.ts";
import { CAPACITY, fullPipe, isPending, STREAMS } from "./util.ts";
import {
  openedSince,
  openFds,
  source,
  spawnDeno,
  watchdog,
} from "../../util.ts";

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

Deno.test("every use after close() is refused, and the recycled descriptor untouched", async () => {
  const ends = pipe();
  const numbers = [ends.reader.fd.number, ends.writer.fd.number];
  const { reader, writer } = ends;
  reader.close();
  writer.close();
  reader.close();
  writer[Symbol.dispose]();
  ends[Symbol.dispose]();
  using next = pipe();
  assertEquals([next.reader.fd.number, next.writer.fd.number], numbers);
  const buffer = new Uint8Array(1);
  const one = "Cannot";
  assertThrows(() => reader.readSync(buffer), TypeError, one);
  assertThrows(() => reader.tryRead(buffer), TypeError, one);
  await assertRejects(() => reader.read(buffer), TypeError, one);
  await assertRejects(() => reader.read(new Uint8Array(0)), TypeError, one);
  assertThrows(() => reader.fd, TypeError, "a closed pipe (descriptor");
  assertThrows(() => reader.inheritable(), TypeError, one);
  assertThrows(() => writer.writeSync("x"), TypeError, one);
  assertThrows(() => writer.writeSync(""), TypeError, one);
  assertThrows(() => writer.tryWrite("x"), TypeError, one);
  await assertRejects(() => writer.write("x"), TypeError, one);
  assertThrows(() => writer.fd, TypeError, one);
  await assertRejects(
    async () => {
      for await (const _ of reader);
    },
    TypeError,
    one,
  );
  await assertRejects(() => reader.readable.getReader().read(), TypeError);
  await assertRejects(
    () => writer.writable.getWriter().write(buffer),
    TypeError,
  );
  assert(reader.closed && writer.closed);
  assertStrictEquals(next.reader.tryRead(buffer), undefined);
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
    // Makes the reactor, which stays.
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

Deno.test("a process whose waits are over, or unref'd, ends by itself", async () => {
  using _dog = watchdog("a process that should end");
  await using child = spawnDeno(`
    import { pipe } from "${source("ipc/stream/pipe.ts")}";
    const ends = pipe();
    const read = ends.reader.read(new Uint8Array(1));
    setTimeout(() => ends.writer.writeSync("x"), 5);
    await read;
    ends.reader.read(new Uint8Array(1), { unref: true });
    console.log("done");`);
  const { code, stdout, stderr } = await child.end();
  assertEquals({ code, stdout, stderr }, {
    code: 0,
    stdout: "done\n",
    stderr: "",
  });
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
