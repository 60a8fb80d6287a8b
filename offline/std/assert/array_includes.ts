import { AssertionError } from "./assertion_error.ts";
import { equal } from "./equal.ts";
import { format, suffix } from "./_message.ts";

/** Anything with a length and elements, except a string. */
export type ArrayLikeArg<T> = ArrayLike<T> & object;

/**
 * Throws unless each element of `expected` is in `actual`, compared with
 * {@linkcode equal}.
 *
 * @example Some of the elements
 * ```ts
 * import { assertArrayIncludes } from "@std/assert";
 *
 * assertArrayIncludes([{ key: 1 }, { key: 2 }], [{ key: 2 }]);
 * ```
 *
 * @typeParam T The type of the elements.
 * @throws {AssertionError} If an element is missing.
 */
export function assertArrayIncludes<T>(
  actual: ArrayLikeArg<T>,
  expected: ArrayLikeArg<T>,
  msg?: string,
): void {
  const present = Array.from(actual);
  const missing = Array.from(expected).filter((wanted) =>
    !present.some((element) => equal(element, wanted))
  );
  if (missing.length === 0) return;
  throw new AssertionError(
    `Expected actual: "${format(actual)}" to include: "${format(expected)}"` +
      `${suffix(msg)}\nmissing: ${format(missing)}`,
  );
}
