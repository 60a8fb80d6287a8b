import { AssertionError } from "./assertion_error.ts";
import { type ErrorClass, expectation, judge } from "./_expected_error.ts";
import { suffix } from "./_message.ts";

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value &&
    typeof value.then === "function";
}

/**
 * Rejects unless the promise of `fn` rejects; returns the reason. It is also a
 * failure if `fn` throws before it returns a promise.
 *
 * @example Any rejection
 * ```ts
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(() => Promise.reject("closed"));
 * ```
 *
 * @throws {AssertionError} If the promise resolves, or there is none.
 */
export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
/**
 * Rejects unless the promise of `fn` rejects with an error of the class, with
 * the text in its message; returns that error.
 *
 * @example An error of a class
 * ```ts
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(
 *   () => Promise.reject(new TypeError("Cannot read a closed queue")),
 *   TypeError,
 *   "closed",
 * );
 * ```
 *
 * @typeParam E The class of the error.
 * @throws {AssertionError} If the promise resolves, or there is none, or it
 * rejects with something else.
 */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: new (...args: never[]) => E,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: ErrorClass<E> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const expected = expectation(classOrMsg, msgIncludes, msg);
  let promise: unknown;
  try {
    promise = fn();
  } catch {
    // Handled below: no promise was returned.
  }
  if (!isThenable(promise)) {
    throw new AssertionError(
      `Function throws when expected to reject${suffix(expected.msg)}`,
    );
  }
  try {
    await promise;
  } catch (error) {
    judge(error, expected, "rejected");
    return error;
  }
  throw new AssertionError(
    `Expected function to reject${suffix(expected.msg)}`,
  );
}
