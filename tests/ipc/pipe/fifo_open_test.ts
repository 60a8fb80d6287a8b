// The ends of FIFOs: opening without hanging, writers that come and go.

import { Fifo, IpcError } from "@libc/ipc";
import { fcntl } from "@libc/ipc/ffi";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  exists,
  hasCommand,
  later,
  openedSince,
  openFds,
  scaled,
  spawnCommand,
  spawnDeno,
  turn,
  until,
  watchdog,
} from "../../util.ts";
import { Place, staysPending, STREAMS, text } from "../core/stream/util.ts";

Deno.test("openReader() is there at once, and its read() waits for the first writer", async () => {
  using place = new Place();
  using fifo = Fifo.create(place.path());
  using reader = fifo.openReader();
  const buffer = new Uint8Array(9);
  assertStrictEquals(reader.tryRead(buffer), undefined, "no writer is no end");
  assertThrows(
    () => reader.readSync(buffer, { timeout: 3 }),
    IpcError,
    "timed out",
  );
  const read = reader.read(buffer);
  assert(await staysPending(read));
  using writer = fifo.openWriterSync();
  assert(await staysPending(read), "an idle writer is no end");
  writer.writeSync("hello");
  assertEquals(await read, 5);
});

Deno.test("read() tells a writer that has gone from one that has not come", async () => {
  using place = new Place();
  using fifo = Fifo.create(place.path());
  using reader = fifo.openReader();
  const buffer = new Uint8Array(9);
  const end = reader.read(buffer);
  fifo.openWriterSync().close();
  assertStrictEquals(await end, null, "came and went without a byte");
  assertStrictEquals(reader.tryRead(buffer), null);
  {
    using writer = fifo.openWriterSync();
    assertStrictEquals(reader.tryRead(buffer), undefined, "is there again");
    writer.writeSync("again");
  }
  assertEquals(reader.readSync(buffer), 5);
  assertStrictEquals(reader.readSync(buffer), null);
});

Deno.test("tryOpenWriter() gives undefined without a reader", () => {
  using place = new Place();
  using fifo = Fifo.create(place.path());
  assertStrictEquals(fifo.tryOpenWriter(), undefined);
  const reader = fifo.openReader();
  fifo.tryOpenWriter()?.close();
  reader.close();
  assertStrictEquals(fifo.tryOpenWriter(), undefined);
});

Deno.test("openWriter() waits for a reader of another program that blocks in its open", async () => {
  using _dog = watchdog("openWriter() and cat");
  using place = new Place();
  using fifo = Fifo.create(place.path());
  const waiting = fifo.openWriter();
  assert(await staysPending(waiting));
  await using cat = spawnCommand("cat", { args: [place.path()] });
  using writer = await waiting;
  await writer.write("through cat\n");
  writer.close();
  assertEquals((await cat.end()).stdout, "through cat\n");
});

Deno.test("openWriterSync() waits for a reader, with and without a time limit", async () => {
  using _dog = watchdog("openWriterSync() and sh");
  using place = new Place();
  using fifo = Fifo.create(place.path());
  for (const options of [{}, { timeout: 60_000 }]) {
    await using reader = spawnCommand("sh", {
      args: ["-c", `sleep 0.1; cat ${place.path()}`],
    });
    using writer = fifo.openWriterSync(options);
    writer.tryWrite("through cat");
    // It was opened as blocking, but must not stay so.
    assertEquals(fcntl().fcntl(writer.fd.number, 3) & 0o4000, 0o4000);
    writer.close();
    assertEquals((await reader.end()).stdout, "through cat");
  }
});

Deno.test("openWriter() times out and says why", async () => {
  using place = new Place();
  using fifo = Fifo.create(place.path());
  for (const timeout of [0, 5]) {
    for (
      const error of [
        await assertRejects(() => fifo.openWriter({ timeout }), IpcError),
        assertThrows(() => fifo.openWriterSync({ timeout }), IpcError),
      ]
    ) {
      assertEquals(
        error.message,
        `Cannot open FIFO "${place.path()}" for writing, which nobody reads yet: open timed out after ${timeout} ms (ETIMEDOUT)`,
      );
      assertEquals([error.code, error.syscall], ["ETIMEDOUT", "open"]);
    }
  }
  assertThrows(() => fifo.openWriterSync({ timeout: -1 }), RangeError);
});

