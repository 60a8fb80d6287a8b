import { AssertionError } from "./assertion_error.ts";
import { assertIsError } from "./is_error.ts";
import { suffix } from "./_message.ts";

/** An error class with any constructor arguments. */
export type ErrorClass<E extends Error> = new (...args: never[]) => E;

/** The expectations of a caller of assertThrows or assertRejects. */
export interface Expectation<E extends Error> {
  ErrorClass: ErrorClass<E> | undefined;
  msgIncludes: string | undefined;
  msg: string | undefined;
}

/** Distinguishes the forms `(fn, msg)` and `(fn, class, text, msg)`. */
export function expectation<E extends Error>(
  classOrMsg: ErrorClass<E> | string | undefined,
  msgIncludes: string | undefined,
  msg: string | undefined,
): Expectation<E> {
  return typeof classOrMsg === "string"
    ? { ErrorClass: undefined, msgIncludes: undefined, msg: classOrMsg }
    : { ErrorClass: classOrMsg, msgIncludes, msg };
}

/** Throws unless `error`, which was thrown or rejected, is as expected. */
export function judge<E extends Error>(
  error: unknown,
  expected: Expectation<E>,
  how: "thrown" | "rejected",
): void {
  const { ErrorClass, msgIncludes, msg } = expected;
  if (!ErrorClass) return;
  if (!(error instanceof Error)) {
    throw new AssertionError(`A non-Error object was ${how}${suffix(msg)}`);
  }
  assertIsError(error, ErrorClass, msgIncludes, msg);
}
