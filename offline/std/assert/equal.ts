type Collection = Map<unknown, unknown> | Set<unknown>;

const TypedArray: new () => Uint8Array | BigUint64Array = Object.getPrototypeOf(
  Uint8Array,
);

/** Classes whose instances are equal if their strings are. */
const TELLING_TEXT: ReadonlyArray<abstract new (...args: never[]) => unknown> =
  [RegExp, URL, URLSearchParams, Intl.Locale];

function isPrimitive(value: unknown): boolean {
  return value === null ||
    (typeof value !== "object" && typeof value !== "function");
}

/** SameValueZero, as in `Array.prototype.includes`: NaN is NaN, -0 is 0. */
function same(a: unknown, b: unknown): boolean {
  return a === b || Object.is(a, b);
}

/** Returns the prototype; an object without one counts as a plain object. */
function kindOf(value: object): unknown {
  return Object.getPrototypeOf(value) ?? Object.prototype;
}

function isBuffer(value: object): value is ArrayBufferLike {
  return value instanceof ArrayBuffer || value instanceof SharedArrayBuffer;
}

function isCollection(value: object): value is Collection {
  return value instanceof Map || value instanceof Set;
}

function elementsEqual(
  a: ArrayLike<unknown>,
  b: ArrayLike<unknown>,
): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!same(a[i], b[i])) return false;
  return true;
}

/** Returns own keys, and for class instances also those of their prototypes. */
function keysOf(value: object): Set<PropertyKey> {
  const kind = kindOf(value);
  if (kind === Object.prototype || kind === Array.prototype) {
    return new Set(Reflect.ownKeys({ ...value }));
  }
  const keys = new Set<PropertyKey>();
  let step: object | null = value;
  while (step !== null && step !== Object.prototype) {
    for (const key of Reflect.ownKeys(step)) keys.add(key);
    step = Object.getPrototypeOf(step);
  }
  return keys;
}

/** One comparison; it remembers the pairs in progress, so that cycles end. */
class Comparison {
  readonly #underWay: Map<object, object> = new Map();

  values(a: unknown, b: unknown): boolean {
    if (same(a, b)) return true;
    if (typeof a !== "object" || typeof b !== "object") return false;
    if (a === null || b === null) return false;
    if (a instanceof Date && b instanceof Date) {
      return same(a.getTime(), b.getTime());
    }
    return kindOf(a) === kindOf(b) && this.#sameKind(a, b);
  }

  #sameKind(a: object, b: object): boolean {
    if (a instanceof TypedArray && b instanceof TypedArray) {
      return elementsEqual(a, b);
    }
    if (isBuffer(a) && isBuffer(b)) {
      return elementsEqual(new Uint8Array(a), new Uint8Array(b));
    }
    for (const hidden of [WeakMap, WeakSet]) {
      if (a instanceof hidden) {
        throw new TypeError(`Cannot compare ${hidden.name} instances`);
      }
    }
    if (a instanceof WeakRef && b instanceof WeakRef) {
      return this.values(a.deref(), b.deref());
    }
    if (this.#underWay.get(a) === b) return true;
    if (Object.keys(a).length !== Object.keys(b).length) return false;
    this.#underWay.set(a, b);
    if (isCollection(a) && isCollection(b)) return this.#collections(a, b);
    if (TELLING_TEXT.some((telling) => kindOf(a) === telling.prototype)) {
      return String(a) === String(b);
    }
    return this.#properties(a, b);
  }

  #collections(a: Collection, b: Collection): boolean {
    if (a.size !== b.size) return false;
    if (a instanceof Map && b instanceof Map) {
      return this.#entries([...a], [...b], b);
    }
    const pairs = (set: Collection): [unknown, unknown][] =>
      [...set.keys()].map((key) => [key, key]);
    return this.#entries(pairs(a), pairs(b), b);
  }

  /** Tells whether each entry of `a` has an equal one in `b`, of same size. */
  #entries(
    a: [unknown, unknown][],
    b: [unknown, unknown][],
    index: Collection,
  ): boolean {
    if (a.every(([key]) => isPrimitive(key))) {
      return a.every(([key, value]) =>
        index.has(key) &&
        (index instanceof Set || this.values(value, index.get(key)))
      );
    }
    return a.every(([key, value]) =>
      b.some(([otherKey, otherValue]) =>
        this.values(key, otherKey) && this.values(value, otherValue)
      )
    );
  }

  #properties(a: object, b: object): boolean {
    for (const key of keysOf(a).union(keysOf(b))) {
      if (key in a !== key in b) return false;
      if (!this.values(Reflect.get(a, key), Reflect.get(b, key))) return false;
    }
    return true;
  }
}

/**
 * Tells whether two values are structurally equal: the same class and the same
 * properties, elements or entries, at any depth, with cycles. NaN equals NaN,
 * 0 equals -0, and functions are equal only to themselves.
 *
 * @example Equal and not equal
 * ```ts
 * import { assert, assertFalse, equal } from "@std/assert";
 *
 * assert(equal(new Map([["a", [1]]]), new Map([["a", [1]]])));
 * assertFalse(equal({ a: undefined }, {}));
 * ```
 *
 * @throws {TypeError} If a `WeakMap` or `WeakSet` is compared with another.
 */
export function equal(a: unknown, b: unknown): boolean {
  return new Comparison().values(a, b);
}
