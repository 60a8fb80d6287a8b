/** Checks of the guarantees of every kind of wait. Each throws if one fails. */

import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import type { WaitOptions } from "@libc/ipc/wait";
import { later, turn } from "../util.ts";
import type { Kind, Subject } from "./kinds.ts";

/** Numbers from 0 to 1 that a seed determines (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(state ^ state >>> 15, state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  };
}

/** A seed for {@linkcode random}, to show in failures. */
export function seed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}

/** How a wait ended. */
export type Outcome = { value: unknown } | { error: unknown };

/** Returns how a wait ends, and releases its result. */
export async function outcomeOf(
  subject: Subject,
  wait: Promise<unknown>,
): Promise<Outcome> {
  try {
    const value = await wait;
    subject.release?.(value);
    return { value };
  } catch (error) {
    return { error };
  }
}

/** Awaits a promise that must settle without a turn of the event loop. */
async function atOnce<T>(promise: Promise<T>, what: string): Promise<T> {
  let turned = false;
  const immediate = setImmediate(() => turned = true);
  const result = await promise;
  clearImmediate(immediate);
  assert(!turned, `${what} took a turn of the event loop`);
  return result;
}

/** Asserts that exactly this many waits have had an effect. */
export async function assertEffects(
  kind: Kind,
  { effects }: Subject,
  expected: number,
  message?: string,
): Promise<void> {
  if (effects === undefined) return;
  let found = effects();
  // The missing ones come back, or the watchdog ends the test.
  while (kind.delayed && found > expected) {
    await later();
    found = effects();
  }
  assertEquals(found, expected, message);
}

function errorOf(outcome: Outcome): unknown {
  return "error" in outcome ? outcome.error : `resolved: ${outcome.value}`;
}

/** A timeout is an ETIMEDOUT, not before its time, and takes nothing. */
export async function checkTimeout(kind: Kind): Promise<void> {
  using subject = kind.make();
  for (const timeout of [0, 0.4, 12]) {
    const start = performance.now();
    const error = errorOf(
      await outcomeOf(subject, subject.wait({ timeout })),
    );
    const waited = performance.now() - start;
    assert(error instanceof IpcError, `${error}`);
    assertEquals(error.code, "ETIMEDOUT");
    assert(error.message.includes(`timed out after ${timeout} ms`), `${error}`);
    assert(waited >= timeout, `waited ${waited} of ${timeout} ms`);
  }
  await assertEffects(kind, subject, 0);
}

/** An abort rejects with the reason, at once, and takes nothing. */
export async function checkAbort(kind: Kind): Promise<void> {
  using subject = kind.make();
  const reason = { any: "thing" };
  for (const delay of [0, 3]) {
    const controller = new AbortController();
    const wait = outcomeOf(
      subject,
      subject.wait({ signal: controller.signal }),
    );
    if (delay > 0) await later(delay);
    controller.abort(reason);
    const outcome = await atOnce(wait, "an abort");
    assertStrictEquals(errorOf(outcome), reason);
  }
  subject.wake();
  const signal = AbortSignal.abort(reason);
  const outcome = await atOnce(
    outcomeOf(subject, subject.wait({ signal })),
    "an abort before",
  );
  assertStrictEquals(errorOf(outcome), reason);
  // A wake without a waiter serves the next wait.
  await outcomeOf(subject, subject.wait());
  await assertEffects(kind, subject, 1);
}

/** Closing rejects all waiters at once with a TypeError that says so. */
export async function checkClose(kind: Kind): Promise<void> {
  for (const delay of [0, 3]) {
    using subject = kind.make();
    const waits = [1, 2, 3].map(() => outcomeOf(subject, subject.wait()));
    if (delay > 0) await later(delay);
    subject.close();
    const outcomes = await atOnce(Promise.all(waits), "closing");
    for (const error of outcomes.map(errorOf)) {
      assert(error instanceof TypeError, `${error}`);
      assert(/^Cannot .* closed/.test(error.message), error.message);
    }
    await assertEffects(kind, subject, 0);
  }
}

/**
 * The stack of an error shows the awaiting code, even if a timer or an event
 * detected it; the stack of an abort's reason is unchanged.
 */
export async function checkStack(kind: Kind): Promise<void> {
  using subject = kind.make();
  const whoAwaits = async (options?: WaitOptions) =>
    await subject.wait(options);
  const stackOf = async (wait: Promise<unknown>): Promise<string> => {
    const error = errorOf(await outcomeOf(subject, wait));
    assert(error instanceof Error, `${error}`);
    return error.stack ?? "";
  };
  assertStringIncludes(await stackOf(whoAwaits({ timeout: 1 })), "whoAwaits");
  const controller = new AbortController();
  const reason = new Error("given up");
  const { stack } = reason;
  const aborted = stackOf(whoAwaits({ signal: controller.signal }));
  controller.abort(reason);
  assertEquals(await aborted, stack);
  const closed = stackOf(whoAwaits());
  subject.close();
  assertStringIncludes(await closed, "whoAwaits");
}

/**
 * Of twenty waits, exactly those that are not aborted are served and have an
 * effect, in order where that is guaranteed.
 */
