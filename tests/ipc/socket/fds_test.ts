// Descriptors and credentials over Unix sockets.

import {
  type Fd,
  type FdMessage,
  IpcError,
  Memfd,
  pipe,
  PipeReader,
  Socket,
} from "@libc/ipc";
import { fcntl, unistd } from "@libc/ipc/ffi";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { spawnCommand, spawnDeno, watchdog } from "../../util.ts";
import {
  abstractName,
  bytes,
  isPending,
  NO_PYTHON,
  pair,
  textOf,
  TYPES,
} from "./util.ts";

const F_GETFD = 1;

/** Closes the descriptors of a message and returns their number. */
function closeAll(message: FdMessage | null | undefined): number {
  const { fds = [] } = message ?? {};
  for (const fd of fds) fd.close();
  return fds.length;
}

/** A list that repeats the same descriptor. */
function times(fd: Fd, count: number): Fd[] {
  return Array.from({ length: count }, () => fd);
}

Deno.test("sendFds() and receiveFds() pass open files, in every form, of every type", async () => {
  using ends = pipe();
  for (const type of TYPES) {
    using both = pair(type);
    const { a, b } = both;
    const found: (FdMessage | null | undefined)[] = [];
    await a.sendFds([ends.writer], "one");
    found.push(await b.receiveFds());
    a.sendFdsSync([ends.writer.fd], bytes("two"));
    found.push(b.receiveFdsSync());
    await a.sendFds([ends.writer], "three", { timeout: 1000 });
    found.push(b.tryReceiveFds());
    assertStrictEquals(b.tryReceiveFds(), undefined);
    assertEquals(found.map((one) => textOf(one?.data)), [
      "one",
      "two",
      "three",
    ]);
    for (const message of found) {
      assertEquals(message?.fds.length, 1);
      assertStrictEquals(message?.fdsLost, false);
      const [fd] = message?.fds ?? [];
      assertEquals(
        fcntl().fcntl(fd?.number ?? -1, F_GETFD),
        1,
        "close-on-exec",
      );
      assert(fd?.number !== ends.writer.fd.number);
      closeAll(message);
    }
  }
  assert(!ends.writer.closed, "what was sent stays open");
});

Deno.test("what is received works as what was sent", async () => {
  using both = pair("seqpacket");
  using ends = pipe();
  using memory = Memfd.create("passed", { size: 100 });
  using socket = pair();
  await both.a.sendFds([ends.reader, memory, socket.a]);
  const message = await both.b.receiveFds();
  assertEquals(textOf(message?.data), "\0");
  const [first, second, third] = message?.fds ?? [];
  assert(first && second && third);
  using reader = PipeReader.fromFd(first, { takeOver: true });
  using copy = Memfd.fromFd(second, { takeOver: true });
  using other = Socket.fromFd(third, { takeOver: true });
  ends.writer.writeSync("x");
  assertEquals(reader.readSync(new Uint8Array(9)), 1);
  copy.map().bytes[5] = 7;
  assertEquals(memory.map().bytes[5], 7);
  other.sendSync("passed on");
  assertEquals(textOf(socket.b.tryReceive()), "passed on");
});

Deno.test("sendFds() takes 253 at once, and refuses none, 254 and what is none", async () => {
  using ends = pipe();
  for (const type of TYPES) {
    using both = pair(type);
    await both.a.sendFds(times(ends.reader.fd, 253), "all");
    const message = await both.b.receiveFds();
    assertEquals([message?.fds.length, message?.fdsLost], [253, false]);
    assertEquals(textOf(message?.data), "all");
    const numbers = new Set(message?.fds.map((fd) => fd.number));
    assertEquals(numbers.size, 253);
    closeAll(message);
    for (const count of [0, 254]) {
      await assertRejects(
        () => both.a.sendFds(times(ends.reader.fd, count)),
        RangeError,
        `the number of descriptors must be an integer from 1 to 253, got ${count}`,
      );
    }
    assertThrows(
      // deno-lint-ignore no-explicit-any -- wrong on purpose
      () => both.a.sendFdsSync([5 as any]),
      TypeError,
      "fds must hold descriptors or what has one, got 5",
    );
    assertThrows(
      () => both.a.sendFdsSync([ends.reader], ""),
      RangeError,
      "data must be at least one byte",
    );
    assertStrictEquals(both.b.tryReceive(), undefined, "nothing was sent");
  }
});

