// Waits that are ready at once: their cost, and that they let others run.

import { assert, assertEquals } from "@std/assert";
import { spy } from "@std/testing/mock";
import {
  EventFd,
  IPC_PRIVATE,
  Memfd,
  pipe,
  SysvSemaphoreSet,
  waitAny,
} from "@libc/ipc";
import { READINESS } from "@libc/ipc/wait";
import { fdSource } from "../../ipc/core/wait/reactor.ts";
import { PollingSource } from "../../ipc/core/wait/source.ts";
import { waitUntil } from "../../ipc/core/wait/wait.ts";
import { later, turn, watchdog } from "../util.ts";
import { outcomeOf } from "./checks.ts";
import { type Kind, kinds, type Subject } from "./kinds.ts";

const SUBJECT = { syscall: "call", action: "wait for", object: "something" };

/** Makes a subject ready, so that a wait can end at once. */
async function makeReady(kind: Kind, subject: Subject): Promise<void> {
  subject.wake();
  if (kind.once) await outcomeOf(subject, subject.wait());
  // A signal has to arrive first.
  const readiness = subject.target?.[READINESS]();
  while (readiness?.ready() === false) await turn();
}

/** Counts the timers and turns that are requested while it runs. */
async function countingTimers(run: () => Promise<void>): Promise<number> {
  using timeouts = spy(globalThis, "setTimeout");
  using intervals = spy(globalThis, "setInterval");
  using immediates = spy(globalThis, "setImmediate");
  await run();
  return timeouts.calls.length + intervals.calls.length +
    immediates.calls.length;
}

for (const kind of kinds) {
  const { name } = kind;

  Deno.test(`${name}() that is ready settles within one microtask, without timers`, async () => {
    using _dog = watchdog(name);
    using subject = kind.make();
    let slow = 0;
    for (let round = 0; round < 20; round++) {
      await makeReady(kind, subject);
      let settled = false;
      let settling: Promise<void> | undefined;
      const timers = await countingTimers(async () => {
        const wait = subject.wait();
        settling = wait.then((result) => {
          settled = true;
          subject.release?.(result);
        });
        await null;
      });
      // Occasionally the event loop has to run first.
      if (!settled || timers > 0) slow++;
      await settling;
    }
    assert(slow <= 1, `${slow} of 20 took longer`);
  });

  Deno.test(`${name}() that is always ready lets timers run`, async () => {
    using _dog = watchdog(`starved by ${name}`);
    using subject = kind.make();
    let fired = false;
    setTimeout(() => fired = true, 0);
    while (!fired) {
      subject.wake();
      do {
        await outcomeOf(subject, subject.wait());
      } while (kind.once && !fired);
    }
  });
}

Deno.test("waitAny() on what is always ready lets timers run", async () => {
  using _dog = watchdog("starved by waitAny()");
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [1]);
  let fired = false;
  setTimeout(() => fired = true, 0);
  while (!fired) await waitAny([set]);
});

Deno.test("waits that are ready together settle in their order", async () => {
  using ends = pipe();
  ends.writer.writeSync(new Uint8Array(1000));
  const order: number[] = [];
  // More than can settle without a turn of the event loop.
  await Promise.all(
    Array.from(
      { length: 1000 },
      (_, i) => ends.reader.read(new Uint8Array(1)).then(() => order.push(i)),
    ),
  );
  assertEquals(order, Array.from({ length: 1000 }, (_, i) => i));
});

Deno.test("a wait whose attempts are always in vain lets timers run", async () => {
  using _dog = watchdog("a file that is always ready");
  // Epoll cannot watch a regular file, which is always ready.
  using memory = Memfd.create("ready", { size: 1 });
  const controller = new AbortController();
  const wait = waitUntil(
    () => undefined,
    { signal: controller.signal },
    SUBJECT,
    fdSource(memory.fd, "read"),
  ).catch((error) => error);
  await later(10);
  controller.abort("enough");
  assertEquals(await wait, "enough");
});

Deno.test("a descriptor that is ready for something else is not asked again and again", async () => {
  using event = EventFd.create();
  // The counter can take 1, which is what poll() checks, but not 2.
  event.post(2n ** 64n - 3n);
  using controller = new DisposableStack();
  const abort = new AbortController();
  controller.defer(() => abort.abort());
  let attempts = 0;
  const wait = waitUntil(
    () => {
      attempts++;
      return event.tryAdd(2) || undefined;
    },
    { signal: abort.signal },
    SUBJECT,
    fdSource(event.fd, "write"),
  );
  wait.catch(() => {});
  await later(10);
  attempts = 0;
  const start = performance.now();
  await later(200);
  const waited = performance.now() - start;
  // Spurious wakeups take far less than a tenth of this limit.
  assert(attempts < 100 + waited / 10, `${attempts} attempts`);
  event.tryReceive();
  await wait;
});

Deno.test("waitUntil() never ends before a time with a fraction", async () => {
  const waits = Array.from({ length: 600 }, async (_, i) => {
    const timeout = [1.98, 2.999, 0.97][i % 3] ?? 0;
    // They must not all start at the same moment.
    for (let turns = 0; turns < i; turns++) await turn();
    const start = performance.now();
    await waitUntil(() => undefined, { timeout }, SUBJECT, new PollingSource())
      .catch(() => {});
    return performance.now() - start - timeout;
  });
  const earliest = Math.min(...await Promise.all(waits));
  assert(earliest >= 0, `${-earliest} ms too early`);
});
