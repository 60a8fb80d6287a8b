/**
 * The types of `struct()`: the C types a field may have, and their TypeScript
 * counterparts. Public through `struct.ts`.
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
  /** The number of elements. */
  readonly length: number;
}

/** A `char[n]` holding UTF-8 as a field type, made by {@linkcode text}. */
export interface TextType {
  /** Tells the kinds of field types apart. */
  readonly kind: "text";
  /** The size of the field in bytes. */
  readonly byteLength: number;
}

/** A {@linkcode Struct} as a field type of another struct. */
export interface StructType<F extends Fields = Fields> {
  /** Tells the kinds of field types apart. */
  readonly kind: "struct";
  /** The fields, in the order they lie in memory. */
  readonly fields: F;
  /** `sizeof`: the size in bytes, including trailing padding. */
  readonly size: number;
  /** `_Alignof`: the alignment in bytes. */
  readonly align: number;
}

/** Any type that a field of a {@linkcode Struct} can have. */
export type FieldType = ScalarType | ArrayType | TextType | StructType;

/** The fields of a {@linkcode Struct}: names and types, in order. */
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

/**
 * A value that a field accepts. An array takes any iterable, a struct some or
 * all of its fields.
 */
export type InputOf<T> = T extends ScalarType ? ScalarValue<T>
  : T extends TextType ? string
  : T extends ArrayType<infer E> ? Iterable<InputOf<E>>
  : T extends StructType<infer F> ? PartialValues<F>
  : never;

/**
 * The values that {@linkcode Struct.write} takes: any of the fields. Fields
 * that are left out or `undefined` keep their value in memory.
 */
export type PartialValues<F extends Fields> = {
  readonly [K in keyof F]?: InputOf<F[K]> | undefined;
};

/** The type of a field in a {@linkcode View}. */
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
 * A struct in memory, with a live property for each field. Scalars and text can
 * be read and assigned; a nested struct is another view, an array is an
 * {@linkcode ArrayView}.
 */
export type View<F extends Fields> =
  & { -readonly [K in AssignableName<F>]: ViewOf<F[K]> }
  & { readonly [K in Exclude<keyof F, AssignableName<F>>]: ViewOf<F[K]> };

/** A live view of a C array in memory. */
export interface ArrayView<E extends FieldType> extends Iterable<ViewOf<E>> {
  /** The number of elements, fixed by the layout. */
  readonly length: number;
  /**
   * Returns the element at an index, or `undefined` when it is out of range. A
   * negative index counts from the end. A struct or an array is a live view.
   */
  at(index: number): ViewOf<E> | undefined;
  /**
   * Sets the element at an index. A negative index counts from the end. Fields
   * left out of a struct keep their value. The value is checked before anything
   * is written.
   *
   * @throws {RangeError} When there is no such element or the value does not fit
   * @throws {TypeError} When the value has another type or the memory is
   * read-only or closed
   */
  set(index: number, value: InputOf<E>): void;
  /** Sets every element to one value, as {@linkcode ArrayView.set} does. */
  fill(value: InputOf<E>): void;
  /**
   * Sets the first elements to the values of the iterable and leaves the
   * others. All values are checked before anything is written.
   *
   * @throws {RangeError} When there are more values than elements, or one does
   * not fit
   * @throws {TypeError} When a value has another type or the memory is read-only
   * or closed
   */
  copyFrom(values: Iterable<InputOf<E>>): void;
  /** Copies all elements, including nested ones, to a plain array. */
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

/** A live view of an array of scalars, also available as a typed array. */
export interface ScalarArrayView<T extends ScalarType> extends ArrayView<T> {
  /**
   * Returns a new live typed array over the same bytes. Its length becomes 0
   * when the memory is closed.
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
 * One integer in shared memory with atomic, sequentially consistent access,
 * like `_Atomic int32_t` in C. `add` and `sub` wrap around, as in C. All
 * methods throw a `TypeError` when the memory is closed, and all but `load`
 * when it is read-only.
 */
export interface AtomicField<V extends number | bigint = number | bigint> {
  /** Reads the value (`atomic_load`). */
  load(): V;
  /** Writes the value (`atomic_store`). */
  store(value: V): void;
  /** Adds and returns the previous value (`atomic_fetch_add`). */
  add(value: V): V;
  /** Subtracts and returns the previous value (`atomic_fetch_sub`). */
  sub(value: V): V;
  /** Masks and returns the previous value (`atomic_fetch_and`). */
  and(value: V): V;
  /** Sets bits and returns the previous value (`atomic_fetch_or`). */
  or(value: V): V;
  /** Flips bits and returns the previous value (`atomic_fetch_xor`). */
  xor(value: V): V;
  /** Writes and returns the previous value (`atomic_exchange`). */
  exchange(value: V): V;
  /**
   * Writes `replacement` if the value is `expected`. Returns the previous
   * value, which equals `expected` exactly when it wrote
   * (`atomic_compare_exchange_strong`).
   */
  compareExchange(expected: V, replacement: V): V;
}

/**
 * Memory that struct views accept, such as a `Mapping`. Any object of this
 * shape will do.
 */
export interface MappedMemory {
  /** The size in bytes. */
  readonly size: number;
  /** Whether a write would end the process. Views then refuse to write. */
  readonly readOnly: boolean;
  /**
   * The address of the first byte. A mapped part of a file may be unaligned.
   */
  readonly address?: bigint;
  /**
   * The live memory, detached when the mapping is closed.
   *
   * @throws {TypeError} When the mapping is closed
   */
  memory(): ArrayBuffer;
}

/**
 * Memory that can hold a struct: a mapping, a buffer, or a part of a buffer
 * given as a typed array or `DataView`.
 */
export type StructSource =
  | MappedMemory
  | ArrayBuffer
  | SharedArrayBuffer
  | ArrayBufferView;
