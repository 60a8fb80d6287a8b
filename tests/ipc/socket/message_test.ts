// Messages: datagrams and packets.

import { IpcError, type Socket } from "@libc/ipc";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { watchdog } from "../../util.ts";
import { bytes, isPending, pair, textOf, TYPES } from "./util.ts";

const MESSAGES = ["datagram", "seqpacket"] as const;

/** Fills the buffers between a sender and its peer. Returns how many fitted. */
function fill(socket: Socket, size = 1): number {
  const message = new Uint8Array(size);
  let count = 0;
  while (socket.trySend(message)) count++;
  return count;
}

Deno.test("messages keep their bounds, in every form of sending and receiving", async () => {
  for (const type of MESSAGES) {
    using both = pair(type);
    const { a, b } = both;
    await a.send("one");
    a.sendSync(bytes("two"));
    assertStrictEquals(a.trySend("three"), true);
    assertEquals(textOf(await b.receive()), "one");
    assertEquals(textOf(b.receiveSync()), "two");
    assertEquals(textOf(b.tryReceive()), "three");
    assertStrictEquals(b.tryReceive(), undefined);
  }
});

Deno.test("messages of every size arrive as they are, each in bytes of its own", async () => {
  for (const type of MESSAGES) {
    using both = pair(type);
    const sizes = [1, 2, 63, 64, 65, 4095, 4096, 4097, 65536, 100_000];
    const received: (Uint8Array | null)[] = [];
    for (const size of sizes) {
      await both.a.send(new Uint8Array(size).fill(size % 251));
      received.push(await both.b.receive());
    }
    for (const [i, size] of sizes.entries()) {
      assertEquals(received[i]?.length, size);
      assert(received[i]?.every((byte) => byte === size % 251));
    }
  }
});

Deno.test("receive() waits for a message", async () => {
  for (const type of MESSAGES) {
    using both = pair(type);
    const waiting = both.b.receive();
    assert(await isPending(waiting));
    await both.a.send("at last");
    assertEquals(textOf(await waiting), "at last");
  }
});

Deno.test("an empty datagram is a message; datagrams have no end", async () => {
  using both = pair("datagram");
  await both.a.send("");
  both.a.sendSync("x");
  assertEquals(await both.b.receive(), new Uint8Array(0));
  assertEquals(textOf(await both.b.receive()), "x");
  both.a.close();
  assertStrictEquals(both.b.tryReceive(), undefined);
});

Deno.test("an empty packet is no end while something follows or may follow", async () => {
  using both = pair("seqpacket");
  const { a, b } = both;
  a.sendSync("");
  assertEquals(b.receiveSync(), new Uint8Array(0), "the peer is there");
  for (const text of ["", "", "last", "", ""]) a.sendSync(text);
  a.close();
  assertEquals(await b.receive(), new Uint8Array(0));
  const second = await b.receiveFds();
  assertEquals(second?.data, new Uint8Array(0));
  assertEquals(textOf(await b.receive()), "last");
  assertStrictEquals(await b.receive(), null);
  assertStrictEquals(b.tryReceiveFds(), null);
});

Deno.test("seqpacket and stream end when the peer goes, and stay ended", async () => {
  for (const type of ["seqpacket", "stream"] as const) {
    using both = pair(type);
    const { a, b } = both;
    const waiting = b.receive();
    assert(await isPending(waiting));
    a.close();
    assertStrictEquals(await waiting, null);
    assertStrictEquals(b.receiveSync(), null);
    assertStrictEquals(b.tryReceive(), null);
    assertStrictEquals(await b.receiveFds(), null);
    assertStrictEquals(b.receiveFdsSync(), null);
  }
});

Deno.test("a message longer than maxSize is EMSGSIZE, the next one untouched", async () => {
  for (const type of MESSAGES) {
    using both = pair(type);
    const { a, b } = both;
    const receives = [
      () => b.receive({ maxSize: 4 }),
      async () => await b.receiveSync({ maxSize: 4 }),
      async () => await b.tryReceiveFds({ maxSize: 4 }),
    ];
    for (const receive of receives) {
      a.sendSync("12345");
      a.sendSync("1234");
      const error = await assertRejects(receive, IpcError);
      assertEquals(error.code, "EMSGSIZE");
      assertMatch(
        error.message,
        /: the message was longer than 4 bytes, and is lost$/,
      );
      assertEquals(textOf(b.tryReceive({ maxSize: 4 })), "1234");
    }
  }
});

