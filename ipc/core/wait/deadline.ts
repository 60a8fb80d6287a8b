/**
 * Deadlines of waits, in milliseconds on the monotonic clock.
 *
 * @module
 */

import { writeTimespec } from "../../../ffi/timespec.ts";
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
