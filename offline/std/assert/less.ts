import { AssertionError } from "./assertion_error.ts";
import { format } from "./_message.ts";

/**
 * Throws unless `actual` is less than `expected`.
 *
 * @example Compare two numbers
 * ```ts
 * import { assertLess } from "@std/assert";
 *
 * assertLess(1, 2);
 * ```
 *
 * @typeParam T The type of both values.
 * @throws {AssertionError} If `actual` is not less than `expected`.
 */
export function assertLess<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (actual < expected) return;
  throw new AssertionError(
    msg ?? `Expect ${format(actual)} < ${format(expected)}`,
  );
}
