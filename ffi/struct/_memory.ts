/**
 * The bytes that struct views stand on.
 *
 * @module
 */

/** The largest window in bytes: a position must fit the shifts that use it. */
const MAX_WINDOW = 2 ** 31;

/**
 * A part of a buffer as typed arrays, one for each kind of scalar.
 *
 * A scalar that is aligned goes through a typed array: that is one machine
 * instruction always, so a reader in another thread or process sees the value
 * before or after, never a mix. A `DataView` does not promise this: before the
 * code is optimized, V8 moves its values byte by byte (measured: a peer saw
 * thousands of torn values a second).
 *
 * Positions are bytes from the start of the window, which begins at a multiple
 * of 8 in its buffer: a position is aligned exactly when the memory is.
 */
export class Memory {
  readonly buffer: ArrayBufferLike;
  /** Where the window begins in the buffer: a multiple of 8. */
  readonly start: number;
  /** For what is not aligned. */
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
    // Rounded down: an aligned scalar that lies in the window lies in these.
    this.i16 = new Int16Array(buffer, start, Math.floor(size / 2));
    this.i32 = new Int32Array(buffer, start, Math.floor(size / 4));
    this.i64 = new BigInt64Array(buffer, start, Math.floor(size / 8));
    this.f32 = new Float32Array(buffer, start, Math.floor(size / 4));
    this.f64 = new Float64Array(buffer, start, Math.floor(size / 8));
  }
}

// A view then costs no more than a look-up. The entry goes with the buffer.
const whole = new WeakMap<ArrayBufferLike, Memory>();

/** The memory for some bytes of a buffer that has them. */
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

/** The error for access to a closed mapping, whose buffer is detached. */
export function closedError(action = "use"): TypeError {
  return new TypeError(`Cannot ${action} a struct in closed memory`);
}

/** A part of the bytes; throws when the memory is closed. */
export function bytesOf(
  memory: Memory,
  position: number,
  length: number,
): Uint8Array {
  if (memory.bytes.length === 0) throw closedError();
  return memory.bytes.subarray(position, position + length);
}
