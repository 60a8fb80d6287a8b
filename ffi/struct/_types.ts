/**
 * The types of `struct()`, apart from its code: which C types a field may
 * have, and what they are in TypeScript. Public through `struct.ts`.
 *
 * @module
 */

/** The C integers that fit a JavaScript number: `int8_t` to `uint32_t`. */
export type SmallIntegerType = "i8" | "u8" | "i16" | "u16" | "i32" | "u32";

/** The C integers that need a bigint: `int64_t` and `uint64_t`. */
export type BigIntegerType = "i64" | "u64";

/**
 * The C scalar types: the integers, `float` (`"f32"`), `double` (`"f64"`) and
 * a one-byte `bool` (any non-zero byte reads as `true`).
 */
export type ScalarType =
  | SmallIntegerType
  | BigIntegerType
  | "f32"
  | "f64"
  | "bool";

/** The field types that {@linkcode Struct.atomic} can work on. */
export type AtomicType = "i32" | "u32" | "i64" | "u64";

/** A C array as a field type, made by {@linkcode array}. */
export interface ArrayType<E extends FieldType = FieldType> {
  /** Tells the kinds of field types apart. */
  readonly kind: "array";
  /** The type of each element. */
  readonly element: E;
  /** How many elements there are. */
  readonly length: number;
}

/** A `char[n]` holding UTF-8 as a field type, made by {@linkcode text}. */
export interface TextType {
  /** Tells the kinds of field types apart. */
  readonly kind: "text";
  /** The size of the field in bytes. */
  readonly byteLength: number;
}

/** What a {@linkcode Struct} is to another struct that has it as a field. */
export interface StructType<F extends Fields = Fields> {
  /** Tells the kinds of field types apart. */
  readonly kind: "struct";
  /** The fields, in the order they lie in memory. */
  readonly fields: F;
  /** `sizeof`: the size in bytes, with the padding at the end. */
  readonly size: number;
  /** `_Alignof`: what the address must be a multiple of. */
  readonly align: number;
}

/** Everything a field of a {@linkcode Struct} can be. */
export type FieldType = ScalarType | ArrayType | TextType | StructType;

/** The fields of a {@linkcode Struct}: each name with its type, in order. */
export interface Fields {
  /** The type of the field of this name. */
  readonly [name: string]: FieldType;
}

/** The JavaScript value of a C scalar: `number`, `bigint` or `boolean`. */
export type ScalarValue<T extends ScalarType> = T extends BigIntegerType
  ? bigint
  : T extends "bool" ? boolean
  : number;

/** A snapshot of a field: plain values, objects and arrays. */
export type ValueOf<T> = T extends ScalarType ? ScalarValue<T>
  : T extends TextType ? string
  : T extends ArrayType<infer E> ? ValueOf<E>[]
  : T extends StructType<infer F> ? Values<F>
  : never;

/** A snapshot of a struct, as {@linkcode Struct.read} returns it. */
export type Values<F extends Fields> = {
  -readonly [K in keyof F]: ValueOf<F[K]>;
};

/** What a field can be set to: an array by any iterable, a struct in part. */
export type InputOf<T> = T extends ScalarType ? ScalarValue<T>
  : T extends TextType ? string
  : T extends ArrayType<infer E> ? Iterable<InputOf<E>>
  : T extends StructType<infer F> ? PartialValues<F>
  : never;

/**
 * What {@linkcode Struct.write} takes: any of the fields. Fields that are
 * left out, or `undefined`, keep what they have in memory.
 */
export type PartialValues<F extends Fields> = {
  readonly [K in keyof F]?: InputOf<F[K]> | undefined;
};

/** How a field looks in a {@linkcode View}. */
export type ViewOf<T> = T extends ScalarType ? ScalarValue<T>
  : T extends TextType ? string
  : T extends ArrayType<infer E>
    ? E extends ScalarType ? ScalarArrayView<E> : ArrayView<E>
  : T extends StructType<infer F> ? View<F>
  : never;

/** The names of the fields that a view can assign: scalars and text. */
export type AssignableName<F extends Fields> = {
  [K in keyof F]: F[K] extends ScalarType | TextType ? K : never;
}[keyof F];

/** The names of the fields that {@linkcode Struct.atomic} can work on. */
export type AtomicName<F extends Fields> = {
  [K in keyof F]: F[K] extends AtomicType ? K : never;
}[keyof F];

/**
 * A struct in memory: a property for each field, live in both directions.
 * Scalars and text are read and assigned; a nested struct is a view itself, an
 * array an {@linkcode ArrayView}.
 */
export type View<F extends Fields> =
  & { -readonly [K in AssignableName<F>]: ViewOf<F[K]> }
  & { readonly [K in Exclude<keyof F, AssignableName<F>>]: ViewOf<F[K]> };

