import { AssertionError } from "./assertion_error.ts";
import { type ErrorClass, expectation, judge } from "./_expected_error.ts";
import { suffix } from "./_message.ts";

/**
 * Throws unless `fn` throws; returns the thrown value.
 *
 * @example Anything thrown
 * ```ts
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => JSON.parse("{"));
 * ```
 *
 * @throws {AssertionError} If `fn` returns.
 */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/**
 * Throws unless `fn` throws an error of the class, with the text in its
 * message; returns that error.
 *
 * @example An error of a class
 * ```ts
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => new URL("here"), TypeError, "Invalid URL");
 * ```
 *
 * @typeParam E The class of the error.
 * @throws {AssertionError} If `fn` returns or throws something else.
 */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: new (...args: never[]) => E,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  classOrMsg?: ErrorClass<E> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const expected = expectation(classOrMsg, msgIncludes, msg);
  try {
    fn();
  } catch (error) {
    judge(error, expected, "thrown");
    return error;
  }
  throw new AssertionError(`Expected function to throw${suffix(expected.msg)}`);
}
