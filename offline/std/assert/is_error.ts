import { stripVTControlCharacters } from "node:util";
import { AssertionError } from "./assertion_error.ts";
import { suffix } from "./_message.ts";

/**
 * Throws unless `error` is an `Error`. If given, it must be of the class and
 * have the text in its message.
 *
 * @example Judge an error that was caught
 * ```ts
 * import { assertIsError } from "@std/assert";
 *
 * assertIsError(new RangeError("size is 0"), RangeError, "size");
 * ```
 *
 * @typeParam E The class of the error.
 * @throws {AssertionError} If class or message differ.
 */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  ErrorClass?: abstract new (...args: never[]) => E,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  if (!(error instanceof Error)) {
    throw new AssertionError(
      `Expected "error" to be an Error object${suffix(msg)}`,
    );
  }
  if (ErrorClass && !(error instanceof ErrorClass)) {
    const name = error.constructor?.name;
    throw new AssertionError(
      `Expected error to be instance of "${ErrorClass.name}", ` +
        `but was "${name}"${suffix(msg)}`,
    );
  }
  if (!msgMatches) return;
  const message = stripVTControlCharacters(error.message);
  const matches = typeof msgMatches === "string"
    ? message.includes(stripVTControlCharacters(msgMatches))
    : msgMatches.test(message);
  if (matches) return;
  const wanted = typeof msgMatches === "string"
    ? JSON.stringify(msgMatches)
    : String(msgMatches);
  throw new AssertionError(
    `Expected error message to include ${wanted}, ` +
      `but got ${JSON.stringify(error.message)}${suffix(msg)}`,
  );
}
