import { Buffer } from "node:buffer";
import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import { PosixMessageQueue } from "@libc/ipc/posix-mq";
import {
  F_GETFD,
  F_GETFL,
  fcntl,
  FD_CLOEXEC,
  mqueue,
  O_NONBLOCK,
} from "@libc/ipc/ffi";
import { waitAny } from "@libc/ipc/wait";
import {
  codeOf,
  later,
  openFds,
  rejection,
  scaled,
  uniqueName,
  until,
  watchdog,
} from "../../util.ts";

const name = () => `/${uniqueName()}`;
const text = (message?: { data: Uint8Array }) =>
  message === undefined ? undefined : new TextDecoder().decode(message.data);
const bytes = (text: string) => new TextEncoder().encode(text);

/**
 * A queue for a few short messages: the bytes in queues are limited per user.
 */
function small(maxMessages = 4, messageSize = 32): PosixMessageQueue {
  return PosixMessageQueue.create(null, { maxMessages, messageSize });
}

/**
 * Lets waits get past their own attempts, so that only the source wakes them.
 */
const parked = () => later(2);

Deno.test("PosixMessageQueue.create() makes it as large as asked, for its owner only", () => {
  using queue = PosixMessageQueue.create(name(), {
    maxMessages: 3,
    messageSize: 100,
  });
  assertEquals(queue.attributes(), {
    maxMessages: 3,
    messageSize: 100,
    messages: 0,
    nonBlocking: true,
  });
  assertEquals([queue.maxMessages, queue.messageSize], [3, 100]);
  assertEquals([queue.created, queue.closed], [true, false]);
  const stat = queue.stat();
  assertEquals(stat.mode, 0o600);
  assertEquals([stat.bytes, stat.notifyPid, stat.unlinked], [0, 0, false]);
});

Deno.test("PosixMessageQueue.create() takes the sizes of the machine where none are given", () => {
  const limits = PosixMessageQueue.limits();
  using queue = PosixMessageQueue.create();
  using few = PosixMessageQueue.create(null, { maxMessages: 1 });
  using short = PosixMessageQueue.create(null, { messageSize: 1 });
  assertEquals(queue.maxMessages, limits.defaultMessages);
  assertEquals(queue.messageSize, limits.defaultMessageSize);
  assertEquals(few.messageSize, limits.defaultMessageSize);
  assertEquals(short.maxMessages, limits.defaultMessages);
  assertMatch(queue.name, /^\/[^/]+$/);
  assertNotEquals(queue.name, few.name);
});

Deno.test("PosixMessageQueue.limits() says what the kernel says", () => {
  const limits = PosixMessageQueue.limits();
  const read = (name: string) =>
    Number(Deno.readTextFileSync(`/proc/sys/fs/mqueue/${name}`));
  assertEquals(limits.maxMessages, read("msg_max"));
  assertEquals(limits.maxMessageSize, read("msgsize_max"));
  assertEquals(limits.maxQueues, read("queues_max"));
  const [, soft] = /^Max msgqueue size +(\S+)/m.exec(
    Deno.readTextFileSync("/proc/self/limits"),
  ) ?? [];
  assertEquals(`${limits.maxBytes}`, soft);
});

Deno.test("PosixMessageQueue.create() throws EEXIST when the name is taken", () => {
  using queue = small();
  queue.sendSync("kept");
  const error = assertThrows(
    () => PosixMessageQueue.create(queue.name),
    IpcError,
    `Cannot create message queue "${queue.name}": mq_open failed with EEXIST (File exists)`,
  );
  assertEquals(error.code, "EEXIST");
  assertEquals(error.syscall, "mq_open");
  assertEquals(text(queue.tryReceive()), "kept");
});

Deno.test("PosixMessageQueue.create() names the limits that it is beyond", () => {
  const { maxMessages, maxMessageSize } = PosixMessageQueue.limits();
  const error = assertThrows(
    () => PosixMessageQueue.create(null, { messageSize: 2 ** 25 }),
    IpcError,
    `msg_max is ${maxMessages} and msgsize_max ${maxMessageSize}`,
  );
  assertEquals(error.code, "EINVAL");
});

