// Stream sockets: bytes, both directions, web streams.

import { IpcError, pipe, Socket, SocketReader, SocketWriter } from "@libc/ipc";
import { fcntl, O_NONBLOCK } from "@libc/ipc/ffi";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { spawnDeno, watchdog } from "../../util.ts";
import { bytes, connected, isPending, pair, textOf } from "./util.ts";

const F_GETFL = 3;

/** Fills the buffers of a stream. Returns the number of bytes written. */
function fill({ writer }: Socket): number {
  const chunk = new Uint8Array(65536);
  let total = 0;
  for (let count; (count = writer.tryWrite(chunk)) !== undefined;) {
    total += count;
  }
  return total;
}

function pattern(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => i * 7919 >>> 5);
}

Deno.test("receive() of a stream gives what there is, without bounds", async () => {
  using both = pair();
  const { a, b } = both;
  await a.send("one");
  a.sendSync("two");
  assertEquals(a.writer.tryWrite("three"), 5);
  assertEquals(textOf(await b.receive()), "onetwothree");
  a.sendSync("abcdef");
  assertEquals(textOf(b.receiveSync({ maxSize: 2 })), "ab");
  assertEquals(textOf(b.tryReceive({ maxSize: 2 })), "cd");
  assertEquals(textOf(await b.receive({ maxSize: 9 })), "ef");
  assertStrictEquals(b.tryReceive(), undefined);
  assertEquals([a.writer.bytesWritten, b.reader.bytesRead], [17, 17]);
});

Deno.test("receive() of a stream takes 65,536 bytes at the most by itself", async () => {
  using both = pair();
  both.a.setOption("sendBuffer", 200_000);
  both.a.sendSync(new Uint8Array(100_000));
  assertEquals((await both.b.receive())?.length, 65536);
  assertEquals((await both.b.receive({ maxSize: 100_000 }))?.length, 34464);
});

Deno.test("send() of many megabytes arrives whole and in order", async () => {
  using _dog = watchdog("send() of megabytes");
  using all = await connected();
  const data = pattern(5_000_001);
  const sent = all.client.send(data).then(() => all.client.shutdown("write"));
  const received = await new Response(all.connection.readable).bytes();
  await sent;
  assertEquals(received.length, data.length);
  assert(received.every((byte, i) => byte === data[i]));
});

Deno.test("sendSync() of more than fits waits for a reader in another process", async () => {
  using _dog = watchdog("sendSync() to a child");
  using server = Socket.listen({
    family: "inet",
    address: "127.0.0.1",
    port: 0,
  });
  const address = server.localAddress();
  await using child = spawnDeno(
    `import { Socket } from "@libc/ipc/socket";
    using socket = await Socket.connect(${JSON.stringify(address)});
    let total = 0, sum = 0;
    for await (const chunk of socket) {
      total += chunk.length;
      for (const byte of chunk) sum = (sum + byte) % 65521;
    }
    console.log(total, sum);`,
  );
  using connection = await server.accept();
  const data = pattern(3_000_001);
  connection.sendSync(data, { timeout: 60_000 });
  connection.close();
  const sum = data.reduce((a, b) => (a + b) % 65521, 0);
  const { stdout, stderr } = await child.end();
  assertEquals([stdout.trim(), stderr], [`3000001 ${sum}`, ""]);
});

Deno.test("send() and receive() of a stream wait, time out, abort, and keep order", async () => {
  using both = pair();
  const { a, b } = both;
  const first = b.receive();
  const second = b.receive({ maxSize: 2 });
  assert(await isPending(first));
  a.sendSync("hello");
  assertStrictEquals(b.tryReceive(), undefined);
  assertThrows(() => b.receiveSync(), TypeError, "now: an asynchronous call");
  assertEquals(textOf(await first), "hello");
  a.sendSync("xyz");
  assertEquals(textOf(await second), "xy");
  assertEquals(textOf(b.tryReceive()), "z");
  const late = assertThrows(
    () => b.receiveSync({ timeout: 20 }),
    IpcError,
    "Cannot receive from unix stream socket (descriptor ",
  );
  assertEquals([late.code, late.syscall], ["ETIMEDOUT", "recv"]);
  await assertRejects(() => b.receive({ timeout: 0 }), IpcError, "timed out");
  const controller = new AbortController();
  const aborted = b.receive(controller);
  assert(await isPending(aborted));
  controller.abort(new RangeError("enough"));
  await assertRejects(() => aborted, RangeError, "enough");
  const full = fill(a);
  const error = await assertRejects(
    () => a.send("x", { timeout: 5 }),
    IpcError,
    "send timed out after 5 ms",
  );
  assertEquals([error.code, error.syscall], ["ETIMEDOUT", "send"]);
  assertEquals(a.writer.bytesWritten, 8 + full);
});

