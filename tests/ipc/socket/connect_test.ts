// Connecting and accepting.

import { IpcError, Socket } from "@libc/ipc";
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
import { spawnDeno, untilBlocked, watchdog } from "../../util.ts";
import {
  abstractName,
  connected,
  isPending,
  LOOPBACK,
  receiver,
  textOf,
} from "./util.ts";

const F_GETFD = 1;
const F_GETFL = 3;

Deno.test("listen(), connect() and accept() make a connection, of both types", async () => {
  for (const type of ["stream", "seqpacket"] as const) {
    const name = abstractName();
    using server = Socket.listen(name, { type });
    const accepted = server.accept();
    assert(await isPending(accepted));
    using client = await Socket.connect(name, { type });
    using connection = await accepted;
    assertEquals([connection.type, connection.domain], [type, "unix"]);
    assertEquals(fcntl().fcntl(connection.fd.number, F_GETFD), 1);
    assert((fcntl().fcntl(server.fd.number, F_GETFL) & O_NONBLOCK) !== 0);
    await client.send("hello");
    assertEquals(textOf(await connection.receive()), "hello");
    await connection.send("world");
    assertEquals(textOf(await client.receive()), "world");
  }
});

Deno.test("acceptSync() and connectSync() do the same, blocking", () => {
  const name = abstractName();
  using server = Socket.listen(name);
  using client = Socket.open("unix");
  client.connectSync(name);
  using connection = server.acceptSync({ timeout: 1000 });
  client.sendSync("hello");
  assertEquals(textOf(connection.receiveSync()), "hello");
});

Deno.test("tryAccept() and tryConnect() do the same if they can at once", () => {
  const name = abstractName();
  using server = Socket.listen(name);
  assertStrictEquals(server.tryAccept(), undefined);
  using client = Socket.open("unix");
  assertStrictEquals(client.tryConnect(name), true);
  using connection = server.tryAccept();
  assertInstanceOf(connection, Socket);
  assertStrictEquals(server.tryAccept(), undefined);
});

Deno.test("connect() of the Internet family works on loopback, in all three forms", async () => {
  for (const address of LOOPBACK) {
    using server = Socket.listen(address);
    const at = server.localAddress();
    assert(at !== null && at.family === address.family && at.port > 0);
    using first = await Socket.connect(at);
    using second = Socket.open(at.family);
    second.connectSync(at, { timeout: 5000 });
    using third = Socket.open(at.family);
    while (!third.tryConnect(at));
    for (const client of [first, second, third]) {
      using connection = await server.accept();
      assertEquals(connection.peerAddress(), client.localAddress());
      assertEquals(client.peerAddress(), at);
      await client.send("over IP");
      assertEquals(textOf(await connection.receive()), "over IP");
    }
  }
});

Deno.test("listen() takes a port again at once after its connections", async () => {
  for (const any of LOOPBACK) {
    const server = Socket.listen(any);
    const address = server.localAddress();
    assert(address !== null);
    using client = await Socket.connect(address);
    // The side that closes first keeps the port for a while (TIME_WAIT).
    server.acceptSync().close();
    assertStrictEquals(await client.receive(), null);
    client.close();
    server.close();
    using again = Socket.listen(address);
    assertEquals(again.localAddress(), address);
  }
});

Deno.test("connect() leaves the socket blocking for a child, connected or not", async () => {
  const name = abstractName();
  using server = Socket.listen(name);
  using client = await Socket.connect(name);
  using connection = await server.accept();
  using refused = Socket.open("unix");
  await assertRejects(() => refused.connect(abstractName()), IpcError);
  for (const socket of [client, connection, refused]) {
    assertEquals(fcntl().fcntl(socket.fd.number, F_GETFL) & O_NONBLOCK, 0);
  }
});

Deno.test("connect() to nobody is ECONNREFUSED, and says to whom", async () => {
  const name = abstractName();
  const error = await assertRejects(() => Socket.connect(name), IpcError);
  assertEquals([error.code, error.syscall], ["ECONNREFUSED", "connect"]);
  assertMatch(
    error.message,
    /^Cannot connect unix stream socket \(descriptor \d+\) to "\\u0000.+": connect failed with ECONNREFUSED \(.+\): nobody listens there$/,
  );
  for (const address of LOOPBACK) {
    const closed = Socket.listen(address);
    const at = closed.localAddress();
    closed.close();
    assert(at !== null);
    const refused = await assertRejects(() => Socket.connect(at), IpcError);
    assertEquals(refused.code, "ECONNREFUSED");
    using socket = Socket.open(at.family);
    const sync = assertThrows(() => socket.connectSync(at), IpcError);
    assertEquals(sync.code, "ECONNREFUSED");
  }
});