Deno.test("PosixMessageQueue refuses wrong arguments before any call", async () => {
  for (const wrong of [0, -1, 1.5, NaN, 2 ** 31]) {
    assertThrows(
      () => PosixMessageQueue.create(null, { maxMessages: wrong }),
      RangeError,
      `maxMessages must be an integer from 1 to 2147483647, got ${wrong}`,
    );
    assertThrows(
      () => PosixMessageQueue.create(null, { messageSize: wrong }),
      RangeError,
      "messageSize",
    );
  }
  for (const wrong of ["", "x", "/", "/a/b", "/a\0b", `/${"x".repeat(255)}`]) {
    for (
      const call of [
        () => PosixMessageQueue.create(wrong),
        () => PosixMessageQueue.open(wrong),
        () => PosixMessageQueue.openOrCreate(wrong),
        () => PosixMessageQueue.unlink(wrong),
      ]
    ) assertThrows(call, TypeError, "name must");
  }
  using queue = small();
  for (const priority of [-1, 32768, 0.5, NaN]) {
    assertThrows(
      () => queue.trySend("x", { priority }),
      RangeError,
      "priority",
    );
    assertThrows(() => queue.sendSync("x", { priority }), RangeError);
    await assertRejects(() => queue.send("x", { priority }), RangeError);
  }
  // @ts-expect-error a number is no data
  assertThrows(() => queue.sendSync(5), TypeError, "got 5");
  assertThrows(
    () =>
      PosixMessageQueue.open(queue.name, { readOnly: true, writeOnly: true }),
    TypeError,
  );
  assertEquals(queue.attributes().messages, 0);
});

Deno.test("PosixMessageQueue.open() needs it to exist", () => {
  const missing = name();
  const error = assertThrows(
    () => PosixMessageQueue.open(missing),
    IpcError,
    `Cannot open message queue "${missing}": mq_open failed with ENOENT`,
  );
  assertEquals(error.code, "ENOENT");
  assertEquals(codeOf(() => PosixMessageQueue.unlink(missing)), "ENOENT");
});

Deno.test("PosixMessageQueue.openOrCreate() says which, and keeps what is there", () => {
  const shared = name();
  const options = { maxMessages: 2, messageSize: 8 };
  using first = PosixMessageQueue.openOrCreate(shared, {
    ...options,
    owner: true,
  });
  first.sendSync("x");
  using second = PosixMessageQueue.openOrCreate(shared, { maxMessages: 1 });
  assertEquals([first.created, second.created], [true, false]);
  const now = { messages: 1, nonBlocking: true };
  assertEquals(second.attributes(), { ...options, ...now });
});

Deno.test("PosixMessageQueue gives the highest priority first, each in the order it came", () => {
  using queue = small(8);
  const sent = ["0a", "7b", "7c", "32767d", "0e", "3f", "7g"];
  for (const entry of sent) {
    queue.sendSync(entry, { priority: parseInt(entry) });
  }
  const received = sent.map(() => queue.receiveSync());
  assertEquals(received.map(text), [
    "32767d",
    "7b",
    "7c",
    "7g",
    "3f",
    "0a",
    "0e",
  ]);
  assertEquals(received.map(({ priority }) => priority), [
    32767,
    7,
    7,
    7,
    3,
    0,
    0,
  ]);
});

Deno.test("PosixMessageQueue keeps messages of every length apart", () => {
  using queue = small(8, 300);
  const lengths = [300, 0, 1, 63, 64, 65, 299];
  const filled = (length: number) =>
    Uint8Array.from({ length }, (_, i) => i + length);
  for (const length of lengths) queue.sendSync(filled(length));
  for (const length of lengths) {
    assertEquals(queue.receiveSync().data, filled(length));
  }
});

