/**
 * Times for the kernel.
 *
 * @module
 */

/** Writes milliseconds as a `struct timespec`. */
export function writeTimespec(
  timespec: BigInt64Array<ArrayBuffer>,
  milliseconds: number,
): BigInt64Array<ArrayBuffer> {
  // Keeps the value within a 64-bit time_t; 1e15 seconds is as good as for
  // ever.
  const seconds = Math.min(Math.floor(milliseconds / 1000), 1e15);
  const rest = Math.min(milliseconds - seconds * 1000, 999.999999);
  timespec[0] = BigInt(seconds);
  timespec[1] = BigInt(Math.floor(rest * 1e6));
  return timespec;
}
