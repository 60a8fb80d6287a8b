import { Buffer } from "node:buffer";
import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import { IPC_PRIVATE } from "@libc/ipc/sysv-key";
import { type SysvMessage, SysvMessageQueue } from "@libc/ipc/sysv-msg";
import {
  codeOf,
  later,
  notEmulated,
  rejection,
  spawnWorker,
  uniqueKey,
  watchdog,
} from "../../util.ts";
import { procRow } from "./proc.ts";
import { isRecent } from "../memory/process_state.ts";
import { waitAny } from "@libc/ipc/wait";

/** A message as type and text. */
function shown(message: SysvMessage | undefined): string | undefined {
  return message === undefined
    ? undefined
    : `${message.type}:${new TextDecoder().decode(message.data)}`;
}

/** A queue with messages of these types, their texts numbered. */
function queueOf(...types: number[]): SysvMessageQueue {
  const queue = SysvMessageQueue.create(IPC_PRIVATE);
  types.forEach((type, i) => queue.sendSync(type, `${i}`));
  return queue;
}

Deno.test("SysvMessageQueue.sendSync() and receiveSync() keep type, bytes and order", () => {
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  const bytes = new Uint8Array([0, 255, 0, 1]);
  queue.sendSync(7, bytes);
  queue.sendSync(Number.MAX_SAFE_INTEGER, "grüße");
  queue.sendSync(2 ** 32, "");
  const first = queue.receiveSync();
  assertEquals(first, { type: 7, data: bytes });
  assertEquals(shown(queue.receiveSync()), `${Number.MAX_SAFE_INTEGER}:grüße`);
  assertEquals(queue.receiveSync(), {
    type: 2 ** 32,
    data: new Uint8Array(0),
  });
});

Deno.test("SysvMessageQueue.receiveSync() gives bytes of their own, which no later message changes", () => {
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  queue.sendSync(1, "first");
  const first = queue.receiveSync();
  queue.sendSync(1, "other");
  const second = queue.receiveSync();
  assertEquals(shown(first), "1:first");
  assertEquals(first.data.buffer.byteLength, 5);
  assertNotEquals(first.data.buffer, second.data.buffer);
});

Deno.test("every message size up to the limit arrives as it was", () => {
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  const { maxMessageSize } = SysvMessageQueue.info();
  for (const size of [0, 1, 7, 8, 63, 64, 65, 4072, 4073, maxMessageSize]) {
    const data = crypto.getRandomValues(new Uint8Array(size));
    queue.sendSync(1, data);
    assertEquals(queue.receiveSync().data, data, `${size} bytes`);
  }
});

Deno.test("SysvMessageQueue.create() tells what it made, and throws EEXIST for a taken key", () => {
  const key = uniqueKey();
  using queue = SysvMessageQueue.create(key, { mode: 0o640 });
  assertEquals(queue.key, key);
  assertEquals(queue.created, true);
  assertEquals(queue.stat().mode, 0o640);
  const error = assertThrows(
    () => SysvMessageQueue.create(key),
    IpcError,
    `Cannot create System V message queue with key 0x${
      key.toString(16)
    }: msgget failed with EEXIST (File exists)`,
  );
  assertEquals(error.code, "EEXIST");
});

Deno.test("SysvMessageQueue.open() finds the queue, and refuses what cannot be", () => {
  using queue = SysvMessageQueue.create(uniqueKey());
  using same = SysvMessageQueue.open(queue.key);
  assertEquals(same.id, queue.id);
  assertEquals(same.created, false);
  assertEquals(codeOf(() => SysvMessageQueue.open(uniqueKey())), "ENOENT");
  assertThrows(() => SysvMessageQueue.open(IPC_PRIVATE), RangeError, "fromId");
  assertThrows(() => SysvMessageQueue.open(2 ** 32), RangeError, "key");
  assertThrows(
    () => SysvMessageQueue.open(queue.key, { mode: 0o1000 }),
    RangeError,
    "mode",
  );
});

Deno.test("SysvMessageQueue.openOrCreate() says which, and owns only when told to", () => {
  const key = uniqueKey();
  {
    using first = SysvMessageQueue.openOrCreate(key);
    assertEquals(first.created, true);
  }
  {
    using second = SysvMessageQueue.openOrCreate(key, { owner: true });
    assertEquals(second.created, false);
  }
  SysvMessageQueue.open(key).remove();
  {
    using third = SysvMessageQueue.openOrCreate(key, { owner: true });
    assertEquals(third.created, true);
  }
  assertEquals(codeOf(() => SysvMessageQueue.open(key)), "ENOENT");
});