Deno.test("PosixMessageQueue.trySend() throws EMSGSIZE of what is too long, and sends nothing", () => {
  using queue = small(1, 4);
  const error = assertThrows(
    () => queue.trySend("12345"),
    IpcError,
    `Cannot send to message queue "${queue.name}": mq_send failed with EMSGSIZE (Message too long): 5 bytes are more than its 4`,
  );
  assertEquals(error.code, "EMSGSIZE");
  assertEquals(queue.trySend("1234"), true);
  assertEquals(codeOf(() => queue.sendSync("12345")), "EMSGSIZE");
  assertEquals(queue.attributes().messages, 1);
});

Deno.test("PosixMessageQueue gives each message bytes of its own", () => {
  using queue = small();
  queue.sendSync("one");
  queue.sendSync("two");
  const one = queue.receiveSync();
  const two = queue.receiveSync();
  assertEquals([text(one), text(two)], ["one", "two"]);
  one.data.fill(0);
  assertEquals(text(two), "two");
  assertEquals(one.data.buffer.byteLength, 3);
});

Deno.test("PosixMessageQueue.receive() puts the bytes into the caller's", async () => {
  using queue = small(4, 8);
  const into = new Uint8Array(12);
  for (const message of ["abc", "", "12345678", "xyz"]) {
    queue.sendSync(message, { priority: 1 });
    const { data, priority } = await queue.receive({ into });
    assertStrictEquals(data.buffer, into.buffer);
    assertEquals([text({ data }), priority], [message, 1]);
  }
  const exact = new Uint8Array(8);
  queue.sendSync("12345678");
  assertStrictEquals(queue.tryReceive({ into: exact })?.data, exact);
});

Deno.test("PosixMessageQueue refuses bytes that a message may not fit in, and takes none", async () => {
  using queue = small(1, 8);
  queue.sendSync("x");
  const into = new Uint8Array(7);
  for (
    const call of [
      () => queue.tryReceive({ into }),
      () => queue.receiveSync({ into }),
    ]
  ) {
    assertThrows(
      call,
      RangeError,
      "into must have the 8 bytes of the longest message, got 7",
    );
  }
  await assertRejects(() => queue.receive({ into }), RangeError);
  // @ts-expect-error text is no place for bytes
  assertThrows(() => queue.tryReceive({ into: "" }), TypeError, "into");
  assertEquals(text(queue.tryReceive()), "x");
  // Detached while it waits.
  const whole = new Uint8Array(8);
  const waiting = queue.receive({ into: whole });
  whole.buffer.transfer();
  queue.sendSync("y");
  await assertRejects(() => waiting, RangeError, "got 0");
  assertEquals(text(queue.tryReceive()), "y");
});

Deno.test("PosixMessageQueue.receiveSync() and sendSync() time out, not before their time", () => {
  using queue = small(1);
  for (const timeout of [0, 0.5, 30]) {
    const start = performance.now();
    const error = assertThrows(
      () => queue.receiveSync({ timeout }),
      IpcError,
      `Cannot receive from message queue "${queue.name}": mq_receive timed out after ${timeout} ms (ETIMEDOUT)`,
    );
    assertEquals(error.code, "ETIMEDOUT");
    assertGreaterOrEqual(performance.now() - start, timeout);
  }
  queue.sendSync("x", { timeout: 0 });
  const start = performance.now();
  assertEquals(codeOf(() => queue.sendSync("y", { timeout: 20 })), "ETIMEDOUT");
  assertGreaterOrEqual(performance.now() - start, 20);
  assertEquals(text(queue.receiveSync({ timeout: 0 })), "x");
  assertThrows(() => queue.receiveSync({ timeout: -1 }), RangeError, "timeout");
  assertThrows(() => queue.sendSync("z", { timeout: NaN }), RangeError);
});