Deno.test("sendFds() refuses a closed descriptor, also one closed while it waits", async () => {
  using both = pair("seqpacket");
  const ends = pipe();
  const { fd } = ends.reader;
  ends[Symbol.dispose]();
  await assertRejects(
    () => both.a.sendFds([fd]),
    TypeError,
    "Cannot send a closed pipe",
  );
  using later = pipe();
  const full = new Uint8Array(8192);
  while (both.a.trySend(full));
  const waiting = both.a.sendFds([later.reader]);
  assert(await isPending(waiting));
  later.reader.close();
  while (both.b.tryReceive());
  await assertRejects(() => waiting, TypeError, "Cannot send a closed pipe");
});

Deno.test("descriptors pass over Unix sockets only", async () => {
  using inet = Socket.open("inet");
  await assertRejects(
    () => inet.sendFds([inet]),
    TypeError,
    "only Unix sockets pass them",
  );
  assertThrows(() => inet.sendFdsSync([inet]), TypeError, "Cannot send desc");
  await assertRejects(() => inet.receiveFds(), TypeError, "only Unix sockets");
  assertThrows(() => inet.receiveFdsSync(), TypeError, "Cannot receive desc");
  assertThrows(() => inet.tryReceiveFds(), TypeError, "only Unix sockets");
});

Deno.test("descriptors come with the first byte of theirs in a stream", async () => {
  using both = pair();
  const { a, b } = both;
  a.sendSync("before ");
  await a.sendFds([a, a], "with ");
  a.sendSync("after");
  let text = "";
  const counts: number[] = [];
  while (text.length < 17) {
    const message = await b.receiveFds();
    text += textOf(message?.data ?? null);
    counts.push(closeAll(message));
  }
  assertEquals(text, "before with after");
  assertEquals(counts.filter((count) => count > 0), [2]);
});

Deno.test("sendFds() of a long message, send() and sendFds() are never mixed", async () => {
  using _dog = watchdog("sendFds() among others");
  using both = pair();
  const { a, b } = both;
  const letters = ["a", "b", "c", "d"];
  const sent = Promise.all(
    letters.map((letter, i) =>
      i % 2 === 0
        ? a.sendFds([a], letter.repeat(300_000))
        : a.send(letter.repeat(300_000))
    ),
  );
  assertThrows(
    () => a.sendFdsSync([a]),
    TypeError,
    "now: an asynchronous call",
  );
  assertThrows(() => a.sendSync("x"), TypeError, "now: an asynchronous call");
  assertStrictEquals(a.writer.tryWrite("x"), undefined);
  let text = "";
  let fds = 0;
  while (text.length < 1_200_000) {
    const message = await b.receiveFds();
    text += textOf(message?.data ?? null);
    fds += closeAll(message);
  }
  await sent;
  assertEquals(fds, 2);
  assert(text === letters.map((letter) => letter.repeat(300_000)).join(""));
  assertEquals(a.writer.bytesWritten, 1_200_000);
});

Deno.test("receiveFds() gives data without descriptors, and null at the end", async () => {
  for (const type of ["stream", "seqpacket"] as const) {
    using both = pair(type);
    both.a.sendSync("just data");
    const message = await both.b.receiveFds();
    assertEquals(message, {
      data: bytes("just data"),
      fds: [],
      fdsLost: false,
      credentials: undefined,
    });
    both.a.sendFdsSync([both.a]);
    assertEquals(closeAll(await both.b.receiveFds({ maxSize: 1 })), 1);
    both.a.close();
    assertStrictEquals(await both.b.receiveFds(), null);
  }
});

