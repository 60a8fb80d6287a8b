// The same tests for all byte streams: a pipe, a FIFO, Unix and IPv4 sockets.

import { Buffer } from "node:buffer";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  type FdReader,
  type FdWriter,
  Fifo,
  IpcError,
  pipe,
  Socket,
  type SocketAddress,
  spawn,
} from "@libc/ipc";
import { later, uniqueName, watchdog } from "../util.ts";

/** A stream in one direction. */
interface Stream extends Disposable {
  reader: FdReader;
  writer: FdWriter;
  /** Closes the whole reading side: a socket also has the other direction. */
  leave(): void;
}

function ofSockets(to: Socket, from: Socket): Stream {
  return {
    reader: from.reader,
    writer: to.writer,
    leave: () => from.close(),
    [Symbol.dispose]() {
      to.close();
      from.close();
    },
  };
}

async function connected(
  address: string | SocketAddress,
): Promise<Stream> {
  using server = Socket.listen(address);
  const client = await Socket.connect(server.localAddress() ?? address);
  return ofSockets(client, await server.accept());
}

const KINDS: Record<string, () => Stream | Promise<Stream>> = {
  "pipe()"() {
    const ends = pipe();
    return Object.assign(ends, { leave: () => ends.reader.close() });
  },
  Fifo() {
    using fifo = Fifo.create(`/tmp/${uniqueName()}`);
    const reader = fifo.openReader();
    const writer = fifo.openWriterSync();
    return {
      reader,
      writer,
      leave: () => reader.close(),
      [Symbol.dispose]() {
        reader.close();
        writer.close();
      },
    };
  },
  "Socket.pair()": () => ofSockets(...Socket.pair()),
  "Socket over a name": () => connected(`\0${uniqueName()}`),
  "Socket over IPv4": () =>
    connected({ family: "inet", address: "127.0.0.1", port: 0 }),
};

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Reads to the end. */
async function all(reader: FdReader): Promise<string> {
  let found = "";
  for await (const chunk of reader) found += text(chunk);
  return found;
}

/** Writes until nothing more fits; returns the number of bytes. */
async function fill(writer: FdWriter): Promise<number> {
  let count = 0;
  // Over IPv4 the kernel moves data to the receiver, which frees buffer space.
  for (let idle = 0; idle < 3; idle++) {
    for (let size = 65536; size >= 1; size >>= 1) {
      for (;;) {
        const written = writer.tryWrite(new Uint8Array(size));
        if (written === undefined) break;
        count += written;
        idle = 0;
      }
    }
    await later();
  }
  return count;
}

