// Datagrams to and from addresses.

import { IpcError, Socket } from "@libc/ipc";
import { unistd } from "@libc/ipc/ffi";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { encodeAddress } from "../../../ipc/socket/_address.ts";
import { Backpressure } from "../../../ipc/socket/_backpressure.ts";
import { sleeps, spawnDeno, untilBlocked, watchdog } from "../../util.ts";
import {
  abstractName,
  folder,
  isPending,
  pair,
  receiver,
  someTurns,
  textOf,
} from "./util.ts";

Deno.test("sendTo() and receiveFrom() say to whom and from whom, in every form", async () => {
  using dir = folder();
  const path = `${dir.path}/s`;
  using server = Socket.open("unix", "datagram");
  server.bind(path);
  using client = receiver();
  const from = { family: "unix", path: client.name } as const;
  await client.socket.sendTo("one", path);
  client.socket.sendToSync("two", { family: "unix", path });
  assertStrictEquals(client.socket.trySendTo("three", path), true);
  const found = [
    await server.receiveFrom(),
    server.receiveFromSync(),
    server.tryReceiveFrom(),
  ];
  assertEquals(found.map((one) => textOf(one?.data)), ["one", "two", "three"]);
  for (const one of found) assertEquals(one?.address, from);
  assertStrictEquals(server.tryReceiveFrom(), undefined);
  await server.sendTo("answer", client.name);
  assertEquals(textOf(await client.socket.receive()), "answer");
});

Deno.test("sendTo() and receiveFrom() work over IPv4 and IPv6", async () => {
  for (
    const any of [
      { family: "inet", address: "127.0.0.1", port: 0 },
      { family: "inet6", address: "::1", port: 0 },
    ] as const
  ) {
    using a = Socket.open(any.family, "datagram");
    using b = Socket.open(any.family, "datagram");
    a.bind(any);
    b.bind(any);
    const [from, to] = [a.localAddress(), b.localAddress()];
    assert(from !== null && to !== null);
    const waiting = b.receiveFrom();
    assert(await isPending(waiting));
    await a.sendTo("over UDP", to);
    const { data, address } = await waiting;
    assertEquals([textOf(data), address], ["over UDP", from]);
    b.sendToSync("", from);
    assertStrictEquals(b.trySendTo("x".repeat(60_000), from), true);
    assertEquals((await a.receiveFrom()).data.length, 0);
    assertEquals((await a.receiveFrom()).data.length, 60_000);
    const error = await assertRejects(
      () => a.sendTo(new Uint8Array(66_000), to),
      IpcError,
    );
    assertEquals([error.code, error.syscall], ["EMSGSIZE", "sendto"]);
  }
});

Deno.test("sendTo() to nobody names the address", async () => {
  using dir = folder();
  using socket = Socket.open("unix", "datagram");
  const missing = `${dir.path}/missing`;
  const error = await assertRejects(
    () => socket.sendTo("x", missing),
    IpcError,
  );
  assertEquals([error.code, error.syscall], ["ENOENT", "sendto"]);
  assert(
    error.message.includes(
      `(descriptor ${socket.fd.number}) to "${missing}": sendto failed with ENOENT`,
    ),
  );
  const refused = assertThrows(
    () => socket.sendToSync("x", abstractName()),
    IpcError,
    "nobody receives there",
  );
  assertEquals(refused.code, "ECONNREFUSED");
  using stream = Socket.listen(`${dir.path}/stream`);
  assertEquals(stream.type, "stream");
  assertThrows(
    () => socket.trySendTo("x", `${dir.path}/stream`),
    IpcError,
    "EPROTOTYPE",
  );
});

Deno.test("sendTo() and receiveFrom() are for datagrams only", async () => {
  for (const type of ["stream", "seqpacket"] as const) {
    using both = pair(type);
    await assertRejects(
      () => both.a.sendTo("x", abstractName()),
      TypeError,
      `Cannot sendTo on the unix ${type} socket`,
    );
    assertThrows(() => both.a.trySendTo("x", "y"), TypeError, "use send()");
    assertThrows(() => both.a.sendToSync("x", "y"), TypeError, "use send()");
    await assertRejects(
      () => both.a.receiveFrom(),
      TypeError,
      "use receive()",
    );
    assertThrows(() => both.a.receiveFromSync(), TypeError, "use receive()");
    assertThrows(() => both.a.tryReceiveFrom(), TypeError, "use receive()");
  }
});

