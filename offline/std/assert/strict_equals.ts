import { AssertionError } from "./assertion_error.ts";
import { diff } from "./_diff.ts";
import { format, suffix } from "./_message.ts";

/**
 * Throws unless `Object.is` is true for two values: the same object or the same
 * primitive; -0 and +0 differ.
 *
 * @example The same object
 * ```ts
 * import { assertStrictEquals } from "@std/assert";
 *
 * const buffer = new ArrayBuffer(8);
 * assertStrictEquals(new Uint8Array(buffer).buffer, buffer);
 * ```
 *
 * @typeParam T The type of the expected value.
 * @throws {AssertionError} If the values are not the same.
 */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (Object.is(actual, expected)) return;
  const shown = format(actual);
  if (shown === format(expected)) {
    throw new AssertionError(
      "Values have the same structure but are not reference-equal" +
        `${suffix(msg)}\n\n${shown.replaceAll(/^/gm, "    ")}\n`,
    );
  }
  throw new AssertionError(
    `Values are not strictly equal${suffix(msg)}\n${diff(actual, expected)}`,
  );
}
