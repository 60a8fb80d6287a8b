/**
 * Time limits for calls that have none, but that a signal interrupts.
 *
 * @module
 */

import { time } from "../libc/time.ts";
import { writeTimespec } from "./deadline.ts";
import { CLOCK_MONOTONIC } from "./platform.ts";

const timespec = new BigInt64Array(2);

/** `clock_nanosleep`: blocks this thread for so many milliseconds or less. */
export function pause(milliseconds: number): void {
  writeTimespec(timespec, milliseconds);
  // Interrupted is good enough: whoever pauses looks at the clock anyway.
  time().clock_nanosleep(CLOCK_MONOTONIC, 0, timespec, null);
}