Deno.test("SysvMessageQueue.fromId() finds a queue without a key, and throws EINVAL for none", () => {
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  using same = SysvMessageQueue.fromId(queue.id);
  queue.sendSync(1, "x");
  assertEquals(shown(same.receiveSync()), "1:x");
  queue.remove();
  assertEquals(codeOf(() => SysvMessageQueue.fromId(queue.id)), "EINVAL");
  assertThrows(() => SysvMessageQueue.fromId(2 ** 31), RangeError, "id");
});

Deno.test("SysvMessageQueue.receive() with a positive type takes the first of that type", () => {
  using queue = queueOf(3, 1, 2, 1);
  assertEquals(shown(queue.tryReceive({ type: 1 })), "1:1");
  assertEquals(shown(queue.tryReceive({ type: 1 })), "1:3");
  assertEquals(queue.tryReceive({ type: 1 }), undefined);
  assertEquals(shown(queue.tryReceive()), "3:0");
});

Deno.test("SysvMessageQueue.receive() with a negative type takes the lowest type up to that", () => {
  using queue = queueOf(5, 3, 9, 3);
  assertEquals(shown(queue.tryReceive({ type: -6 })), "3:1");
  assertEquals(shown(queue.tryReceive({ type: -6 })), "3:3");
  assertEquals(shown(queue.tryReceive({ type: -6 })), "5:0");
  assertEquals(queue.tryReceive({ type: -6 }), undefined);
  assertEquals(shown(queue.tryReceive({ type: -9 })), "9:2");
});

Deno.test("SysvMessageQueue.receive() with except takes the first of any other type", () => {
  using queue = queueOf(4, 4, 6, 5);
  assertEquals(shown(queue.tryReceive({ type: 4, except: true })), "6:2");
  assertEquals(shown(queue.tryReceive({ type: 4, except: true })), "5:3");
  assertEquals(queue.tryReceive({ type: 4, except: true }), undefined);
  for (const type of [0, -1]) {
    assertThrows(
      () => queue.tryReceive({ type, except: true }),
      RangeError,
      `type must be from 1 on with except, got ${type}`,
    );
  }
});

Deno.test("a message longer than maxSize stays in the queue, unless it is truncated", () => {
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  queue.sendSync(1, "too long");
  const error = assertThrows(
    () => queue.receiveSync({ maxSize: 3 }),
    IpcError,
    "longer than 3 bytes and stays in the queue",
  );
  assertEquals(error.code, "E2BIG");
  assertEquals(queue.stat().messages, 1);
  assertEquals(
    shown(queue.receiveSync({ maxSize: 3, truncate: true })),
    "1:too",
  );
  assertEquals(queue.stat().messages, 0);
  queue.sendSync(1, "fits");
  assertEquals(
    shown(queue.receiveSync({ maxSize: 2 ** 31 - 1, truncate: true })),
    "1:fits",
  );
  assertThrows(
    () => queue.receiveSync({ truncate: true }),
    TypeError,
    "maxSize",
  );
});

Deno.test("SysvMessageQueue.receive() with into fills the caller's bytes", () => {
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  const into = new Uint8Array(8);
  for (const text of ["four", "exactly8", "", "five5"]) {
    queue.sendSync(1, text);
    const message = queue.receiveSync({ into });
    assertEquals(shown(message), `1:${text}`);
    assertStrictEquals(message.data.buffer, into.buffer);
  }
  queue.sendSync(1, "nine bytes");
  assertEquals(codeOf(() => queue.receiveSync({ into })), "E2BIG");
  assertEquals(
    codeOf(() => queue.receiveSync({ into, maxSize: 4 })),
    "E2BIG",
  );
  assertEquals(
    shown(queue.receiveSync({ into, maxSize: 4, truncate: true })),
    "1:nine",
  );
  assertThrows(
    () => queue.receiveSync({ into, maxSize: 9 }),
    RangeError,
    "maxSize must be an integer from 0 to 8, got 9",
  );
  // @ts-expect-error numbers are no bytes
  assertThrows(() => queue.receiveSync({ into: [] }), TypeError, "into");
});

