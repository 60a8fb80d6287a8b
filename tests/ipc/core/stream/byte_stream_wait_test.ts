// Reads and writes that wait: time limits, aborts, arguments.

import { IpcError, mapAnonymous, pipe } from "@libc/ipc";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { scaled, turn } from "../../../util.ts";
import { CAPACITY, fullPipe, text } from "./util.ts";

const encoder = new TextEncoder();

Deno.test("readSync() and read() time out with ETIMEDOUT", async () => {
  using ends = pipe();
  const buffer = new Uint8Array(1);
  for (const timeout of [0, 0.5, 20]) {
    const start = performance.now();
    const error = assertThrows(
      () => ends.reader.readSync(buffer, { timeout }),
      IpcError,
      `Cannot read from pipe (descriptor ${ends.reader.fd.number}): read timed out after ${timeout} ms (ETIMEDOUT)`,
    );
    assertEquals(error.code, "ETIMEDOUT");
    assert(performance.now() - start >= timeout, "ended early");
    const later = await assertRejects(
      () => ends.reader.read(buffer, { timeout }),
      IpcError,
      "read timed out",
    );
    assertEquals(later.code, "ETIMEDOUT");
  }
  ends.writer.writeSync("x");
  assertEquals(ends.reader.readSync(buffer, { timeout: 0 }), 1);
});

Deno.test("writeSync() and write() time out and say how much went out", async () => {
  using ends = pipe({ capacity: CAPACITY });
  const data = new Uint8Array(CAPACITY + 7);
  const error = assertThrows(
    () => ends.writer.writeSync(data, { timeout: 5 }),
    IpcError,
    `after ${CAPACITY}: write timed out after 5 ms (ETIMEDOUT)`,
  );
  assertEquals([error.code, error.syscall], ["ETIMEDOUT", "write"]);
  assertEquals(ends.writer.bytesWritten, CAPACITY);
  ends.reader.readSync(new Uint8Array(CAPACITY));
  await assertRejects(
    () => ends.writer.write(data, { timeout: 5 }),
    IpcError,
    `Cannot write to the rest of ${data.length} bytes`,
  );
  assertEquals(ends.writer.bytesWritten, 2 * CAPACITY);
  await assertRejects(
    () => ends.writer.write("x", { timeout: 1 }),
    IpcError,
    `Cannot write to ${ends.writer.label}: write timed out`,
  );
});

Deno.test("read() rejects with the reason of its signal, before and while it waits", async () => {
  using ends = pipe();
  const buffer = new Uint8Array(1);
  const reason = new RangeError("enough");
  ends.writer.writeSync("x");
  const aborted = AbortSignal.abort(reason);
  assertStrictEquals(
    await assertRejects(() => ends.reader.read(buffer, { signal: aborted })),
    reason,
  );
  assertEquals(ends.reader.readSync(buffer), 1, "the byte is still there");
  const controller = new AbortController();
  const read = ends.reader.read(buffer, { signal: controller.signal });
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => read), reason);
  ends.writer.writeSync("y");
  assertEquals(await ends.reader.read(buffer), 1);
});

Deno.test("bytesWritten tells how far an aborted write has come", async () => {
  using ends = pipe({ capacity: 4096 });
  const buffer = new Uint8Array(65_536);
  let received = 0;
  /** Takes at most this many of the available bytes. */
  const take = (most: number) => {
    const count = ends.reader.tryRead(buffer.subarray(0, most)) ?? 0;
    for (const byte of buffer.subarray(0, count)) {
      if (byte !== received++ % 251) throw new Error(`${byte} at ${received}`);
    }
    return count;
  };
  for (let i = 0; i < scaled(200, 10_000); i++) {
    const before = ends.writer.bytesWritten;
    const data = Uint8Array.from(
      { length: 50_000 },
      (_, at) => (before + at) % 251,
    );
    const controller = new AbortController();
    const write = ends.writer.write(data, controller);
    // Read less than would let the rest of the data fit.
    for (let left = Math.random() * 40_000 | 0; left > 0; await turn()) {
      left -= take(left);
    }
    controller.abort();
    await assertRejects(() => write, DOMException);
    while (take(buffer.length) > 0);
    assertEquals(ends.writer.bytesWritten, received);
    assert(received - before >= 4096, "it began");
    assert(received - before < data.length, "it was cut off");
  }
});

