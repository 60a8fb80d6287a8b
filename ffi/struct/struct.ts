/**
 * C structs in memory as typed JavaScript objects.
 *
 * {@linkcode struct} lays fields out as a C compiler for x86_64 or aarch64
 * Linux does (natural alignment, little-endian), so that a C program on the
 * other side of shared memory can use the same bytes. A layout offers live
 * views, snapshots, checked writes, atomics, a hash that both sides can
 * compare, and a matching C header.
 *
 * Nothing here calls into C: importing it opens no library and needs no
 * permission.
 *
 * @example A struct in a buffer
 * ```ts
 * import { array, struct, text } from "@libc/ipc/struct";
 *
 * const Wave = struct({
 *   state: "i32",
 *   time: "f64",
 *   name: text(16),
 *   samples: array("i32", 4),
 * });
 *
 * const wave = Wave.view(new ArrayBuffer(Wave.size));
 * wave.state = 1;
 * wave.name = "sine";
 * wave.samples.copyFrom([0, 362, 511, 362]);
 * console.log(Wave.size, Wave.offsets.time, wave.samples.at(-1)); // 48 8 362
 * ```
 *
 * @module
 */

import { makeAtomic } from "./_atomic.ts";
import { headerOf } from "./_c.ts";
import {
  checkLength,
  fnv1a64,
  type Layout,
  layOut,
  setLayout,
} from "./_layout.ts";
import { show } from "./_scalar.ts";
import { isReadOnly, placeOf, skewOf } from "./_source.ts";
import type {
  ArrayType,
  AtomicField,
  AtomicName,
  AtomicValue,
  Fields,
  FieldType,
  PartialValues,
  StructSource,
  StructType,
  TextType,
  Values,
  View,
} from "./_types.ts";
import { makeView, readOnlyError } from "./_view.ts";
import { readStruct, writeItem } from "./_write.ts";

export type {
  ArrayType,
  ArrayView,
  AssignableName,
  AtomicField,
  AtomicName,
  AtomicType,
  AtomicValue,
  BigIntegerType,
  Fields,
  FieldType,
  InputOf,
  MappedMemory,
  PartialValues,
  ScalarArrayView,
  ScalarType,
  ScalarValue,
  SmallIntegerType,
  StructSource,
  StructType,
  TextType,
  TypedArrayOf,
  ValueOf,
  Values,
  View,
  ViewOf,
} from "./_types.ts";

/**
 * The layout of a C struct, made by {@linkcode struct}.
 *
 * In all methods `offset` is in bytes from the start of the source. It must be
 * a multiple of {@linkcode Struct.align} (1 when packed). For a typed array or
 * `DataView` this applies to the position in its buffer. The whole struct must
 * lie in the source.
 */