Deno.test("a message is not lost to an into that was transferred away", async () => {
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  const into = new Uint8Array(8);
  const pending = queue.receive({ into });
  into.buffer.transfer();
  queue.sendSync(1, "kept");
  await assertRejects(() => pending, TypeError, "into must not be detached");
  assertEquals(shown(queue.tryReceive()), "1:kept");
});

Deno.test("SysvMessageQueue.peek() copies the message at a place and takes nothing", () => {
  using queue = queueOf(4, 5);
  assertEquals(shown(queue.peek()), "4:0");
  assertEquals(shown(queue.peek(1)), "5:1");
  assertEquals(queue.peek(2), undefined);
  assertEquals(queue.stat().messages, 2);
  queue.sendSync(6, "long");
  assertEquals(codeOf(() => queue.peek(2, { maxSize: 2 })), "E2BIG");
  assertEquals(shown(queue.peek(2, { maxSize: 2, truncate: true })), "6:lo");
  const into = new Uint8Array(3);
  assertEquals(shown(queue.peek(2, { into, truncate: true })), "6:lon");
  assertEquals(shown(queue.peek(1, { into })), "5:1");
  assertEquals(codeOf(() => queue.peek(2, { into })), "E2BIG");
  assertEquals(queue.stat().messages, 3);
  for (const index of [-1, 0.5]) {
    assertThrows(() => queue.peek(index), RangeError, `${index}`);
  }
});

Deno.test("SysvMessageQueue.trySend() is false when the bytes are used up, and again true after a receive", () => {
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  queue.set({ maxBytes: 100 });
  assertEquals(queue.trySend(1, new Uint8Array(60)), true);
  assertEquals(queue.trySend(1, new Uint8Array(60)), false);
  assertEquals(queue.trySend(1, new Uint8Array(40)), true);
  queue.receiveSync();
  assertEquals(queue.trySend(1, new Uint8Array(60)), true);
});

Deno.test("a full queue counts messages too: as many empty ones as bytes", () => {
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  queue.set({ maxBytes: 50 });
  let count = 0;
  while (queue.trySend(1, "")) count++;
  assertEquals(count, 50);
  assertEquals(queue.stat().bytes, 0);
});

Deno.test("a message that will never fit is EMSGSIZE in all three forms", async () => {
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  queue.set({ maxBytes: 10 });
  const data = new Uint8Array(11);
  assertEquals(codeOf(() => queue.trySend(1, data)), "EMSGSIZE");
  assertEquals(codeOf(() => queue.sendSync(1, data)), "EMSGSIZE");
  assertEquals(await rejection(queue.send(1, data)), "EMSGSIZE");
  queue.sendSync(1, data.subarray(1));
});

Deno.test("a message longer than MSGMAX is EINVAL, with its length", () => {
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  const length = SysvMessageQueue.info().maxMessageSize + 1;
  const error = assertThrows(
    () => queue.sendSync(1, new Uint8Array(length)),
    IpcError,
    `${length} bytes`,
  );
  assertEquals(error.code, "EINVAL");
});

Deno.test("send refuses wrong types and data before any call", async () => {
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  for (const type of [0, -1, 1.5, NaN, 2 ** 53]) {
    const message = `type must be an integer from 1 to ${
      2 ** 53 - 1
    }, got ${type}`;
    assertThrows(() => queue.sendSync(type, "x"), RangeError, message);
    assertThrows(() => queue.trySend(type, "x"), RangeError, message);
    await assertRejects(() => queue.send(type, "x"), RangeError, message);
  }
  for (const data of [5, null, [1], {}]) {
    // @ts-expect-error no bytes
    assertThrows(() => queue.sendSync(1, data), TypeError, "data must be");
    // @ts-expect-error no bytes
    await assertRejects(() => queue.send(1, data), TypeError, "data must be");
  }
  const detached = new Uint8Array(4);
  detached.buffer.transfer();
  assertThrows(
    () => queue.sendSync(1, detached),
    TypeError,
    "data must not be detached",
  );
  const outside = new Uint8Array(
    new ArrayBuffer(8, { maxByteLength: 8 }),
    4,
    4,
  );
  outside.buffer.resize(2);
  assertThrows(() => queue.trySend(1, outside), TypeError, "out of bounds");
  assertEquals(queue.stat().messages, 0);
});

