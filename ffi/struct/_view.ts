/**
 * Live views: one class per struct, with an accessor per field on its
 * prototype, and the views of arrays.
 *
 * @module
 */

import type { Field, Item, Layout, Sequence } from "./_layout.ts";
import { closedError, type Memory } from "./_memory.ts";
import { refusal, type Scalar, show } from "./_scalar.ts";
import { encodeText, readText, writeText } from "./_text.ts";
import {
  jsonable,
  readItem,
  readStruct,
  writeArray,
  writeItem,
} from "./_write.ts";

const INSPECT = Symbol.for("Deno.customInspect");

type Inspect = (value: unknown, options: object) => string;

/** Makes the error for an attempt to write into read-only memory. */
export function readOnlyError(action: string): TypeError {
  return new TypeError(`Cannot ${action}: the mapping is read-only`);
}

function inspectSnapshot(
  read: () => unknown,
  inspect: Inspect,
  options: object,
): string {
  let values: unknown;
  try {
    values = read();
  } catch {
    // Printing must not throw: it is a tool for finding the error.
    return "[struct in closed memory]";
  }
  return inspect(values, options);
}

function childOf(
  memory: Memory,
  position: number,
  item: Layout | Sequence,
  readOnly: boolean,
  path: string,
): object {
  return item.kind === "struct"
    ? makeView(memory, position, item, readOnly)
    : new Elements(memory, position, item, readOnly, path);
}

type Define = (proto: object, field: Field, index: number) => void;

let defineField: Define;
let snapshot: (view: StructView, layout: Layout) => Record<string, unknown>;

/**
 * The base of all views. All share the same private names, so V8 can inline the
 * accessors for any number of structs. The offsets and accessor functions are
 * constants of each closure.
 */
class StructView {
  readonly #memory: Memory;
  readonly #position: number;
  readonly #readOnly: boolean;
  #children: (object | undefined)[] | undefined;

  constructor(memory: Memory, position: number, readOnly: boolean) {
    this.#memory = memory;
    this.#position = position;
    this.#readOnly = readOnly;
    // Assigning to a misspelt field then throws instead of adding a property.
    Object.preventExtensions(this);
  }

  #child(index: number, { name, offset, item }: Field): object {
    const at = this.#position + offset;
    const of = item as Layout | Sequence;
    const child = childOf(this.#memory, at, of, this.#readOnly, name);
    this.#children ??= [];
    this.#children[index] = child;
    return child;
  }

