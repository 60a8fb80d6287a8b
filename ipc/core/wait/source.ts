/**
 * Sources of waits. A source says when the next attempt is worth making.
 *
 * @module
 */

/** A wait in progress. */
export interface Waiter {
  /** Whether it relies on its source and no longer spins. */
  parked: boolean;
  /** Whether it keeps the process alive. */
  readonly referenced: boolean;
  /** A call that blocks until the next attempt is worth making, if any. */
  readonly call?: BlockingCall | undefined;
  /** Tries once; true when it is settled. */
  poke(): boolean;
  /** Ends it with an error. */
  fail(error: unknown): void;
}

/** Tells waiters when to try again. */
export abstract class Source {
  /** The waiters, in order of arrival. */
  readonly waiters: Set<Waiter> = new Set();
  /**
   * Whether a later waiter must not overtake an earlier one: the bytes of a
   * stream must reach their readers in order.
   */
  readonly ordered: boolean;
  /** The number of waiters that rely on this source. */
  parked = 0;
  /** The number of these that keep the process alive. */
  referenced = 0;
  /** The number of waits in a row for which spinning has failed. */
  misses = 0;
  /** Whether the first waiter is waiting for something else. */
  held = false;
  /** Set by an attempt that has done part of its work. */
  advanced = false;

  constructor(ordered: boolean) {
    this.ordered = ordered;
  }

  /** Called when the parked waiters have changed. Does not throw. */
  protected abstract update(): void;

  /** Whether there is a waiter that must not be overtaken. */
  get busy(): boolean {
    return this.ordered && (this.held || this.waiters.size > 0);
  }

  /** Takes over a waiter. */
  park(waiter: Waiter): void {
    waiter.parked = true;
    this.parked++;
    if (waiter.referenced) this.referenced++;
    this.update();
  }

  /** Removes a waiter. */
  leave(waiter: Waiter): void {
    this.waiters.delete(waiter);
    if (!waiter.parked) return;
    waiter.parked = false;
    this.parked--;
    if (waiter.referenced) this.referenced--;
    this.update();
  }

  /** Lets the waiters try, in order; true when one of them is done. */
  poke(): boolean {
    let progress = false;
    if (this.held) return progress;
    for (const waiter of this.waiters) {
      if (waiter.poke()) progress = true;
      else if (this.ordered) break;
      if (this.held) break;
    }
    return progress;
  }

  /**
   * Lets all waiters try, also those behind one that cannot proceed. They then
   * notice that something was closed.
   */
  pokeAll(): void {
    for (const waiter of this.waiters) waiter.poke();
  }

  /** Ends all waits with an error. */
  fail(error: unknown): void {
    for (const waiter of this.waiters) waiter.fail(error);
  }
}

/** The cost of a timer to the event loop besides the polling itself, in ms. */
const TIMER_COST = 0.1;
/**
 * The share of time that idle polling may take. One waiter is then polled every
 * 25 ms, and 200 System V queues every 50 to 70 ms. These cost 0.7 % of a
 * processor; polled every 20 ms, they would cost 1.7 %.
 */
const IDLE_SHARE = 1 / 250;

/**
 * The source of waits that have neither a descriptor nor a thread, such as a
 * send to a full System V queue, or waits beyond the threads of `ThreadSource`.
 *
 * All such sources of an isolate share one timer that polls every waiter, first
 * after one millisecond, then less and less often.
 */
export class PollingSource extends Source {
  constructor(ordered = false) {
    super(ordered);
  }

  protected override update(): void {
    if (this.parked > 0) polling.add(this);
    else polling.delete(this);
    restart();
  }
}

const polling = new Set<PollingSource>();
let timer: ReturnType<typeof setTimeout> | undefined;
let interval = 1;

function restart(): void {
  interval = 1;
  schedule();
}

function schedule(): void {
  clearTimeout(timer);
  timer = undefined;
  if (polling.size === 0) return;
  timer = setTimeout(pollAll, interval);
  for (const source of polling) if (source.referenced > 0) return;
  Deno.unrefTimer(timer);
}

function pollAll(): void {
  const start = performance.now();
  let progress = false;
  for (const source of polling) progress = source.poke() || progress;
  const most = (performance.now() - start + TIMER_COST) / IDLE_SHARE;
  interval = progress ? 1 : Math.min(interval * 1.5, most);
  schedule();
}

/** The size of the memory of a blocking call in bytes. */
export const PAYLOAD = 8192;

/** A call that blocks until the next attempt is worth making. */
export interface BlockingCall {
  /** Its name in the C library. */
  readonly symbol: string;
  /**
   * Prepares the memory of the call, {@linkcode PAYLOAD} bytes at that address,
   * and returns its arguments, five at most.
   */
  prepare(memory: Uint8Array<ArrayBuffer>, address: bigint): bigint[];
  /** Reads that memory when the call is over. */
  finish?(memory: Uint8Array<ArrayBuffer>): void;
}
