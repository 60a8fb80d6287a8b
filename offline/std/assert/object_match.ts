import { assertEquals } from "./equals.ts";

type Loose = Record<PropertyKey, unknown>;

function isObject(value: unknown): value is Loose {
  return typeof value === "object" && value !== null;
}

/** Selects the members of `actual` that are in `pattern`, as plain objects. */
class Selection {
  // One entry for each pair that was seen, so that a cycle ends.
  readonly #seen: Map<object, Map<object, Loose>> = new Map();

  member(actual: unknown, pattern: unknown): unknown {
    if (!isObject(actual) || !isObject(pattern) || actual instanceof RegExp) {
      return actual;
    }
    if (Array.isArray(actual)) {
      return Array.isArray(pattern) ? this.object(actual, pattern) : actual;
    }
    if (actual instanceof Map && pattern instanceof Map) {
      return new Map(
        [...actual].filter(([key]) => pattern.has(key)).map(
          ([key, value]) => [key, this.member(value, pattern.get(key))],
        ),
      );
    }
    if (actual instanceof Set && pattern instanceof Set) {
      return new Set([...actual].filter((value) => pattern.has(value)));
    }
    return this.object(actual, pattern);
  }

  object(actual: object, pattern: object): Loose {
    const seen = this.#seen.get(actual) ?? new Map<object, Loose>();
    this.#seen.set(actual, seen);
    const known = seen.get(pattern);
    if (known) return known;
    const selected: Loose = {};
    seen.set(pattern, selected);
    for (const key of Reflect.ownKeys(actual)) {
      // The length may differ: only some elements have to match.
      if (Array.isArray(actual) && key === "length") continue;
      if (!(key in pattern)) continue;
      selected[key] = this.member(
        Reflect.get(actual, key),
        Reflect.get(pattern, key),
      );
    }
    return selected;
  }
}

/**
 * Throws unless `actual` has every property of `expected`, with an equal value,
 * at any depth. Other properties are ignored.
 *
 * @example Some of the properties
 * ```ts
 * import { assertObjectMatch } from "@std/assert";
 *
 * assertObjectMatch({ size: 32, stat: { uid: 0 } }, { stat: { uid: 0 } });
 * ```
 *
 * @throws {AssertionError} If a property is missing or differs.
 * @throws {TypeError} If one of the two is not an object.
 */
export function assertObjectMatch(
  actual: object,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void {
  for (const value of [actual, expected]) {
    if (isObject(value) || typeof value === "function") continue;
    const kind = value === null ? "null" : `type ${typeof value}`;
    throw new TypeError(`Cannot assertObjectMatch ${kind}`);
  }
  assertEquals(
    new Selection().object(actual, expected),
    // Select here too, because this turns class instances into objects.
    new Selection().object(expected, expected),
    msg,
  );
}
