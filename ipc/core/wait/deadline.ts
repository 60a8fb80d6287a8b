/**
 * Deadlines of waits, in milliseconds on the monotonic clock.
 *
 * @module
 */

import { writeTimespec } from "../../../ffi/timespec.ts";
/** The end of a wait, unaffected by interrupted calls. */
export class Deadline {
  readonly #end: number;
  readonly #timespec = new BigInt64Array(2);

  /** Makes a deadline this many milliseconds from now. */
  constructor(milliseconds: number) {
    this.#end = performance.now() + milliseconds;
  }

  /** The milliseconds left; 0 when it has passed. */
  get remaining(): number {
    return Math.max(0, this.#end - performance.now());
  }

  /** Whether it has passed. */
  get expired(): boolean {
    return this.remaining === 0;
  }

  /**
   * Returns the time left as a relative `struct timespec`, which the next call
   * of this method overwrites.
   */
  timespec(): BigInt64Array<ArrayBuffer> {
    return writeTimespec(this.#timespec, this.remaining);
  }
}
