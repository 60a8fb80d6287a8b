import { AssertionError } from "./assertion_error.ts";
import { diff } from "./_diff.ts";
import { equal } from "./equal.ts";
import { suffix } from "./_message.ts";

/**
 * Throws unless two values are structurally equal, see {@linkcode equal}. The
 * message shows where they differ.
 *
 * @example Compare objects
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals({ bytes: new Uint8Array([1]) }, { bytes: Uint8Array.of(1) });
 * ```
 *
 * @typeParam T The type of both values.
 * @throws {AssertionError} If the values differ.
 */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) return;
  throw new AssertionError(
    `Values are not equal${suffix(msg)}\n${diff(actual, expected)}`,
  );
}
