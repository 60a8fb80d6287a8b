import { AssertionError } from "./assertion_error.ts";

/**
 * Throws unless `expr` is truthy.
 *
 * @example Assert a condition
 * ```ts
 * import { assert } from "@std/assert";
 *
 * assert("ring".startsWith("r"));
 * ```
 *
 * @throws {AssertionError} If `expr` is falsy.
 */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}
