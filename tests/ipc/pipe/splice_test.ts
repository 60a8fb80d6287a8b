// splice(): bytes moved from a pipe to another descriptor.

import { type Fd, IpcError, pipe } from "@libc/ipc";
import {
  cstring,
  fcntl,
  O_APPEND,
  O_CREAT,
  O_RDWR,
  unistd,
} from "@libc/ipc/ffi";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { openedSince, openFds, turn, watchdog } from "../../util.ts";
import { CAPACITY, fullPipe, STREAMS, text } from "../core/stream/util.ts";

Deno.test("splice() moves bytes on, waits for them, and says the end", async () => {
  using from = pipe();
  using to = pipe();
  const moved = from.reader.splice(to.writer);
  from.writer.writeSync("hello");
  assertEquals(await moved, 5);
  const buffer = new Uint8Array(9);
  assertEquals(to.reader.readSync(buffer), 5);
  assertEquals(text(buffer.subarray(0, 5)), "hello");
  assertEquals([from.reader.bytesRead, to.writer.bytesWritten], [5, 5]);
  from.writer.writeSync("abcdef");
  assertEquals(from.reader.spliceSync(to.writer, { length: 4 }), 4);
  assertEquals(from.reader.trySplice(to.writer, 1), 1);
  assertEquals(from.reader.trySplice(to.writer), 1);
  assertStrictEquals(from.reader.trySplice(to.writer), undefined);
  from.writer.close();
  assertStrictEquals(from.reader.trySplice(to.writer), null);
  assertStrictEquals(from.reader.spliceSync(to.writer), null);
  assertStrictEquals(await from.reader.splice(to.writer), null);
  assertEquals(to.reader.readSync(buffer), 6);
});

Deno.test("splice() waits for room, and nobody reads meanwhile", async () => {
  using from = pipe();
  using to = pipe({ capacity: CAPACITY });
  to.writer.writeSync(new Uint8Array(CAPACITY));
  from.writer.writeSync("first");
  const moved = from.reader.splice(to.writer);
  await turn();
  const buffer = new Uint8Array(9);
  const read = from.reader.read(buffer);
  assertStrictEquals(from.reader.tryRead(buffer), undefined);
  assertThrows(() => from.reader.readSync(buffer), TypeError, "now: an async");
  assertStrictEquals(from.reader.trySplice(to.writer), undefined);
  from.writer.writeSync("second");
  to.reader.readSync(new Uint8Array(CAPACITY));
  const count = await moved;
  assert(count === 5 || count === 11, `moved ${count}`);
  if (count === 5) assertEquals(await read, 6);
  else from.writer.writeSync("third");
  await read;
  assertEquals(to.reader.readSync(new Uint8Array(99)), count);
});

Deno.test("read() that queues behind a splice() gets what comes after it", async () => {
  using from = pipe();
  using to = pipe({ capacity: CAPACITY });
  to.writer.writeSync(new Uint8Array(CAPACITY));
  const moved = from.reader.splice(to.writer, { length: 5 });
  const buffer = new Uint8Array(99);
  const read = from.reader.read(buffer);
  from.writer.writeSync("firstsecond");
  // Long enough for both to wait in the reactor.
  await new Promise((resolve) => setTimeout(resolve, 5));
  to.reader.readSync(new Uint8Array(CAPACITY));
  assertEquals(await moved, 5);
  assertEquals(await read, 6);
  assertEquals(text(buffer.subarray(0, 6)), "second");
  assertEquals(to.reader.readSync(buffer), 5);
  assertEquals(text(buffer.subarray(0, 5)), "first");
});

Deno.test("splice() to the number of a full pipe waits for room and leaves no descriptor", async () => {
  using _dog = watchdog("splice() to a number");
  using from = pipe();
  using to = pipe();
  from.writer.writeSync("hello");
  const fill = () => {
    while (to.writer.tryWrite(new Uint8Array(4096)) !== undefined);
  };
  const drain = () => {
    while (to.reader.tryRead(new Uint8Array(CAPACITY)) !== undefined);
  };
  // This creates the reactor, which stays.
  await to.reader.read(new Uint8Array(1), { timeout: 2 }).catch(() => {});
  const before = openFds(STREAMS);
  for (const target of [to.writer.fd.number, to.writer.fd]) {
    fill();
    const moved = from.reader.splice(target, { length: 2 });
    await new Promise((resolve) => setTimeout(resolve, 2));
    drain();
    assertEquals(await moved, 2);
  }
  assertEquals(openedSince(before, STREAMS), []);
});

