import { AssertionError } from "./assertion_error.ts";
import { suffix } from "./_message.ts";

/**
 * Throws unless the regular expression finds something in `actual`.
 *
 * @example Match a message
 * ```ts
 * import { assertMatch } from "@std/assert";
 *
 * assertMatch("EEXIST (File exists)", /^E[A-Z]+/);
 * ```
 *
 * @throws {AssertionError} If `actual` does not match.
 */
export function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  if (expected.test(actual)) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to match: "${expected}"${suffix(msg)}`,
  );
}
