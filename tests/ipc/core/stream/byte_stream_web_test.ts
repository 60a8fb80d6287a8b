// Byte streams as web streams and iterators.

import { IpcError, pipe } from "@libc/ipc";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { turn, until, watchdog } from "../../../util.ts";
import { CAPACITY, fullPipe, isPending, text } from "./util.ts";

const encoder = new TextEncoder();

Deno.test("readable ends with its writer and closes the reader", async () => {
  using ends = pipe();
  const { reader, writer } = ends;
  assertStrictEquals(reader.readable, reader.readable);
  writer.writeSync("one");
  const stream = reader.readable.getReader();
  assertEquals(text((await stream.read()).value), "one");
  const pending = stream.read();
  writer.writeSync("two");
  assertEquals(text((await pending).value), "two");
  writer.close();
  assert((await stream.read()).done);
  assert(reader.closed);
});

Deno.test("readable reads no more than is asked for", async () => {
  using ends = pipe({ capacity: CAPACITY });
  const stream = ends.reader.readable.getReader();
  ends.writer.writeSync(new Uint8Array(CAPACITY));
  await turn();
  assertEquals(ends.reader.bytesRead, 0, "read before anybody asked");
  await stream.read();
  await turn();
  assertEquals(ends.reader.bytesRead, CAPACITY);
  ends.writer.writeSync(new Uint8Array(CAPACITY));
  await turn();
  assertEquals(ends.reader.bytesRead, CAPACITY, "read ahead");
  await stream.cancel();
});

Deno.test("readable fills buffers of its consumer", async () => {
  using ends = pipe();
  const stream = ends.reader.readable.getReader({ mode: "byob" });
  const memory = new ArrayBuffer(64);
  ends.writer.writeSync("hello");
  const first = await stream.read(new Uint8Array(memory, 8, 3));
  assertEquals([text(first.value), first.value?.byteOffset], ["hel", 8]);
  assertEquals(first.value?.buffer.byteLength, 64);
  assert(memory.detached);
  const rest = new Uint8Array(first.value?.buffer ?? new ArrayBuffer(0));
  const second = await stream.read(rest);
  assertEquals(text(second.value), "lo");
  const last = stream.read(new Uint8Array(5));
  ends.writer.close();
  assertEquals((await last).done, true);
  assert(ends.reader.closed);
});

Deno.test("readable.cancel() closes the reader, also while a read waits", async () => {
  using ends = pipe();
  const stream = ends.reader.readable.getReader();
  const read = stream.read();
  await turn();
  await stream.cancel("enough");
  assert((await read).done);
  assert(ends.reader.closed);
  assertEquals(
    assertThrows(() => ends.writer.writeSync("x"), IpcError).code,
    "EPIPE",
  );
});

Deno.test("readable fails when the reader is closed under it", async () => {
  using ends = pipe();
  const stream = ends.reader.readable.getReader();
  const read = stream.read();
  await turn();
  ends.reader.close();
  await assertRejects(() => read, TypeError, "Cannot read from a closed pipe");
});

Deno.test("writable waits for room and closes the writer at its end", async () => {
  using ends = pipe({ capacity: CAPACITY });
  const stream = ends.writer.writable.getWriter();
  assertStrictEquals(ends.writer.writable, ends.writer.writable);
  await stream.write(new Uint8Array(CAPACITY));
  const more = stream.write(encoder.encode("more"));
  assert(await isPending(more));
  assert(await isPending(stream.ready), "no back-pressure");
  assertEquals(ends.reader.readSync(new Uint8Array(CAPACITY)), CAPACITY);
  await more;
  await stream.ready;
  await stream.close();
  assert(ends.writer.closed);
  assertEquals(await new Response(ends.reader.readable).text(), "more");
});

Deno.test("writable.abort() ends a write that waits and closes the writer", async () => {
  using ends = fullPipe();
  const stream = ends.writer.writable.getWriter();
  const write = stream.write(encoder.encode("x"));
  const refused = assertRejects(() => write, Error, "enough");
  await turn();
  await stream.abort(new Error("enough"));
  await refused;
  assert(ends.writer.closed);
});

Deno.test("writable.abort() closes the writer when nothing is being written", async () => {
  using ends = pipe();
  const stream = ends.writer.writable.getWriter();
  const refused = assertRejects(() => stream.closed);
  await stream.abort();
  await refused;
  assert(ends.writer.closed);
});

Deno.test("writable fails with EPIPE when nobody reads", async () => {
  using ends = pipe();
  ends.reader.close();
  const stream = ends.writer.writable.getWriter();
  const closed = assertRejects(() => stream.closed, IpcError, "EPIPE");
  await assertRejects(() => stream.write(encoder.encode("x")), IpcError);
  await closed;
  assert(ends.writer.closed);
});

Deno.test("pipeTo() moves everything through two pipes", async () => {
  using _dog = watchdog("pipeTo()");
  using from = pipe();
  using to = pipe();
  const data = "0123456789".repeat(50_000);
  const [, , received] = await Promise.all([
    from.writer.write(data).then(() => from.writer.close()),
    from.reader.readable.pipeTo(to.writer.writable),
    new Response(to.reader.readable).text(),
  ]);
  assertEquals(received, data);
  assert(from.reader.closed && to.writer.closed);
});

Deno.test("for await gives every byte, and break loses none", async () => {
  using ends = pipe();
  ends.writer.writeSync("one");
  for await (const chunk of ends.reader) {
    assertEquals(text(chunk), "one");
    ends.writer.writeSync("two");
    break;
  }
  assertEquals(ends.reader.closed, false);
  ends.writer.writeSync(new Uint8Array(40_000).fill(51));
  ends.writer.close();
  let rest = "";
  for await (const chunk of ends.reader) rest += text(chunk);
  assertEquals(rest, "two" + "3".repeat(40_000));
});

Deno.test("for await chunks stay as they were when the next one comes", async () => {
  using ends = pipe();
  const chunks: Uint8Array[] = [];
  const all = (async () => {
    for await (const chunk of ends.reader) chunks.push(chunk);
  })();
  for (const length of [1, 60_000, 5, 65_536, 32_768]) {
    const before = chunks.length;
    ends.writer.writeSync(new Uint8Array(length).fill(length % 256));
    await until(() => chunks.length > before);
  }
  ends.writer.close();
  await all;
  for (const chunk of chunks) {
    assert(chunk.every((byte) => byte === chunk.length % 256));
  }
  assertEquals(chunks.map((chunk) => chunk.length), [
    1,
    60_000,
    5,
    65_536,
    32_768,
  ]);
  assertEquals(chunks[0]?.buffer.byteLength, 1, "one byte keeps 64 KiB");
});

Deno.test("read() that is always ready lets timers run", async () => {
  using _dog = watchdog("a reader that is always ready");
  using ends = pipe();
  let fired = false;
  setTimeout(() => fired = true, 1);
  const buffer = new Uint8Array(1);
  while (!fired) {
    await ends.writer.write("x");
    await ends.reader.read(buffer);
  }
  assert(fired);
});