Deno.test("receive() keeps no descriptor that comes with data", async () => {
  for (const type of TYPES) {
    using both = pair(type);
    using ends = pipe();
    both.a.sendFdsSync([ends.writer], "data");
    assertEquals(textOf(await both.b.receive()), "data");
    ends.writer.close();
    assertStrictEquals(
      await ends.reader.read(new Uint8Array(1)),
      null,
      "no other writer is open",
    );
  }
});

Deno.test("receiveFds() closes what comes with a message that is too long", async () => {
  using both = pair("seqpacket");
  using ends = pipe();
  both.a.sendFdsSync([ends.writer], "longer");
  const error = await assertRejects(
    () => both.b.receiveFds({ maxSize: 3 }),
    IpcError,
    "the message was longer than 3 bytes",
  );
  assertEquals([error.code, error.syscall], ["EMSGSIZE", "recvmsg"]);
  ends.writer.close();
  assertStrictEquals(await ends.reader.read(new Uint8Array(1)), null);
});

Deno.test("receiveFds() is right while garbage is collected", async () => {
  using both = pair("seqpacket");
  for (let i = 0; i < 2000; i++) {
    const data = Uint8Array.from({ length: 1 + i % 64 }, (_, j) => i + j);
    await both.a.sendFds([both.a], data);
    // Small arrays live on the V8 heap until their address is taken.
    const garbage = Array.from(
      { length: 50 },
      () => new Uint8Array(60).fill(9),
    );
    const message = await both.b.receiveFds({ maxSize: 64 });
    assertEquals(message?.data, data);
    assertEquals(closeAll(message) + garbage.length, 51);
  }
});

Deno.test("credentials come with messages when they were asked for", async () => {
  const us = { pid: Deno.pid, uid: Deno.uid(), gid: Deno.gid() };
  for (const type of TYPES) {
    using both = pair(type);
    both.b.setOption("passCredentials", true);
    both.a.sendSync("data");
    assertEquals((await both.b.receiveFds())?.credentials, us);
    both.a.sendFdsSync(times(both.a.fd, 253), "everything");
    const message = await both.b.receiveFds();
    assertEquals(message?.credentials, us);
    assertEquals([closeAll(message), message?.fdsLost], [253, false]);
    if (type === "datagram") continue;
    both.a.close();
    assertStrictEquals(await both.b.receiveFds(), null);
  }
});

// Strangers

Deno.test("credentials and descriptors come from another process", async () => {
  const name = abstractName();
  using server = Socket.listen(name, { type: "seqpacket" });
  await using child = spawnDeno(
    `import { Socket } from "@libc/ipc/socket";
    import { pipe } from "@libc/ipc/pipe";
    using socket = await Socket.connect(${JSON.stringify(name)}, {
      type: "seqpacket",
    });
    using ends = pipe();
    await socket.sendFds([ends.reader, ends.writer], String(Deno.pid));
    const buffer = new Uint8Array(100);
    await socket.receive();
    console.log(ends.reader.readSync(buffer));`,
  );
  using connection = await server.accept();
  assertEquals(connection.peerCredentials().pid, child.pid);
  const message = await connection.receiveFds();
  assertEquals(textOf(message?.data), String(child.pid));
  const [reader, writer] = message?.fds ?? [];
  assert(reader && writer);
  const text = bytes("from the parent");
  assertEquals(unistd().write(writer.number, text, text.length), text.length);
  closeAll(message);
  await connection.send("go on");
  assertEquals(await child.line(), "15");
});

