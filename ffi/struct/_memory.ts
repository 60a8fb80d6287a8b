/**
 * The memory behind struct views.
 *
 * @module
 */

/** The largest window in bytes: positions are shifted as 32-bit integers. */
const MAX_WINDOW = 2 ** 31;

/**
 * A part of a buffer as typed arrays, one for each kind of scalar.
 *
 * An aligned scalar is accessed through a typed array. This is always one
 * machine instruction, so another thread or process sees the old or the new
 * value, never a mix. A `DataView` does not guarantee this: before the code is
 * optimized, V8 moves its values byte by byte (measured: a peer saw thousands
 * of torn values a second).
 *
 * Positions are bytes from the start of the window. The window begins at a
 * multiple of 8 in its buffer, so a position is aligned exactly when the memory
 * is.
 */
export class Memory {
  readonly buffer: ArrayBufferLike;
  /** The offset of the window in the buffer, a multiple of 8. */
  readonly start: number;
  /** For unaligned values. */
  readonly data: DataView;
  readonly bytes: Uint8Array;
  readonly i16: Int16Array;
  readonly i32: Int32Array;
  readonly i64: BigInt64Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;

  constructor(buffer: ArrayBufferLike, start: number, size: number) {
    this.buffer = buffer;
    this.start = start;
    this.data = new DataView(buffer, start, size);
    this.bytes = new Uint8Array(buffer, start, size);
    // Rounding down loses nothing: every aligned scalar of the window still
    // fits.
    this.i16 = new Int16Array(buffer, start, Math.floor(size / 2));
    this.i32 = new Int32Array(buffer, start, Math.floor(size / 4));
    this.i64 = new BigInt64Array(buffer, start, Math.floor(size / 8));
    this.f32 = new Float32Array(buffer, start, Math.floor(size / 4));
    this.f64 = new Float64Array(buffer, start, Math.floor(size / 8));
  }
}

// With this cache a view costs one lookup. An entry is freed with its buffer.
const whole = new WeakMap<ArrayBufferLike, Memory>();

/** Returns the memory for a range of a buffer, which must be inside it. */
export function memoryOf(
  buffer: ArrayBufferLike,
  start: number,
  size: number,
): Memory {
  const resizable = buffer instanceof ArrayBuffer
    ? buffer.resizable
    : buffer.growable;
  if (resizable || buffer.byteLength > MAX_WINDOW) {
    const from = start - start % 8;
    return new Memory(buffer, from, start + size - from);
  }
  let memory = whole.get(buffer);
  if (memory === undefined) {
    memory = new Memory(buffer, 0, buffer.byteLength);
    whole.set(buffer, memory);
  }
  return memory;
}

/** Makes the error for access to a closed mapping, whose buffer is detached. */
export function closedError(action = "use"): TypeError {
  return new TypeError(`Cannot ${action} a struct in closed memory`);
}

/** Returns a part of the bytes; throws when the memory is closed. */
export function bytesOf(
  memory: Memory,
  position: number,
  length: number,
): Uint8Array {
  if (memory.bytes.length === 0) throw closedError();
  return memory.bytes.subarray(position, position + length);
}
