import { strict as node } from "node:assert";
import { assertIsError } from "@std/assert/is-error";

Deno.test("assertIsError() accepts class, text and pattern", () => {
  const error: unknown = new RangeError("size is \x1b[31m0\x1b[0m");
  assertIsError(error);
  assertIsError(error, RangeError);
  assertIsError(error, Error, "size is 0");
  assertIsError(error, RangeError, /is \d$/);
  node.equal(error.name, "RangeError");
});

Deno.test("assertIsError() refuses everything else", () => {
  const error = new RangeError("size is 0");
  const refused: [() => void, string][] = [
    [() => assertIsError("text"), 'Expected "error" to be an Error object.'],
    [
      () => assertIsError(null, Error, "", "here"),
      'Expected "error" to be an Error object: here',
    ],
    [
      () => assertIsError(error, SyntaxError),
      'Expected error to be instance of "SyntaxError", but was "RangeError".',
    ],
    [
      () => assertIsError(error, RangeError, "mode"),
      'Expected error message to include "mode", but got "size is 0".',
    ],
    [
      () => assertIsError(error, RangeError, /mode/),
      'Expected error message to include /mode/, but got "size is 0".',
    ],
  ];
  for (const [fn, message] of refused) {
    node.throws(fn, { name: "AssertionError", message });
  }
});
