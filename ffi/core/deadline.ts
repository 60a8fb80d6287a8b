/**
 * Deadlines of waits, in milliseconds on the monotonic clock.
 *
 * @module
 */

/** The end of a wait; counts down however often a call is interrupted. */
export class Deadline {
  readonly #end: number;
  readonly #timespec = new BigInt64Array(2);

  /** A deadline so many milliseconds from now. */
  constructor(milliseconds: number) {
    this.#end = performance.now() + milliseconds;
  }

  /** Milliseconds left, 0 when the time is up. */
  get remaining(): number {
    return Math.max(0, this.#end - performance.now());
  }

  /** Whether the time is up. */
  get expired(): boolean {
    return this.remaining === 0;
  }

  /**
   * The time left as a relative `struct timespec`, which the next call of this
   * method overwrites.
   */
  timespec(): BigInt64Array<ArrayBuffer> {
    return writeTimespec(this.#timespec, this.remaining);
  }
}

/** Writes milliseconds as a `struct timespec`: seconds, nanoseconds. */
export function writeTimespec(
  timespec: BigInt64Array<ArrayBuffer>,
  milliseconds: number,
): BigInt64Array<ArrayBuffer> {
  // time_t is 64 bits; further than that is for ever anyway.
  const seconds = Math.min(Math.floor(milliseconds / 1000), 1e15);
  const rest = Math.min(milliseconds - seconds * 1000, 999.999999);
  timespec[0] = BigInt(seconds);
  timespec[1] = BigInt(Math.floor(rest * 1e6));
  return timespec;
}

/** The `Date` of a `time_t`, or null when it is 0: it has not happened yet. */
export function dateOf(seconds: bigint): Date | null {
  return seconds === 0n ? null : new Date(Number(seconds) * 1000);
}
