import { strict as node } from "node:assert";
import { stripVTControlCharacters } from "node:util";
import {
  assertEquals,
  type AssertionError,
  assertNotEquals,
  assertStrictEquals,
} from "@std/assert";

/** Returns the message of the error of `fn`, without colours. */
function messageOf(fn: () => void): string {
  try {
    fn();
  } catch (error) {
    const { name, message } = error as AssertionError;
    node.equal(name, "AssertionError");
    return stripVTControlCharacters(message);
  }
  node.fail("nothing was thrown");
}

Deno.test("assertEquals() accepts equal values", () => {
  assertEquals([1, { a: new Set([1]) }], [1, { a: new Set([1]) }]);
  assertEquals<unknown>(undefined, undefined);
});

Deno.test("assertEquals() says where the values differ", () => {
  const message = messageOf(() =>
    assertEquals({ key: 1, size: 32, uid: 0 }, { key: 1, size: 64, uid: 0 })
  );
  const lines = message.split("\n");
  node.equal(lines[0], "Values are not equal.");
  node.ok(lines.some((line) => line.includes("[Diff] Actual / Expected")));
  node.deepEqual(lines.filter((line) => /^[-+]/.test(line)), [
    "-     size: 32,",
    "+     size: 64,",
  ]);
  node.ok(lines.includes("      key: 1,"));
});

Deno.test("assertEquals() shows lines that only one side has", () => {
  const message = messageOf(() => assertEquals([1, 2, 3], [1, 3, 4]));
  const changed = message.split("\n").filter((line) => /^[-+]/.test(line));
  node.deepEqual(changed, ["-     2,", "+     4,"]);
});

Deno.test("assertEquals() puts the caller's message in front", () => {
  const message = messageOf(() => assertEquals("a", "b", "the name"));
  node.ok(message.startsWith("Values are not equal: the name\n"));
});

Deno.test("assertEquals() shows text as it is, line by line", () => {
  const message = messageOf(() => assertEquals("one\ntwo", "one\nthree"));
  node.match(message, /^-.*two/m);
  node.match(message, /^\+.*three/m);
  node.match(message, /^ .*one/m);
});

Deno.test("assertNotEquals() accepts different and refuses equal values", () => {
  assertNotEquals([1], [2]);
  node.equal(
    messageOf(() => assertNotEquals(1, 1)),
    "Expected actual: 1 not to be: 1.",
  );
  node.equal(
    messageOf(() => assertNotEquals(1, 1, "ids")),
    "Expected actual: 1 not to be: 1: ids",
  );
});

Deno.test("assertStrictEquals() accepts the same value only", () => {
  const object = {};
  assertStrictEquals(object, object);
  assertStrictEquals(NaN, NaN);
  node.match(
    messageOf(() => assertStrictEquals({ a: 1 }, { a: 1 })),
    /^Values have the same structure but are not reference-equal\./,
  );
  node.match(
    messageOf(() => assertStrictEquals(0, -0)),
    /^Values are not strictly equal\.\n[^]*^-.*0[^]*^\+.*-0/m,
  );
});

Deno.test("assertStrictEquals() narrows the type", () => {
  const value: unknown = "ring";
  assertStrictEquals(value, "ring" as const);
  node.equal(value.length, 4);
});
