// The same tests for both message queues, System V and POSIX.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  IpcError,
  PosixMessageQueue,
  type SyncWaitOptions,
  SysvMessageQueue,
  type WaitOptions,
} from "@libc/ipc";
import { later, scaled, spawnDeno, uniqueKey, watchdog } from "../util.ts";

const MESSAGES = 8;
const BYTES = 64;
type Bytes = Uint8Array<ArrayBuffer>;

/** The operations that both have. */
interface Queue extends Disposable {
  send(data: Bytes | string, options?: WaitOptions): Promise<void>;
  sendSync(data: Bytes | string, options?: SyncWaitOptions): void;
  trySend(data: Bytes | string): boolean;
  /** Sends a message; a greater number is more urgent. */
  sendUrgently(data: string, urgency: number): void;
  receive(options?: WaitOptions): Promise<{ data: Bytes }>;
  receiveSync(options?: SyncWaitOptions): { data: Bytes };
  tryReceive(options?: { into?: Bytes }): { data: Bytes } | undefined;
  messages(): AsyncGenerator<{ data: Bytes }>;
  /** Returns the number of messages in the queue. */
  count(): number;
  /** The error code for a message that is too long. */
  tooLong: string;
  /** An expression that opens it in another process, with the same methods. */
  elsewhere: string;
}

const KINDS: Record<string, () => Queue> = {
  SysvMessageQueue() {
    const key = uniqueKey();
    const queue = SysvMessageQueue.create(key);
    // Enough for `MESSAGES` messages of eight bytes.
    queue.set({ maxBytes: BYTES });
    const type = -1000;
    return {
      send: (data, options) => queue.send(100, data, options),
      sendSync: (data, options) => queue.sendSync(100, data, options),
      trySend: (data) => queue.trySend(100, data),
      sendUrgently: (data, urgency) => queue.sendSync(100 - urgency, data),
      receive: (options) => queue.receive({ ...options, type }),
      receiveSync: (options) => queue.receiveSync({ ...options, type }),
      tryReceive: (options) => queue.tryReceive({ ...options, type }),
      messages: () => queue.messages({ type }),
      count: () => queue.stat().messages,
      tooLong: "EMSGSIZE",
      elsewhere: `((queue) => ({
        sendSync: (data) => queue.sendSync(100, data),
        receiveSync: () => queue.receiveSync({ type: -1000 }),
      }))(ipc.SysvMessageQueue.open(${key}))`,
      [Symbol.dispose]: () => queue[Symbol.dispose](),
    };
  },
  PosixMessageQueue() {
    const queue = PosixMessageQueue.create(null, {
      maxMessages: MESSAGES,
      messageSize: BYTES,
    });
    return {
      send: (data, options) => queue.send(data, options),
      sendSync: (data, options) => queue.sendSync(data, options),
      trySend: (data) => queue.trySend(data),
      sendUrgently: (data, priority) => queue.sendSync(data, { priority }),
      receive: (options) => queue.receive(options),
      receiveSync: (options) => queue.receiveSync(options),
      tryReceive: (options) => queue.tryReceive(options),
      messages: () => queue.messages(),
      count: () => queue.attributes().messages,
      tooLong: "EMSGSIZE",
      elsewhere: `ipc.PosixMessageQueue.open("${queue.name}")`,
      [Symbol.dispose]: () => queue[Symbol.dispose](),
    };
  },
};

const text = (message: { data: Bytes } | undefined): string | undefined =>
  message && new TextDecoder().decode(message.data);

/** Returns a message of eight bytes; both queues hold the same number. */
const numbered = (i: number): string => `message${i}`;

/** Sends until the queue is full; returns the number of messages. */
function fill(queue: Queue): number {
  let count = 0;
  while (queue.trySend(numbered(count % 10))) count++;
  return count;
}