Deno.test("write() aborted while it queues behind another leaves no byte", async () => {
  using ends = fullPipe();
  const controller = new AbortController();
  const first = ends.writer.write("first");
  const second = ends.writer.write("second", controller);
  const third = ends.writer.write("third");
  controller.abort();
  await assertRejects(() => second, DOMException, "aborted");
  ends.reader.readSync(new Uint8Array(CAPACITY));
  await first;
  await third;
  const buffer = new Uint8Array(99);
  assertEquals(ends.reader.readSync(buffer), 10);
  assertEquals(text(buffer.subarray(0, 10)), "firstthird");
});

Deno.test("read() refuses bad arguments before it waits", async () => {
  using ends = pipe();
  // deno-lint-ignore no-explicit-any -- wrong on purpose
  const reader = ends.reader as any;
  const buffer = new Uint8Array(1);
  await assertRejects(
    () => reader.read("text"),
    TypeError,
    'buffer must be a Uint8Array, got "text"',
  );
  assertThrows(() => reader.readSync(new DataView(buffer.buffer)), TypeError);
  assertThrows(() => reader.tryRead(undefined), TypeError, "got undefined");
  await assertRejects(
    () => ends.reader.read(buffer, { timeout: -1 }),
    RangeError,
    "timeout must be milliseconds from 0 on, got -1",
  );
  assertThrows(() => reader.readSync(buffer, { timeout: "1" }), TypeError);
});

Deno.test("write() refuses bad arguments before it writes", async () => {
  using ends = pipe();
  // deno-lint-ignore no-explicit-any -- wrong on purpose
  const writer = ends.writer as any;
  await assertRejects(
    () => writer.write([1]),
    TypeError,
    "data must be a Uint8Array or a string, got an object",
  );
  assertThrows(() => writer.writeSync(null), TypeError, "got null");
  assertThrows(() => writer.tryWrite(7), TypeError, "got 7");
  await assertRejects(() => writer.write("x", { timeout: NaN }), RangeError);
  assertThrows(() => writer.writeSync("x", { timeout: -0.1 }), RangeError);
  assertEquals(ends.writer.bytesWritten, 0);
});

Deno.test("read() and write() fail cleanly when their memory is taken away meanwhile", async () => {
  using ends = fullPipe();
  const data = new Uint8Array(10);
  const write = ends.writer.write(data);
  data.buffer.transfer();
  ends.reader.readSync(new Uint8Array(CAPACITY));
  await assertRejects(() => write, TypeError, "resized or detached meanwhile");
  await assertRejects(
    () => ends.writer.write(data),
    TypeError,
    "data must not be detached",
  );
  const buffer = new Uint8Array(10);
  const read = ends.reader.read(buffer);
  buffer.buffer.transfer();
  ends.writer.writeSync("x");
  await assertRejects(() => read, TypeError, "buffer must not be detached");
  assertEquals(ends.reader.readSync(new Uint8Array(10)), 1);
  const whole = new ArrayBuffer(10, { maxByteLength: 10 });
  const part = new Uint8Array(whole, 0, 10);
  const into = ends.reader.read(part);
  whole.resize(5);
  ends.writer.writeSync("x");
  const bounds = "must not be detached or out of bounds";
  await assertRejects(() => into, TypeError, `buffer ${bounds}`);
  assertThrows(() => ends.writer.writeSync(part), TypeError, `data ${bounds}`);
  assertEquals(ends.reader.readSync(new Uint8Array(10)), 1);
});

Deno.test("read() and write() work on memory outside the heap and on shared buffers", async () => {
  using ends = pipe();
  using memory = mapAnonymous(8192);
  memory.bytes.set(encoder.encode("mapped"));
  await ends.writer.write(memory.bytes.subarray(0, 6));
  const shared = new Uint8Array(new SharedArrayBuffer(16));
  assertEquals(await ends.reader.read(shared), 6);
  assertEquals(text(shared.slice(0, 6)), "mapped");
  ends.writer.writeSync(shared.subarray(0, 6));
  assertEquals(ends.reader.readSync(memory.bytes.subarray(4096)), 6);
  assertEquals(text(memory.bytes.slice(4096, 4102)), "mapped");
});
