/**
 * How each kind of scalar is read, checked and written.
 *
 * @module
 */

import { closedError, type Memory } from "./_memory.ts";
import type { ScalarType } from "./_types.ts";

/** The typed array class whose elements are one kind of scalar. */
export type TypedArrayClass =
  | Int8ArrayConstructor
  | Uint8ArrayConstructor
  | Int16ArrayConstructor
  | Uint16ArrayConstructor
  | Int32ArrayConstructor
  | Uint32ArrayConstructor
  | BigInt64ArrayConstructor
  | BigUint64ArrayConstructor
  | Float32ArrayConstructor
  | Float64ArrayConstructor;

/** How one kind of scalar is read, checked and written. */
export interface Scalar {
  readonly kind: "scalar";
  readonly name: ScalarType;
  readonly size: number;
  readonly align: number;
  readonly canonical: string;
  /** The values that may be assigned, for messages. */
  readonly takes: string;
  /** The `typeof` of a value that may be assigned. */
  readonly typeOf: "number" | "bigint" | "boolean";
  readonly typed: TypedArrayClass;
  /** Whether a typed array of the class above holds only valid values. */
  readonly bulk: boolean;
  /** Reads the value at a position, in one load if the position is aligned. */
  get(memory: Memory, position: number): number | bigint | boolean;
  /** Writes a valid value, in one store if the position is aligned. */
  put(memory: Memory, position: number, value: unknown): void;
  /** Whether a value may be assigned. */
  valid(value: unknown): boolean;
}

function get8(m: Memory, p: number): number {
  const value = m.bytes[p];
  if (value === undefined) throw closedError();
  return value;
}

function put8(m: Memory, p: number, value: unknown): void {
  // JavaScript ignores a store beyond the end, so check for a detached array.
  if (m.bytes.length === 0) throw closedError();
  m.bytes[p] = value as number;
}

function get16(m: Memory, p: number): number {
  if ((p & 1) !== 0) return m.data.getInt16(p, true);
  const value = m.i16[p >>> 1];
  if (value === undefined) throw closedError();
  return value;
}

function put16(m: Memory, p: number, value: unknown): void {
  if ((p & 1) !== 0) return m.data.setInt16(p, value as number, true);
  if (m.i16.length === 0) throw closedError();
  m.i16[p >>> 1] = value as number;
}

function get32(m: Memory, p: number): number {
  if ((p & 3) !== 0) return m.data.getInt32(p, true);
  const value = m.i32[p >>> 2];
  if (value === undefined) throw closedError();
  return value;
}

function put32(m: Memory, p: number, value: unknown): void {
  if ((p & 3) !== 0) return m.data.setInt32(p, value as number, true);
  if (m.i32.length === 0) throw closedError();
  m.i32[p >>> 2] = value as number;
}

function get64(m: Memory, p: number): bigint {
  if ((p & 7) !== 0) return m.data.getBigInt64(p, true);
  const value = m.i64[p >>> 3];
  if (value === undefined) throw closedError();
  return value;
}

function put64(m: Memory, p: number, value: unknown): void {
  if ((p & 7) !== 0) return m.data.setBigInt64(p, value as bigint, true);
  if (m.i64.length === 0) throw closedError();
  m.i64[p >>> 3] = value as bigint;
}

function getFloat(m: Memory, p: number): number {
  if ((p & 3) !== 0) return m.data.getFloat32(p, true);
  const value = m.f32[p >>> 2];
  if (value === undefined) throw closedError();
  return value;
}

function putFloat(m: Memory, p: number, value: unknown): void {
  if ((p & 3) !== 0) return m.data.setFloat32(p, value as number, true);
  if (m.f32.length === 0) throw closedError();
  m.f32[p >>> 2] = value as number;
}

function getDouble(m: Memory, p: number): number {
  if ((p & 7) !== 0) return m.data.getFloat64(p, true);
  const value = m.f64[p >>> 3];
  if (value === undefined) throw closedError();
  return value;
}

function putDouble(m: Memory, p: number, value: unknown): void {
  if ((p & 7) !== 0) return m.data.setFloat64(p, value as number, true);
  if (m.f64.length === 0) throw closedError();
  m.f64[p >>> 3] = value as number;
}

