import { AssertionError } from "./assertion_error.ts";
import { format } from "./_message.ts";

/**
 * Throws unless `actual` is greater than or equal to `expected`.
 *
 * @example Compare two numbers
 * ```ts
 * import { assertGreaterOrEqual } from "@std/assert";
 *
 * assertGreaterOrEqual(2, 2);
 * ```
 *
 * @typeParam T The type of both values.
 * @throws {AssertionError} If `actual` is not greater than or equal to `expected`.
 */
export function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (actual >= expected) return;
  throw new AssertionError(
    msg ?? `Expect ${format(actual)} >= ${format(expected)}`,
  );
}