Deno.test("sendTo() waits for room at each receiver by itself, in order", async () => {
  using _dog = watchdog("sendTo()");
  using slow = receiver();
  using quick = receiver();
  using sender = Socket.open("unix", "datagram");
  let full = 0;
  while (sender.trySendTo("fill", slow.name)) full++;
  const order: number[] = [];
  const sent = Promise.all(Array.from({ length: 30 }, async (_, i) => {
    await sender.sendTo(String(i), slow.name);
    order.push(i);
  }));
  assert(await isPending(sent));
  assertStrictEquals(sender.trySendTo("overtakes", slow.name), false);
  assertThrows(
    () => sender.sendToSync("overtakes", slow.name),
    TypeError,
    "now: an asynchronous call is under way",
  );
  // It may not overtake either while the waiting calls have not noticed the
  // space.
  assertEquals(textOf(slow.socket.receiveSync()), "fill");
  assertStrictEquals(sender.trySendTo("overtakes", slow.name), false);
  await sender.sendTo("no need to wait", quick.name);
  assertEquals(textOf(quick.socket.tryReceive()), "no need to wait");
  const texts: (string | null)[] = [];
  for (let i = 1; i < full + 30; i++) {
    texts.push(textOf(await slow.socket.receive()));
  }
  await sent;
  const numbers = Array.from({ length: 30 }, (_, i) => i);
  assertEquals(texts.slice(full - 1), numbers.map(String));
  assertEquals(order, numbers);
  sender.sendToSync("after", slow.name);
});

Deno.test("sendTo() that waits times out, aborts, and ends with its socket", async () => {
  using slow = receiver();
  using sender = Socket.open("unix", "datagram");
  while (sender.trySendTo("fill", slow.name));
  for (const timeout of [0, 20]) {
    const start = performance.now();
    const error = assertThrows(
      () => sender.sendToSync("x", slow.name, { timeout }),
      IpcError,
      `sendto timed out after ${timeout} ms`,
    );
    assertEquals([error.code, error.syscall], ["ETIMEDOUT", "sendto"]);
    assert(performance.now() - start >= timeout, "ended early");
    await assertRejects(
      () => sender.sendTo("x", slow.name, { timeout }),
      IpcError,
      "timed out",
    );
  }
  const controller = new AbortController();
  const aborted = sender.sendTo("x", slow.name, controller);
  const behind = sender.sendTo("y", slow.name);
  assert(await isPending(aborted));
  controller.abort(new RangeError("enough"));
  await assertRejects(() => aborted, RangeError, "enough");
  assert(await isPending(behind));
  await assertRejects(
    () => sender.sendTo("x", slow.name, { signal: controller.signal }),
    RangeError,
    "enough",
  );
  const waiting = sender.sendTo("z", slow.name);
  sender.close();
  for (const wait of [behind, waiting]) {
    await assertRejects(
      () => wait,
      TypeError,
      "Cannot send from a closed unix",
    );
  }
});

Deno.test("a sendTo() is waited for that comes while the one before it ends", async () => {
  using slow = receiver();
  const target = encodeAddress({ family: "unix", path: slow.name });
  const subject = { syscall: "sendto", action: "send from", object: "it" };
  const microtasks = async (count: number) => {
    for (let i = 0; i < count; i++) await null;
  };
  for (let i = 0; i < 16; i++) {
    using sender = Socket.open("unix", "datagram");
    const backpressure = new Backpressure(sender.fd);
    const send = (attempt: () => true | undefined) =>
      backpressure.send(target, attempt, undefined, subject);
    let room = false;
    const others = async () => {
      await microtasks(i % 4);
      const second = send(() => true);
      await microtasks(i >> 2);
      const third = send(() => room || undefined);
      await microtasks(20);
      assert(backpressure.isBusy(target), "the third waits");
      room = true;
      await Promise.all([second, third]);
      assert(!backpressure.isBusy(target));
    };
    let following: Promise<void> | undefined;
    let attempts = 0;
    await send(() => {
      // Start the others only while this call waits in the queue.
      if (++attempts < 3) return undefined;
      following = others();
      return true;
    });
    await following;
  }
});

