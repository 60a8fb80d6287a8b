import { AssertionError } from "./assertion_error.ts";
import { equal } from "./equal.ts";
import { format, suffix } from "./_message.ts";

/**
 * Throws if two values are structurally equal, see {@linkcode equal}.
 *
 * @example Two keys differ
 * ```ts
 * import { assertNotEquals } from "@std/assert";
 *
 * assertNotEquals([1, 2], [2, 1]);
 * ```
 *
 * @typeParam T The type of both values.
 * @throws {AssertionError} If the values are equal.
 */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) return;
  throw new AssertionError(
    `Expected actual: ${format(actual)} not to be: ${format(expected)}${
      suffix(msg)
    }`,
  );
}
