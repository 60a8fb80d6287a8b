/**
 * Atomic numbers in shared memory.
 *
 * @module
 */

/** Memory of a `Mapping`, or any buffer. */
export interface Memory {
  /** Its length in bytes. */
  readonly size: number;
  /** The live bytes. */
  memory(): ArrayBuffer;
}

const scratch = new ArrayBuffer(8);
const asF64 = new Float64Array(scratch);
const asI64 = new BigInt64Array(scratch);
const asI32 = new Int32Array(scratch);

/**
 * Atomic access by byte offset. All accesses are sequentially consistent, as a
 * seqlock over several fields requires. The caller checks offsets: beyond the
 * end `Atomics` throws a RangeError.
 */
export class Cells {
  readonly #i32: Int32Array;
  readonly #i64: BigInt64Array;

  constructor(source: Memory) {
    const buffer = source.memory();
    this.#i32 = new Int32Array(buffer, 0, source.size >>> 2);
    this.#i64 = new BigInt64Array(buffer, 0, source.size >>> 3);
  }

  /** Reads an `int32_t`. */
  i32(offset: number): number {
    return Atomics.load(this.#i32, offset >>> 2);
  }

  /** Reads a `uint32_t`. */
  u32(offset: number): number {
    return this.i32(offset) >>> 0;
  }

  /** Reads a `uint64_t`. */
  u64(offset: number): bigint {
    return BigInt.asUintN(64, Atomics.load(this.#i64, offset >>> 3));
  }

  /** Reads a `double`, all eight bytes at once. */
  f64(offset: number): number {
    asI64[0] = Atomics.load(this.#i64, offset >>> 3);
    return asF64[0] as number;
  }

  /** Reads a `double` as two words; only safe under a sequence number. */
  splitF64(offset: number): number {
    asI32[0] = Atomics.load(this.#i32, offset >>> 2);
    asI32[1] = Atomics.load(this.#i32, (offset >>> 2) + 1);
    return asF64[0] as number;
  }

  /** Writes an `int32_t` or `uint32_t`. */
  set32(offset: number, value: number): void {
    Atomics.store(this.#i32, offset >>> 2, value | 0);
  }

  /** Writes a `uint64_t`. */
  setU64(offset: number, value: bigint): void {
    Atomics.store(this.#i64, offset >>> 3, value);
  }

  /**
   * Writes a `double`, all eight bytes at once, for C programs that read it.
   */
  setF64(offset: number, value: number): void {
    asF64[0] = value;
    Atomics.store(this.#i64, offset >>> 3, asI64[0] as bigint);
  }

  /** Writes a `double` as two words; see {@linkcode splitF64}. */
  setSplitF64(offset: number, value: number): void {
    asF64[0] = value;
    Atomics.store(this.#i32, offset >>> 2, asI32[0] as number);
    Atomics.store(this.#i32, (offset >>> 2) + 1, asI32[1] as number);
  }
}
