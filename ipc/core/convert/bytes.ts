/**
 * Bytes that a caller gives.
 *
 * @module
 */

import { shown } from "./argument.ts";

/** Most bytes of one call: Linux moves no more (`MAX_RW_COUNT`). */
export const MAX_COUNT = 0x7fff_f000;

const encoder = new TextEncoder();

/** The bytes to write. */
export function payloadOf(data: Uint8Array | string): Uint8Array {
  if (typeof data === "string") return encoder.encode(data);
  if (!(data instanceof Uint8Array)) {
    throw new TypeError(
      `data must be a Uint8Array or a string, got ${shown(data)}`,
    );
  }
  if (data.length === 0) checkMemory(data, "data");
  return data;
}

/** Refuses bytes whose buffer is gone, or became too short for them. */
export function checkMemory(bytes: Uint8Array, what: string): void {
  try {
    // Which throws then, and only then.
    bytes.keys();
  } catch (cause) {
    throw new TypeError(`${what} must not be detached or out of bounds`, {
      cause,
    });
  }
}

/** Refuses to go on with data that is not as long any more as it was. */
export function checkLength(
  data: Uint8Array,
  length: number,
  action: string,
  object: string,
): void {
  if (data.length === length) return;
  throw new TypeError(
    `Cannot ${action} ${object}: the data was resized or detached meanwhile`,
  );
}
