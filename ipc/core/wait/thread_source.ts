/**
 * The source of waits on System V objects and POSIX semaphores: a thread for
 * each wait that has a blocking call, and the shared timer for the others.
 *
 * @module
 */

import { WaitThread } from "./_wait_thread.ts";
import { PollingSource, type Waiter } from "./source.ts";

/** A call that returns sooner than this, in ms, is hasty: it hardly waited. */
const HASTY = 1;
/** After more hasty calls in a row than this, a timer polls the waiter. */
const MAX_HASTY = 8;

/** The sources that have threads in calls. */
const busy = new Set<ThreadSource>();
let listens = false;

/** Whether a thread is in a call that may take something. */
export function threadsTake(): boolean {
  for (const source of busy) if (source.takes) return true;
  return false;
}

/**
 * Collects everything that threads have taken so far, for pending waits and for
 * waits that have ended.
 */
export function collectThreads(): void {
  for (const source of [...busy]) source.collect();
}

/**
 * Keeps threads from taking anything while this thread blocks and cannot
 * collect it. They continue when it returns to the event loop.
 */
export function pauseThreads(): void {
  for (const source of [...busy]) source.pause();
}

/** Gives up all waits when this process ends, and settles their threads. */
function abandonAll(): void {
  for (const source of busy) source.abandon();
}

/** Wakes a waiter when its blocking call returns. */
export class ThreadSource extends PollingSource {
  readonly #threads = new Map<Waiter, WaitThread>();
  /** Threads that are still in the call of a wait that has ended. */
  readonly #ending = new Set<WaitThread>();
  /** Waiters whose calls are interrupted for a moment. */
  readonly #paused = new Set<Waiter>();
  readonly #onSettled: (() => void) | undefined;

  /**
   * @param onSettled Called when the calls of all ended waits are over. Given
   * for calls that may take something.
   */
  constructor(onSettled?: () => void) {
    super();
    this.#onSettled = onSettled;
  }

  /** Whether its calls may take something. */
  get takes(): boolean {
    return this.#onSettled !== undefined;
  }

  /** Whether the calls of all ended waits are over. */
  get settled(): boolean {
    return this.#ending.size === 0;
  }

  /** Takes over a waiter, with a thread if one is available. */
  override park(waiter: Waiter): void {
    if (waiter.call === undefined || !this.#start(waiter, 0)) {
      super.park(waiter);
    }
  }

  /** Removes a waiter and interrupts its thread. */
  override leave(waiter: Waiter): void {
    super.leave(waiter);
    this.#paused.delete(waiter);
    this.#release(waiter);
  }

  /** Collects everything that finished calls have taken. */
  collect(): void {
    if (!this.takes) return;
    this.settleNow();
    for (const thread of [...this.#threads.values()]) thread.check();
  }

  /**
   * Ends all calls, which blocks this thread; a microtask starts them again.
   */
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

  /** Blocks this thread until the calls of all ended waits are over. */
  settleNow(): void {
    for (const thread of this.#ending) thread.settle();
  }

  /** Gives up all waits that have threads. */
  abandon(): void {
    for (const waiter of [...this.#threads.keys()]) this.leave(waiter);
    this.settleNow();
  }

  #forget(): void {
    if (this.#threads.size + this.#ending.size === 0) busy.delete(this);
  }

  #settle(): void {
    this.#onSettled?.();
    // Waiters with a thread learn it from their call.
    for (const waiter of this.waiters) {
      if (!this.#threads.has(waiter)) waiter.poke();
    }
  }

  #start(waiter: Waiter, hasty: number): boolean {
    const { call } = waiter;
    // A call that keeps returning at once must not loop.
    if (call === undefined || hasty > MAX_HASTY) return false;
    const thread = WaitThread.take();
    if (thread === undefined) return false;
    const start = performance.now();
    const done = () => {
      this.#threads.delete(waiter);
      if (waiter.poke()) return this.#forget();
      // Another receiver was faster: wait again.
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
      // Nothing that a thread has taken may be lost when this process ends.
      if (!listens) globalThis.addEventListener("unload", abandonAll);
      listens = true;
    } catch (error) {
      waiter.fail(error);
    }
    return true;
  }
}
