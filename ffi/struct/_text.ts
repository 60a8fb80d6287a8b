/**
 * Text in a `char[n]`: UTF-8, padded with NUL when it is shorter.
 *
 * @module
 */

import { bytesOf, closedError, type Memory } from "./_memory.ts";
import { show } from "./_scalar.ts";

const encoder = new TextEncoder();
// ignoreBOM: a byte order mark is part of the peer's text.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Text of up to this many bytes allocates nothing but its string. */
const SCRATCH_SIZE = 256;
const scratch = new Uint8Array(SCRATCH_SIZE);

/** Reads a `char[n]` up to its NUL, if it has one. */
export function readText(
  memory: Memory,
  position: number,
  size: number,
): string {
  const { bytes } = memory;
  if (bytes.length === 0) throw closedError();
  // Copy first: a peer may change the bytes between the search for the NUL and
  // the decoding, and TextDecoder refuses a SharedArrayBuffer.
  if (size > SCRATCH_SIZE) {
    const copy = bytes.slice(position, position + size);
    const end = copy.indexOf(0);
    return decoder.decode(end < 0 ? copy : copy.subarray(0, end));
  }
  let length = 0;
  let seen = 0;
  for (; length < size; length++) {
    const byte = bytes[position + length] ?? 0;
    if (byte === 0) break;
    seen |= byte;
    scratch[length] = byte;
  }
  // Short ASCII names are the usual case, and the decoder is slower for them.
  if (seen < 0x80 && length <= 24) {
    let text = "";
    for (let i = 0; i < length; i++) {
      text += String.fromCharCode(scratch[i] ?? 0);
    }
    return text;
  }
  return decoder.decode(scratch.subarray(0, length));
}

function tooLong(path: string, text: string, size: number): RangeError {
  return new RangeError(
    `Cannot set ${path} to ${show(text)}: ${
      encoder.encode(text).length
    } bytes of UTF-8 do not fit ${size}`,
  );
}

/** Checks and encodes a text. The bytes are valid until the next call. */
export function encodeText(
  path: string,
  value: unknown,
  size: number,
): Uint8Array {
  if (typeof value !== "string") {
    throw new TypeError(
      `Cannot set ${path} to ${show(value)}: text takes a string`,
    );
  }
  if (value.includes("\0")) {
    throw new TypeError(
      `Cannot set ${path} to ${show(value)}: text must not contain NUL`,
    );
  }
  if (size > SCRATCH_SIZE) {
    const bytes = encoder.encode(value);
    if (bytes.length > size) throw tooLong(path, value, size);
    return bytes;
  }
  const { read, written } = encoder.encodeInto(value, scratch);
  if (read < value.length || written > size) {
    throw tooLong(path, value, size);
  }
  return scratch.subarray(0, written);
}

/** Writes encoded text and fills the rest of the field with NUL. */
export function writeText(
  memory: Memory,
  position: number,
  text: Uint8Array,
  size: number,
): void {
  const target = bytesOf(memory, position, size);
  target.set(text);
  target.fill(0, text.length);
}