Deno.test("PosixMessageQueue.receive() resolves with what is sent later", async () => {
  using _dog = watchdog("receive");
  using queue = small();
  using other = PosixMessageQueue.open(queue.name);
  const waiting = [queue.receive(), queue.receive(), other.receive()];
  await parked();
  for (const message of ["a", "b", "c"]) other.sendSync(message);
  const received = (await Promise.all(waiting)).map(text);
  assertEquals(received.toSorted(), ["a", "b", "c"]);
  // Receives of one handle are served in order.
  assert(
    received.indexOf("a") < 0 || String(received[0]) < String(received[1]),
  );
});

Deno.test("PosixMessageQueue.send() waits for room, and keeps its order and its bytes", async () => {
  using _dog = watchdog("send");
  using queue = small(1);
  queue.sendSync("0");
  const data = bytes("1");
  const behind = bytes("2");
  const sent: number[] = [];
  const waiting = [
    queue.send(data).then(() => sent.push(1)),
    queue.send(behind).then(() => sent.push(2)),
    queue.send("3").then(() => sent.push(3)),
  ];
  data.fill(0);
  behind.fill(0);
  await parked();
  assertEquals(sent, []);
  const received = [];
  for (let i = 0; i < 4; i++) received.push(text(await queue.receive()));
  await Promise.all(waiting);
  assertEquals(received, ["0", "1", "2", "3"]);
  assertEquals(sent, [1, 2, 3]);
});

Deno.test("PosixMessageQueue is removed by dispose of its owner, not by close()", () => {
  const queue = small();
  queue.close();
  PosixMessageQueue.open(queue.name).close();
  queue[Symbol.dispose]();
  assertEquals(codeOf(() => PosixMessageQueue.open(queue.name)), "ENOENT");
});

Deno.test("PosixMessageQueue opened readOnly or writeOnly does only that", async () => {
  using queue = small();
  using reader = PosixMessageQueue.open(queue.name, { readOnly: true });
  using writer = PosixMessageQueue.open(queue.name, { writeOnly: true });
  writer.sendSync("x");
  assertEquals(text(reader.receiveSync()), "x");
  for (
    const [call, hint] of [
      [() => reader.trySend("y"), "it was opened readOnly"],
      [() => writer.tryReceive(), "it was opened writeOnly"],
    ] as const
  ) {
    const error = assertThrows(call, IpcError, hint);
    assertEquals(error.code, "EBADF");
  }
  assertEquals(await rejection(reader.send("y")), "EBADF");
  assertEquals(await rejection(writer.receive()), "EBADF");
  assertEquals(writer.stat().bytes, undefined);
  assertEquals(reader.stat().bytes, 0);
});

Deno.test("PosixMessageQueue.fd is non-blocking and not inherited", () => {
  using queue = small();
  using opened = PosixMessageQueue.open(queue.name);
  for (const { fd } of [queue, opened]) {
    const flags = fcntl().fcntl(fd.number, F_GETFL);
    assertEquals(flags & O_NONBLOCK, O_NONBLOCK);
    assertEquals(fcntl().fcntl(fd.number, F_GETFD), FD_CLOEXEC);
  }
});

Deno.test("PosixMessageQueue.stat() counts bytes, and set() changes the mode", () => {
  using queue = small();
  queue.sendSync("12345");
  queue.sendSync("678");
  queue.set({ mode: 0o640 });
  const stat = queue.stat();
  assertEquals([stat.messages, stat.bytes, stat.mode], [2, 8, 0o640]);
  assertEquals([stat.uid, stat.gid], [Deno.uid(), Deno.gid()]);
});

Deno.test("PosixMessageQueue.messages() loses none when left, and ends with the handle", async () => {
  using _dog = watchdog("messages");
  using queue = small();
  for (const message of ["a", "b", "c"]) queue.sendSync(message);
  for await (const message of queue) {
    assertEquals(text(message), "a");
    break;
  }
  assertEquals(queue.attributes().messages, 2);
  const handle = PosixMessageQueue.open(queue.name);
  const seen: (string | undefined)[] = [];
  for await (const message of handle.messages()) {
    seen.push(text(message));
    if (seen.length === 2) setTimeout(() => handle.close(), 2);
  }
  assertEquals(seen, ["b", "c"]);
  await assertRejects(
    async () => {
      for await (const _ of queue.messages({ timeout: 5 })) break;
    },
    IpcError,
    "ETIMEDOUT",
  );
});

