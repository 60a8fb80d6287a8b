/**
 * The source of waits on System V objects: a thread for each wait that has a
 * call to block in, and the shared timer for those beyond.
 *
 * @module
 */

import { SweepSource, type Waiter } from "./_source.ts";
import { WaitThread } from "./wait_thread.ts";

/** A call that returns sooner than this, in ms, has hardly waited. */
const HASTY = 1;
/** After so many of these in a row the waiter is swept instead. */
const MAX_HASTY = 8;

/** Those that have threads in calls. */
const busy = new Set<ThreadSource>();
let listens = false;

/**
 * Waits, blocking this thread, until no thread is in the call of a wait that has
 * ended: a call of this thread would compete with it.
 */
export function settleThreads(): void {
  for (const source of busy) source.settleNow();
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
  readonly #onSettled: () => void;

  /** @param onSettled Called when the calls of all ended waits are over. */
  constructor(onSettled: () => void = () => {}) {
    super();
    this.#onSettled = onSettled;
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
    this.#onSettled();
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