type Accessors = Pick<Scalar, "get" | "put" | "valid" | "typed">;

function scalar(
  name: ScalarType,
  takes: string,
  accessors: Accessors,
): Scalar {
  const size = accessors.typed.BYTES_PER_ELEMENT;
  const big = name === "i64" || name === "u64";
  return {
    kind: "scalar",
    name,
    size,
    align: size,
    canonical: name,
    takes,
    typeOf: name === "bool" ? "boolean" : big ? "bigint" : "number",
    bulk: name !== "bool",
    ...accessors,
  };
}

/** The scalars by name. */
export const SCALARS: Readonly<Record<ScalarType, Scalar>> = {
  i8: scalar("i8", "an integer from -128 to 127", {
    typed: Int8Array,
    get: (m, p) => get8(m, p) << 24 >> 24,
    put: put8,
    valid: (v) => typeof v === "number" && v === (v << 24 >> 24),
  }),
  u8: scalar("u8", "an integer from 0 to 255", {
    typed: Uint8Array,
    get: get8,
    put: put8,
    valid: (v) => typeof v === "number" && v === (v & 0xff),
  }),
  i16: scalar("i16", "an integer from -32768 to 32767", {
    typed: Int16Array,
    get: get16,
    put: put16,
    valid: (v) => typeof v === "number" && v === (v << 16 >> 16),
  }),
  u16: scalar("u16", "an integer from 0 to 65535", {
    typed: Uint16Array,
    get: (m, p) => get16(m, p) & 0xffff,
    put: put16,
    valid: (v) => typeof v === "number" && v === (v & 0xffff),
  }),
  i32: scalar("i32", "an integer from -2147483648 to 2147483647", {
    typed: Int32Array,
    get: get32,
    put: put32,
    valid: (v) => typeof v === "number" && v === (v | 0),
  }),
  u32: scalar("u32", "an integer from 0 to 4294967295", {
    typed: Uint32Array,
    get: (m, p) => get32(m, p) >>> 0,
    put: put32,
    valid: (v) => typeof v === "number" && v === (v >>> 0),
  }),
  i64: scalar("i64", "a bigint from -2^63 to 2^63-1", {
    typed: BigInt64Array,
    get: get64,
    put: put64,
    valid: (v) => typeof v === "bigint" && v === BigInt.asIntN(64, v),
  }),
  u64: scalar("u64", "a bigint from 0 to 2^64-1", {
    typed: BigUint64Array,
    get: (m, p) => BigInt.asUintN(64, get64(m, p)),
    put: put64,
    valid: (v) => typeof v === "bigint" && v === BigInt.asUintN(64, v),
  }),
  f32: scalar("f32", "a number", {
    typed: Float32Array,
    get: getFloat,
    put: putFloat,
    valid: (v) => typeof v === "number",
  }),
  f64: scalar("f64", "a number", {
    typed: Float64Array,
    get: getDouble,
    put: putDouble,
    valid: (v) => typeof v === "number",
  }),
  bool: scalar("bool", "a boolean", {
    typed: Uint8Array,
    get: (m, p) => get8(m, p) !== 0,
    put: (m, p, v) => put8(m, p, v ? 1 : 0),
    valid: (v) => typeof v === "boolean",
  }),
};

/** Formats a value for an error message: short, and never throws. */
export function show(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(
        value.length > 40 ? value.slice(0, 40) + "…" : value,
      );
    case "bigint":
      return `${value}n`;
    case "object":
      return value === null ? "null" : "an object";
    case "function":
      return "a function";
    default:
      return String(value);
  }
}

/** Makes the error for a value that a scalar does not take. */
export function refusal(
  path: string,
  scalar: Scalar,
  value: unknown,
): TypeError | RangeError {
  const message = `Cannot set ${path} to ${
    show(value)
  }: ${scalar.name} takes ${scalar.takes}`;
  const type = typeof value;
  return type === scalar.typeOf
    ? new RangeError(message)
    : new TypeError(message);
}