Deno.test("maxSize is a size, and may be larger than usual", async () => {
  using both = pair("seqpacket");
  for (const maxSize of [0, -1, 1.5, NaN, 2 ** 31]) {
    await assertRejects(
      () => both.b.receive({ maxSize }),
      RangeError,
      "maxSize must be an integer from 1",
    );
  }
  both.a.setOption("sendBuffer", 200_000);
  const size = both.a.getOption("sendBuffer") - 1024;
  assert(size > 300_000, "the limit of the kernel is as small as the default");
  await both.a.send(new Uint8Array(size).fill(7));
  const received = await both.b.receive({ maxSize: 1 << 24 });
  assertEquals(received?.length, size);
  assert(received?.every((byte) => byte === 7));
});

Deno.test("a message longer than the send buffer is EMSGSIZE", async () => {
  using both = pair("datagram");
  const error = await assertRejects(
    () => both.a.send(new Uint8Array(1 << 24)),
    IpcError,
  );
  assertEquals([error.code, error.syscall], ["EMSGSIZE", "send"]);
  assertThrows(() => both.a.trySend(new Uint8Array(1 << 24)), IpcError);
});

Deno.test("send() and receive() refuse what is no data before they wait", async () => {
  for (const type of TYPES) {
    using both = pair(type);
    // deno-lint-ignore no-explicit-any -- wrong on purpose
    const wrong = [1, 2, 3] as any;
    const message = "data must be a Uint8Array or a string, got an object";
    await assertRejects(() => both.a.send(wrong), TypeError, message);
    assertThrows(() => both.a.sendSync(wrong), TypeError, message);
    await assertRejects(
      () => both.a.receive({ timeout: -1 }),
      RangeError,
      "timeout",
    );
    await assertRejects(
      () => both.a.send("x", { timeout: NaN }),
      RangeError,
      "timeout",
    );
  }
});

Deno.test("trySend() of a stream says what to use", () => {
  using both = pair();
  assertThrows(
    () => both.a.trySend("x"),
    TypeError,
    "Cannot trySend on the unix stream socket (descriptor",
  );
  assertThrows(() => both.a.trySend("x"), TypeError, "use writer.tryWrite()");
});

// Waiting for space

Deno.test("send() waits for room, in order and whole", async () => {
  using _dog = watchdog("send() of messages");
  for (const type of MESSAGES) {
    using both = pair(type);
    const { a, b } = both;
    const full = fill(a, 8192);
    assert(full > 0);
    const sent = Promise.all(
      Array.from({ length: 20 }, (_, i) => a.send(`message ${i}`)),
    );
    assert(await isPending(sent));
    assertStrictEquals(a.trySend("overtakes"), false);
    assertThrows(
      () => a.sendSync("overtakes"),
      TypeError,
      "now: an asynchronous call is under way",
    );
    for (let i = 0; i < full; i++) {
      assertEquals((await b.receive())?.length, 8192);
    }
    for (let i = 0; i < 20; i++) {
      assertEquals(textOf(await b.receive()), `message ${i}`);
    }
    await sent;
    a.sendSync("after");
    assertEquals(textOf(b.tryReceive()), "after");
  }
});

Deno.test("send() fails when its data is taken away meanwhile, and sends no less", async () => {
  for (const type of MESSAGES) {
    using both = pair(type);
    const { a, b } = both;
    const full = fill(a, 8192);
    const detached = new Uint8Array(10);
    const resized = new Uint8Array(new ArrayBuffer(10, { maxByteLength: 20 }));
    const sent = [a.send(detached), a.send(resized)];
    detached.buffer.transfer();
    resized.buffer.resize(5);
    for (let i = 0; i < full; i++) b.receiveSync();
    for (const send of sent) {
      await assertRejects(
        () => send,
        TypeError,
        `Cannot send to ${a.label}: the data was resized or detached meanwhile`,
      );
    }
    assertStrictEquals(b.tryReceive(), undefined);
    await assertRejects(
      () => a.send(detached),
      TypeError,
      "data must not be detached",
    );
    assertStrictEquals(b.tryReceive(), undefined);
  }
});

