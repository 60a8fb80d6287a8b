/**
 * The layout of a struct: sizes, alignment, offsets, hash. It matches the C
 * compilers for x86_64 and aarch64 Linux: each scalar is aligned to its size.
 * Both are little-endian.
 *
 * @module
 */

import { type Scalar, SCALARS, show } from "./_scalar.ts";
import type { FieldType, StructType } from "./_types.ts";

/** The size limit of a struct in bytes. */
const MAX_SIZE = 2 ** 31;

/** A `char[n]` in a layout. */
export interface Text {
  readonly kind: "text";
  readonly size: number;
  readonly align: number;
  readonly canonical: string;
}

/** An array in a layout. */
export interface Sequence {
  readonly kind: "array";
  readonly size: number;
  readonly align: number;
  readonly canonical: string;
  readonly element: Item;
  readonly length: number;
}

/** One named field of a layout. */
export interface Field {
  readonly name: string;
  readonly offset: number;
  readonly item: Item;
}

/** A struct in a layout. */
export interface Layout {
  readonly kind: "struct";
  readonly size: number;
  readonly align: number;
  readonly canonical: string;
  readonly packed: boolean;
  readonly fields: readonly Field[];
  readonly names: ReadonlySet<string>;
}

/** Anything that takes space in a layout. */
export type Item = Scalar | Text | Sequence | Layout;

/** Checks the length of an array or text field. */
export function checkLength(what: string, length: unknown): number {
  if (typeof length !== "number") {
    throw new TypeError(
      `Cannot make ${what} of length ${show(length)}: it must be a number`,
    );
  }
  if (!Number.isInteger(length) || length < 1 || length > MAX_SIZE) {
    throw new RangeError(
      `Cannot make ${what} of length ${length}: it must be an integer from 1 to ${MAX_SIZE}`,
    );
  }
  return length;
}

// Only structs made by struct() have an entry: an object that merely looks like
// a struct is refused.
const layouts = new WeakMap<object, () => Layout>();

/** Registers how to get the layout of a struct, for structs that nest it. */
export function setLayout(struct: StructType, layout: () => Layout): void {
  layouts.set(struct, layout);
}

/** Returns the layout of a struct made by struct(). */
export function layoutOf(struct: StructType): Layout {
  const layout = layouts.get(struct);
  if (layout === undefined) throw new TypeError("Cannot find a layout");
  return layout();
}

/** Returns the layout of a field type. */
export function itemOf(type: FieldType | undefined, path: string): Item {
  if (typeof type === "string" && Object.hasOwn(SCALARS, type)) {
    return SCALARS[type];
  }
  if (typeof type === "object" && type !== null) {
    const layout = layouts.get(type);
    if (layout !== undefined) return layout();
    if (type.kind === "text") {
      const size = checkLength("text", type.byteLength);
      return { kind: "text", size, align: 1, canonical: `text${size}` };
    }
    if (type.kind === "array") {
      const length = checkLength("an array", type.length);
      const element = itemOf(type.element, `${path}[]`);
      return {
        kind: "array",
        size: length * element.size,
        align: element.align,
        canonical: `${element.canonical}[${length}]`,
        element,
        length,
      };
    }
  }
  throw new TypeError(
    `Cannot lay out ${path}: ${
      show(type)
    } is not a scalar type, array(), text() or struct()`,
  );
}

function checkName(name: string | symbol): string {
  const refuse = (why: string): never => {
    const shown = typeof name === "string" ? JSON.stringify(name) : "a symbol";
    throw new TypeError(`Cannot use ${shown} as a field name: ${why}`);
  };
  if (typeof name !== "string") return refuse("it must be a string");
  if (name === "") return refuse("it must not be empty");
  if (name === "__proto__" || name === "constructor") {
    return refuse("JavaScript objects use it");
  }
  // Objects list such keys first, so the layout would not follow the order in
  // the source.
  if (name.charCodeAt(0) <= 0x39 && /^(0|[1-9]\d*)$/.test(name)) {
    return refuse("JavaScript does not keep the order of numeric names");
  }
  return name;
}

const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;

/** Lays out fields one after another, with C's padding or packed. */
export function layOut(
  types: { readonly [name: string]: FieldType },
  packed: boolean,
): Layout {
  const fields: Field[] = [];
  let size = 0;
  let align = 1;
  for (const key of Reflect.ownKeys(types)) {
    const name = checkName(key);
    const item = itemOf(types[name], name);
    const offset = packed ? size : roundUp(size, item.align);
    fields.push({ name, offset, item });
    size = offset + item.size;
    if (!packed) align = Math.max(align, item.align);
  }
  if (fields.length === 0) {
    throw new TypeError("Cannot lay out a struct without fields");
  }
  size = roundUp(size, align);
  if (size > MAX_SIZE) {
    throw new RangeError(
      `Cannot lay out a struct of ${size} bytes: the limit is ${MAX_SIZE}`,
    );
  }
  const canonical = `{${
    fields.map((f) =>
      `${JSON.stringify(f.name)}:${f.item.canonical}@${f.offset}`
    ).join(",")
  };${size}}`;
  const names = new Set(fields.map((field) => field.name));
  return { kind: "struct", size, align, canonical, packed, fields, names };
}

/** Returns the 64-bit FNV-1a hash of a text in UTF-8. */
export function fnv1a64(input: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(input)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash;
}
