/**
 * Spinning: a wait first retries for a moment.
 *
 * A running peer answers within a few microseconds, while waking this thread
 * takes about 25. So a wait first retries between turns of the event loop,
 * which keeps running. After a few failures in a row it spins only now and
 * then, so an idle wait costs nothing.
 *
 * @module
 */

import { sched } from "../../../ffi/libc/sched.ts";
import type { Source, Waiter } from "./source.ts";

/**
 * How long a wait spins before it relies on its source, in ms.
 *
 * This is longer than a round trip in which both ends sleep (about 70 µs), so
 * that two sleeping ends find each other awake again. Measured with 64 bytes
 * over a unix socket between two processes, median of a round trip: 7.6 µs at
 * 0.12, 7.7 or 70 µs by chance at 0.05, 28-70 µs at 0; Deno's own socket 22-40
 * µs.
 */
const SPIN = 0.12;
/** Most waits that spin at once: more would only delay each other. */
const MAX_SPINNING = 4;
/** After this many misses in a row, waits on a source rarely spin. */
const PATIENCE = 3;
/** Then one in this many waits spins. */
const RETRY = 16;

interface Spin {
  source: Source;
  until: number;
}

const spinning = new Map<Waiter, Spin>();
let scheduled = false;

/** The spinning waits. */
export const spinner = {
  /** Spins, or parks the waiter at once when spinning would not pay. */
  start(waiter: Waiter, source: Source): void {
    if (!worthwhile(waiter, source)) {
      source.misses++;
      source.park(waiter);
      return;
    }
    spinning.set(waiter, { source, until: performance.now() + SPIN });
    if (!scheduled) {
      scheduled = true;
      setImmediate(turn);
    }
  },
};

function worthwhile(waiter: Waiter, source: Source): boolean {
  return waiter.referenced && spinning.size < MAX_SPINNING &&
    (source.misses < PATIENCE || source.misses % RETRY === 0) &&
    availableCpus() > 1;
}

function turn(): void {
  scheduled = false;
  const now = performance.now();
  for (const [waiter, { source, until }] of spinning) {
    if (!source.waiters.has(waiter)) {
      spinning.delete(waiter);
    } else if (isFirst(waiter, source) && waiter.poke()) {
      spinning.delete(waiter);
      source.misses = 0;
    } else if (now >= until) {
      spinning.delete(waiter);
      source.misses++;
      source.park(waiter);
    }
  }
  if (spinning.size > 0) {
    scheduled = true;
    setImmediate(turn);
  }
}

function isFirst(waiter: Waiter, source: Source): boolean {
  if (source.held) return false;
  if (!source.ordered) return true;
  for (const first of source.waiters) return first === waiter;
  return false;
}

let cpus: number | undefined;

/**
 * `sched_getaffinity`: returns the number of processors that this process may
 * run on. With one, spinning would keep the peer from running.
 */
function availableCpus(): number {
  if (cpus !== undefined) return cpus;
  const mask = new Uint32Array(256);
  sched().sched_getaffinity(0, mask.byteLength, mask);
  cpus = 0;
  for (let word of mask) for (; word !== 0; word &= word - 1) cpus++;
  return cpus;
}