Deno.test("sendFds() fails when its data is taken away meanwhile", async () => {
  // Ends a send that reads behind the data, or tries for ever to send nothing.
  using _dog = watchdog("sendFds() of data that was taken away");
  for (const type of TYPES) {
    using both = pair(type);
    const { a, b } = both;
    const full = new Uint8Array(8192);
    if (type === "stream") { while (a.writer.tryWrite(full) !== undefined); }
    else while (a.trySend(full));
    const detached = new Uint8Array(100);
    const resized = new Uint8Array(
      new ArrayBuffer(100, { maxByteLength: 200 }),
    );
    const sent = [a.sendFds([a], detached), a.sendFds([a], resized)];
    detached.buffer.transfer();
    resized.buffer.resize(50);
    while (b.tryReceive());
    for (const send of sent) {
      await assertRejects(
        () => send,
        TypeError,
        "the data was resized or detached meanwhile",
      );
    }
    assertStrictEquals(b.tryReceiveFds(), undefined, "nothing was sent");
  }
});

Deno.test("sendSync() and send() time out while there is no room", async () => {
  for (const type of MESSAGES) {
    using both = pair(type);
    fill(both.a, 8192);
    for (const timeout of [0, 20]) {
      const start = performance.now();
      const error = assertThrows(
        () => both.a.sendSync("x", { timeout }),
        IpcError,
        `send timed out after ${timeout} ms (ETIMEDOUT)`,
      );
      assertEquals([error.code, error.syscall], ["ETIMEDOUT", "send"]);
      assert(performance.now() - start >= timeout, "ended early");
      await assertRejects(
        () => both.a.send("x", { timeout }),
        IpcError,
        "timed out",
      );
    }
  }
});

Deno.test("receiveSync(), receiveFromSync() and receiveFdsSync() time out", async () => {
  using both = pair("datagram");
  const { b } = both;
  for (const timeout of [0, 0.5, 20]) {
    const start = performance.now();
    const calls = [
      [() => b.receiveSync({ timeout }), "recv"],
      [() => b.receiveFromSync({ timeout }), "recvfrom"],
      [() => b.receiveFdsSync({ timeout }), "recvmsg"],
    ] as const;
    for (const [call, name] of calls) {
      const error = assertThrows(
        call,
        IpcError,
        `${name} timed out after ${timeout} ms`,
      );
      assertEquals([error.code, error.syscall], ["ETIMEDOUT", name]);
    }
    assert(performance.now() - start >= 3 * timeout, "ended early");
    await assertRejects(() => b.receiveFrom({ timeout }), IpcError, "timed");
  }
  both.a.sendSync("x");
  assertEquals(textOf(b.receiveSync({ timeout: 0 })), "x");
});

Deno.test("receive()s that wait are served in their order and not overtaken", async () => {
  for (const type of MESSAGES) {
    using both = pair(type);
    const { a, b } = both;
    const waits = [b.receive(), b.receiveFds(), b.receive()];
    for (const text of ["one", "two", "three"]) a.sendSync(text);
    assertStrictEquals(b.tryReceive(), undefined);
    assertStrictEquals(b.tryReceiveFds(), undefined);
    assertThrows(() => b.receiveSync(), TypeError, "Cannot receive from");
    assertThrows(() => b.receiveFdsSync(), TypeError, "now: an asynchronous");
    const found = await Promise.all(waits);
    assertEquals(
      found.map((one) =>
        textOf(one instanceof Uint8Array || one === null ? one : one.data)
      ),
      ["one", "two", "three"],
    );
  }
});

Deno.test("for await gives every message to the end, and break loses none", async () => {
  using both = pair("seqpacket");
  for (const text of ["one", "two", "three"]) both.a.sendSync(text);
  both.a.close();
  for await (const data of both.b) {
    assertEquals(textOf(data), "one");
    break;
  }
  const rest: string[] = [];
  for await (const data of both.b) rest.push(textOf(data));
  assertEquals(rest, ["two", "three"]);
});