Deno.test("receive refuses wrong options before any call", async () => {
  using queue = queueOf(1);
  for (const type of [0.5, NaN, 2 ** 53, -(2 ** 53)]) {
    assertThrows(() => queue.receiveSync({ type }), RangeError, "type");
    await assertRejects(() => queue.receive({ type }), RangeError, "type");
  }
  for (const maxSize of [-1, 0.5, 2 ** 31]) {
    assertThrows(() => queue.tryReceive({ maxSize }), RangeError, "maxSize");
  }
  for (const timeout of [-1, NaN]) {
    assertThrows(() => queue.receiveSync({ timeout }), RangeError, "timeout");
    await assertRejects(() => queue.receive({ timeout }), RangeError);
  }
  assertEquals(queue.stat().messages, 1);
});

Deno.test("SysvMessageQueue.receiveSync() takes what is there, even with a timeout of 0", () => {
  using queue = queueOf(1, 1);
  assertEquals(shown(queue.receiveSync({ timeout: 0 })), "1:0");
  assertEquals(shown(queue.receiveSync({ timeout: Infinity })), "1:1");
});

Deno.test("SysvMessageQueue.receiveSync() throws ETIMEDOUT not before its time", () => {
  using queue = queueOf(2);
  for (const timeout of [0, 0.5, 30]) {
    const start = performance.now();
    const error = assertThrows(
      () => queue.receiveSync({ type: 1, timeout }),
      IpcError,
      `Cannot receive from System V message queue ${queue.id} (key 0x00000000): msgrcv timed out after ${timeout} ms (ETIMEDOUT)`,
    );
    assertEquals(error.code, "ETIMEDOUT");
    assertGreaterOrEqual(performance.now() - start, timeout);
  }
  assertEquals(queue.stat().messages, 1);
});

Deno.test("SysvMessageQueue.sendSync() to a full queue throws ETIMEDOUT not before its time", () => {
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  queue.set({ maxBytes: 1 });
  queue.sendSync(1, "x", { timeout: 0 });
  for (const timeout of [0, 0.5, 30]) {
    const start = performance.now();
    const error = assertThrows(
      () => queue.sendSync(1, "x", { timeout }),
      IpcError,
      `msgsnd timed out after ${timeout} ms`,
    );
    assertEquals(error.code, "ETIMEDOUT");
    assertGreaterOrEqual(performance.now() - start, timeout);
  }
  assertEquals(queue.stat().messages, 1);
});

Deno.test("SysvMessageQueue.receive() waits without blocking the event loop", async () => {
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  const received = queue.receive({ type: 2 });
  await later(0);
  queue.sendSync(1, "not this");
  queue.sendSync(2, "this");
  assertEquals(shown(await received), "2:this");
  assertEquals(shown(queue.tryReceive()), "1:not this");
});

Deno.test("SysvMessageQueue.send() waits for room and sends the bytes as they were", async () => {
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  queue.set({ maxBytes: 4 });
  queue.sendSync(1, "full");
  const data = new Uint8Array([1, 2, 3]);
  const sent = queue.send(5, data);
  data.fill(9);
  assertEquals(shown(queue.receiveSync()), "1:full");
  await sent;
  assertEquals(queue.receiveSync(), {
    type: 5,
    data: new Uint8Array([1, 2, 3]),
  });
});

Deno.test("SysvMessageQueue in for await receives until the queue is removed", async () => {
  using queue = queueOf(1, 2);
  const seen: (string | undefined)[] = [];
  for await (const message of queue) {
    seen.push(shown(message));
    if (seen.length === 2) {
      // After the loop has begun to wait.
      setTimeout(() => queue.sendSync(3, "2"), 5);
    }
    if (seen.length === 3) setTimeout(() => queue.remove(), 5);
  }
  assertEquals(seen, ["1:0", "2:1", "3:2"]);
});

Deno.test("SysvMessageQueue in for await leaves by break and loses nothing", async () => {
  using queue = queueOf(1, 2, 3);
  for await (const message of queue) {
    assertEquals(shown(message), "1:0");
    break;
  }
  assertEquals(queue.stat().messages, 2);
  for await (const message of queue.messages({ type: 3 })) {
    assertEquals(shown(message), "3:2");
    break;
  }
  assertEquals(shown(queue.tryReceive()), "2:1");
});

