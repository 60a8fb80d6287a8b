import { AssertionError } from "./assertion_error.ts";
import { format } from "./_message.ts";

/**
 * Throws unless `actual` is greater than `expected`.
 *
 * @example Compare two numbers
 * ```ts
 * import { assertGreater } from "@std/assert";
 *
 * assertGreater(2, 1);
 * ```
 *
 * @typeParam T The type of both values.
 * @throws {AssertionError} If `actual` is not greater than `expected`.
 */
export function assertGreater<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (actual > expected) return;
  throw new AssertionError(
    msg ?? `Expect ${format(actual)} > ${format(expected)}`,
  );
}
