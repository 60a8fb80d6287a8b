import { AssertionError } from "./assertion_error.ts";
import { suffix } from "./_message.ts";

/**
 * Throws unless `expected` is a part of `actual`.
 *
 * @example Look for a part of a message
 * ```ts
 * import { assertStringIncludes } from "@std/assert";
 *
 * assertStringIncludes("shm_open failed", "shm_open");
 * ```
 *
 * @throws {AssertionError} If `actual` does not contain `expected`.
 */
export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  if (actual.includes(expected)) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to contain: "${expected}"${suffix(msg)}`,
  );
}