export interface Struct<F extends Fields> extends StructType<F> {
  /** `offsetof`: the offset of each field in bytes. */
  readonly offsets: { readonly [K in keyof F]: number };
  /**
   * A hash (FNV-1a, 64 bits) of the names, types, offsets and size. The same
   * layout has the same hash in every process and in the header made by
   * {@linkcode Struct.toC}, so two sides can detect that they disagree.
   */
  readonly hash: bigint;
  /**
   * Returns the same fields without padding and with alignment 1, as
   * `__attribute__((packed))` does. As in C, nested structs keep their own
   * padding unless they are packed too.
   *
   * @example A packed record
   * ```ts
   * import { struct } from "@libc/ipc/struct";
   *
   * const Record = struct({ kind: "u8", time: "f64" });
   * console.log(Record.size, Record.packed().size); // 16 9
   * ```
   */
  packed(): Struct<F>;
  /**
   * Returns a live view: its properties read and write the memory. Assigned
   * values are checked. A view of a read-only mapping throws a `TypeError` on
   * assignment; every access to a closed mapping throws one.
   *
   * An aligned scalar field is one load or store, but several fields are not
   * read together: guard them with a lock, or use {@linkcode Struct.atomic}.
   *
   * @example Read and assign
   * ```ts
   * import { struct } from "@libc/ipc/struct";
   *
   * const Point = struct({ x: "i32", y: "i32" });
   * const point = Point.view(new ArrayBuffer(Point.size));
   * point.x = 3;
   * console.log(JSON.stringify(point)); // {"x":3,"y":0}
   * ```
   *
   * @throws {RangeError} When the struct does not lie in the source or the offset
   * is not a multiple of the alignment
   * @throws {TypeError} When the mapping is closed
   */
  view(source: StructSource, offset?: number): View<F>;
  /**
   * Returns a snapshot: a plain object with copies of all fields.
   *
   * @throws {RangeError} As {@linkcode Struct.view}
   * @throws {TypeError} When the mapping is closed
   */
  read(source: StructSource, offset?: number): Values<F>;
  /**
   * Writes the given fields and leaves the others as they are. All values are
   * checked before the first byte is written.
   *
   * @example Write some fields
   * ```ts
   * import { struct } from "@libc/ipc/struct";
   *
   * const Point = struct({ x: "i32", y: "i32" });
   * const memory = new ArrayBuffer(Point.size);
   * Point.write(memory, { y: 7 });
   * console.log(Point.read(memory)); // { x: 0, y: 7 }
   * ```
   *
   * @throws {RangeError} As {@linkcode Struct.view}, or if a value does not fit
   * @throws {TypeError} When a value has another type, there is no such field, or
   * the mapping is read-only or closed
   */
  write(target: StructSource, values: PartialValues<F>, offset?: number): void;
  /**
   * Returns atomic access to an `i32`, `u32`, `i64` or `u64` field, across
   * threads and processes. On a read-only mapping it can only load.
   *
   * @example Count
   * ```ts
   * import { struct } from "@libc/ipc/struct";
   *
   * const Header = struct({ readers: "u32" });
   * const readers = Header.atomic(new ArrayBuffer(Header.size), "readers");
   * readers.add(1);
   * console.log(readers.load()); // 1
   * ```
   *
   * @throws {RangeError} As {@linkcode Struct.view}
   * @throws {TypeError} When the field has another type, is not aligned (in a
   * packed struct, or in a mapping with an unaligned file offset), or the
   * mapping is closed
   */
  atomic<K extends AtomicName<F>>(
    target: StructSource,
    field: K,
    offset?: number,
  ): AtomicField<AtomicValue<F[K]>>;
  /**
   * Returns a C header (C11, C++11) that declares the struct under this name,
   * with static asserts on its size and every offset, and its hash as
   * `<NAME>_LAYOUT_HASH`. The same layout and name give the same text.
   *
   * @example Give a C program the layout
   * ```ts
   * import { struct } from "@libc/ipc/struct";
   *
   * const header = struct({ state: "i32", time: "f64" }).toC("Wave");
   * console.log(header.includes("} Wave;")); // true
   * ```
   *
   * @throws {TypeError} When the name or a field's name cannot be used in C
   */
  toC(name: string): string;
}

class StructLayout<F extends Fields> implements Struct<F> {
  readonly kind = "struct";
  readonly fields: F;
  readonly size: number;
  readonly align: number;
  readonly offsets: { readonly [K in keyof F]: number };
  readonly #layout: Layout;
  #hash: bigint | undefined;
  #packed: Struct<F> | undefined;

  constructor(fields: F, layout: Layout) {
    this.#layout = layout;
    this.fields = fields;
    this.size = layout.size;
    this.align = layout.align;
    this.offsets = Object.freeze(
      Object.fromEntries(layout.fields.map((f) => [f.name, f.offset])),
    ) as { readonly [K in keyof F]: number };
    setLayout(this, () => layout);
    Object.freeze(this);
  }

  get hash(): bigint {
    return this.#hash ??= fnv1a64(this.#layout.canonical);
  }