Deno.test("openWriter() rejects when it is aborted or the handle closed", async () => {
  using place = new Place();
  using fifo = Fifo.create(place.path());
  const controller = new AbortController();
  const aborted = fifo.openWriter(controller);
  controller.abort();
  await assertRejects(() => aborted, DOMException);
  const waiting = fifo.openWriter();
  assert(await staysPending(waiting));
  let closed: unknown;
  waiting.catch((error) => closed = error);
  fifo.close();
  for (let i = 0; i < 10; i++) await null;
  assertInstanceOf(closed, TypeError, "not at once");
  assertEquals(
    closed.message,
    `Cannot open a closed FIFO "${place.path()}"`,
  );
  using other = Fifo.open(place.path());
  using _reader = other.openReader();
  const ends = openFds(STREAMS).filter((fd) => fd.endsWith(` ${place.path()}`));
  // One is the node that `other` holds, the other one is the reader.
  assertEquals(ends.length, 2, "an end was opened after all");
});

Deno.test("openWriter() rejects when the FIFO is removed or replaced while it waits", async () => {
  using place = new Place();
  using fifo = Fifo.create(place.path());
  const first = fifo.openWriter();
  assert(await staysPending(first));
  Deno.removeSync(place.path());
  assertEquals((await assertRejects(() => first, IpcError)).code, "ENOENT");
  Deno.writeTextFileSync(place.path(), "planted");
  const ours = new RegExp(`^${place.directory}/`);
  const before = openFds(ours);
  for (
    const error of [
      await assertRejects(() => fifo.openWriter(), IpcError),
      assertThrows(() => fifo.openWriterSync(), IpcError),
      assertThrows(() => fifo.openReader(), IpcError),
      assertThrows(() => fifo.openReadWrite(), IpcError),
    ]
  ) assertEquals(error.code, "ESTALE");
  assertEquals(openedSince(before, ours), []);
  assertEquals(Deno.readTextFileSync(place.path()), "planted");
  Deno.removeSync(place.path());
  // A socket answers ENXIO, as a FIFO without a reader.
  const listener = Deno.listen({ transport: "unix", path: place.path() });
  assertEquals(
    assertThrows(() => fifo.tryOpenWriter(), IpcError).code,
    "ESTALE",
  );
  assertEquals(assertThrows(() => fifo.openReader(), IpcError).code, "ESTALE");
  listener.close();
});

Deno.test("openReader() never follows a link that was put in its place", () => {
  using place = new Place();
  using fifo = Fifo.create(place.path());
  Deno.renameSync(place.path(), place.path("moved"));
  Deno.symlinkSync("moved", place.path());
  assertEquals(assertThrows(() => fifo.openReader(), IpcError).code, "ELOOP");
});

Deno.test("openReadWrite() keeps the reader from the end while writers come and go", async () => {
  using place = new Place();
  using fifo = Fifo.create(place.path());
  const ends = fifo.openReadWrite();
  const buffer = new Uint8Array(9);
  assertStrictEquals(ends.reader.tryRead(buffer), undefined);
  const writer = fifo.openWriterSync();
  writer.writeSync("guest");
  writer.close();
  assertEquals(await ends.reader.read(buffer), 5);
  assertStrictEquals(ends.reader.tryRead(buffer), undefined, "no end");
  ends.writer.writeSync("self");
  assertEquals(ends.reader.readSync(buffer), 4);
  ends[Symbol.dispose]();
  assert(ends.reader.closed && ends.writer.closed);
});

Deno.test("the ends are close-on-exec and never block", () => {
  using place = new Place();
  using fifo = Fifo.create(place.path());
  using both = fifo.openReadWrite();
  using reader = fifo.openReader();
  using writer = fifo.openWriterSync({ timeout: 1000 });
  for (const end of [both.reader, both.writer, reader, writer]) {
    assertEquals(fcntl().fcntl(end.fd.number, 1), 1);
    assertEquals(fcntl().fcntl(end.fd.number, 3) & 0o4000, 0o4000);
  }
});

Deno.test("openWriter() aborted at random moments leaks no descriptor", async () => {
  using _dog = watchdog("random aborts of openWriter()");
  using place = new Place();
  using fifo = Fifo.create(place.path());
  const ours = new RegExp(`^${place.directory}/`);
  const before = openFds(ours);
  for (let i = 0; i < scaled(1000, 10_000); i++) {
    const controller = new AbortController();
    // A reader that is there before, one that opens meanwhile, or none.
    using _early = i % 4 === 0 ? fifo.openReader() : undefined;
    const writer = fifo.openWriter(controller);
    if (i % 20 < 2) await later(1);
    using _late = i % 4 === 1 ? fifo.openReader() : undefined;
    for (let turns = i % 3; turns > 0; turns--) await turn();
    controller.abort();
    await writer.then(
      (end) => {
        assert(i % 4 < 2, "nobody reads");
        end.close();
      },
      (error) => {
        assert(i % 4 > 0, "somebody reads");
        assertInstanceOf(error, DOMException);
      },
    );
  }
  assertEquals(openedSince(before, ours), []);
});