Deno.test("a peer that is gone is EPIPE, or ECONNRESET with bytes it never read", async () => {
  for (const unread of [false, true]) {
    using both = pair();
    const { a, b } = both;
    if (unread) a.sendSync("never read");
    b.close();
    if (unread) {
      const error = await assertRejects(() => a.receive(), IpcError);
      assertEquals([error.code, error.syscall], ["ECONNRESET", "recv"]);
    }
    const error = await assertRejects(() => a.send("x"), IpcError);
    assertEquals([error.code, error.syscall], ["EPIPE", "send"]);
    assertMatch(
      error.message,
      /^Cannot send to unix stream socket \(descriptor \d+\): send failed with EPIPE/,
    );
    assertThrows(() => a.sendSync("x"), IpcError, "EPIPE");
  }
});

Deno.test("send() that waits is rejected when the peer goes", async () => {
  using both = pair();
  fill(both.a);
  const sending = both.a.send("x");
  assert(await isPending(sending));
  both.b.close();
  const error = await assertRejects(() => sending, IpcError);
  assertEquals(error.code, "EPIPE");
});

Deno.test("SIGPIPE does not end a process that has its default back", async () => {
  await using child = spawnDeno(`
    import { Socket } from "@libc/ipc/socket";
    import { signal } from "@libc/ipc/ffi";
    // SIG_DFL, behind the back of everybody.
    signal().sigaction(13, new Uint8Array(256), null);
    for (const type of ["stream", "seqpacket"]) {
      const [a, b] = Socket.pair(type);
      b.close();
      for (const send of [
        () => a.send("x"),
        async () => a.sendSync("x"),
        async () => a.sendFdsSync([a]),
      ]) {
        try {
          await send();
        } catch (error) {
          console.log(error.code);
        }
      }
    }`);
  const { stdout, code } = await child.end();
  assertEquals([stdout, code], ["EPIPE\n".repeat(6), 0]);
});

// Reader, writer and web streams

Deno.test("reader and writer are of streams only, and always the same", () => {
  using both = pair();
  assertInstanceOf(both.a.reader, SocketReader);
  assertInstanceOf(both.a.writer, SocketWriter);
  assertStrictEquals(both.a.reader, both.a.reader);
  assertStrictEquals(both.a.writer, both.a.writer);
  assertStrictEquals(both.a.readable, both.a.readable);
  assertStrictEquals(both.a.writable, both.a.writable);
  using packets = pair("seqpacket");
  for (const name of ["reader", "writer", "readable", "writable"] as const) {
    assertThrows(
      () => packets.a[name],
      TypeError,
      "it has messages, use send() and receive()",
    );
  }
});

Deno.test("writer writes what fits, and says how much", () => {
  using both = pair();
  const full = fill(both.a);
  assertEquals(both.a.writer.bytesWritten, full);
  assertStrictEquals(both.a.writer.tryWrite("x"), undefined);
  const room = new Uint8Array(full + 1);
  let total = 0;
  for (let count; typeof (count = both.b.reader.tryRead(room)) === "number";) {
    total += count;
  }
  assertEquals(total, full);
});

Deno.test("closing the writer is the end for the peer; the reader goes on", async () => {
  using both = pair();
  const { a, b } = both;
  a.sendSync("question");
  a.writer.close();
  assert(a.writer.closed);
  assert(!a.reader.closed && !a.closed);
  assertEquals(textOf(await b.receive()), "question");
  assertStrictEquals(await b.receive(), null);
  await b.send("answer");
  assertEquals(textOf(await a.receive()), "answer");
  const message = `Cannot send to the ${a.label} that is closed for writing`;
  await assertRejects(() => a.send("x"), TypeError, message);
  assertThrows(() => a.writer.tryWrite("x"), TypeError, message);
  a.writer.close();
  a.reader.close();
  assert(a.closed, "both directions are closed");
});

Deno.test("closing the reader tells the peer that nobody receives", async () => {
  using both = pair();
  const { a, b } = both;
  const waiting = a.receive();
  assert(await isPending(waiting));
  a.reader.close();
  assert(!await isPending(waiting), "at once");
  await assertRejects(
    () => waiting,
    TypeError,
    "that is closed for reading",
  );
  assertThrows(() => a.receiveSync(), TypeError, "that is closed for reading");
  const error = await assertRejects(() => b.send("x"), IpcError);
  assertEquals(error.code, "EPIPE");
  a.sendSync("still");
  assertEquals(textOf(b.receiveSync()), "still");
});

