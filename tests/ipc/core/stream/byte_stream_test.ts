// Guarantees of all byte streams on descriptors, tested with pipes.

import { IpcError, pipe, waitAny } from "@libc/ipc";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  denoArgs,
  source,
  spawnCommand,
  spawnDeno,
  watchdog,
} from "../../../util.ts";
import { CAPACITY, fullPipe, isPending, text } from "./util.ts";

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
    import { pipe } from "@libc/ipc/pipe";
    const ends = pipe();
    const code = \`
      import { open } from "${source("tests/ipc/pipe/peer.ts")}";
      let total = 0, sum = 0;
      for await (const chunk of open(Number(Deno.args[0]))) {
        total += chunk.length;
        for (const byte of chunk) sum = (sum + byte) % 65521;
      }
      console.log(total, sum);\`;
    import { startPeer } from "${source("tests/ipc/pipe/peer.ts")}";
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
  // There is space for more, but the rest of the first write must come before.
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

Deno.test("waitAny() says which reader has bytes or the end, and takes nothing", async () => {
  using quiet = pipe();
  using ends = pipe();
  const readers = [quiet.reader, ends.reader];
  const waiting = waitAny(readers);
  ends.writer.writeSync("x");
  assertStrictEquals(await waiting, ends.reader);
  assertEquals(ends.reader.tryRead(new Uint8Array(9)), 1);
  quiet.writer.close();
  assertStrictEquals(await waitAny(readers), quiet.reader);
  assertStrictEquals(quiet.reader.tryRead(new Uint8Array(9)), null);
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
    import { pipe } from "@libc/ipc/pipe";
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
      ...denoArgs(code),
    ],
  });
  const { code: exit, stdout, stderr } = await child.end();
  assertEquals({ exit, stdout, stderr }, {
    exit: 0,
    stdout: "EPIPE\nEPIPE\nalive\n",
    stderr: "",
  });
});