Deno.test("connect() again is EISCONN", async () => {
  using all = await connected();
  const address = all.server.localAddress();
  assert(address !== null);
  for (
    const connect of [
      () => all.client.connect(address),
      async () => await all.client.connectSync(address),
    ]
  ) {
    const error = await assertRejects(connect, IpcError);
    assertEquals(error.code, "EISCONN");
  }
});

Deno.test("connect() of datagrams chooses the peer, and another one later", async () => {
  using one = receiver();
  using two = receiver();
  using sender = await Socket.connect(one.name, { type: "datagram" });
  await sender.send("for one");
  assertEquals(textOf(one.socket.tryReceive()), "for one");
  await sender.connect(two.name);
  sender.sendSync("for two");
  assertEquals(textOf(two.socket.tryReceive()), "for two");
});

Deno.test("connect() waits while the backlog is full, and times out", async () => {
  using _dog = watchdog("a full backlog");
  const name = abstractName();
  using server = Socket.listen(name, { backlog: 0 });
  using _first = await Socket.connect(name);
  using client = Socket.open("unix");
  assertStrictEquals(client.tryConnect(name), false);
  const blocks = () =>
    (fcntl().fcntl(client.fd.number, F_GETFL) & O_NONBLOCK) === 0;
  assert(blocks());
  for (const timeout of [0, 30]) {
    const start = performance.now();
    const late = assertThrows(
      () => client.connectSync(name, { timeout }),
      IpcError,
      `connect timed out after ${timeout} ms (ETIMEDOUT)`,
    );
    assertEquals(late.code, "ETIMEDOUT");
    assert(performance.now() - start >= timeout, "ended early");
    const later = await assertRejects(
      () => client.connect(name, { timeout }),
      IpcError,
    );
    assertEquals(later.code, "ETIMEDOUT");
    assert(blocks());
  }
  const connecting = client.connect(name);
  assert(await isPending(connecting));
  using _one = await server.accept();
  await connecting;
  using _two = await server.accept();
});

Deno.test("connectSync() blocks while the backlog is full, until there is room", async () => {
  using _dog = watchdog("connectSync()");
  const name = abstractName();
  using server = Socket.listen(name, { backlog: 0 });
  using _first = await Socket.connect(name);
  await using child = spawnDeno(
    `import { Socket } from "@libc/ipc/socket";
    for (const options of [undefined, { timeout: 60_000 }]) {
      using socket = Socket.open("unix");
      console.log("connecting");
      socket.connectSync(${JSON.stringify(name)}, options);
      console.log("connected");
    }`,
  );
  for (let i = 0; i < 2; i++) {
    assertEquals(await child.line(), "connecting");
    await untilBlocked(child.pid, "unix_wait_for_peer");
    using _one = await server.accept();
    assertEquals(await child.line(), "connected");
  }
});

Deno.test("connect() of the Internet family waits, times out and aborts", async () => {
  using _dog = watchdog("connect() that waits");
  using server = Socket.listen(LOOPBACK[0], { backlog: 0 });
  const at = server.localAddress();
  assert(at !== null);
  using stack = new DisposableStack();
  const open = () => stack.use(Socket.open("inet"));
  // Linux takes one more than the backlog, and then answers no handshake.
  let client = open();
  for (let i = 0; i < 20; i++) {
    const late = await client.connect(at, { timeout: 50 }).catch((e) => e);
    if (late instanceof IpcError && late.code === "ETIMEDOUT") break;
    client = open();
  }
  assertStrictEquals(client.tryConnect(at), false);
  const error = assertThrows(
    () => client.connectSync(at, { timeout: 5 }),
    IpcError,
    "timed out after 5 ms",
  );
  assertEquals(error.code, "ETIMEDOUT");
  const controller = new AbortController();
  const connecting = client.connect(at, { signal: controller.signal });
  assert(await isPending(connecting));
  controller.abort(new RangeError("enough"));
  await assertRejects(() => connecting, RangeError, "enough");
  const waiting = open().connect(at);
  assert(await isPending(waiting));
  while (
    server.tryAccept()?.close() === undefined && await isPending(waiting)
  ) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await waiting;
});

