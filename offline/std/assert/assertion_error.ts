/**
 * The error of a failed assertion.
 *
 * @example Recognise a failed assertion
 * ```ts
 * import { assertEquals, AssertionError, assertThrows } from "@std/assert";
 *
 * assertThrows(() => assertEquals(1, 2), AssertionError);
 * ```
 */
export class AssertionError extends Error {
  /** Makes the error with its message and, where known, its cause. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}