for (const [name, make] of Object.entries(KINDS)) {
  const test = (what: string, body: (queue: Queue) => unknown): void =>
    Deno.test(`${name}: ${what}`, async () => {
      using _dog = watchdog(`${name}: ${what}`);
      using queue = make();
      await body(queue);
    });

  test("gives what was sent, in its order, in every form", async (queue) => {
    queue.sendSync("one");
    await queue.send("two");
    assertEquals(queue.trySend("three"), true);
    assertEquals(queue.count(), 3);
    assertEquals(text(queue.receiveSync()), "one");
    assertEquals(text(await queue.receive()), "two");
    assertEquals(text(queue.tryReceive()), "three");
    assertEquals(queue.tryReceive(), undefined);
    assertEquals(queue.count(), 0);
  });

  test("keeps messages of every length apart, an empty one too", (queue) => {
    for (const length of [0, 1, 7, 33, 0, 5]) {
      queue.sendSync(new Uint8Array(length).fill(length));
    }
    for (const length of [0, 1, 7, 33, 0, 5]) {
      assertEquals(
        queue.receiveSync().data,
        new Uint8Array(length).fill(length),
      );
    }
  });

  test("gives the most urgent first, and equals in their order", (queue) => {
    const sent = ["b1", "a3", "c1", "d2", "e3", "f0"];
    for (const each of sent) queue.sendUrgently(each, Number(each[1]));
    const received = sent.map(() => text(queue.receiveSync()));
    assertEquals(received, ["a3", "e3", "d2", "b1", "c1", "f0"]);
  });

  test("each message has bytes of its own, or the caller's", (queue) => {
    for (const each of ["one", "two", "three"]) queue.sendSync(each);
    const one = queue.receiveSync();
    const two = queue.receiveSync();
    assertEquals([text(one), text(two)], ["one", "two"]);
    const into = new Uint8Array(BYTES);
    const three = queue.tryReceive({ into });
    assertEquals([text(three), three?.data.buffer], ["three", into.buffer]);
  });

  test("says when it is full, and has lost nothing then", (queue) => {
    const count = fill(queue);
    assertEquals([count, queue.count()], [MESSAGES, MESSAGES]);
    const error = assertThrows(
      () => queue.sendSync("too many", { timeout: 10 }),
      IpcError,
    );
    assertEquals(error.code, "ETIMEDOUT");
    for (let i = 0; i < count; i++) {
      assertEquals(text(queue.tryReceive()), numbered(i));
    }
    assertEquals(queue.tryReceive(), undefined);
  });

  test("a send waits for room", async (queue) => {
    fill(queue);
    const wait = queue.send("late one");
    await later();
    assertEquals(queue.count(), MESSAGES);
    queue.receiveSync();
    await wait;
    let last;
    for (let i = 0; i < MESSAGES; i++) last = text(queue.tryReceive());
    assertEquals(last, "late one");
  });

  test("a receive waits for a message", async (queue) => {
    const wait = queue.receive();
    await later();
    queue.sendSync("at last");
    assertEquals(text(await wait), "at last");
  });

  test("waits that time out or are aborted do nothing", async (queue) => {
    for (const timeout of [0, 20]) {
      const start = performance.now();
      const sync = assertThrows(
        () => queue.receiveSync({ timeout }),
        IpcError,
      );
      const async = await assertRejects(
        () => queue.receive({ timeout }),
        IpcError,
      );
      assertEquals([sync.code, async.code], ["ETIMEDOUT", "ETIMEDOUT"]);
      assert(performance.now() - start >= 2 * timeout);
    }
    const controller = new AbortController();
    const { signal } = controller;
    const receive = queue.receive({ signal });
    fill(queue);
    // The waiting receive may take one in the meantime.
    await later();
    const full = fill(queue) + MESSAGES;
    const send = queue.send("aborted", { signal });
    controller.abort("enough");
    assertEquals(await send.catch((error) => error), "enough");
    const received = await receive.catch((error) => error);
    const taken = received === "enough" ? 0 : 1;
    assertEquals(queue.count(), full - taken);
    let rest = 0;
    for (let found; (found = text(queue.tryReceive())) !== undefined; rest++) {
      assert(found !== "aborted");
    }
    assertEquals(rest, full - taken);
  });

  test("30 who receive get one message each", async (queue) => {
    const waits = Array.from({ length: 30 }, () => queue.receive());
    for (let i = 0; i < 31; i++) await queue.send(String(i + 10));
    const received = await Promise.all(
      waits.map(async (wait) => text(await wait)),
    );
    received.push(text(queue.tryReceive()));
    const expected = Array.from({ length: 31 }, (_, i) => String(i + 10));
    assertEquals(received.toSorted(), expected);
    assertEquals(queue.count(), 0);
  });

  test("a loop over its messages loses none when it is left", async (queue) => {
    for (const each of ["a", "b", "stop", "c"]) queue.sendSync(each);
    const seen: (string | undefined)[] = [];
    for await (const message of queue.messages()) {
      if (text(message) === "stop") break;
      seen.push(text(message));
    }
    assertEquals([seen, text(queue.tryReceive())], [["a", "b"], "c"]);
  });

  test("a message that can never fit is refused, and nothing is sent", (queue) => {
    const data = new Uint8Array(BYTES + 1);
    for (
      const call of [() => queue.trySend(data), () => queue.sendSync(data)]
    ) {
      assertEquals(assertThrows(call, IpcError).code, queue.tooLong);
    }
    assertEquals(queue.count(), 0);
  });

  test("what is no data is refused", (queue) => {
    for (const data of [5, null, [1], new ArrayBuffer(4)]) {
      assertThrows(() => queue.trySend(data as unknown as string), TypeError);
    }
    const detached = new Uint8Array(4);
    detached.buffer.transfer();
    assertThrows(() => queue.trySend(detached), TypeError);
    assertEquals(queue.count(), 0);
  });

  test("two processes talk over it, and none of their messages is lost", async (queue) => {
    using back = make();
    await using child = spawnDeno(
      `
      import * as ipc from "@libc/ipc";
      const to = ${queue.elsewhere};
      const back = ${back.elsewhere};
      for (;;) {
        const { data } = to.receiveSync();
        back.sendSync(data);
        if (data.length === 0) break;
      }`,
      { permissions: ["--allow-all"] },
    );
    const count = scaled(500, 1_000_000);
    const sending = (async () => {
      for (let i = 0; i < count; i++) await queue.send(String(i));
      await queue.send("");
    })();
    for (let i = 0; i < count; i++) {
      assertEquals(text(await back.receive()), String(i));
    }
    assertEquals(text(await back.receive()), "");
    await sending;
    assertEquals((await child.end()).code, 0);
  });
}
