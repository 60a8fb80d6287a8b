// Waiting for the first of many objects, over all kinds.

import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { assertSpyCalls, spy } from "@std/testing/mock";
import { type Waitable, waitAny } from "@libc/ipc";
import { IpcError } from "@libc/ipc/errno";
import { READINESS } from "@libc/ipc/wait";
import { later, turn, watchdog } from "../util.ts";
import { assertEffects, outcomeOf, random, seed } from "./checks.ts";
import { type Kind, kinds, type Subject } from "./kinds.ts";

/** An object that waitAny() can wait for, and its kind. */
interface Candidate {
  kind: Kind;
  subject: Subject;
  target: Waitable;
}

/** One object of each kind that waitAny() can wait for. */
function candidatesOf(stack: DisposableStack): Candidate[] {
  const candidates: Candidate[] = [];
  for (const kind of kinds) {
    const subject = stack.use(kind.make());
    const { target } = subject;
    if (target !== undefined) candidates.push({ kind, subject, target });
  }
  return candidates;
}

/** Asserts that no waits are left on any of them. */
function assertNobodyWaits(candidates: readonly Candidate[]): void {
  for (const { kind, target } of candidates) {
    // A running child is always waited for in the background.
    const expected = kind.name === "ChildProcess.wait" ? 1 : 0;
    const { size } = target[READINESS]().source.waiters;
    assert(size <= expected, `${size} wait for ${kind.name}`);
  }
}

async function untilReady({ target }: Candidate): Promise<void> {
  const readiness = target[READINESS]();
  while (!readiness.ready()) await turn();
}

Deno.test("waitAny() finds each kind, ready before or later, and takes nothing", async () => {
  using _dog = watchdog("each kind");
  using stack = new DisposableStack();
  const candidates = candidatesOf(stack);
  assert(candidates.length > 15, "hardly any kind can be waited for");
  const left = [...candidates];
  for (const [i, candidate] of candidates.entries()) {
    const { kind, subject, target } = candidate;
    const targets = left.map(({ target }) => target);
    let found: Waitable;
    if (i % 3 === 0) {
      subject.wake();
      await untilReady(candidate);
      found = await waitAny(targets);
    } else {
      const wait = waitAny(targets);
      if (i % 3 === 1) await later();
      subject.wake();
      found = await wait;
    }
    assertStrictEquals(found, target, kind.name);
    assertNobodyWaits(left);
    // The event is still there, for one wait only.
    const outcome = await outcomeOf(subject, subject.wait({ timeout: 5000 }));
    assert("value" in outcome, kind.name);
    await assertEffects(kind, subject, 1, kind.name);
    if (kind.once) left.splice(left.indexOf(candidate), 1);
  }
});

Deno.test("waitAny() is fair to all kinds that are ready together, and to several loops", async () => {
  using _dog = watchdog("fairness");
  using stack = new DisposableStack();
  const candidates = candidatesOf(stack);
  const targets = candidates.map(({ target }) => target);
  for (const candidate of candidates) {
    candidate.subject.wake();
    await untilReady(candidate);
  }
  const counts = new Map(targets.map((target) => [target, 0]));
  const count = async (some: Waitable[]) => {
    const found = await waitAny(some);
    counts.set(found, (counts.get(found) ?? 0) + 1);
  };
  for (let i = 0; i < 10 * targets.length; i++) await count(targets);
  assertEquals([...counts.values()], targets.map(() => 10));
  // Each caller gets both of its objects in turn, even if another alternates.
  for (const kept of [0, 1]) {
    counts.clear();
    const two = targets.slice(0, 2);
    for (let i = 0; i < 100; i++) {
      if (i % 2 === kept) await count(two);
      else await waitAny(targets.slice(2, 4));
    }
    assertEquals([...counts.values()], [25, 25]);
  }
});