// Other programs

const PEERS: Record<string, { write: string[]; read: string[] }> = {
  sh: {
    write: ["-c", 'printf "line one\\nline two\\n" > "$0"'],
    read: ["-c", 'cat < "$0"'],
  },
  perl: {
    write: ["-e", 'open F, ">", $ARGV[0]; print F "line one\\nline two\\n"'],
    read: ["-e", 'open F, "<", $ARGV[0]; print while <F>'],
  },
  python3: {
    write: [
      "-c",
      'import sys; open(sys.argv[1], "w").write("line one\\nline two\\n")',
    ],
    read: [
      "-c",
      "import sys; sys.stdout.write(open(sys.argv[1]).read())",
    ],
  },
};

for (const [command, { write, read }] of Object.entries(PEERS)) {
  const missing = !hasCommand(command);
  Deno.test({
    name: `${command} writes what we read and reads what we write${
      missing ? ` [skipped: no ${command}]` : ""
    }`,
    ignore: missing,
    async fn() {
      using _dog = watchdog(command);
      using place = new Place();
      using fifo = Fifo.create(place.path());
      {
        using reader = fifo.openReader();
        await using peer = spawnCommand(command, {
          args: [...write, place.path()],
        });
        assertEquals(
          await new Response(reader.readable).text(),
          "line one\nline two\n",
        );
        assertEquals((await peer.end()).stderr, "");
      }
      await using peer = spawnCommand(command, {
        args: [...read, place.path()],
      });
      using writer = await fifo.openWriter();
      await writer.write("to be read\n");
      writer.close();
      assertEquals((await peer.end()).stdout, "to be read\n");
    },
  });
}

Deno.test("a FIFO made by mkfifo(1) is opened", async () => {
  using place = new Place();
  const { success } = await new Deno.Command("mkfifo", { args: [place.path()] })
    .output();
  assert(success);
  using fifo = Fifo.open(place.path());
  using reader = fifo.openReader();
  using writer = await fifo.openWriter();
  writer.writeSync("x");
  assertEquals(reader.readSync(new Uint8Array(9)), 1);
});

Deno.test("a writer that is killed is the end, and the next one goes on", async () => {
  using _dog = watchdog("a writer that is killed");
  using place = new Place();
  using fifo = Fifo.create(place.path());
  using reader = fifo.openReader();
  const buffer = new Uint8Array(99);
  for (const word of ["first", "second"]) {
    await using child = spawnDeno(
      `import { Fifo } from "@libc/ipc/fifo";
      using fifo = Fifo.open(Deno.args[0]);
      using writer = await fifo.openWriter();
      await writer.write(Deno.args[1]);
      setInterval(() => {}, 1000);`,
      { args: [place.path(), word] },
    );
    // The end of file of the last writer lasts until the next one has opened.
    let count = 0;
    await until(() => {
      count = reader.tryRead(buffer) ?? 0;
      return count > 0;
    });
    assertEquals(text(buffer.subarray(0, count)), word);
    const end = reader.read(buffer);
    child.kill();
    assertStrictEquals(await end, null);
  }
  assert(exists(place.path()));
});

Deno.test("messages of several writing processes up to PIPE_BUF are never mixed", async () => {
  using _dog = watchdog("several writers");
  using place = new Place();
  using fifo = Fifo.create(place.path());
  using ends = fifo.openReadWrite();
  const size = 1000;
  const messages = 300;
  const writers = Array.from({ length: 4 }, (_, i) =>
    spawnCommand("perl", {
      args: [
        "-e",
        `open F, ">", $ARGV[0]; syswrite F, "${i}" x ${size} for 1 .. ${messages}`,
        place.path(),
      ],
    }));
  const counts = [0, 0, 0, 0];
  const buffer = new Uint8Array(size);
  for (let message = 0; message < 4 * messages; message++) {
    for (let done = 0; done < size;) {
      done += await ends.reader.read(buffer.subarray(done)) ?? 0;
    }
    const first = buffer[0] ?? 0;
    assert(buffer.every((byte) => byte === first), "two messages are mixed");
    counts[first - 48] = (counts[first - 48] ?? 0) + 1;
  }
  assertEquals(counts, [messages, messages, messages, messages]);
  for (const writer of writers) assertEquals((await writer.end()).code, 0);
});
