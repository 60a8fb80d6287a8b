/**
 * Keys of System V objects.
 *
 * @module
 */

/** The key of a System V object: a 32-bit number, signed as in C. */
export type Key = number;

/** Formats a key as `ipcs` does. */
export function keyText(key: Key): string {
  return `0x${(key >>> 0).toString(16).padStart(8, "0")}`;
}
