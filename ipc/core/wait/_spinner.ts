/**
 * Trying again at once, for a moment.
 *
 * A peer that is running answers within a few microseconds, while waking this
 * thread takes about 25. So a wait first tries again between turns of the event
 * loop, which go on meanwhile. Where that was in vain a few times in a row, it
 * is done only now and then, so an idle wait costs nothing.
 *
 * @module
 */

import { sched } from "../../../ffi/libc/sched.ts";
import type { Source, Waiter } from "./source.ts";

/**
 * How long a wait tries by itself before it relies on its source, in ms.
 *
 * Longer than a round trip in which both ends sleep (about 70 µs), so that two
 * ends that slept find each other awake again. Measured with 64 bytes over a
 * unix socket between two processes, median of a round trip: 7.6 µs at 0.12,
 * 7.7 or 70 µs by chance at 0.05, 28-70 µs at 0; Deno's own socket 22-40 µs.
 */
const SPIN = 0.12;
/** More waits than this at once would only delay each other. */
const MAX_SPINNING = 4;
/** After so many misses in a row a source is tried rarely: */
const PATIENCE = 3;
/** … once in so many waits. */
const RETRY = 16;

interface Spin {
  source: Source;
  until: number;
}

const spinning = new Map<Waiter, Spin>();
let scheduled = false;

/** The waits that try again at once. */
export const spinner = {
  /** Spins, or parks the waiter at once where that would not pay. */
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
 * `sched_getaffinity`: how many processors this process may run on. With one,
 * waiting for a peer by trying keeps the peer from running.
 */
function availableCpus(): number {
  if (cpus !== undefined) return cpus;
  const mask = new Uint32Array(256);
  sched().sched_getaffinity(0, mask.byteLength, mask);
  cpus = 0;
  for (let word of mask) for (; word !== 0; word &= word - 1) cpus++;
  return cpus;
}