Deno.test("SysvMessageQueue in for await ends when the handle is closed, and throws what is an error", async () => {
  using owner = SysvMessageQueue.create(IPC_PRIVATE);
  const queue = SysvMessageQueue.fromId(owner.id);
  setTimeout(() => queue.close(), 5);
  for await (const _ of queue) throw new Error("nothing was sent");
  assertEquals(queue.closed, true);
  await assertRejects(() => queue.messages().next(), TypeError, "closed");
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  assertEquals(
    await assertRejects(() => owner.messages({ signal }).next()),
    reason,
  );
});

Deno.test({
  ...notEmulated(
    "SysvMessageQueue.stat() gives every field",
    "leaves out msg_lrpid",
  ),
  fn() {
    using queue = SysvMessageQueue.create(uniqueKey(), { mode: 0o604 });
    const fresh = queue.stat();
    assertEquals(fresh.id, queue.id);
    assertEquals(fresh.key, queue.key);
    assertEquals(fresh.mode, 0o604);
    assertEquals(fresh.uid, Deno.uid());
    assertEquals(fresh.gid, Deno.gid());
    assertEquals(fresh.creatorUid, Deno.uid());
    assertEquals(fresh.creatorGid, Deno.gid());
    assertEquals(fresh.messages, 0);
    assertEquals(fresh.bytes, 0);
    assertEquals(fresh.maxBytes, SysvMessageQueue.info().maxBytes);
    assertEquals(fresh.sendTime, null);
    assertEquals(fresh.receiveTime, null);
    assertEquals(fresh.lastSendPid, 0);
    assertEquals(fresh.lastReceivePid, 0);
    assert(isRecent(fresh.changeTime));
    queue.sendSync(1, "12345");
    const sent = queue.stat();
    assertEquals(sent.messages, 1);
    assertEquals(sent.bytes, 5);
    assertEquals(sent.receiveTime, null);
    assertEquals(sent.lastSendPid, Deno.pid);
    assert(isRecent(sent.sendTime));
    queue.receiveSync();
    const received = queue.stat();
    assertEquals(received.lastReceivePid, Deno.pid);
    assert(isRecent(received.receiveTime));
  },
});

Deno.test("SysvMessageQueue.set() changes what is given and nothing else", () => {
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  const before = queue.stat();
  queue.set({ maxBytes: 1000 });
  assertEquals(queue.stat().maxBytes, 1000);
  assertEquals(queue.stat().mode, before.mode);
  queue.set({ mode: 0o640 });
  assertEquals(queue.stat().mode, 0o640);
  assertEquals(queue.stat().maxBytes, 1000);
  for (const maxBytes of [-1, 0.5, 2 ** 32]) {
    assertThrows(() => queue.set({ maxBytes, mode: 0 }), RangeError, "maxByt");
  }
  assertThrows(() => queue.set({ maxBytes: 5, uid: -1 }), RangeError, "uid");
  assertEquals(queue.stat().mode, 0o640);
  assertEquals(queue.stat().maxBytes, 1000);
});

Deno.test({
  ...notEmulated(
    "SysvMessageQueue.list() agrees with stat() and /proc/sysvipc/msg",
    "has no MSG_STAT_ANY",
  ),
  fn() {
    using queue = SysvMessageQueue.create(uniqueKey(), { mode: 0o606 });
    queue.sendSync(1, "123");
    const stat = SysvMessageQueue.list().find((one) => one.id === queue.id);
    assertEquals(stat, queue.stat());
    const row = procRow("msg", queue.id);
    assertEquals(row?.["key"], queue.key);
    assertEquals(row?.["perms"], 0o606);
    assertEquals(row?.["qnum"], 1);
    assertEquals(row?.["cbytes"], 3);
    assertEquals(row?.["lspid"], Deno.pid);
  },
});

Deno.test("SysvMessageQueue.info() gives the limits of /proc/sys/kernel, and what is in use", () => {
  using _queue = queueOf(1, 1);
  const info = SysvMessageQueue.info();
  const limit = (name: string) =>
    Number(Deno.readTextFileSync(`/proc/sys/kernel/${name}`));
  assertEquals(info.maxMessageSize, limit("msgmax"));
  assertEquals(info.maxBytes, limit("msgmnb"));
  assertEquals(info.maxQueues, limit("msgmni"));
  assertGreaterOrEqual(info.queues, 1);
  assertGreaterOrEqual(info.messages, 2);
  assertGreaterOrEqual(info.bytes, 2);
});