  packed(): Struct<F> {
    return this.#packed ??= new StructLayout(
      this.fields,
      layOut(this.fields, true),
    );
  }

  view(source: StructSource, offset = 0): View<F> {
    const { memory, position } = placeOf(source, offset, this.#layout, "view");
    const readOnly = isReadOnly(source);
    return makeView(memory, position, this.#layout, readOnly) as View<F>;
  }

  read(source: StructSource, offset = 0): Values<F> {
    const { memory, position } = placeOf(source, offset, this.#layout, "read");
    return readStruct(memory, position, this.#layout) as Values<F>;
  }

  write(target: StructSource, values: PartialValues<F>, offset = 0): void {
    const { memory, position } = placeOf(target, offset, this.#layout, "write");
    if (isReadOnly(target)) throw readOnlyError("write a struct");
    writeItem(memory, "", values, position, this.#layout);
  }

  atomic<K extends AtomicName<F>>(
    target: StructSource,
    field: K,
    offset = 0,
  ): AtomicField<AtomicValue<F[K]>> {
    const found = this.#layout.fields.find((f) => f.name === field);
    if (found === undefined) {
      throw new TypeError(
        `Cannot use ${show(field)} atomically: the struct has no such field`,
      );
    }
    const place = placeOf(target, offset, this.#layout, "view");
    const readOnly = isReadOnly(target);
    return makeAtomic(place, found, readOnly, skewOf(target)) as AtomicField<
      AtomicValue<F[K]>
    >;
  }

  toC(name: string): string {
    return headerOf(this.#layout, name, this.hash);
  }
}

/**
 * Lays out a C struct: the fields in the given order, each at the next multiple
 * of its alignment, as the C compiler does on x86_64 and aarch64.
 *
 * Types: `"i8"` `"u8"` `"i16"` `"u16"` `"i32"` `"u32"` `"f32"` `"f64"` are
 * numbers, `"i64"` and `"u64"` are bigints, `"bool"` is one byte.
 * {@linkcode array}, {@linkcode text} and other structs nest. A C enum is an
 * `"i32"`.
 *
 * @example Nested
 * ```ts
 * import { array, struct } from "@libc/ipc/struct";
 *
 * const Point = struct({ x: "f32", y: "f32" });
 * const Shape = struct({ id: "u64", points: array(Point, 3) });
 * const shape = Shape.view(new ArrayBuffer(Shape.size));
 * shape.points.set(1, { x: 0.5 });
 * console.log(shape.points.at(1)?.x); // 0.5
 * ```
 *
 * @throws {TypeError} When there are no fields, or a name or type cannot be
 * used. Numeric names cannot, since JavaScript does not keep their order
 * @throws {RangeError} When the struct is larger than 2^31 bytes
 */
export function struct<const F extends Fields>(fields: F): Struct<F> {
  if (typeof fields !== "object" || fields === null) {
    throw new TypeError(
      `Cannot lay out ${show(fields)}: struct() takes an object of fields`,
    );
  }
  const own = Object.freeze({ ...fields });
  return new StructLayout(own, layOut(own, false));
}

/**
 * A C array as a field type: `int32_t grid[2][3]` is
 * `array(array("i32", 3), 2)`.
 *
 * @example Bytes
 * ```ts
 * import { array, struct } from "@libc/ipc/struct";
 *
 * const Packet = struct({ length: "u32", bytes: array("u8", 12) });
 * const packet = Packet.view(new ArrayBuffer(Packet.size));
 * packet.bytes.typed().set([1, 2, 3]);
 * console.log(packet.bytes.at(2)); // 3
 * ```
 *
 * @throws {RangeError} When the length is not an integer from 1 to 2^31
 */
export function array<const E extends FieldType>(
  element: E,
  length: number,
): ArrayType<E> {
  checkLength("an array", length);
  return Object.freeze({ kind: "array", element, length });
}

/**
 * A `char[n]` holding UTF-8 as a field type: a string in JavaScript.
 *
 * Shorter text is padded with NUL bytes. Text that fills the field has no NUL,
 * so C must read it with a limit (`%.16s`). Bytes that are not UTF-8 read as
 * U+FFFD.
 *
 * @example A name
 * ```ts
 * import { struct, text } from "@libc/ipc/struct";
 *
 * const User = struct({ name: text(8) });
 * const user = User.view(new ArrayBuffer(User.size));
 * user.name = "Zoë";
 * console.log(user.name); // Zoë
 * ```
 *
 * @throws {RangeError} When the length is not an integer from 1 to 2^31
 */
export function text(byteLength: number): TextType {
  checkLength("text", byteLength);
  return Object.freeze({ kind: "text", byteLength });
}
