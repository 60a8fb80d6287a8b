import { AssertionError } from "./assertion_error.ts";
import { suffix } from "./_message.ts";

/**
 * Fails always: marks a branch that can never run.
 *
 * @example The branch after the last case
 * ```ts
 * import { AssertionError, assertThrows, unreachable } from "@std/assert";
 *
 * assertThrows(() => unreachable(), AssertionError, "Unreachable");
 * ```
 *
 * @throws {AssertionError} Always.
 */
export function unreachable(msg?: string): never {
  throw new AssertionError(`Unreachable${suffix(msg)}`);
}