Deno.test("listen() of datagrams is EOPNOTSUPP, of a socket without an address EINVAL", () => {
  using datagrams = receiver();
  const datagram = assertThrows(() => datagrams.socket.listen(), IpcError);
  assertEquals([datagram.code, datagram.syscall], ["EOPNOTSUPP", "listen"]);
  using unbound = Socket.open("unix");
  const none = assertThrows(() => unbound.listen(), IpcError);
  assertEquals(none.code, "EINVAL");
  assertThrows(() => unbound.listen(-1), RangeError, "backlog must be an");
});

Deno.test("listen() refuses a wrong address, type or backlog", () => {
  assertThrows(() => Socket.listen("/a\0b"), TypeError, "path must not");
  assertThrows(
    () => Socket.listen(abstractName(), { backlog: 1.5 }),
    RangeError,
    "backlog must be an integer",
  );
  assertThrows(
    () => Socket.listen("/nowhere/to/be/found", { type: "seqpacket" }),
    IpcError,
    "ENOENT",
  );
});

Deno.test("accept() where nobody listens is EINVAL", async () => {
  using socket = Socket.open("unix");
  socket.bind(abstractName());
  const error = await assertRejects(() => socket.accept(), IpcError);
  assertEquals([error.code, error.syscall], ["EINVAL", "accept4"]);
});

Deno.test("accept() times out and aborts, before and while it waits", async () => {
  using server = Socket.listen(abstractName());
  for (const timeout of [0, 0.5, 20]) {
    const start = performance.now();
    const late = assertThrows(
      () => server.acceptSync({ timeout }),
      IpcError,
      `accept4 timed out after ${timeout} ms (ETIMEDOUT)`,
    );
    assertEquals(late.code, "ETIMEDOUT");
    assert(performance.now() - start >= timeout, "ended early");
    await assertRejects(
      () => server.accept({ timeout }),
      IpcError,
      "timed out",
    );
  }
  const reason = new RangeError("enough");
  await assertRejects(
    () => server.accept({ signal: AbortSignal.abort(reason) }),
    RangeError,
    "enough",
  );
  const controller = new AbortController();
  const accepted = server.accept(controller);
  assert(await isPending(accepted));
  controller.abort(reason);
  await assertRejects(() => accepted, RangeError, "enough");
});

Deno.test("accept()s that wait are served in their order and not overtaken", async () => {
  const name = abstractName();
  using server = Socket.listen(name);
  const order: number[] = [];
  const waits = [0, 1, 2].map(async (i) => {
    using _connection = await server.accept();
    order.push(i);
  });
  using stack = new DisposableStack();
  const client = stack.use(Socket.open("unix"));
  client.connectSync(name);
  assertStrictEquals(server.tryAccept(), undefined);
  assertThrows(
    () => server.acceptSync(),
    TypeError,
    "now: an asynchronous call is under way",
  );
  for (let i = 0; i < 2; i++) stack.use(await Socket.connect(name));
  await Promise.all(waits);
  assertEquals(order, [0, 1, 2]);
});

Deno.test("connections() gives who comes, and ends when the socket is closed", async () => {
  const name = abstractName();
  using server = Socket.listen(name);
  const served = (async () => {
    const texts = [];
    for await (const connection of server.connections()) {
      using _connection = connection;
      texts.push(textOf(await connection.receive()));
    }
    return texts;
  })();
  for (const text of ["one", "two"]) {
    using client = await Socket.connect(name);
    await client.send(text);
    assertStrictEquals(await client.receive(), null);
  }
  server.close();
  assertEquals(await served, ["one", "two"]);
});

Deno.test("connections() throws what accept() does, and can be left", async () => {
  const name = abstractName();
  using server = Socket.listen(name);
  const reason = new RangeError("enough");
  const controller = new AbortController();
  const next = server.connections(controller).next();
  controller.abort(reason);
  await assertRejects(() => next, RangeError, "enough");
  using _client = await Socket.connect(name);
  for await (const connection of server.connections()) {
    connection.close();
    break;
  }
  assertEquals(server.closed, false);
});
