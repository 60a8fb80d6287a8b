/**
 * Reading fields as plain values and writing them, for views, `read()` and
 * `write()`. A write is checked completely before the first byte changes.
 *
 * @module
 */

import type { Item, Layout, Sequence } from "./_layout.ts";
import { bytesOf, type Memory } from "./_memory.ts";
import { refusal, type Scalar, show } from "./_scalar.ts";
import { encodeText, readText, writeText } from "./_text.ts";

/** A checked write that is still to be made, relative to a base position. */
export type Write = (memory: Memory, base: number) => void;

/** Returns a snapshot of a struct as an object. */
export function readStruct(
  memory: Memory,
  position: number,
  layout: Layout,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const { name, offset, item } of layout.fields) {
    values[name] = item.kind === "scalar"
      ? item.get(memory, position + offset)
      : readItem(memory, position + offset, item);
  }
  return values;
}

function readArray(
  memory: Memory,
  position: number,
  item: Sequence,
): unknown[] {
  const values: unknown[] = [];
  const { element, length } = item;
  const end = position + length * element.size;
  if (element.kind === "scalar") {
    for (let p = position; p < end; p += element.size) {
      values.push(element.get(memory, p));
    }
  } else {
    for (let p = position; p < end; p += element.size) {
      values.push(readItem(memory, p, element));
    }
  }
  return values;
}

/** Returns a snapshot of any item. */
export function readItem(
  memory: Memory,
  position: number,
  item: Item,
): unknown {
  switch (item.kind) {
    case "scalar":
      return item.get(memory, position);
    case "text":
      return readText(memory, position, item.size);
    case "struct":
      return readStruct(memory, position, item);
    case "array":
      return readArray(memory, position, item);
  }
}

/** Returns a snapshot for JSON, with bigints as decimal strings. */
export function jsonable(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return value.map(jsonable);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, v]) => [name, jsonable(v)]),
    );
  }
  return value;
}

function isBulk(value: unknown, scalar: Scalar): value is ArrayBufferView {
  return scalar.bulk && value instanceof scalar.typed;
}

function tooMany(path: string, item: Sequence): RangeError {
  return new RangeError(
    `Cannot set ${path}: there are more values than its ${item.length} elements`,
  );
}

/** Returns the bytes of a typed array of the field's element type. */
function bulkBytes(
  path: string,
  value: ArrayBufferView,
  item: Sequence,
): Uint8Array {
  const { buffer, byteOffset, byteLength } = value;
  if (byteLength > item.size) throw tooMany(path, item);
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Checks the elements of an iterable of scalars. */
function checkScalars(
  path: string,
  values: Iterable<unknown>,
  item: Sequence,
  scalar: Scalar,
): unknown[] {
  const checked: unknown[] = [];
  for (const value of values) {
    const i = checked.length;
    if (i >= item.length) throw tooMany(path, item);
    if (!scalar.valid(value)) throw refusal(`${path}[${i}]`, scalar, value);
    checked.push(value);
  }
  return checked;
}

function planArray(
  writes: Write[],
  path: string,
  value: unknown,
  offset: number,
  item: Sequence,
): void {
  const { element } = item;
  if (element.kind === "scalar" && isBulk(value, element)) {
    // Copy now, so that the checked values are written even when they lie in
    // the memory that the write changes.
    const copy = bulkBytes(path, value, item).slice();
    writes.push((memory, base) =>
      bytesOf(memory, base + offset, copy.length).set(copy)
    );
    return;
  }
  if (
    typeof value !== "object" || value === null || !(Symbol.iterator in value)
  ) {
    throw new TypeError(
      `Cannot set ${path} to ${
        show(value)
      }: an array takes an iterable of its elements`,
    );
  }
  const values = value as Iterable<unknown>;
  if (element.kind === "scalar") {
    const checked = checkScalars(path, values, item, element);
    writes.push((memory, base) => {
      let position = base + offset;
      for (const one of checked) {
        element.put(memory, position, one);
        position += element.size;
      }
    });
    return;
  }
  let i = 0;
  for (const one of values) {
    if (i >= item.length) throw tooMany(path, item);
    planItem(writes, `${path}[${i}]`, one, offset + i * element.size, element);
    i++;
  }
}

/** Checks the given values of a struct and plans their writes. */
export function planStruct(
  writes: Write[],
  path: string,
  value: unknown,
  offset: number,
  layout: Layout,
): void {
  if (typeof value !== "object" || value === null) {
    throw new TypeError(
      `Cannot set ${path || "a struct"} to ${
        show(value)
      }: a struct takes an object of its fields`,
    );
  }
  const prefix = path === "" ? "" : path + ".";
  for (const name of Object.keys(value)) {
    if (!layout.names.has(name)) {
      throw new TypeError(
        `Cannot set ${prefix}${name}: the struct has no such field`,
      );
    }
  }
  for (const { name, offset: at, item } of layout.fields) {
    const given = (value as Record<string, unknown>)[name];
    if (given === undefined) continue;
    planItem(writes, prefix + name, given, offset + at, item);
  }
}

/** Checks a value and plans its write. */
function planItem(
  writes: Write[],
  path: string,
  value: unknown,
  offset: number,
  item: Item,
): void {
  switch (item.kind) {
    case "scalar":
      if (!item.valid(value)) throw refusal(path, item, value);
      writes.push((memory, base) => item.put(memory, base + offset, value));
      return;
    case "text": {
      const bytes = encodeText(path, value, item.size).slice();
      writes.push((memory, base) =>
        writeText(memory, base + offset, bytes, item.size)
      );
      return;
    }
    case "array":
      return planArray(writes, path, value, offset, item);
    case "struct":
      return planStruct(writes, path, value, offset, item);
  }
}

/** Checks a value, then writes it to `times` consecutive elements. */
export function writeItem(
  memory: Memory,
  path: string,
  value: unknown,
  position: number,
  item: Item,
  times = 1,
): void {
  if (item.kind === "scalar") {
    if (!item.valid(value)) throw refusal(path, item, value);
    for (let i = 0; i < times; i++) {
      item.put(memory, position + i * item.size, value);
    }
    return;
  }
  const writes: Write[] = [];
  planItem(writes, path, value, 0, item);
  for (let i = 0; i < times; i++) {
    const base = position + i * item.size;
    for (const write of writes) write(memory, base);
  }
}

/** Checks the values for an array, then writes them. */
export function writeArray(
  memory: Memory,
  path: string,
  values: unknown,
  position: number,
  item: Sequence,
): void {
  const { element } = item;
  if (element.kind === "scalar" && isBulk(values, element)) {
    const bytes = bulkBytes(path, values, item);
    bytesOf(memory, position, bytes.length).set(bytes);
  } else {
    writeItem(memory, path, values, position, item);
  }
}
