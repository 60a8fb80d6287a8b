import { strict as node } from "node:assert";
import {
  assert,
  assertAlmostEquals,
  assertArrayIncludes,
  assertExists,
  assertFalse,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  AssertionError,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertStringIncludes,
  fail,
  unreachable,
} from "@std/assert";

/** Asserts that each call fails with an AssertionError with the message. */
function refuses(...calls: [fn: () => void, message: string | RegExp][]): void {
  for (const [fn, message] of calls) {
    node.throws(fn, { name: "AssertionError", message });
  }
}

Deno.test("AssertionError is an Error with its own name and cause", () => {
  const cause = new Error("first");
  const error = new AssertionError("then", { cause });
  node.ok(error instanceof Error);
  node.equal(String(error), "AssertionError: then");
  node.equal(error.cause, cause);
});

Deno.test("assert() accepts truthy and refuses falsy values", () => {
  const value: number | undefined = [1].at(0);
  assert(value, "one");
  node.equal(value.toFixed(), "1");
  refuses([() => assert(0), ""], [() => assert("", "empty"), "empty"]);
});

Deno.test("assertFalse() accepts falsy and refuses truthy values", () => {
  for (const value of [false, 0, 0n, "", null, undefined]) assertFalse(value);
  refuses([() => assertFalse(1), ""], [() => assertFalse([], "any"), "any"]);
});

Deno.test("assertExists() refuses null and undefined only", () => {
  for (const value of [0, "", false, NaN]) assertExists(value);
  refuses(
    [
      () => assertExists(null),
      'Expected actual: "null" to not be null or undefined.',
    ],
    [
      () => assertExists(undefined, "id"),
      'Expected actual: "undefined" to not be null or undefined: id',
    ],
  );
});

Deno.test("assertInstanceOf() narrows to the class", () => {
  const value: unknown = new Uint16Array(3);
  assertInstanceOf(value, Uint16Array);
  node.equal(value.byteLength, 6);
  class Ring {
    readonly key: number;
    constructor(key: number) {
      this.key = key;
    }
  }
  const ring: unknown = new Ring(1);
  assertInstanceOf(ring, Ring);
  node.equal(ring.key, 1);
});

Deno.test("assertInstanceOf() says what the value is", () => {
  const prefix = 'Expected object to be an instance of "Date"';
  refuses(
    [() => assertInstanceOf([], Date), `${prefix} but was "Array".`],
    [() => assertInstanceOf(null, Date), `${prefix} but was "null".`],
    [() => assertInstanceOf(undefined, Date), `${prefix} but was "undefined".`],
    [() => assertInstanceOf(5, Date, "at"), `${prefix} but was "number": at`],
    [
      () => assertInstanceOf(Date, Date),
      `${prefix} but was not an instanced object.`,
    ],
  );
});

Deno.test("assertMatch() and assertStringIncludes() look into text", () => {
  assertMatch("EEXIST", /^E/);
  assertStringIncludes("EEXIST", "EXI");
  refuses(
    [
      () => assertMatch("ENOENT", /exist/i),
      'Expected actual: "ENOENT" to match: "/exist/i".',
    ],
    [
      () => assertStringIncludes("ENOENT", "exist", "why"),
      'Expected actual: "ENOENT" to contain: "exist": why',
    ],
  );
});

Deno.test("assertGreater() and its relatives compare", () => {
  assertGreater(2, 1);
  assertGreaterOrEqual(2n, 2n);
  assertLess("a", "b");
  assertLessOrEqual(new Date(1), new Date(1));
  refuses(
    [() => assertGreater(1, 1), "Expect 1 > 1"],
    [() => assertGreater(1, 2), "Expect 1 > 2"],
    [() => assertGreaterOrEqual(1, 2), "Expect 1 >= 2"],
    [() => assertLess(2n, 2n), "Expect 2n < 2n"],
    [() => assertLess(3, 2), "Expect 3 < 2"],
    [() => assertLessOrEqual(3, 2), "Expect 3 <= 2"],
    [() => assertLess(NaN, 1, "not a time"), "not a time"],
  );
});

Deno.test("assertAlmostEquals() allows a tolerance", () => {
  assertAlmostEquals(0.1 + 0.2, 0.3);
  assertAlmostEquals(1e-8 * (1 + 1e-9), 1e-8);
  assertAlmostEquals(-0.98, -1, 0.05);
  assertAlmostEquals(NaN, NaN);
  assertAlmostEquals(Infinity, Infinity);
  refuses(
    [
      () => assertAlmostEquals(1, 2),
      /^Expected actual: "1" .* "2": delta "1" /,
    ],
    [() => assertAlmostEquals(1, 1.2, 0.1), /delta "2e-1"|delta "1\.9+\d*e-1"/],
    [() => assertAlmostEquals(1, 2, 0.5, "late"), /: late$/],
    [() => assertAlmostEquals(NaN, 1), /NaN/],
    [() => assertAlmostEquals(Infinity, -Infinity), /Infinity/],
    [() => assertAlmostEquals(1e-8, 1e-9), /1e-9/],
  );
});

Deno.test("assertArrayIncludes() finds equal elements", () => {
  assertArrayIncludes([1, NaN, { a: 1 }], [{ a: 1 }, NaN]);
  assertArrayIncludes(Uint8Array.of(1, 2), Uint8Array.of(2));
  assertArrayIncludes([1], []);
  refuses(
    [() => assertArrayIncludes([1, 2], [2, 3]), /\nmissing: \[\s*3,\s*\]$/],
    [() => assertArrayIncludes([{ a: 1 }], [{ a: 2 }], "ids"), /: ids\n/],
  );
});

Deno.test("fail() and unreachable() always throw", () => {
  refuses(
    [() => fail(), "Failed assertion."],
    [() => fail("twice"), "Failed assertion: twice"],
    [() => unreachable(), "Unreachable."],
    [() => unreachable("state 3"), "Unreachable: state 3"],
  );
});
