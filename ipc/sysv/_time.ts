/**
 * Times of the kernel as dates.
 *
 * @module
 */

/** Returns the `Date` of a `time_t`, or null for 0: it has not happened yet. */
export function dateOf(seconds: bigint): Date | null {
  return seconds === 0n ? null : new Date(Number(seconds) * 1000);
}