Deno.test("PosixMessageQueue.onMessage() calls with each message until disposed", async () => {
  using _dog = watchdog("onMessage");
  using queue = small();
  const seen: (string | undefined)[] = [];
  let active = 0;
  const listening = queue.onMessage(async (message) => {
    assertEquals(++active, 1);
    await Promise.resolve();
    seen.push(`${text(message)}${message.priority}`);
    active--;
  });
  for (const message of ["a", "b", "c"]) queue.sendSync(message);
  await until(() => seen.length === 3);
  assertEquals(seen, ["a0", "b0", "c0"]);
  listening[Symbol.dispose]();
  queue.sendSync("kept");
  await parked();
  assertEquals(text(queue.tryReceive()), "kept");
  const stop = new AbortController();
  queue.onMessage(() => seen.push("late"), { signal: stop.signal });
  stop.abort();
  queue.sendSync("kept too");
  await parked();
  assertEquals(text(queue.tryReceive()), "kept too");
  assertEquals(seen.length, 3);
});

Deno.test("PosixMessageQueue.onMessage() reports what a listener throws, and goes on", async () => {
  using _dog = watchdog("a listener that throws");
  using queue = small();
  const reported: unknown[] = [];
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    reported.push(event.error);
  };
  addEventListener("error", onError);
  try {
    const failure = new Error("listener");
    using _listening = queue.onMessage(() => {
      throw failure;
    });
    queue.sendSync("a");
    queue.sendSync("b");
    await until(() => reported.length === 2);
    assertEquals(reported, [failure, failure]);
  } finally {
    removeEventListener("error", onError);
  }
});

Deno.test("waitAny() tells which queue has a message and takes none", async () => {
  using _dog = watchdog("waitAny");
  using one = small();
  using two = small();
  const waiting = waitAny([one, two]);
  await parked();
  two.sendSync("x");
  assertEquals(await waiting, two);
  assertEquals(two.attributes().messages, 1);
});

Deno.test("PosixMessageQueue.unlink() removes the name and nothing else", () => {
  using queue = small();
  using other = PosixMessageQueue.open(queue.name);
  queue.unlink();
  assertEquals(queue.stat().unlinked, true);
  assertEquals(codeOf(() => PosixMessageQueue.open(queue.name)), "ENOENT");
  other.sendSync("still here");
  assertEquals(text(queue.tryReceive()), "still here");
  assertEquals(codeOf(() => other.unlink()), "ENOENT");
});

Deno.test("PosixMessageQueue dispose leaves what somebody else has put under the name", () => {
  for (const close of [true, false]) {
    const first = small();
    PosixMessageQueue.unlink(first.name);
    using _second = PosixMessageQueue.create(first.name, {
      maxMessages: 2,
      messageSize: 7,
    });
    if (close) first.close();
    first[Symbol.dispose]();
    using found = PosixMessageQueue.open(first.name);
    assertEquals(found.messageSize, 7);
  }
});

Deno.test("PosixMessageQueue dispose with owner false leaves the queue", () => {
  const shared = name();
  {
    using _made = PosixMessageQueue.create(shared, {
      messageSize: 8,
      owner: false,
    });
    using _opened = PosixMessageQueue.open(shared);
    using _either = PosixMessageQueue.openOrCreate(shared);
  }
  using found = PosixMessageQueue.open(shared);
  found.unlink();
});

/** Whether there is `mq_notify`, which an emulator may lack. */
function hasNotify(): boolean {
  // Removing a registration that does not exist does nothing.
  using queue = small();
  return mqueue().mq_notify(queue.fd.number, null) === 0;
}

const NO_NOTIFY = hasNotify() ? "" : " [skipped: no mq_notify]";