Deno.test("splice() of much through two pipes keeps every byte in its place", async () => {
  using _dog = watchdog("splice()");
  using from = pipe({ capacity: 4096 });
  using to = pipe({ capacity: 8192 });
  const data = Uint8Array.from({ length: 300_000 }, (_, i) => i % 253);
  const [, received] = await Promise.all([
    from.writer.write(data).then(() => from.writer.close()),
    new Response(to.reader.readable).bytes(),
    (async () => {
      while (await from.reader.splice(to.writer, { timeout: 9999 }) !== null);
      to.writer.close();
    })(),
  ]);
  assertEquals(received.length, data.length);
  assert(received.every((byte, i) => byte === data[i]));
});

Deno.test("splice() times out and aborts at either end without moving a byte", async () => {
  using from = pipe();
  using to = pipe({ capacity: CAPACITY });
  const late = await assertRejects(
    () => from.reader.splice(to.writer, { timeout: 3 }),
    IpcError,
    `Cannot splice from ${from.reader.label} to ${to.writer.label}: splice timed out after 3 ms (ETIMEDOUT)`,
  );
  assertEquals(late.code, "ETIMEDOUT");
  to.writer.writeSync(new Uint8Array(CAPACITY));
  from.writer.writeSync("hello");
  await assertRejects(
    () => from.reader.splice(to.writer, { timeout: 3 }),
    IpcError,
    "timed out after 3 ms",
  );
  assertThrows(
    () => from.reader.spliceSync(to.writer, { timeout: 3 }),
    IpcError,
    "timed out after 3 ms",
  );
  const controller = new AbortController();
  const moved = from.reader.splice(to.writer, controller);
  await turn();
  controller.abort();
  await assertRejects(() => moved, DOMException);
  assertEquals(from.reader.readSync(new Uint8Array(9)), 5, "not held any more");
});

Deno.test("splice() rejects when either end is closed while it waits", async () => {
  using _dog = watchdog("splice() and close()");
  using to = pipe({ capacity: CAPACITY });
  to.writer.writeSync(new Uint8Array(CAPACITY));
  for (const waitForRoom of [false, true]) {
    const from = pipe();
    if (waitForRoom) from.writer.writeSync("x");
    const moved = from.reader.splice(to.writer);
    await new Promise((resolve) => setTimeout(resolve, 2));
    from[Symbol.dispose]();
    await assertRejects(() => moved, TypeError, "a closed pipe");
  }
  using from = pipe();
  from.writer.writeSync("x");
  const moved = from.reader.splice(to.writer);
  await new Promise((resolve) => setTimeout(resolve, 2));
  to.writer.close();
  await assertRejects(() => moved, TypeError, "Cannot write to a closed pipe");
  assertEquals(from.reader.readSync(new Uint8Array(9)), 1);
});

Deno.test("splice() that queues for its target rejects when its reader is closed", async () => {
  using _dog = watchdog("splice() behind a write()");
  using to = fullPipe();
  const write = to.writer.write("first");
  for (const when of ["at once", "while it waits"]) {
    using from = pipe();
    from.writer.writeSync("x");
    const moved = from.reader.splice(to.writer);
    if (when === "while it waits") await turn();
    from.reader.close();
    await assertRejects(() => moved, TypeError, "read from a closed pipe");
  }
  to.reader.readSync(new Uint8Array(CAPACITY));
  await write;
  assertEquals(to.reader.readSync(new Uint8Array(9)), 5);
});

Deno.test("splice() keeps its place before a read() while its target is busy", async () => {
  using _dog = watchdog("splice() before a read()");
  using from = pipe();
  using to = fullPipe();
  const write = to.writer.write("before");
  const moved = from.reader.splice(to.writer);
  const buffer = new Uint8Array(9);
  const read = from.reader.read(buffer);
  to.reader.readSync(new Uint8Array(CAPACITY));
  await write;
  // Wait until the target has no pending calls.
  while (to.writer.source.busy) await turn();
  from.writer.writeSync("first");
  assertEquals(await moved, 5);
  from.writer.writeSync("second");
  assertEquals(await read, 6);
  assertEquals(text(buffer.subarray(0, 6)), "second");
});

