/**
 * Sources of waits: what says when the next attempt is worth making.
 *
 * @module
 */

/** A wait under way. */
export interface Waiter {
  /** Whether it relies on its source, and no longer tries by itself. */
  parked: boolean;
  /** Whether it keeps the process alive. */
  readonly referenced: boolean;
  /** What blocks until the next attempt is worth making, if a call does. */
  readonly call?: BlockingCall | undefined;
  /** Tries once; true when it is settled. */
  poke(): boolean;
  /** Ends it with an error. */
  fail(error: unknown): void;
}

/** Says when waiters should try again. */
export abstract class Source {
  /** Those who wait, in the order of their arrival. */
  readonly waiters: Set<Waiter> = new Set();
  /**
   * Whether a waiter must not be overtaken by a later one: bytes of a stream
   * must reach their readers in order.
   */
  readonly ordered: boolean;
  /** How many rely on this source. */
  parked = 0;
  /** How many of these keep the process alive. */
  referenced = 0;
  /** How often in a row trying again at once was in vain. */
  misses = 0;
  /** Whether one whose turn it is waits for something else just now. */
  held = false;
  /** Set by an attempt that has done a part of its work. */
  advanced = false;

  constructor(ordered: boolean) {
    this.ordered = ordered;
  }

  /** Called when parked waiters came or went. Does not throw. */
  protected abstract update(): void;

  /** Whether somebody waits who must not be overtaken. */
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

  /** Lets a waiter go. */
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
   * Lets all waiters try, also those behind one that goes on waiting: something
   * was closed, and they will find it so.
   */
  pokeAll(): void {
    for (const waiter of this.waiters) waiter.poke();
  }

  /** Ends all waits with an error. */
  fail(error: unknown): void {
    for (const waiter of this.waiters) waiter.fail(error);
  }
}

/** What a timer costs the event loop besides the sweep itself, in ms. */
const TIMER_COST = 0.1;
/**
 * How much of the time sweeps may take when nothing happens. So one waiter is
 * tried every 25 ms in the end, and 200 System V queues every 50 to 70 ms; these
 * cost 0.7 % of a processor, and 1.7 % if they were tried every 20 ms.
 */
const IDLE_SHARE = 1 / 250;

/**
 * The source of what has neither a descriptor nor a thread: room in a System V
 * queue, and whatever is beyond the threads of `ThreadSource`.
 *
 * All of an isolate share one timer that tries every waiter: after one
 * millisecond at first, then less and less often.
 */
export class SweepSource extends Source {
  constructor(ordered = false) {
    super(ordered);
  }

  protected override update(): void {
    if (this.parked > 0) sweeps.add(this);
    else sweeps.delete(this);
    restart();
  }
}

const sweeps = new Set<SweepSource>();
let timer: ReturnType<typeof setTimeout> | undefined;
let interval = 1;

function restart(): void {
  interval = 1;
  schedule();
}

function schedule(): void {
  clearTimeout(timer);
  timer = undefined;
  if (sweeps.size === 0) return;
  timer = setTimeout(sweep, interval);
  for (const source of sweeps) if (source.referenced > 0) return;
  Deno.unrefTimer(timer);
}

function sweep(): void {
  const start = performance.now();
  let progress = false;
  for (const source of sweeps) progress = source.poke() || progress;
  const most = (performance.now() - start + TIMER_COST) / IDLE_SHARE;
  interval = progress ? 1 : Math.min(interval * 1.5, most);
  schedule();
}

/** Bytes of memory for a call that blocks. */
export const PAYLOAD = 8192;

/** A call that blocks until the next attempt is worth making. */
export interface BlockingCall {
  /** Its name in the C library. */
  readonly symbol: string;
  /**
   * Prepares the memory that the call may use, {@linkcode PAYLOAD} bytes from
   * that address on, and gives the arguments, five at the most.
   */
  prepare(memory: Uint8Array<ArrayBuffer>, address: bigint): bigint[];
  /** Looks at that memory when the call is over. */
  finish?(memory: Uint8Array<ArrayBuffer>): void;
}