/** A C array in memory, live in both directions. */
export interface ArrayView<E extends FieldType> extends Iterable<ViewOf<E>> {
  /** How many elements the array has: part of the layout, never changing. */
  readonly length: number;
  /**
   * The element at an index, counted from the end when negative; `undefined`
   * beyond either end. A struct or an array comes as a live view.
   */
  at(index: number): ViewOf<E> | undefined;
  /**
   * Sets the element at an index, counted from the end when negative. A struct
   * may be given in part. The value is checked before a byte is written.
   *
   * @throws {RangeError} When there is no such element or the value does not fit
   * @throws {TypeError} When the value has another type or the memory is
   * read-only or closed
   */
  set(index: number, value: InputOf<E>): void;
  /** Sets every element to one value, as {@linkcode ArrayView.set} does. */
  fill(value: InputOf<E>): void;
  /**
   * Sets the first elements to what the iterable yields; the others stay. All
   * values are checked before a byte is written.
   *
   * @throws {RangeError} When there are more values than elements, or one does
   * not fit
   * @throws {TypeError} When a value has another type or the memory is read-only
   * or closed
   */
  copyFrom(values: Iterable<InputOf<E>>): void;
  /** Copies all elements to a plain array: nested ones become plain as well. */
  toArray(): ValueOf<E>[];
}

/** The typed array class for a C scalar; a `bool` is a byte. */
export type TypedArrayOf<T extends ScalarType> = T extends "i8" ? Int8Array
  : T extends "u8" | "bool" ? Uint8Array
  : T extends "i16" ? Int16Array
  : T extends "u16" ? Uint16Array
  : T extends "i32" ? Int32Array
  : T extends "u32" ? Uint32Array
  : T extends "i64" ? BigInt64Array
  : T extends "u64" ? BigUint64Array
  : T extends "f32" ? Float32Array
  : Float64Array;

/** An array of scalars in memory, which can also be a typed array. */
export interface ScalarArrayView<T extends ScalarType> extends ArrayView<T> {
  /**
   * A live typed array over the same bytes, made anew by each call. When the
   * memory is closed its length becomes 0.
   *
   * @throws {TypeError} When the memory is read-only or closed, or the array does
   * not lie at a multiple of its element size (in a packed struct)
   */
  typed(): TypedArrayOf<T>;
}

/** The JavaScript value of an integer that is accessed atomically. */
export type AtomicValue<T> = T extends "i64" | "u64" ? bigint
  : T extends "i32" | "u32" ? number
  : never;

/**
 * One integer in shared memory with atomic, sequentially consistent access:
 * what C calls `_Atomic int32_t` and so on. `add` and `sub` wrap around, as in
 * C. All but `load` throw a `TypeError` when the memory is read-only, and all
 * throw one when it is closed.
 */
export interface AtomicField<V extends number | bigint = number | bigint> {
  /** Reads the value (`atomic_load`). */
  load(): V;
  /** Writes the value (`atomic_store`). */
  store(value: V): void;
  /** Adds and returns the value before (`atomic_fetch_add`). */
  add(value: V): V;
  /** Subtracts and returns the value before (`atomic_fetch_sub`). */
  sub(value: V): V;
  /** Masks and returns the value before (`atomic_fetch_and`). */
  and(value: V): V;
  /** Sets bits and returns the value before (`atomic_fetch_or`). */
  or(value: V): V;
  /** Flips bits and returns the value before (`atomic_fetch_xor`). */
  xor(value: V): V;
  /** Writes and returns the value before (`atomic_exchange`). */
  exchange(value: V): V;
  /**
   * Writes `replacement` if the value is `expected`; returns the value before,
   * which is `expected` exactly when it wrote
   * (`atomic_compare_exchange_strong`).
   */
  compareExchange(expected: V, replacement: V): V;
}

/**
 * Memory that a `Mapping` gives to struct views. Any object of this shape will
 * do.
 */
export interface MappedMemory {
  /** The size in bytes. */
  readonly size: number;
  /** Whether writing would end the process; views then refuse to write. */
  readonly readOnly: boolean;
  /** Where it begins: a part of a file may do so anywhere. */
  readonly address?: bigint;
  /**
   * The live memory, detached when the mapping is closed.
   *
   * @throws {TypeError} When the mapping is closed
   */
  memory(): ArrayBuffer;
}

/**
 * Where a struct can lie: a mapping, a buffer, or a part of a buffer given as
 * a typed array or `DataView`.
 */
export type StructSource =
  | MappedMemory
  | ArrayBuffer
  | SharedArrayBuffer
  | ArrayBufferView;