Deno.test("splice() to the descriptor of a writer is not mixed with its write()", async () => {
  using _dog = watchdog("splice() behind a write()");
  using from = pipe();
  using to = fullPipe();
  const write = to.writer.write(new Uint8Array(CAPACITY + 1));
  from.writer.writeSync("x");
  to.reader.readSync(new Uint8Array(4096));
  assertStrictEquals(from.reader.trySplice(to.writer.fd), undefined);
  assertThrows(
    () => from.reader.spliceSync(to.writer.fd),
    TypeError,
    "now: an asynchronous call is under way",
  );
  const moved = from.reader.splice(to.writer.fd);
  let bytes = new Uint8Array(0);
  for await (const chunk of to.reader) {
    bytes = chunk;
    if (to.writer.bytesWritten > 2 * CAPACITY && chunk.at(-1) !== 0) break;
  }
  await write;
  assertEquals(await moved, 1);
  assertEquals(text(bytes.subarray(-1)), "x");
});

Deno.test("splice() that finds no descriptor left to wait with keeps nobody from reading", async () => {
  using from = pipe();
  using to = fullPipe();
  from.writer.writeSync("hello");
  const taken: Fd[] = [];
  try {
    const error = assertThrows(() => {
      for (;;) taken.push(from.reader.fd.duplicate());
    }, IpcError);
    assertEquals(error.code, "EMFILE");
    const moved = from.reader.splice(to.writer.fd.number);
    assertEquals((await assertRejects(() => moved, IpcError)).code, "EMFILE");
  } finally {
    for (const fd of taken) fd.close();
  }
  assertEquals(from.reader.tryRead(new Uint8Array(9)), 5);
});

Deno.test("splice() times out although its target was closed meanwhile", async () => {
  using from = pipe();
  using to = pipe();
  const { number } = to.writer.fd;
  const moved = from.reader.splice(to.writer.fd, { timeout: 50 });
  // Wait until it no longer tries by itself.
  const { source } = from.reader;
  while (source.waiters.size > source.parked) await turn();
  to.writer.close();
  await assertRejects(
    () => moved,
    IpcError,
    `${from.reader.label} to descriptor ${number}: splice timed out after 50 ms`,
  );
});

Deno.test("splice() moves into a file, and refuses one in append mode", async () => {
  const path = await Deno.makeTempFile();
  const fd = fcntl().open(cstring(path, "path"), O_RDWR | O_CREAT, 0);
  const append = fcntl().open(cstring(path, "path"), O_RDWR | O_APPEND, 0);
  try {
    using from = pipe();
    from.writer.writeSync("into a file");
    assertEquals(await from.reader.splice(fd), 11);
    assertEquals(await Deno.readTextFile(path), "into a file");
    from.writer.writeSync("x");
    const error = await assertRejects(
      () => from.reader.splice(append),
      IpcError,
      "the target must not be in append mode",
    );
    assertEquals([error.code, error.syscall], ["EINVAL", "splice"]);
    assertEquals(from.reader.readSync(new Uint8Array(9)), 1);
  } finally {
    unistd().close(fd);
    unistd().close(append);
    await Deno.remove(path);
  }
});

Deno.test("splice() refuses what is no descriptor or length", async () => {
  using from = pipe();
  await assertRejects(() => from.reader.splice(-1), RangeError, "target");
  await assertRejects(
    // deno-lint-ignore no-explicit-any -- wrong on purpose
    () => from.reader.splice("1" as any),
    TypeError,
    'target must be a number, got "1"',
  );
  assertThrows(
    () => from.reader.spliceSync(1, { length: 0 }),
    RangeError,
    "length",
  );
  from.writer.writeSync("x");
  const error = assertThrows(() => from.reader.trySplice(1_000_000), IpcError);
  assertEquals(error.code, "EBADF");
  from.reader.close();
  assertThrows(() => from.reader.trySplice(1), TypeError, "Cannot read from a");
});