Deno.test("sendTo() fails when its data is taken away meanwhile, and sends no less", async () => {
  using slow = receiver();
  using sender = Socket.open("unix", "datagram");
  while (sender.trySendTo("fill", slow.name));
  const data = new Uint8Array(10);
  const sent = sender.sendTo(data, slow.name);
  data.buffer.transfer();
  while (slow.socket.tryReceive());
  await assertRejects(
    () => sent,
    TypeError,
    "the data was resized or detached meanwhile",
  );
  assertStrictEquals(slow.socket.tryReceive(), undefined);
});

Deno.test("sendTo() that waits fails when its receiver goes, and finds the next", async () => {
  using _dog = watchdog("sendTo() to who goes");
  const first = receiver();
  using sender = Socket.open("unix", "datagram");
  while (sender.trySendTo("fill", first.name));
  const waiting = sender.sendTo("x", first.name);
  assert(await isPending(waiting));
  first[Symbol.dispose]();
  const error = await assertRejects(() => waiting, IpcError);
  assertEquals(error.code, "ECONNREFUSED");
  // The next owner of the name is full as well, and has space later.
  const again = receiver();
  while (sender.trySendTo("fill", again.name));
  const second = sender.sendTo("for the next one", again.name);
  assert(await isPending(second));
  again.socket.close();
  using next = Socket.open("unix", "datagram");
  next.bind(again.name);
  using other = Socket.open("unix", "datagram");
  let full = 0;
  while (other.trySendTo("fill", again.name)) full++;
  // The wait must sleep instead of polling.
  const thread = `${Deno.pid}/task/${unistd().gettid()}`;
  const before = sleeps(thread);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert(await isPending(second));
  const asked = sleeps(thread) - before;
  assert(asked < 20, `woke up ${asked} times`);
  for (let i = 0; i < full; i++) {
    assertEquals(textOf(await next.receive()), "fill");
  }
  await second;
  assertEquals(textOf(await next.receive()), "for the next one");
});

Deno.test("sendToSync() blocks until a receiver in another process has room", async () => {
  using _dog = watchdog("sendToSync()");
  using slow = receiver();
  await using child = spawnDeno(
    `import { Socket } from "@libc/ipc/socket";
    const to = ${JSON.stringify(slow.name)};
    using socket = Socket.open("unix", "datagram");
    const fill = () => {
      let count = 0;
      while (socket.trySendTo("fill", to)) count++;
      console.log(count);
    };
    fill();
    socket.sendToSync("without a limit", to);
    await Deno.stdin.read(new Uint8Array(9));
    fill();
    socket.sendToSync("with a limit", to, { timeout: 60_000 });`,
  );
  for (const text of ["without a limit", "with a limit"]) {
    const count = Number(await child.line());
    await untilBlocked(child.pid, "unix_wait_for_peer");
    for (let i = 0; i < count; i++) {
      assertEquals(textOf(slow.socket.receiveSync()), "fill");
    }
    assertEquals(textOf(await slow.socket.receive()), text);
    await child.write("on");
  }
  assertEquals((await child.end()).code, 0);
});

Deno.test("send() to a connected receiver that is full waits for an event", async () => {
  using _dog = watchdog("send() to who is full");
  using slow = receiver();
  using sender = await Socket.connect(slow.name, { type: "datagram" });
  let full = 0;
  while (sender.trySend("fill")) full++;
  const waiting = sender.send("at last");
  for (let i = 0; i < 20; i++) await someTurns();
  assert(await isPending(waiting));
  for (let i = 0; i < full; i++) slow.socket.receiveSync();
  await waiting;
  assertEquals(textOf(slow.socket.tryReceive()), "at last");
  const second = sender.send("y".repeat(10));
  await second;
  slow.socket.close();
  const error = await assertRejects(() => sender.send("x"), IpcError);
  assertEquals([error.code, error.syscall], ["ECONNREFUSED", "send"]);
});
