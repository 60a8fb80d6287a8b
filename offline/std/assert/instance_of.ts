import { AssertionError } from "./assertion_error.ts";
import { suffix } from "./_message.ts";

/** Any class. */
export type AnyConstructor = new (...args: never[]) => unknown;

/** The instances of a class. */
export type GetConstructorType<T extends AnyConstructor> = T extends
  new (...args: never[]) => infer Instance ? Instance : never;

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  return value.constructor?.name ?? "Object";
}

/**
 * Throws unless `actual` is an instance of `expectedType`.
 *
 * @example Narrow to a class
 * ```ts
 * import { assertInstanceOf } from "@std/assert";
 *
 * const value: unknown = new Uint8Array(4);
 * assertInstanceOf(value, Uint8Array);
 * ```
 *
 * @typeParam T The class.
 * @throws {AssertionError} If `actual` is not an instance.
 */
export function assertInstanceOf<T extends AnyConstructor>(
  actual: unknown,
  expectedType: T,
  msg = "",
): asserts actual is GetConstructorType<T> {
  if (actual instanceof expectedType) return;
  const kind = kindOf(actual);
  let but = ` but was "${kind}"`;
  if (kind === expectedType.name) but = "";
  else if (kind === "function") but = " but was not an instanced object";
  throw new AssertionError(
    `Expected object to be an instance of "${expectedType.name}"${but}${
      suffix(msg)
    }`,
  );
}
