/**
 * Sets of signals.
 *
 * @module
 */

/** The words of a `sigset_t`. The kernel uses only the first. */
const SET_WORDS = 16;

/** A `sigset_t` of these signals. */
export function sigset(
  numbers: Iterable<number>,
): BigUint64Array<ArrayBuffer> {
  const set = new BigUint64Array(SET_WORDS);
  let mask = 0n;
  for (const number of numbers) mask |= maskOf(number);
  set[0] = mask;
  return set;
}

/** The bit of a signal in the first word of a `sigset_t`. */
export function maskOf(number: number): bigint {
  return 1n << BigInt(number - 1);
}