Deno.test({
  name:
    `a notification asked for by hand is lost when another handle of the queue closes${NO_NOTIFY}`,
  ignore: NO_NOTIFY !== "",
  fn() {
    using queue = small();
    const sigevent = new Uint8Array(64);
    // SIGEV_NONE: registered, but no notification is delivered.
    new DataView(sigevent.buffer).setInt32(12, 1, true);
    const other = PosixMessageQueue.open(queue.name);
    assertEquals(mqueue().mq_notify(queue.fd.number, sigevent), 0);
    assertEquals(queue.stat().notifyPid, Deno.pid);
    other.close();
    assertEquals(queue.stat().notifyPid, 0);
  },
});

Deno.test("PosixMessageQueue leaves no descriptor and no queue behind", () => {
  const shared = uniqueName();
  for (let i = 0; i < scaled(500, 10_000); i++) {
    using queue = PosixMessageQueue.create(`/${shared}`, { messageSize: 8 });
    using same = PosixMessageQueue.open(`/${shared}`);
    same.sendSync("x");
    assertThrows(() => PosixMessageQueue.create(`/${shared}`), IpcError);
    assertThrows(() => queue.sendSync("123456789"), IpcError);
    queue.receiveSync();
  }
  assertEquals(openFds(new RegExp(shared)), []);
  assertEquals(codeOf(() => PosixMessageQueue.open(`/${shared}`)), "ENOENT");
});

Deno.test("PosixMessageQueue.setNonBlocking() changes the open queue, and nothing for its handle", async () => {
  using _dog = watchdog("a blocking queue");
  using queue = small(1);
  using other = PosixMessageQueue.open(queue.name);
  queue.setNonBlocking(false);
  const modes = () => [queue, other].map((it) => it.attributes().nonBlocking);
  assertEquals(modes(), [false, true]);
  assertEquals(queue.tryReceive(), undefined);
  const waiting = queue.receive();
  await parked();
  other.sendSync("come");
  assertEquals(text(await waiting), "come");
  const late = { timeout: 5 };
  assertEquals(codeOf(() => queue.receiveSync(late)), "ETIMEDOUT");
  await assertRejects(() => queue.receive(late), IpcError, "timed out");
  assertEquals(queue.trySend("full"), true);
  assertEquals(queue.trySend("no room"), false);
  assertEquals(codeOf(() => queue.sendSync("no room", late)), "ETIMEDOUT");
  const sending = queue.send("room");
  await parked();
  assertEquals(text(other.tryReceive()), "full");
  await sending;
  assertEquals(text(queue.tryReceive()), "room");
  queue.setNonBlocking(true);
  assertEquals(modes(), [true, true]);
  // @ts-expect-error: what JavaScript may pass
  assertThrows(() => queue.setNonBlocking(0), TypeError, "value must be");
});

Deno.test("PosixMessageQueue.send() copies the bytes of a Buffer that waits for room", async () => {
  using _dog = watchdog("send");
  using queue = small(1);
  queue.sendSync("full");
  const first = Buffer.from("first");
  const second = Buffer.from("second");
  const sent = Promise.all([queue.send(first), queue.send(second)]);
  first.fill("x");
  second.fill("x");
  const received: (string | undefined)[] = [];
  for (let i = 0; i < 3; i++) received.push(text(await queue.receive()));
  await sent;
  assertEquals(received, ["full", "first", "second"]);
});

Deno.test("PosixMessageQueue sends nothing for bytes that are detached or out of bounds", () => {
  using queue = small(1);
  const detached = new Uint8Array(4);
  detached.buffer.transfer();
  const outside = new Uint8Array(
    new ArrayBuffer(8, { maxByteLength: 8 }),
    4,
    4,
  );
  outside.buffer.resize(2);
  for (const data of [detached, outside]) {
    assertThrows(
      () => queue.trySend(data),
      TypeError,
      "data must not be detached or out of bounds",
    );
  }
  assertEquals(queue.tryReceive(), undefined);
});
