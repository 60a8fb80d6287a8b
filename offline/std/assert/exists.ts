import { AssertionError } from "./assertion_error.ts";
import { suffix } from "./_message.ts";

/**
 * Throws if `actual` is null or undefined.
 *
 * @example Narrow a value that may be missing
 * ```ts
 * import { assertExists } from "@std/assert";
 *
 * const found = [1, 2].find((n) => n > 1);
 * assertExists(found);
 * ```
 *
 * @typeParam T The type of the value.
 * @throws {AssertionError} If `actual` is null or undefined.
 */
export function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T> {
  if (actual !== undefined && actual !== null) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to not be null or undefined${suffix(msg)}`,
  );
}
