import { strict as node } from "node:assert";
import { AssertionError, assertObjectMatch } from "@std/assert";

class Stat {
  readonly perm = { uid: 0, mode: 0o600 };
  readonly size = 32;
}

const key = Symbol("key");

Deno.test("assertObjectMatch() accepts a part of an object", () => {
  const actual = {
    name: "ring",
    stat: new Stat(),
    ids: [1, { pid: 7, uid: 0 }, 3],
    names: new Map([["a", { n: 1, m: 2 }], ["b", { n: 3, m: 4 }]]),
    flags: new Set(["create", "exclusive"]),
    pattern: /r/,
    [key]: 1,
  };
  assertObjectMatch(actual, {});
  assertObjectMatch(actual, { name: "ring" });
  assertObjectMatch(actual, { stat: { perm: { uid: 0 } } });
  assertObjectMatch(actual, { ids: [1, { pid: 7 }] });
  assertObjectMatch(actual, { names: new Map([["b", { n: 3 }]]) });
  assertObjectMatch(actual, { flags: new Set(["create"]) });
  assertObjectMatch(actual, { pattern: /r/ });
  assertObjectMatch(actual, { [key]: 1 });
});

Deno.test("assertObjectMatch() refuses what differs or is missing", () => {
  const actual = { name: "ring", stat: new Stat(), ids: [1, 2] };
  const patterns: Record<PropertyKey, unknown>[] = [
    { name: "other" },
    { size: undefined },
    { stat: { perm: { uid: 1 } } },
    { stat: { perm: null } },
    { stat: { perm: { gid: 0 } } },
    { ids: [2] },
    { ids: [1, 2, 3] },
    { ids: { 0: 2 } },
    { name: { length: 4 } },
    { [key]: 1 },
  ];
  for (const pattern of patterns) {
    node.throws(
      () => assertObjectMatch(actual, pattern, "the words"),
      (error) =>
        error instanceof AssertionError && error.message.includes("the words"),
      Deno.inspect(pattern),
    );
  }
});

Deno.test("assertObjectMatch() ends on cycles", () => {
  const cycle = (n: number): Record<PropertyKey, unknown> => {
    const node: Record<PropertyKey, unknown> = { n };
    node.self = node;
    return node;
  };
  assertObjectMatch(cycle(1), cycle(1));
  node.throws(() => assertObjectMatch(cycle(1), cycle(2)), AssertionError);
});

Deno.test("assertObjectMatch() takes objects only", () => {
  const nothing = null as unknown as Record<string, unknown>;
  node.throws(() => assertObjectMatch(nothing, {}), TypeError);
  node.throws(() => assertObjectMatch({}, nothing), TypeError);
});
