// What every stream of bytes on a descriptor promises, tried with pipes.

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
import { mapAnonymous, openFds, text } from "./util.ts";
import { pipe } from "../../../ipc/stream/pipe.ts";
import {
  source,
  spawnCommand,
  spawnDeno,
  until,
  watchdog,
} from "../../util.ts";

const encoder = new TextEncoder();
/** What a pipe holds unless told otherwise. */
const CAPACITY = 65536;

/** A full pipe. */
function fullPipe(): ReturnType<typeof pipe> {
  const ends = pipe({ capacity: CAPACITY });
  ends.writer.writeSync(new Uint8Array(CAPACITY));
  return ends;
}

/** Whether a promise is still pending after the microtasks of now. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const mark = () => void (settled = true);
  promise.then(mark, mark);
  for (let i = 0; i < 10; i++) await null;
  return !settled;
}

/** One turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

Deno.test("readSync() gives what there is, and null at the end", () => {
  using ends = pipe();
  const buffer = new Uint8Array(4);
  ends.writer.writeSync("hello");
  assertEquals(ends.reader.readSync(buffer), 4);
  assertEquals(text(buffer), "hell");
  assertEquals(ends.reader.readSync(buffer), 1);
  assertEquals(text(buffer), "oell");
  ends.writer.close();
  assertStrictEquals(ends.reader.readSync(buffer), null);
  assertStrictEquals(ends.reader.readSync(buffer), null);
  assertEquals(ends.reader.bytesRead, 5);
  assertEquals(ends.writer.bytesWritten, 5);
});

Deno.test("tryRead() gives undefined for nothing yet and null at the end", () => {
  using ends = pipe();
  const buffer = new Uint8Array(4);
  assertStrictEquals(ends.reader.tryRead(buffer), undefined);
  assertEquals(ends.writer.tryWrite("x"), 1);
  assertEquals(ends.reader.tryRead(buffer), 1);
  ends.writer.close();
  assertStrictEquals(ends.reader.tryRead(buffer), null);
});

Deno.test("read() waits for bytes, and resolves with null at the end", async () => {
  using ends = pipe();
  const buffer = new Uint8Array(4);
  const first = ends.reader.read(buffer);
  assert(await isPending(first));
  await ends.writer.write("abc");
  assertEquals(await first, 3);
  const second = ends.reader.read(buffer);
  ends.writer.close();
  assertStrictEquals(await second, null);
});

Deno.test("read() into no room is 0 and takes nothing, even at the end", async () => {
  using ends = pipe();
  const none = new Uint8Array(0);
  assertEquals(ends.reader.readSync(none), 0);
  ends.writer.writeSync("x");
  assertEquals(ends.reader.tryRead(none), 0);
  ends.writer.close();
  assertEquals(await ends.reader.read(none), 0);
  assertEquals(ends.reader.readSync(new Uint8Array(9)), 1);
  assertEquals(ends.reader.readSync(none), 0);
});

Deno.test("write() of nothing is done at once, into a full pipe too", async () => {
  using ends = fullPipe();
  await ends.writer.write("");
  ends.writer.writeSync(new Uint8Array(0));
  assertEquals(ends.writer.tryWrite(""), 0);
  assertEquals(ends.writer.bytesWritten, CAPACITY);
});

Deno.test("tryWrite() writes what fits, and gives undefined when that is nothing", () => {
  using ends = pipe({ capacity: CAPACITY });
  assertEquals(ends.writer.tryWrite(new Uint8Array(CAPACITY + 9)), CAPACITY);
  assertStrictEquals(ends.writer.tryWrite("x"), undefined);
});

Deno.test("write() counts the bytes of text in UTF-8", async () => {
  using ends = pipe();
  await ends.writer.write("grüß");
  assertEquals(ends.writer.bytesWritten, 6);
  ends.writer.writeSync("gott");
  assertEquals(ends.writer.tryWrite("€"), 3);
  const buffer = new Uint8Array(20);
  assertEquals(ends.reader.readSync(buffer), 13);
  assertEquals(text(buffer.subarray(0, 13)), "grüßgott€");
});

Deno.test("write() of many megabytes arrives whole and in order", async () => {
  using ends = pipe();
  const sent = new Uint8Array(5_000_001);
  for (let i = 0; i < sent.length; i++) sent[i] = i * 7919 >>> 5;
  const written = ends.writer.write(sent).then(() => ends.writer.close());
  const received = new Uint8Array(
    await new Response(ends.reader.readable).arrayBuffer(),
  );
  await written;
  assertEquals(received.length, sent.length);
  assert(received.every((byte, i) => byte === sent[i]));
});

Deno.test("writeSync() of more than fits waits for a reader in another process", async () => {
  using _dog = watchdog("writeSync() to a child");
  await using child = spawnDeno(
    `
    import { pipe } from "${source("ipc/stream/pipe.ts")}";
    const ends = pipe();
    const code = \`
      import { open } from "${source("tests/ipc/stream/peer.ts")}";
      let total = 0, sum = 0;
      for await (const chunk of open(Number(Deno.args[0]))) {
        total += chunk.length;
        for (const byte of chunk) sum = (sum + byte) % 65521;
      }
      console.log(total, sum);\`;
    import { startPeer } from "${source("tests/ipc/stream/peer.ts")}";
    const peer = startPeer(code, ends.reader);
    ends.reader.close();
    const data = Uint8Array.from({ length: 1_000_003 }, (_, i) => i % 251);
    ends.writer.writeSync(data, { timeout: 60_000 });
    ends.writer.close();
    await peer.status;`,
    { permissions: ["--allow-all"] },
  );
  const ended = await child.end();
  const sum = Array.from({ length: 1_000_003 }, (_, i) => i % 251)
    .reduce((a, b) => (a + b) % 65521);
  assertEquals(ended.stderr, "");
  assertEquals(ended.stdout.trim(), `1000003 ${sum}`);
});

// Order

Deno.test("read()s that wait are served in their order", async () => {
  using ends = pipe();
  const order: string[] = [];
  const reads = [3, 2, 4].map(async (room, i) => {
    const buffer = new Uint8Array(room);
    const count = await ends.reader.read(buffer);
    order.push(`${i}:${text(buffer.subarray(0, count ?? 0))}`);
  });
  ends.writer.writeSync("abcdefghi");
  await Promise.all(reads);
  assertEquals(order, ["0:abc", "1:de", "2:fghi"]);
});

Deno.test("tryRead() and readSync() do not overtake a read() that waits", async () => {
  using ends = pipe();
  const buffer = new Uint8Array(1);
  const first = ends.reader.read(buffer);
  ends.writer.writeSync("ab");
  const other = new Uint8Array(1);
  assertStrictEquals(ends.reader.tryRead(other), undefined);
  assertThrows(
    () => ends.reader.readSync(other),
    TypeError,
    `Cannot read from ${ends.reader.label} now: an asynchronous call is under way`,
  );
  assertEquals(await first, 1);
  assertEquals(text(buffer), "a");
  assertEquals(ends.reader.tryRead(other), 1);
  assertEquals(text(other), "b");
});

Deno.test("write()s are done in their order and never mixed", async () => {
  using ends = pipe({ capacity: 4096 });
  const letters = ["a", "b", "c", "d", "e"];
  // Longer than the pipe, so that each is done in many parts.
  const writes = letters.map((letter) =>
    ends.writer.write(letter.repeat(30_000))
  );
  Promise.all(writes).then(() => ends.writer.close());
  const received = await new Response(ends.reader.readable).text();
  assertEquals(
    received,
    letters.map((letter) => letter.repeat(30_000)).join(""),
  );
});

Deno.test("tryWrite() and writeSync() refuse while a write() is half done", async () => {
  using ends = pipe({ capacity: CAPACITY });
  const write = ends.writer.write("x".repeat(CAPACITY + 1000));
  assertEquals(ends.writer.bytesWritten, CAPACITY);
  // Room for more, but the rest of the first must come before.
  assertEquals(ends.reader.readSync(new Uint8Array(8192)), 8192);
  assertStrictEquals(ends.writer.tryWrite("y"), undefined);
  assertThrows(() => ends.writer.writeSync("y"), TypeError, "now: an asynch");
  await write;
  ends.writer.writeSync("y");
  ends.writer.close();
  const rest = await new Response(ends.reader.readable).text();
  assertEquals(rest, "x".repeat(CAPACITY + 1000 - 8192) + "y");
});

Deno.test("read() of 100 pipes at once gives each its own bytes", async () => {
  using _dog = watchdog("100 pipes");
  using stack = new DisposableStack();
  const all = Array.from({ length: 100 }, () => stack.use(pipe()));
  const reads = all.map(async ({ reader }) => {
    const buffer = new Uint8Array(100);
    const count = await reader.read(buffer);
    return text(buffer.subarray(0, count ?? 0));
  });
  const order = all.map((_, i) => i).sort(() => Math.random() - 0.5);
  for (const i of order) await all[i]?.writer.write(`pipe ${i}`);
  assertEquals(await Promise.all(reads), all.map((_, i) => `pipe ${i}`));
});

// Timeouts and aborts

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

Deno.test("readSync() waits its whole time under a storm of signals", async () => {
  using _dog = watchdog("readSync() under signals");
  await using child = spawnDeno(`
    import { pipe } from "${source("ipc/stream/pipe.ts")}";
    let caught = 0;
    Deno.addSignalListener("SIGUSR2", () => caught++);
    using ends = pipe();
    const buffer = new Uint8Array(1);
    console.log("ready");
    const start = performance.now();
    try {
      ends.reader.readSync(buffer, { timeout: 300 });
    } catch (error) {
      console.log(error.code, performance.now() - start >= 300);
    }
    while (caught === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    console.log("caught");
    Deno.exit();`);
  assertEquals(await child.line(), "ready");
  await using storm = spawnCommand("perl", {
    args: [
      "-e",
      "while (kill 'USR2', $ARGV[0]) { select undef, undef, undef, 0.001 }",
      `${child.pid}`,
    ],
  });
  assertEquals(await child.line(), "ETIMEDOUT true");
  assertEquals(await child.line(), "caught");
  await child.end();
  await storm.end();
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

Deno.test("read() aborted at random moments 1000 times loses no byte", async () => {
  using _dog = watchdog("random aborts of reads");
  using ends = pipe();
  const total = 1000;
  let sum = 0;
  let aborts = 0;
  const feed = (async () => {
    for (let i = 0; i < total; i++) {
      ends.writer.writeSync(new Uint8Array([i % 256]));
      if (i % 3 === 0) await turn();
      if (i % 50 === 0) await new Promise((r) => setTimeout(r, 1));
    }
    ends.writer.close();
  })();
  const buffer = new Uint8Array(1);
  let next = 0;
  for (;;) {
    const controller = new AbortController();
    const when = Math.random();
    if (when < 0.3) queueMicrotask(() => controller.abort());
    else if (when < 0.6) setImmediate(() => controller.abort());
    else setTimeout(() => controller.abort(), when * 3);
    try {
      const count = await ends.reader.read(buffer, controller);
      if (count === null) break;
      assertEquals(buffer[0], next++ % 256);
      sum += count;
    } catch (error) {
      if (!controller.signal.aborted) throw error;
      aborts++;
    }
  }
  await feed;
  assertEquals(sum, total);
  assert(aborts > 10, `only ${aborts} aborts hit`);
});

Deno.test("write() up to PIPE_BUF aborted at random moments 1000 times is all or nothing", async () => {
  using _dog = watchdog("random aborts of writes");
  using ends = pipe({ capacity: 8192 });
  let sent = 0;
  let aborts = 0;
  let received = 0;
  const drain = (async () => {
    const buffer = new Uint8Array(4096);
    for await (const chunk of chunksOf(buffer)) {
      received += chunk;
      if (Math.random() < 0.2) await new Promise((r) => setTimeout(r, 1));
    }
  })();
  async function* chunksOf(buffer: Uint8Array): AsyncGenerator<number> {
    let left = 4096;
    for (;;) {
      // Whole records only: part of one would shift all that follow.
      const count = await ends.reader.read(buffer.subarray(0, left));
      if (count === null) return assertEquals(left, 4096);
      for (let i = 0; i < count; i++) assertEquals(buffer[i], buffer[0]);
      left = left === count ? 4096 : left - count;
      yield count;
    }
  }
  for (let i = 0; i < 1000; i++) {
    const controller = new AbortController();
    const when = Math.random();
    if (when < 0.4) setImmediate(() => controller.abort());
    else if (when < 0.8) setTimeout(() => controller.abort(), when);
    const before = ends.writer.bytesWritten;
    try {
      await ends.writer.write(new Uint8Array(4096).fill(i), controller);
      sent++;
      assertEquals(ends.writer.bytesWritten - before, 4096);
    } catch (error) {
      if (!controller.signal.aborted) throw error;
      aborts++;
      assertEquals(ends.writer.bytesWritten, before);
    }
  }
  ends.writer.close();
  await drain;
  assertEquals(received, sent * 4096);
  assert(aborts > 10, `only ${aborts} aborts hit`);
});

Deno.test("bytesWritten tells how far an aborted write has come", async () => {
  using _dog = watchdog("aborted long writes");
  using ends = pipe({ capacity: 4096 });
  let expected = 0;
  let received = 0;
  const drain = (async () => {
    for await (const chunk of ends.reader) {
      for (const byte of chunk) assertEquals(byte, received++ % 251);
    }
  })();
  let partial = 0;
  for (let i = 0; i < 200; i++) {
    const data = Uint8Array.from(
      { length: 50_000 },
      (_, at) => (expected + at) % 251,
    );
    const before = ends.writer.bytesWritten;
    await ends.writer.write(data, {
      signal: AbortSignal.timeout(Math.random() < 0.5 ? 0 : 1),
    }).catch(() => {});
    const done = ends.writer.bytesWritten - before;
    if (done > 0 && done < data.length) partial++;
    expected += done;
  }
  ends.writer.close();
  await drain;
  assertEquals(received, expected);
  assert(partial > 0, "no write was cut off half-way");
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
  const buffer = new Uint8Array(10);
  const read = ends.reader.read(buffer);
  buffer.buffer.transfer();
  ends.writer.writeSync("x");
  await assertRejects(() => read, TypeError, "buffer must not be detached");
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

// Peers

Deno.test("write() without a reader is EPIPE", async () => {
  using ends = pipe();
  ends.reader.close();
  for (
    const error of [
      assertThrows(() => ends.writer.writeSync("x"), IpcError),
      assertThrows(() => ends.writer.tryWrite("x"), IpcError),
      await assertRejects(() => ends.writer.write("x"), IpcError),
    ]
  ) {
    assertEquals(
      error.message,
      `Cannot write to pipe (descriptor ${ends.writer.fd.number}): write failed with EPIPE (Broken pipe): nobody can read it any more`,
    );
    assertEquals([error.code, error.syscall], ["EPIPE", "write"]);
  }
});

Deno.test("write() that waits is rejected with EPIPE when its reader goes", async () => {
  using ends = fullPipe();
  const write = ends.writer.write("x");
  assert(await isPending(write));
  ends.reader.close();
  const error = await assertRejects(() => write, IpcError);
  assertEquals(error.code, "EPIPE");
});

Deno.test("SIGPIPE does not end a process that was started with its default", async () => {
  const code = `
    import { pipe } from "${source("ipc/stream/pipe.ts")}";
    using ends = pipe();
    ends.reader.close();
    try { ends.writer.writeSync("x"); } catch (error) { console.log(error.code); }
    await ends.writer.write("x").catch((error) => console.log(error.code));
    console.log("alive");`;
  await using child = spawnCommand("perl", {
    args: [
      "-e",
      '$SIG{PIPE} = "DEFAULT"; exec @ARGV or die',
      Deno.execPath(),
      "run",
      "--quiet",
      "--allow-ffi",
      `data:application/typescript,${encodeURIComponent(code)}`,
    ],
  });
  const { code: exit, stdout, stderr } = await child.end();
  assertEquals({ exit, stdout, stderr }, {
    exit: 0,
    stdout: "EPIPE\nEPIPE\nalive\n",
    stderr: "",
  });
});

// Web streams and iterators

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

// Closing

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
  const before = openFds();
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
  assertEquals(openFds(), before);
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