Deno.test("closing the writer rejects what waits to be sent", async () => {
  using both = pair();
  const full = fill(both.a);
  const waiting = both.a.send("x");
  const behind = both.a.sendFds([both.a], "y");
  assert(await isPending(waiting));
  both.a.writer.close();
  await assertRejects(() => waiting, TypeError, "that is closed for writing");
  await assertRejects(() => behind, IpcError, "EPIPE");
  let total = 0;
  for await (const chunk of both.b) total += chunk.length;
  assertEquals(total, full);
});

Deno.test("closing a direction after the peer has gone is no error", () => {
  using both = pair();
  both.b.close();
  both.a.reader.close();
  both.a.writer.close();
  assert(both.a.closed);
  using alone = Socket.open("inet");
  alone.writer.close();
  assert(alone.writer.closed && !alone.closed);
});

Deno.test("readable and writable carry both directions to their ends", async () => {
  using _dog = watchdog("web streams");
  using all = await connected();
  const { client, connection } = all;
  const data = pattern(1_000_001);
  const echo = connection.readable.pipeTo(connection.writable);
  const sent = new Response(data).body?.pipeTo(client.writable);
  const back = await new Response(client.readable).bytes();
  await Promise.all([echo, sent]);
  assertEquals(back.length, data.length);
  assert(back.every((byte, i) => byte === data[i]));
  assert(client.closed && connection.closed, "all four ends have come");
});

Deno.test("readable reads no more than is asked for, into buffers of its consumer", async () => {
  using both = pair();
  both.a.sendSync("abcdef");
  const reader = both.b.readable.getReader({ mode: "byob" });
  const { value } = await reader.read(new Uint8Array(4));
  assertEquals(textOf(value ?? new Uint8Array()), "abcd");
  reader.releaseLock();
  assertEquals(textOf(both.b.tryReceive()), "ef");
});

Deno.test("readable.cancel() ends the reading half, writable.abort() the writing one", async () => {
  using both = pair();
  const { a, b } = both;
  await a.readable.cancel();
  assertThrows(() => b.sendSync("x"), IpcError, "EPIPE");
  a.sendSync("still");
  assertEquals(textOf(b.tryReceive()), "still");
  await a.writable.abort();
  assert(a.closed);
  assertStrictEquals(b.tryReceive(), null);
});

Deno.test("writable waits for room and fails when nobody receives", async () => {
  using both = pair();
  const writer = both.a.writable.getWriter();
  const full = fill(both.a);
  const writing = writer.write(bytes("last"));
  assert(await isPending(writing));
  for (let left = full; left > 0;) left -= both.b.tryReceive()?.length ?? 0;
  await writing;
  assertEquals(textOf(await both.b.receive()), "last");
  both.b.close();
  await assertRejects(() => writer.write(bytes("x")), IpcError, "EPIPE");
});

Deno.test("for await gives the bytes to the end, and break loses none", async () => {
  using both = pair();
  both.a.sendSync("one");
  for await (const chunk of both.b) {
    assertEquals(textOf(chunk), "one");
    break;
  }
  both.a.sendSync("two");
  both.a.close();
  let rest = "";
  for await (const chunk of both.b) rest += textOf(chunk);
  assertEquals(rest, "two");
});

Deno.test("splice() moves from a pipe into a socket, waits for room, and never blocks", async () => {
  using _dog = watchdog("splice() into a socket");
  using ends = pipe();
  using both = pair();
  ends.writer.writeSync("through a pipe");
  assertEquals(await ends.reader.splice(both.a.writer), 14);
  assertEquals(textOf(both.b.tryReceive()), "through a pipe");
  const full = fill(both.a);
  ends.writer.writeSync("more");
  const waiting = ends.reader.splice(both.a.writer);
  assert(await isPending(waiting));
  for (let left = full; left > 0;) left -= both.b.tryReceive()?.length ?? 0;
  assertEquals(await waiting, 4);
  assertEquals(textOf(await both.b.receive()), "more");
});

Deno.test("inheritable() is the same socket, which blocks", async () => {
  using both = pair();
  both.a.sendSync("x");
  for (const end of [both.b.reader, both.b.writer]) {
    using fd = end.inheritable();
    assertEquals(fcntl().fcntl(fd.number, F_GETFL) & O_NONBLOCK, 0);
    using copy = Socket.fromFd(fd);
    assertEquals(copy.peerCredentials().pid, Deno.pid);
  }
  assertEquals(textOf(await both.b.receive()), "x");
});
