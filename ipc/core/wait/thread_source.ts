/**
 * The source of waits on System V objects: a thread for each wait that has a
 * call to block in, and the shared timer for those beyond.
 *
 * @module
 */

import { WaitThread } from "./_wait_thread.ts";
import { SweepSource, type Waiter } from "./source.ts";

/** A call that returns sooner than this, in ms, has hardly waited. */
const HASTY = 1;
/** After so many of these in a row the waiter is swept instead. */
const MAX_HASTY = 8;

/** Those that have threads in calls. */
const busy = new Set<ThreadSource>();
let listens = false;

/** Whether there are threads whose calls may take something. */
export function threadsTake(): boolean {
  for (const source of busy) if (source.takes) return true;
  return false;
}

/**
 * Takes over what threads have taken by now, of waits that go on as of those
 * that have ended.
 */
export function collectThreads(): void {
  for (const source of [...busy]) source.collect();
}

/**
 * Keeps threads from taking anything while this thread blocks: it could not take
 * that over. They go on when it returns to the event loop.
 */
export function pauseThreads(): void {
  for (const source of [...busy]) source.pause();
}

/** Gives up all waits, as this process ends, with what their threads have. */
function abandonAll(): void {
  for (const source of busy) source.abandon();
}

/** Wakes a waiter when its blocking call returns. */
export class ThreadSource extends SweepSource {
  readonly #threads = new Map<Waiter, WaitThread>();
  /** Threads still in the call of a wait that has ended. */
  readonly #ending = new Set<WaitThread>();
  /** Those whose threads were taken out of their calls for a moment. */
  readonly #paused = new Set<Waiter>();
  readonly #onSettled: (() => void) | undefined;

  /**
   * @param onSettled Called when the calls of all ended waits are over: for
   * calls that may take something.
   */
  constructor(onSettled?: () => void) {
    super();
    this.#onSettled = onSettled;
  }

  /** Whether its calls may take something. */
  get takes(): boolean {
    return this.#onSettled !== undefined;
  }

  /** Whether no thread is still in the call of a wait that has ended. */
  get settled(): boolean {
    return this.#ending.size === 0;
  }

  /** Takes over a waiter, with a thread if there is one. */
  override park(waiter: Waiter): void {
    if (waiter.call === undefined || !this.#start(waiter, 0)) {
      super.park(waiter);
    }
  }

  /** Lets a waiter go, and its thread. */
  override leave(waiter: Waiter): void {
    super.leave(waiter);
    this.#paused.delete(waiter);
    this.#release(waiter);
  }

  /** Takes over what the calls have taken that are over. */
  collect(): void {
    if (!this.takes) return;
    this.settleNow();
    for (const thread of [...this.#threads.values()]) thread.check();
  }

  /** Ends all calls, blocking this thread, until the event loop turns. */
  pause(): void {
    if (!this.takes) return;
    const waiters = [...this.#threads.keys()];
    if (waiters.length > 0) queueMicrotask(() => this.#resume());
    for (const waiter of waiters) {
      this.#paused.add(waiter);
      this.#release(waiter);
    }
    this.settleNow();
  }

  #resume(): void {
    const paused = [...this.#paused];
    this.#paused.clear();
    for (const waiter of paused) this.park(waiter);
  }

  #release(waiter: Waiter): void {
    const thread = this.#threads.get(waiter);
    if (thread === undefined) return;
    this.#threads.delete(waiter);
    const ended = () => {
      this.#ending.delete(thread);
      if (this.settled) this.#settle();
      this.#forget();
    };
    if (thread.interrupt(ended)) this.#ending.add(thread);
    else this.#forget();
  }

  /** Waits for the calls of ended waits, blocking this thread. */
  settleNow(): void {
    for (const thread of this.#ending) thread.settle();
  }

  /** Leaves all who wait alone. */
  abandon(): void {
    for (const waiter of [...this.#threads.keys()]) this.leave(waiter);
    this.settleNow();
  }

  #forget(): void {
    if (this.#threads.size + this.#ending.size === 0) busy.delete(this);
  }

  #settle(): void {
    this.#onSettled?.();
    // The others have a call that tells them.
    for (const waiter of this.waiters) {
      if (!this.#threads.has(waiter)) waiter.poke();
    }
  }

  #start(waiter: Waiter, hasty: number): boolean {
    const { call } = waiter;
    // A call that does not wait, for whatever reason, must not keep us busy.
    if (call === undefined || hasty > MAX_HASTY) return false;
    const thread = WaitThread.take();
    if (thread === undefined) return false;
    const start = performance.now();
    const done = () => {
      this.#threads.delete(waiter);
      if (waiter.poke()) return this.#forget();
      // Somebody else was faster: wait again.
      const waited = performance.now() - start;
      const again = waited < HASTY ? hasty + 1 : 0;
      if (this.#start(waiter, again)) return;
      this.#forget();
      super.park(waiter);
    };
    try {
      if (!thread.run(call, waiter.referenced, done)) return false;
      this.#threads.set(waiter, thread);
      busy.add(this);
      // What is taken by a thread must not end with this process.
      if (!listens) globalThis.addEventListener("unload", abandonAll);
      listens = true;
    } catch (error) {
      waiter.fail(error);
    }
    return true;
  }
}