Deno.test("a Memfd that is passed is the same memory in another process", async () => {
  using _dog = watchdog("a passed Memfd");
  const name = abstractName();
  using server = Socket.listen(name);
  await using child = spawnDeno(
    `import { Memfd } from "@libc/ipc/memfd";
    import { Socket } from "@libc/ipc/socket";
    using socket = await Socket.connect(${JSON.stringify(name)});
    const { fds: [fd] } = await socket.receiveFds();
    using theirs = Memfd.fromFd(fd, { takeOver: true, requireSeals: ["shrink"] });
    using mapping = theirs.map();
    console.log(theirs.name, theirs.size, theirs.seals.join());
    mapping.bytes[1] = mapping.bytes[0] + 1;
    // And one of its own, the other way, which outlives it.
    using own = Memfd.create("back", { size: 8192 });
    own.pwrite(new Uint8Array([7, 8, 9]), 5000);
    await socket.sendFds([own], "mine");`,
  );
  using connection = await server.accept();
  using memory = Memfd.create("there", { size: 100 });
  using mapping = memory.map();
  mapping.bytes[0] = 41;
  await connection.sendFds([memory], "yours");
  const message = await connection.receiveFds();
  assertEquals([textOf(message?.data), message?.fds.length], ["mine", 1]);
  assertEquals(mapping.bytes[1], 42);
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stdout], [0, "there 100 shrink,grow\n"], stderr);
  const [fd] = message?.fds ?? [];
  assert(fd);
  using back = Memfd.fromFd(fd, { takeOver: true });
  assertEquals([back.name, back.size], ["back", 8192]);
  using view = back.map({ offset: 5000, length: 3 });
  assertEquals(view.read(), new Uint8Array([7, 8, 9]));
});

Deno.test({
  name: `Python passes descriptors to us and gets ours${NO_PYTHON}`,
  ignore: NO_PYTHON !== "",
  async fn() {
    using _dog = watchdog("Python and descriptors");
    const name = abstractName();
    using server = Socket.listen(name);
    const code = `import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect("\\0" + sys.argv[1])
r, w = os.pipe()
socket.send_fds(s, [b"take these"], [r, w])
data, fds, flags, _ = socket.recv_fds(s, 100, 10)
print(data.decode(), len(fds), flags & socket.MSG_CTRUNC, flush=True)
os.write(fds[0], b"by Python")
print(os.read(r, 100).decode())`;
    await using child = spawnCommand("python3", {
      args: ["-c", code, name.slice(1)],
    });
    using connection = await server.accept();
    const message = await connection.receiveFds();
    assertEquals(textOf(message?.data), "take these");
    const [reader, writer] = message?.fds ?? [];
    assert(reader && writer);
    using ends = pipe();
    await connection.sendFds([ends.writer, ends.reader], "and these");
    assertEquals(await child.line(), "and these 2 0");
    const buffer = new Uint8Array(100);
    const count = await ends.reader.read(buffer);
    assertEquals(textOf(buffer.subarray(0, count ?? 0)), "by Python");
    unistd().write(writer.number, bytes("by Deno"), 7);
    closeAll(message);
    assertEquals(await child.line(), "by Deno");
  },
});

Deno.test({
  name: `control data of strangers is taken as it is or closed${NO_PYTHON}`,
  ignore: NO_PYTHON !== "",
  async fn() {
    using _dog = watchdog("hostile control data");
    const name = abstractName();
    using server = Socket.listen(name, { type: "seqpacket" });
    const code = `import array, os, socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect("\\0" + sys.argv[1])
r, w = os.pipe()
rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [r] * 253))
s.sendmsg([b"most"], [rights])
s.sendmsg([b""], [rights])
few = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [r, w, r]))
creds = (socket.SOL_SOCKET, socket.SCM_CREDENTIALS,
  struct.pack("3i", os.getpid(), os.getuid(), os.getgid()))
s.sendmsg([b"both"], [few, creds])
s.sendmsg([b"half", b"half"], [])
for bad in ([r] * 254, [9999]):
    try:
        s.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", bad))])
        print("sent")
    except OSError as e:
        print(e.errno)
s.close()`;
    await using child = spawnCommand("python3", {
      args: ["-c", code, name.slice(1)],
    });
    using connection = await server.accept();
    const found: [string, number][] = [];
    for (;;) {
      const message = await connection.receiveFds();
      if (message === null) break;
      assertStrictEquals(message.fdsLost, false);
      found.push([textOf(message.data), closeAll(message)]);
    }
    assertEquals(found, [["most", 253], ["", 253], ["both", 3], [
      "halfhalf",
      0,
    ]]);
    assertEquals(await child.line(), "22");
    assertEquals(await child.line(), "9");
  },
});