for (const [name, make] of Object.entries(KINDS)) {
  const test = (what: string, body: (stream: Stream) => unknown): void =>
    Deno.test(`${name}: ${what}`, async () => {
      using _dog = watchdog(`${name}: ${what}`);
      using stream = await make();
      await body(stream);
    });

  test("gives the bytes that were written, in every form", async ({ reader, writer }) => {
    const buffer = new Uint8Array(100);
    await writer.write("one ");
    writer.writeSync("two ");
    assertEquals(writer.tryWrite("drei ü"), 7);
    let found = "";
    found += text(buffer.subarray(0, await reader.read(buffer) ?? 0));
    while (found.length < 14) {
      found += text(buffer.subarray(0, reader.readSync(buffer) ?? 0));
    }
    assertEquals(found, "one two drei ü");
    assertStrictEquals(reader.tryRead(buffer), undefined);
    assertEquals([reader.bytesRead, writer.bytesWritten], [15, 15]);
  });

  test("the end comes after the last byte, and stays", async ({ reader, writer }) => {
    const buffer = new Uint8Array(3);
    writer.writeSync("last");
    writer.close();
    assertEquals(await reader.read(buffer), 3);
    assertEquals(await reader.read(buffer), 1);
    assertStrictEquals(await reader.read(buffer), null);
    assertStrictEquals(reader.readSync(buffer), null);
    assertStrictEquals(reader.tryRead(buffer), null);
  });

  test("a read waits for bytes and for the end", async ({ reader, writer }) => {
    const buffer = new Uint8Array(10);
    const first = reader.read(buffer);
    await later();
    writer.writeSync("x");
    assertEquals(await first, 1);
    const second = reader.read(buffer);
    await later();
    writer.close();
    assertStrictEquals(await second, null);
  });

  test("a write waits for room and arrives whole", async ({ reader, writer }) => {
    // Not Uint8Array.from(), which takes as long as the rest of the test.
    const data = new Uint8Array(3_000_000);
    for (let i = 0; i < data.length; i++) data[i] = i * 7;
    const writing = writer.write(data).then(() => writer.close());
    let at = 0;
    for await (const chunk of reader) {
      // Faster than assertEquals() for so many bytes.
      assertEquals(
        Buffer.compare(chunk, data.subarray(at, at + chunk.length)),
        0,
      );
      at += chunk.length;
    }
    await writing;
    assertEquals(at, data.length);
  });

  test("writes at once are done one after the other", async ({ reader, writer }) => {
    const writes = ["a", "b", "c"].map((each) =>
      writer.write(each.repeat(400_000))
    );
    const done = Promise.all(writes).then(() => writer.close());
    const found = await all(reader);
    await done;
    assertEquals(
      found.replace(/a+/, "1").replace(/b+/, "2").replace(/c+/, "3"),
      "123",
    );
  });

  test("without a reader a write is EPIPE or ECONNRESET, not a signal", async ({ writer, leave }) => {
    leave();
    const error = await assertRejects(async () => {
      // Over IPv4 the first write succeeds and only provokes a reset.
      for (;;) await writer.write("x");
    }, IpcError);
    assert(["EPIPE", "ECONNRESET"].includes(error.code), error.message);
  });

  test("waits time out with ETIMEDOUT, not before their time", async ({ reader, writer }) => {
    const buffer = new Uint8Array(1);
    for (const timeout of [0, 20]) {
      const start = performance.now();
      const sync = assertThrows(
        () => reader.readSync(buffer, { timeout }),
        IpcError,
      );
      const async = await assertRejects(
        () => reader.read(buffer, { timeout }),
        IpcError,
      );
      assertEquals([sync.code, async.code], ["ETIMEDOUT", "ETIMEDOUT"]);
      assert(performance.now() - start >= 2 * timeout);
    }
    let count = await fill(writer);
    const codeOf = async (write: () => void | Promise<void>) => {
      // Over IPv4 there may be buffer space again.
      for (;; count += 1 + await fill(writer)) {
        try {
          await write();
        } catch (error) {
          return error instanceof IpcError ? error.code : error;
        }
      }
    };
    const options = { timeout: 5 };
    assertEquals(
      await codeOf(() => writer.writeSync("x", options)),
      "ETIMEDOUT",
    );
    assertEquals(await codeOf(() => writer.write("x", options)), "ETIMEDOUT");
    writer.close();
    assertEquals((await all(reader)).length, count);
  });

  test("close() rejects who waits, and refuses what comes after", async ({ reader, writer }) => {
    const buffer = new Uint8Array(1);
    const reads = [reader.read(buffer), reader.read(buffer)];
    await later();
    reader.close();
    reader.close();
    for (const wait of reads) {
      await assertRejects(() => wait, TypeError, "closed");
    }
    for (
      const call of [
        () => reader.readSync(buffer),
        () => reader.tryRead(buffer),
      ]
    ) assertThrows(call, TypeError, "closed");
    writer.close();
    assertEquals([reader.closed, writer.closed], [true, true]);
    for (
      const call of [() => writer.writeSync("x"), () => writer.tryWrite("x")]
    ) assertThrows(call, TypeError, "closed");
    await assertRejects(() => reader.read(buffer), TypeError, "closed");
    await assertRejects(() => writer.write("x"), TypeError, "closed");
  });

  test("a write that waits is rejected when its end is closed", async ({ writer }) => {
    const wait = writer.write(new Uint8Array(20_000_000));
    await later();
    writer.close();
    await assertRejects(() => wait, TypeError, "closed");
  });

  test("a loop can be left, and the next one goes on", async ({ reader, writer }) => {
    writer.writeSync("first");
    for await (const chunk of reader) {
      assertEquals(text(chunk), "first");
      break;
    }
    writer.writeSync("second");
    writer.close();
    assertEquals(await all(reader), "second");
  });

  test("its web streams carry everything to the end", async ({ reader, writer }) => {
    const lines = Array.from({ length: 2000 }, (_, i) => `line ${i}\n`);
    const writing = ReadableStream.from(lines)
      .pipeThrough(new TextEncoderStream()).pipeTo(writer.writable);
    const found = await new Response(reader.readable).text();
    await writing;
    assertEquals(found, lines.join(""));
    assertEquals([reader.closed, writer.closed], [true, true]);
  });

  test("web streams end with an error when the other end goes", async ({ reader, writer, leave }) => {
    await reader.readable.cancel();
    leave();
    const sink = writer.writable.getWriter();
    await assertRejects(async () => {
      for (;;) await sink.write(new Uint8Array(1000));
    }, IpcError);
  });

  test("a child process has the other end", async ({ reader, writer }) => {
    using input = reader.inheritable();
    using output = writer.inheritable();
    await using upper = spawn("tr", {
      args: ["a-z", "A-Z"],
      fds: { 0: input, 1: "pipe", 2: "inherit" },
    });
    input.close();
    output.close();
    writer.writeSync("from here ");
    await writer.write("to there");
    writer.close();
    assert(upper.stdout);
    assertEquals(await all(upper.stdout), "FROM HERE TO THERE");
    assertEquals((await upper.status).code, 0);
  });

  test("what is no bytes is refused", async ({ reader, writer }) => {
    for (const data of [5, null, [1], new ArrayBuffer(4)]) {
      const wrong = data as unknown as Uint8Array;
      assertThrows(() => writer.tryWrite(wrong), TypeError);
      assertThrows(() => reader.tryRead(wrong), TypeError);
      await assertRejects(() => writer.write(wrong), TypeError);
      await assertRejects(() => reader.read(wrong), TypeError);
    }
    writer.writeSync("still fine");
    const buffer = new Uint8Array(100);
    assertEquals(reader.readSync(buffer), 10);
  });
}