Deno.test("SysvMessageQueue.remove() ends waits with EIDRM; what comes after it gets EINVAL", async () => {
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  queue.set({ maxBytes: 1 });
  queue.sendSync(1, "x");
  const receiving = queue.receive({ type: 2 });
  const sending = queue.send(1, "y");
  queue.remove();
  assertEquals(await rejection(receiving), "EIDRM");
  assertEquals(await rejection(sending), "EIDRM");
  assertEquals(codeOf(() => queue.trySend(1, "z")), "EINVAL");
  assertEquals(codeOf(() => queue.receiveSync()), "EINVAL");
  assertEquals(codeOf(() => queue.peek()), "EINVAL");
  assertEquals(codeOf(() => queue.remove()), "EINVAL");
  assertEquals(await rejection(queue.receive()), "EINVAL");
});

Deno.test("SysvMessageQueue dispose removes the queue of its owner, even after close()", () => {
  for (const close of [false, true]) {
    const queue = SysvMessageQueue.create(IPC_PRIVATE);
    if (close) queue.close();
    queue[Symbol.dispose]();
    assertEquals(codeOf(() => SysvMessageQueue.fromId(queue.id)), "EINVAL");
  }
});

Deno.test("SysvMessageQueue dispose removes the queue of its owner only, and forgives one that is gone", () => {
  const queue = SysvMessageQueue.create(IPC_PRIVATE, { owner: false });
  queue[Symbol.dispose]();
  SysvMessageQueue.fromId(queue.id).remove();
  const owner = SysvMessageQueue.create(IPC_PRIVATE);
  SysvMessageQueue.fromId(owner.id).remove();
  owner[Symbol.dispose]();
  owner[Symbol.dispose]();
  const left = SysvMessageQueue.list().map((stat) => stat.id);
  assert(!left.includes(queue.id));
  assert(!left.includes(owner.id));
});

Deno.test("SysvMessageQueue.send() keeps the order of those that wait for room, and their bytes", async () => {
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  queue.set({ maxBytes: 40 });
  const data = new Uint8Array(20);
  const sends: Promise<void>[] = [];
  for (let i = 0; i < 30; i++) {
    // Every third message would fit while the others wait.
    const message = data.subarray(0, i % 3 === 2 ? 1 : 20).fill(i);
    sends.push(queue.send(1, message));
  }
  await assertRejects(() => queue.send(0, data), RangeError, "type");
  const controller = new AbortController();
  const aborted = queue.send(1, data, { signal: controller.signal })
    .catch((reason) => reason);
  controller.abort("aborted");
  const received: number[] = [];
  for (let i = 0; i < 30; i++) {
    received.push((await queue.receive()).data[0] ?? -1);
  }
  assertEquals(received, Array.from({ length: 30 }, (_, i) => i));
  await Promise.all(sends);
  assertEquals(await aborted, "aborted");
  assertEquals(queue.tryReceive(), undefined);
});

Deno.test(
  notEmulated(
    "an empty message that could not be put back is, when there is room",
    "waits in no thread",
  ),
  async () => {
    using _dog = watchdog("an empty message and a full queue");
    using queue = SysvMessageQueue.create(IPC_PRIVATE);
    queue.set({ maxBytes: 1 });
    using waiter = SysvMessageQueue.fromId(queue.id);
    for (;;) {
      const ready = waitAny([waiter]);
      await later(20);
      queue.sendSync(5, "");
      // There is space if a thread that waited in the kernel has taken the
      // message.
      const taken = queue.trySend(6, "y");
      await ready;
      if (taken) break;
      queue.receiveSync();
    }
    waiter.close();
    assertEquals(queue.receiveSync({ type: 6 }).type, 6);
    assertEquals((await queue.receive({ type: 5 })).type, 5);
  },
);

Deno.test("waitAny() of a queue that is removed or closed says so", async () => {
  using _dog = watchdog("waitAny() of a removed queue");
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  const removed = assertRejects(() => waitAny([queue]), IpcError);
  await later();
  queue.remove();
  assertEquals((await removed).code, "EIDRM");
  using other = SysvMessageQueue.create(IPC_PRIVATE);
  const closed = assertRejects(
    () => waitAny([other]),
    TypeError,
    "Cannot wait for a closed System V message queue",
  );
  await later();
  other.close();
  await closed;
});

