import { AssertionError } from "./assertion_error.ts";
import { suffix } from "./_message.ts";

/**
 * Fails always.
 *
 * @example Mark a line that must not be reached
 * ```ts
 * import { AssertionError, assertThrows, fail } from "@std/assert";
 *
 * assertThrows(() => fail("called twice"), AssertionError, "called twice");
 * ```
 *
 * @throws {AssertionError} Always.
 */
export function fail(msg?: string): never {
  throw new AssertionError(`Failed assertion${suffix(msg)}`);
}
