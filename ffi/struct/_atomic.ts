/**
 * Atomic access to one integer field.
 *
 * @module
 */

import type { Field } from "./_layout.ts";
import { closedError } from "./_memory.ts";
import { refusal, type Scalar } from "./_scalar.ts";
import type { Place } from "./_source.ts";
import { readOnlyError } from "./_view.ts";

/** The typed arrays that are used for atomics. */
type Cells = Int32Array | Uint32Array | BigInt64Array | BigUint64Array;

/** `Atomics`, whose overloads depend on the array type, with one signature. */
interface Operations {
  load(cells: Cells, index: number): unknown;
  store(cells: Cells, index: number, value: unknown): unknown;
  add(cells: Cells, index: number, value: unknown): unknown;
  sub(cells: Cells, index: number, value: unknown): unknown;
  and(cells: Cells, index: number, value: unknown): unknown;
  or(cells: Cells, index: number, value: unknown): unknown;
  xor(cells: Cells, index: number, value: unknown): unknown;
  exchange(cells: Cells, index: number, value: unknown): unknown;
  compareExchange(
    cells: Cells,
    index: number,
    expected: unknown,
    replacement: unknown,
  ): unknown;
}

const operations = Atomics as unknown as Operations;

const ATOMIC = new Set<string>(["i32", "u32", "i64", "u64"]);

class AtomicCell {
  readonly #cells: Cells;
  readonly #scalar: Scalar;
  readonly #name: string;
  readonly #readOnly: boolean;

  constructor(cells: Cells, scalar: Scalar, name: string, readOnly: boolean) {
    this.#cells = cells;
    this.#scalar = scalar;
    this.#name = name;
    this.#readOnly = readOnly;
  }

  #checkOpen(): void {
    if (this.#cells.length === 0) throw closedError();
  }

  #check(value: unknown): void {
    this.#checkOpen();
    if (this.#readOnly) throw readOnlyError(`set ${this.#name}`);
    if (!this.#scalar.valid(value)) {
      throw refusal(this.#name, this.#scalar, value);
    }
  }

  load(): unknown {
    this.#checkOpen();
    return operations.load(this.#cells, 0);
  }

  store(value: unknown): void {
    this.#check(value);
    operations.store(this.#cells, 0, value);
  }

  add(value: unknown): unknown {
    this.#check(value);
    return operations.add(this.#cells, 0, value);
  }

  sub(value: unknown): unknown {
    this.#check(value);
    return operations.sub(this.#cells, 0, value);
  }

  and(value: unknown): unknown {
    this.#check(value);
    return operations.and(this.#cells, 0, value);
  }

  or(value: unknown): unknown {
    this.#check(value);
    return operations.or(this.#cells, 0, value);
  }

  xor(value: unknown): unknown {
    this.#check(value);
    return operations.xor(this.#cells, 0, value);
  }

  exchange(value: unknown): unknown {
    this.#check(value);
    return operations.exchange(this.#cells, 0, value);
  }

  compareExchange(expected: unknown, replacement: unknown): unknown {
    this.#check(expected);
    this.#check(replacement);
    return operations.compareExchange(this.#cells, 0, expected, replacement);
  }
}

/**
 * Makes atomic access to a field of the struct at a place. The memory begins
 * `skew` bytes past a multiple of 8.
 */
export function makeAtomic(
  place: Place,
  field: Field,
  readOnly: boolean,
  skew: number,
): object {
  const { name, item, offset } = field;
  if (item.kind !== "scalar" || !ATOMIC.has(item.name)) {
    const what = item.kind === "scalar" ? item.name : item.kind;
    throw new TypeError(
      `Cannot use ${name} atomically: it is ${what}, not i32, u32, i64 or u64`,
    );
  }
  const { buffer, start } = place.memory;
  const at = start + place.position + offset;
  if (at % item.size !== 0) {
    throw new TypeError(
      `Cannot use ${name} atomically: byte ${at} is not a multiple of ${item.size}`,
    );
  }
  // A misaligned atomic ends the process on aarch64 (SIGBUS). On x86_64 it can
  // stall all processors.
  if (skew % item.size !== 0) {
    throw new TypeError(
      `Cannot use ${name} atomically: the mapping does not begin at a multiple of ${item.size}`,
    );
  }
  const cells = new item.typed(buffer as ArrayBuffer, at, 1) as Cells;
  return new AtomicCell(cells, item, name, readOnly);
}