Deno.test("SysvMessageQueue.send() copies the bytes of a Buffer that waits for room", async () => {
  using _dog = watchdog("send");
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  while (queue.trySend(1, new Uint8Array(4096)));
  const first = Buffer.from("first");
  const second = Buffer.from("second");
  const sent = Promise.all([queue.send(2, first), queue.send(2, second)]);
  first.fill("x");
  second.fill("x");
  queue.receiveSync({ type: 1 });
  await sent;
  assertEquals(shown(queue.tryReceive({ type: 2 })), "2:first");
  assertEquals(shown(queue.tryReceive({ type: 2 })), "2:second");
});

Deno.test("SysvMessageQueue.receive() takes no message for bytes that are detached or out of bounds meanwhile", async () => {
  using _dog = watchdog("receive");
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  const detached = new Uint8Array(8);
  const outside = new Uint8Array(
    new ArrayBuffer(16, { maxByteLength: 16 }),
    8,
    8,
  );
  const waiting = [detached, outside].map((into) =>
    assertRejects(
      () => queue.receive({ into, truncate: true }),
      TypeError,
      "into must not be detached or out of bounds",
    )
  );
  detached.buffer.transfer();
  outside.buffer.resize(4);
  queue.sendSync(1, "kept");
  await Promise.all(waiting);
  assertEquals(shown(queue.tryReceive()), "1:kept");
  // An empty message fits into any buffer, and would be lost as well.
  queue.sendSync(1, "");
  for (const into of [detached, outside]) {
    assertThrows(() => queue.tryReceive({ into }), TypeError);
  }
  const none = new Uint8Array(0);
  assertEquals(queue.tryReceive({ into: none }), { type: 1, data: none });
});

/** Lets waits get past their own attempts, to where a thread waits for them. */
const parked = () => later(20);

/** Sends an empty message, and lets a thread take it, if one can. */
function sendToThread(queue: SysvMessageQueue, type: number): void {
  queue.sendSync(type, "");
  for (let i = 0; i < 10_000 && queue.stat().messages > 0; i++);
}

/** The type of a message that a thread may be about to report. */
function received(queue: SysvMessageQueue): number {
  for (;;) {
    const message = queue.tryReceive();
    if (message !== undefined) return message.type;
  }
}

Deno.test("SysvMessageQueue.tryReceive() finds an empty message that a wait of the same queue has seen", async () => {
  using _dog = watchdog("tryReceive");
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  using other = SysvMessageQueue.fromId(queue.id);
  const found = waitAny([queue]);
  await parked();
  sendToThread(queue, 1);
  assertEquals(received(queue), 1);
  queue.sendSync(1, "found");
  assertStrictEquals(await found, queue);
  assertEquals(shown(queue.tryReceive()), "1:found");
  const controller = new AbortController();
  const { signal } = controller;
  const aborted = assertRejects(() => queue.receive({ signal }), RangeError);
  await parked();
  sendToThread(queue, 2);
  controller.abort(new RangeError("enough"));
  assertEquals(received(other), 2);
  await aborted;
});

Deno.test("SysvMessageQueue.receiveSync() receives an empty message though other waits of its queue go on", async () => {
  using _dog = watchdog("receiveSync");
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  using other = SysvMessageQueue.fromId(queue.id);
  const waiting = waitAny([queue, other]);
  const third = queue.receive({ type: 3 });
  await parked();
  using sender = spawnWorker(`
    const { SysvMessageQueue } = await import("@libc/ipc/sysv-msg");
    const queue = SysvMessageQueue.fromId(${queue.id});
    postMessage("ready");
    setTimeout(() => {
      queue.sendSync(1, "");
      postMessage("sent");
    }, 50);
  `);
  assertEquals(await sender.next(), "ready");
  assertEquals(queue.receiveSync().type, 1);
  assertEquals(await sender.next(), "sent");
  queue.sendSync(2, "x");
  await waiting;
  queue.sendSync(3, "");
  assertEquals((await third).type, 3);
  assertEquals(queue.receiveSync().type, 2);
});
