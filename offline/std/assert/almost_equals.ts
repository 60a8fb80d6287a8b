import { AssertionError } from "./assertion_error.ts";
import { suffix } from "./_message.ts";

/** The default tolerance: a ten-millionth of the expected value. */
const RELATIVE = 1e-7;

function shown(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toExponential();
}

/**
 * Throws unless two numbers differ by at most `tolerance`, by default a
 * ten-millionth of the expected value.
 *
 * @example Sums of fractions
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(0.1 + 0.2, 0.3);
 * assertAlmostEquals(0.98, 1, 0.05);
 * ```
 *
 * @throws {AssertionError} If the numbers are further apart.
 */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  msg?: string,
): void {
  if (Object.is(actual, expected)) return;
  const scale = Number.isFinite(expected) ? Math.abs(expected) : 1;
  const limit = tolerance ?? scale * RELATIVE;
  const delta = Math.abs(expected - actual);
  if (delta <= limit) return;
  throw new AssertionError(
    `Expected actual: "${shown(actual)}" to be close to "${
      shown(expected)
    }": ` +
      `delta "${shown(delta)}" is greater than "${shown(limit)}"${suffix(msg)}`,
  );
}
