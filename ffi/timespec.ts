/**
 * Times for the kernel.
 *
 * @module
 */

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