export async function checkMany(kind: Kind): Promise<void> {
  using subject = kind.make();
  const served: number[] = [];
  const aborted: number[] = [];
  const waits = Array.from({ length: 20 }, (_, i) => {
    const controller = new AbortController();
    const settled = outcomeOf(
      subject,
      subject.wait({ signal: controller.signal }),
    ).then(
      (outcome) => {
        if ("value" in outcome) served.push(i);
        else if (outcome.error === i) aborted.push(i);
        else throw outcome.error;
      },
    );
    return { controller, settled };
  });
  await later();
  waits.forEach(({ controller }, i) => i % 2 === 0 && controller.abort(i));
  // Two waits that begin at the moment of an event.
  const late: Promise<unknown>[] = [];
  while (served.length < 12) {
    const before = served.length;
    subject.wake();
    if (late.length < 2) {
      const number = 20 + late.length;
      const wait = outcomeOf(subject, subject.wait());
      late.push(wait.then(() => served.push(number)));
    }
    while (served.length === before) await later(0);
  }
  await Promise.all([...late, ...waits.map(({ settled }) => settled)]);
  assertEquals(aborted.length, 10);
  const sorted = [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 20, 21];
  const order = kind.ordered ? served : served.toSorted((a, b) => a - b);
  assertEquals(order, sorted);
  await assertEffects(kind, subject, 12);
}

/** Runs through the turns and microtasks of a short random time. */
async function pass(next: () => number): Promise<void> {
  const which = next();
  if (which < 0.2) return;
  if (which < 0.4) return void await null;
  if (which > 0.98) return await later(next() * 3);
  for (let turns = next() * 60; turns > 0; turns--) await turn();
}

/** Runs several concurrent lanes, each with its own random numbers. */
async function lanes(
  count: number,
  run: (next: () => number) => Promise<void>,
  start = seed(),
): Promise<void> {
  try {
    await Promise.all(
      Array.from({ length: count }, (_, i) => run(random(start + i))),
    );
  } catch (error) {
    throw new Error(`Failed with the seed ${start}`, { cause: error });
  }
}

/**
 * Aborts at random moments: a rejected wait has had no effect, and a resolved
 * one has had one. Uses several objects at once if they are independent.
 */
export async function checkRandomAborts(
  kind: Kind,
  aborts: number,
  objects = 1,
): Promise<void> {
  await lanes(objects, async (next) => {
    using subject = kind.make();
    await abortAtRandom(kind, subject, Math.ceil(aborts / objects), next);
  });
}

async function abortAtRandom(
  kind: Kind,
  subject: Subject,
  aborts: number,
  next: () => number,
): Promise<void> {
  let ended = 0;
  let aborted = 0;
  let blocks = true;
  while (aborted < aborts) {
    const controller = new AbortController();
    const reason = {};
    const wait = outcomeOf(
      subject,
      subject.wait({ signal: controller.signal }),
    );
    const abort = async () => {
      await pass(next);
      controller.abort(reason);
    };
    const wake = async () => {
      await pass(next);
      // After the end of the last one, this one may end by itself.
      if (!kind.once && blocks && next() < 0.6) subject.wake();
    };
    const [outcome] = await Promise.all([wait, abort(), wake()]);
    blocks = !("value" in outcome);
    if ("value" in outcome) ended++;
    else if (outcome.error === reason) aborted++;
    else throw outcome.error;
  }
  // With few attempts, all may have been aborted.
  if (ended === 0) {
    subject.wake();
    ended++;
    await outcomeOf(subject, subject.wait());
  }
  await assertEffects(kind, subject, ended);
}

/** The end of the waits of {@linkcode checkRandomEnds}. */
export interface End {
  /** Causes the end, now or later. */
  begin(subject: Subject, next: () => number): void | Promise<void>;
  /** Whether a wait may reject with this error because of it. */
  allows(error: unknown): boolean;
}

/** The handle that waits is closed, once or twice. */
export const closing: End = {
  begin(subject, next) {
    subject.close();
    if (next() < 0.3) subject.close();
  },
  allows: (error) =>
    error instanceof TypeError && /^Cannot .* closed/.test(error.message),
};

/** Options of {@linkcode checkRandomEnds}. */
export interface RandomEnds {
  /** The number of objects that end. */
  rounds: number;
  /** The number of concurrent objects. */
  objects: number;
  /** How they end. */
  end: End;
  /** The seed of everything else. */
  start: number;
}

/**
 * Ends objects at random moments, directly or from the continuation of a wait,
 * among waits that begin, are woken, are aborted and end. All waits end, even
 * those that begin later. Rejected ones have had no effect, nor have those that
 * resolve with null, the end of a stream.
 */
export async function checkRandomEnds(
  kind: Kind,
  { rounds, objects, end, start }: RandomEnds,
): Promise<void> {
  await lanes(objects, async (next) => {
    for (let round = 0; round < Math.ceil(rounds / objects); round++) {
      using subject = kind.make();
      await endAtRandom(kind, subject, next, end);
    }
  }, start);
}

async function endAtRandom(
  kind: Kind,
  subject: Subject,
  next: () => number,
  { begin, allows }: End,
): Promise<void> {
  let effects = 0;
  let ending: void | Promise<void> | undefined;
  let over = false;
  const end = () => {
    if (over) return;
    over = true;
    ending = begin(subject, next);
  };
  const count = (outcome: Outcome, reason?: unknown) => {
    if ("value" in outcome) effects += outcome.value === null ? 0 : 1;
    else if (outcome.error !== reason && !allows(outcome.error)) {
      throw outcome.error;
    }
  };
  const wait = async () => {
    if (next() < 0.5) await pass(next);
    const controller = new AbortController();
    const reason = {};
    const { signal } = controller;
    const outcome = outcomeOf(subject, subject.wait({ signal }));
    if (next() < 0.3) pass(next).then(() => controller.abort(reason));
    count(await outcome, reason);
    if (next() < 0.2) end();
  };
  const wake = async () => {
    await pass(next);
    if (!over) subject.wake();
  };
  const all = [wait(), wait(), wait(), wait()];
  if (next() < 0.7) all.push(wake());
  await pass(next);
  end();
  await Promise.all([...all, ending]);
  count(await outcomeOf(subject, subject.wait()));
  await assertEffects(kind, subject, effects);
}
