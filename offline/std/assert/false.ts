import { AssertionError } from "./assertion_error.ts";

/** What {@linkcode assertFalse} accepts. */
export type Falsy = false | 0 | 0n | "" | null | undefined;

/**
 * Throws unless `expr` is falsy.
 *
 * @example Assert that a condition does not hold
 * ```ts
 * import { assertFalse } from "@std/assert";
 *
 * assertFalse([].includes(0 as never));
 * ```
 *
 * @throws {AssertionError} If `expr` is truthy.
 */
export function assertFalse(expr: unknown, msg = ""): asserts expr is Falsy {
  if (expr) throw new AssertionError(msg);
}
