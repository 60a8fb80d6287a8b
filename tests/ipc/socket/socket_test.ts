// Creating and closing sockets, and what they report.

import { IpcError, pipe, Socket, waitAny } from "@libc/ipc";
import { fcntl, O_NONBLOCK } from "@libc/ipc/ffi";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { openedSince, openFds, watchdog } from "../../util.ts";
import { STREAMS } from "../core/stream/util.ts";
import {
  abstractName,
  bytes,
  connected,
  isPending,
  LOOPBACK,
  pair,
  receiver,
  someTurns,
  textOf,
  TYPES,
} from "./util.ts";

const F_GETFD = 1;
const F_GETFL = 3;
// Making

Deno.test("open() makes a socket of each domain and type, close-on-exec and blocking", () => {
  for (
    const [domain, type] of [
      ["unix", "stream"],
      ["unix", "datagram"],
      ["unix", "seqpacket"],
      ["inet", "stream"],
      ["inet", "datagram"],
      ["inet6", "stream"],
      ["inet6", "datagram"],
    ] as const
  ) {
    using socket = Socket.open(domain, type);
    assertEquals([socket.domain, socket.type], [domain, type]);
    const fd = socket.fd.number;
    assertEquals(fcntl().fcntl(fd, F_GETFD), 1);
    assertEquals(fcntl().fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  }
});

Deno.test("open() without a type makes a stream", () => {
  using socket = Socket.open("unix");
  assertEquals(socket.type, "stream");
});

Deno.test("open() refuses unknown words with the words that there are", () => {
  assertThrows(
    // deno-lint-ignore no-explicit-any -- wrong on purpose
    () => Socket.open("local" as any),
    TypeError,
    'domain must be one of unix, inet, inet6, got "local"',
  );
  assertThrows(
    // deno-lint-ignore no-explicit-any -- wrong on purpose
    () => Socket.pair("toString" as any),
    TypeError,
    'type must be one of stream, datagram, seqpacket, got "toString"',
  );
});

Deno.test("open() of a type that the domain lacks is ESOCKTNOSUPPORT", () => {
  const error = assertThrows(() => Socket.open("inet", "seqpacket"), IpcError);
  assertEquals([error.code, error.syscall], ["ESOCKTNOSUPPORT", "socket"]);
  assertMatch(
    error.message,
    /^Cannot open an inet seqpacket socket: socket failed with ESOCKTNOSUPPORT/,
  );
});

Deno.test("Socket cannot be made by hand", () => {
  using both = pair();
  const { fd, domain, type } = both.a;
  assertThrows(
    () => new Socket({}, fd, { domain, type }),
    TypeError,
    "Cannot construct Socket directly",
  );
});

Deno.test("pair() is connected both ways, of every type", async () => {
  for (const type of TYPES) {
    using both = pair(type);
    const { a, b } = both;
    assertEquals([a.type, b.domain], [type, "unix"]);
    assertEquals(fcntl().fcntl(b.fd.number, F_GETFD), 1);
    await a.send("there");
    b.sendSync("back");
    assertEquals(textOf(b.receiveSync()), "there");
    assertEquals(textOf(await a.receive()), "back");
  }
});

Deno.test("fromFd() takes the socket behind a descriptor, of every kind", async () => {
  using both = pair("seqpacket");
  {
    using copy = Socket.fromFd(both.a.fd);
    assertEquals([copy.domain, copy.type], ["unix", "seqpacket"]);
    assertEquals(fcntl().fcntl(copy.fd.number, F_GETFD), 1);
    await copy.send("by the copy");
    assertEquals(textOf(await both.b.receive()), "by the copy");
  }
  assertEquals(both.a.peerCredentials().pid, Deno.pid, "it is still open");
  const duplicate = both.a.fd.duplicate();
  using taken = Socket.fromFd(duplicate, { takeOver: true });
  assert(duplicate.closed);
  taken.sendSync("x");
  using inet = Socket.listen(LOOPBACK[1]);
  using second = Socket.fromFd(inet.fd.number);
  assertEquals([second.domain, second.type], ["inet6", "stream"]);
  assertEquals(second.getOption("acceptingConnections"), true);
});

Deno.test("fromFd() refuses what is no socket, and leaves it open", () => {
  using ends = pipe();
  const fds = openFds(STREAMS);
  const error = assertThrows(
    () => Socket.fromFd(ends.reader.fd, { takeOver: true }),
    IpcError,
  );
  assertEquals([error.code, error.syscall], ["ENOTSOCK", "getsockopt"]);
  const none = assertThrows(() => Socket.fromFd(1_000_000), IpcError);
  assertEquals(none.code, "EBADF");
  assertThrows(() => Socket.fromFd(-1), RangeError, "fd must be an integer");
  assertEquals(openedSince(fds, STREAMS), []);
});

// Ending

Deno.test("close() twice does nothing, and closing the descriptor is the same", () => {
  using both = pair();
  const { fd } = both.a;
  both.a.close();
  both.a.close();
  both.a[Symbol.dispose]();
  assert(both.a.closed && fd.closed);
  assertThrows(
    () => both.a.fd,
    TypeError,
    "Cannot take the descriptor of a closed unix stream socket",
  );
  both.b.fd.close();
  assert(both.b.closed);
});

Deno.test("Socket.reader and Socket.writer refuse every use after close()", async () => {
  using both = pair();
  const { a: socket, a: { reader, writer } } = both;
  socket.close();
  const uses = [
    () => reader.read(bytes("x")),
    () => reader.readSync(bytes("x")),
    () => reader.tryRead(bytes("x")),
    () => writer.write("x"),
    () => writer.writeSync("x"),
    () => writer.tryWrite("x"),
  ];
  for (const use of uses) {
    await assertRejects(async () => await use(), TypeError, " a closed unix");
  }
  const connections = socket.connections();
  assertEquals(await connections.next(), { done: true, value: undefined });
});

Deno.test("close() rejects whatever waits, and only that", async () => {
  using _dog = watchdog("close()");
  const name = abstractName();
  using server = Socket.listen(name, { backlog: 0 });
  using full = Socket.listen(abstractName(), { backlog: 0 });
  const address = full.localAddress();
  assert(address !== null);
  using _first = await Socket.connect(address);
  using client = Socket.open("unix");
  using both = pair();
  using other = pair("seqpacket");
  const waits = [
    server.accept(),
    client.connect(address),
    both.a.receive(),
    both.a.send(new Uint8Array(1 << 22)),
    other.a.receiveFds(),
  ];
  const untouched = other.b.receive();
  for (let i = 0; i < 30; i++) await someTurns();
  for (const wait of waits) assert(await isPending(wait));
  for (const socket of [server, client, both.a, other.a]) socket.close();
  const actions = [
    "Cannot accept on a closed unix stream socket",
    "Cannot connect a closed unix stream socket",
    "Cannot receive from a closed unix stream socket",
    "Cannot send to a closed unix stream socket",
    "Cannot receive from a closed unix seqpacket socket",
  ];
  for (const [i, wait] of waits.entries()) {
    assert(!await isPending(wait), "at once");
    await assertRejects(() => wait, TypeError, actions[i]);
  }
  assertStrictEquals(await untouched, null, "the peer sees the end");
});

Deno.test("shutdown() ends a direction for the peer, of streams and packets", async () => {
  for (const type of ["stream", "seqpacket"] as const) {
    using both = pair(type);
    const { a, b } = both;
    const waiting = b.receive();
    a.shutdown("write");
    assertStrictEquals(await waiting, null);
    assertStrictEquals(b.tryReceive(), null);
    assertThrows(() => a.sendSync("x"), IpcError, "EPIPE");
    await b.send("still");
    assertEquals(textOf(await a.receive()), "still");
    a.shutdown("read");
    assertStrictEquals(a.receiveSync(), null);
    const error = await assertRejects(
      () => b.send("x"),
      IpcError,
      "nobody can re",
    );
    assertEquals(error.code, "EPIPE");
    b.shutdown();
    // deno-lint-ignore no-explicit-any -- wrong on purpose
    assertThrows(() => b.shutdown("neither" as any), TypeError, "direction");
  }
  using alone = Socket.open("inet");
  const error = assertThrows(() => alone.shutdown(), IpcError);
  assertEquals([error.code, error.syscall], ["ENOTCONN", "shutdown"]);
});

Deno.test("shutdown() of datagrams for reading is the end once all is read", async () => {
  using both = pair("datagram");
  const { a, b } = both;
  a.sendSync("before");
  b.shutdown("read");
  assertEquals(textOf(await b.receive()), "before");
  assertStrictEquals(await b.receive(), null);
  assertStrictEquals(b.tryReceive(), null);
  assertStrictEquals(b.tryReceiveFds(), null);
  assertThrows(
    () => b.tryReceiveFrom(),
    TypeError,
    "it is shut down for reading",
  );
  using second = pair("datagram");
  const waiting = second.b.receive();
  assert(await isPending(waiting));
  second.b.shutdown("read");
  assertStrictEquals(await waiting, null);
});

Deno.test("shutdown() of a listening socket rejects who waits for connections", async () => {
  using server = Socket.listen(abstractName());
  const waiting = server.accept();
  assert(await isPending(waiting));
  server.shutdown("read");
  const error = await assertRejects(() => waiting, IpcError, "it is shut down");
  assertEquals([error.code, error.syscall], ["EINVAL", "accept4"]);
});

// Options, credentials, readiness

Deno.test("getOption() gives back what setOption() has set", () => {
  using socket = Socket.open("inet6");
  for (
    const option of [
      "reuseAddress",
      "reusePort",
      "keepAlive",
      "noDelay",
      "ipv6Only",
    ] as const
  ) {
    assertStrictEquals(socket.getOption(option), false, option);
    socket.setOption(option, true);
    assertStrictEquals(socket.getOption(option), true, option);
    socket.setOption(option, false);
    assertStrictEquals(socket.getOption(option), false, option);
  }
  using datagrams = Socket.open("inet", "datagram");
  datagrams.setOption("broadcast", true);
  assertStrictEquals(datagrams.getOption("broadcast"), true);
  for (const option of ["sendBuffer", "receiveBuffer"] as const) {
    socket.setOption(option, 20_000);
    assertStrictEquals(socket.getOption(option), 40_000, option);
  }
  assertStrictEquals(socket.getOption("acceptingConnections"), false);
  using server = Socket.listen(abstractName());
  assertStrictEquals(server.getOption("acceptingConnections"), true);
  server.setOption("passCredentials", true);
  assertStrictEquals(server.getOption("passCredentials"), true);
});

Deno.test("getOption('error') gives the error that is pending, once", () => {
  using one = receiver();
  using socket = Socket.open("inet", "datagram");
  assertStrictEquals(socket.getOption("error"), 0);
  using gone = Socket.open("inet", "datagram");
  gone.bind(LOOPBACK[0]);
  const address = gone.localAddress();
  assert(address !== null);
  gone.close();
  socket.connectSync(address);
  socket.sendSync("nobody gets this");
  assertStrictEquals(socket.getOption("error"), 111);
  assertStrictEquals(socket.getOption("error"), 0);
  assertStrictEquals(one.socket.getOption("error"), 0);
});

Deno.test("setOption() refuses what it cannot set, and says why", () => {
  using socket = Socket.open("unix");
  assertThrows(
    // deno-lint-ignore no-explicit-any -- wrong on purpose
    () => socket.setOption("dontRoute" as any, true),
    TypeError,
    "option must be one of reuseAddress, ",
  );
  assertThrows(
    // deno-lint-ignore no-explicit-any -- wrong on purpose
    () => socket.setOption("keepAlive", 1 as any),
    TypeError,
    "keepAlive must be a boolean, got 1",
  );
  assertThrows(
    () => socket.setOption("sendBuffer", 1.5),
    RangeError,
    "sendBuffer must be an integer from 0",
  );
  assertThrows(
    () => socket.setOption("acceptingConnections", true),
    TypeError,
    "acceptingConnections can only be read",
  );
  const error = assertThrows(() => socket.setOption("noDelay", true), IpcError);
  assertEquals([error.code, error.syscall], ["EOPNOTSUPP", "setsockopt"]);
  assertMatch(error.message, /^Cannot set noDelay of unix stream socket/);
  assertThrows(() => socket.getOption("noDelay"), IpcError, "EOPNOTSUPP");
});

Deno.test("peerCredentials() says who is at the other end", async () => {
  using both = pair();
  const us = { pid: Deno.pid, uid: Deno.uid(), gid: Deno.gid() };
  assertEquals(both.a.peerCredentials(), us);
  using all = await connected();
  assertEquals(all.connection.peerCredentials(), us);
  assertEquals(all.client.peerCredentials(), us);
});

Deno.test("peerCredentials() of nobody is ENOTCONN, of the Internet a TypeError", () => {
  using alone = Socket.open("unix");
  const error = assertThrows(() => alone.peerCredentials(), IpcError);
  assertEquals([error.code, error.syscall], ["ENOTCONN", "getsockopt"]);
  using inet = Socket.open("inet");
  assertThrows(
    () => inet.peerCredentials(),
    TypeError,
    "only Unix sockets have credentials",
  );
});

Deno.test("waitAny() refuses a reader that is closed, before or meanwhile", async () => {
  using both = pair();
  const { reader } = both.b;
  const waiting = waitAny([reader]);
  assert(await isPending(waiting));
  reader.close();
  for (const wait of [waiting, waitAny([reader])]) {
    await assertRejects(() => wait, TypeError, "closed for reading");
  }
  assertStrictEquals(both.b.closed, false);
});

Deno.test("waitAny() tells which socket has a connection, a message or its end", async () => {
  using both = pair("seqpacket");
  using ending = pair();
  const name = abstractName();
  using server = Socket.listen(name);
  const any = () => waitAny([both.b, server, ending.b]);
  const first = any();
  assert(await isPending(first));
  using _client = await Socket.connect(name);
  assertStrictEquals(await first, server);
  server.tryAccept()?.close();
  await both.a.send(bytes("x"));
  assertStrictEquals(await any(), both.b);
  assertEquals(both.b.tryReceive(), bytes("x"));
  ending.a.close();
  assertStrictEquals(await any(), ending.b);
  assertStrictEquals(ending.b.tryReceive(), null);
});