  static {
    const common = { configurable: true, enumerable: true };
    const defineScalar = (proto: object, field: Field, scalar: Scalar) => {
      const { name, offset } = field;
      const { get, put, valid } = scalar;
      const refuse = (readOnly: boolean, value: unknown) =>
        readOnly ? readOnlyError(`set ${name}`) : refusal(name, scalar, value);
      Object.defineProperty(proto, name, {
        ...common,
        get(this: StructView) {
          return get(this.#memory, this.#position + offset);
        },
        set(this: StructView, value: unknown) {
          // Read all private names before the first branch: V8 still knows the
          // class of the view there, which saves 10 ns.
          const memory = this.#memory;
          const position = this.#position + offset;
          const readOnly = this.#readOnly;
          if (readOnly || !valid(value)) throw refuse(readOnly, value);
          put(memory, position, value);
        },
      });
    };
    const defineText: Define = (proto, { name, offset, item: { size } }) => {
      Object.defineProperty(proto, name, {
        ...common,
        get(this: StructView) {
          return readText(this.#memory, this.#position + offset, size);
        },
        set(this: StructView, value: unknown) {
          if (this.#readOnly) throw readOnlyError(`set ${name}`);
          const bytes = encodeText(name, value, size);
          writeText(this.#memory, this.#position + offset, bytes, size);
        },
      });
    };
    const defineChild: Define = (proto, field, index) => {
      const { name, item } = field;
      Object.defineProperty(proto, name, {
        ...common,
        get(this: StructView) {
          return this.#children?.[index] ?? this.#child(index, field);
        },
        set(this: StructView) {
          if (this.#readOnly) throw readOnlyError(`set ${name}`);
          const how = item.kind === "struct"
            ? "assign its fields or use write()"
            : "use its set() or copyFrom()";
          throw new TypeError(`Cannot set ${name} as a whole: ${how}`);
        },
      });
    };
    defineField = (proto, field, index) => {
      const { item } = field;
      if (item.kind === "scalar") defineScalar(proto, field, item);
      else if (item.kind === "text") defineText(proto, field, index);
      else defineChild(proto, field, index);
    };
    snapshot = (view, layout) =>
      readStruct(view.#memory, view.#position, layout);
  }
}

type ViewClass = new (
  memory: Memory,
  position: number,
  readOnly: boolean,
) => StructView;

function viewClass(layout: Layout): ViewClass {
  const made = class View extends StructView {};
  const proto = made.prototype;
  const hidden = { configurable: true, writable: true, enumerable: false };
  Object.defineProperty(proto, "toJSON", {
    ...hidden,
    value(this: StructView): unknown {
      return jsonable(snapshot(this, layout));
    },
  });
  Object.defineProperty(proto, INSPECT, {
    ...hidden,
    value(this: StructView, inspect: Inspect, options: object): string {
      return inspectSnapshot(() => snapshot(this, layout), inspect, options);
    },
  });
  // Last, so that a field named toJSON replaces the method.
  layout.fields.forEach((field, index) => defineField(proto, field, index));
  return made;
}

const classes = new WeakMap<Layout, ViewClass>();

/** Makes a view of the struct at a position in memory. */
export function makeView(
  memory: Memory,
  position: number,
  layout: Layout,
  readOnly: boolean,
): object {
  let made = classes.get(layout);
  if (made === undefined) {
    made = viewClass(layout);
    classes.set(layout, made);
  }
  return new made(memory, position, readOnly);
}

/** The view of an array. */
class Elements {
  readonly #memory: Memory;
  readonly #position: number;
  readonly #item: Sequence;
  readonly #length: number;
  readonly #element: Item;
  readonly #stride: number;
  readonly #readOnly: boolean;
  readonly #path: string;
  #children: Map<number, object> | undefined;

  constructor(
    memory: Memory,
    position: number,
    item: Sequence,
    readOnly: boolean,
    path: string,
  ) {
    this.#memory = memory;
    this.#position = position;
    this.#item = item;
    this.#length = item.length;
    this.#element = item.element;
    this.#stride = item.element.size;
    this.#readOnly = readOnly;
    this.#path = path;
    // elements[0] = 1 then throws instead of adding a property.
    Object.preventExtensions(this);
  }

  get length(): number {
    return this.#length;
  }

  #get(index: number): unknown {
    const element = this.#element;
    const position = this.#position + index * this.#stride;
    if (element.kind === "scalar") return element.get(this.#memory, position);
    if (element.kind === "text") {
      return readText(this.#memory, position, element.size);
    }
    this.#children ??= new Map();
    let child = this.#children.get(index);
    if (child === undefined) {
      const path = `${this.#path}[${index}]`;
      child = childOf(this.#memory, position, element, this.#readOnly, path);
      this.#children.set(index, child);
    }
    return child;
  }

  at(index: number): unknown {
    let i = Math.trunc(index) || 0;
    if (i < 0) i += this.#length;
    return i >= 0 && i < this.#length ? this.#get(i) : undefined;
  }

  set(index: number, value: unknown): void {
    if (this.#readOnly) throw readOnlyError(`set ${this.#path}`);
    const i = index < 0 ? index + this.#length : index;
    if (!Number.isInteger(i) || i < 0 || i >= this.#length) {
      throw new RangeError(
        `Cannot set ${this.#path}[${
          show(index)
        }]: the array has ${this.#length} elements`,
      );
    }
    const element = this.#element;
    const position = this.#position + i * this.#stride;
    if (element.kind === "scalar" && element.valid(value)) {
      element.put(this.#memory, position, value);
    } else {
      const path = `${this.#path}[${i}]`;
      writeItem(this.#memory, path, value, position, element);
    }
  }

  fill(value: unknown): void {
    if (this.#readOnly) throw readOnlyError(`set ${this.#path}`);
    const path = `${this.#path}[]`;
    const element = this.#element;
    const length = this.#length;
    writeItem(this.#memory, path, value, this.#position, element, length);
  }

  copyFrom(values: Iterable<unknown>): void {
    if (this.#readOnly) throw readOnlyError(`set ${this.#path}`);
    writeArray(this.#memory, this.#path, values, this.#position, this.#item);
  }

  typed(): unknown {
    const action = `make a typed array of ${this.#path}`;
    if (this.#readOnly) throw readOnlyError(action);
    const element = this.#element;
    if (element.kind !== "scalar") {
      throw new TypeError(
        `Cannot ${action}: its elements are ${element.kind}, not scalars`,
      );
    }
    const { buffer, start, bytes } = this.#memory;
    if (bytes.length === 0) throw closedError();
    const at = start + this.#position;
    if (at % element.size !== 0) {
      throw new TypeError(
        `Cannot ${action}: byte ${at} is not a multiple of ${element.size}`,
      );
    }
    return new element.typed(buffer as ArrayBuffer, at, this.#length);
  }

  toArray(): unknown {
    return readItem(this.#memory, this.#position, this.#item);
  }

  *[Symbol.iterator](): Generator<unknown> {
    for (let i = 0; i < this.#length; i++) yield this.#get(i);
  }

  toJSON(): unknown {
    return jsonable(this.toArray());
  }

  [INSPECT](inspect: Inspect, options: object): string {
    return inspectSnapshot(() => this.toArray(), inspect, options);
  }
}