Deno.test("waitAny() loses nothing when two loops compete", async () => {
  using _dog = watchdog("competing loops");
  const start = seed();
  const next = random(start);
  using stack = new DisposableStack();
  const candidates = candidatesOf(stack)
    .filter(({ kind, subject }) => !kind.once && subject.effects);
  const targets = candidates.map(({ target }) => target);
  const total = 1500;
  let received = 0;
  const stop = new AbortController();
  const consume = async () => {
    while (received < total) {
      const found = await waitAny(targets, { signal: stop.signal })
        .catch((error) => assertEquals(error, "over"));
      if (found === undefined) return;
      const subject = candidates[targets.indexOf(found)]?.subject;
      assert(subject !== undefined);
      // The other loop may have been faster.
      const outcome = await outcomeOf(subject, subject.wait({ timeout: 0 }));
      if ("value" in outcome) received++;
      else assert(outcome.error instanceof IpcError, `${outcome.error}`);
    }
    stop.abort("over");
  };
  const loops = [consume(), consume()];
  for (let sent = 0; sent < total; sent++) {
    candidates[Math.floor(next() * candidates.length)]?.subject.wake();
    // Queues hold ten messages.
    while (sent - received > 8) await turn();
    if (next() < 0.3) await turn();
    if (next() < 0.02) await later(1);
  }
  await Promise.all(loops);
  assertNobodyWaits(candidates);
  const effects = () =>
    candidates.reduce(
      (sum, { subject }) => sum + (subject.effects?.() ?? 0),
      0,
    );
  // A message that was taken for a moment comes back, or the watchdog ends this.
  while (effects() > total) await later();
  assertEquals([received, effects()], [total, total], `seed ${start}`);
});

Deno.test("waitAny() leaves a waiting receiver its message, and is told all the same", async () => {
  using _dog = watchdog("receivers");
  using stack = new DisposableStack();
  for (const { kind, subject, target } of candidatesOf(stack)) {
    if (kind.once || kind.broadcast) continue;
    const before = outcomeOf(subject, subject.wait());
    const any = waitAny([target]);
    const after = outcomeOf(subject, subject.wait());
    await later(1);
    subject.wake();
    await Promise.race([before, after]);
    subject.wake();
    await Promise.all([before, after]);
    // The previous event may have been consumed too soon to be seen.
    subject.wake();
    assertStrictEquals(await any, target, kind.name);
    await assertEffects(kind, subject, 2, kind.name);
  }
});

Deno.test("waitAny() times out, is aborted and fails for all kinds together", async () => {
  using _dog = watchdog("ends of waitAny()");
  using stack = new DisposableStack();
  const candidates = candidatesOf(stack);
  const targets = candidates.map(({ target }) => target);
  const start = performance.now();
  const error = await assertRejects(
    () => waitAny(targets, { timeout: 7 }),
    IpcError,
    `Cannot wait for the first of ${targets.length} objects: epoll_wait timed out after 7 ms`,
  );
  assertEquals(error.code, "ETIMEDOUT");
  assert(performance.now() - start >= 7);
  assertNobodyWaits(candidates);
  await assertRejects(() => waitAny(targets, { timeout: -1 }), RangeError);
  for (const delay of [0, 3]) {
    const controller = new AbortController();
    const wait = waitAny(targets, { signal: controller.signal });
    if (delay > 0) await later(delay);
    controller.abort("enough");
    assertEquals(await wait.catch((error) => error), "enough");
    assertNobodyWaits(candidates);
  }
  for (const { kind, subject } of candidates) {
    using other = kind.make();
    assert(other.target !== undefined);
    const rest = targets.filter((target) => target !== subject.target);
    const wait = waitAny([...rest, other.target]);
    if (Math.random() < 0.5) await later(1);
    other.close();
    await assertRejects(() => wait, TypeError, "closed", kind.name);
    await assertRejects(
      () => waitAny([...rest, other.target ?? {} as Waitable]),
      TypeError,
      "closed",
    );
  }
  assertNobodyWaits(candidates);
});

Deno.test("waitAny() leaves no listener on a signal that lives long", async () => {
  using stack = new DisposableStack();
  const candidates = candidatesOf(stack);
  const { signal } = new AbortController();
  using added = spy(signal, "addEventListener");
  using removed = spy(signal, "removeEventListener");
  const targets = candidates.map(({ target }) => target);
  for (let i = 0; i < 20; i++) {
    await waitAny(targets, { signal, timeout: 1 }).catch(() => {});
  }
  assertSpyCalls(removed, added.calls.length);
});
