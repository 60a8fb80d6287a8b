import { strict as node } from "node:assert";
import { equal } from "@std/assert/equal";

class Point {
  readonly #x: number;
  constructor(x: number) {
    this.#x = x;
  }
  get x(): number {
    return this.#x;
  }
}

class Other {
  y = 1;
}

const symbol = Symbol("key");

const EQUAL: [what: string, a: unknown, b: unknown][] = [
  ["NaN and NaN", NaN, NaN],
  ["0 and -0", 0, -0],
  ["bigints", 2n ** 64n, 18446744073709551616n],
  ["strings", "ring", "ring"],
  ["objects whose keys come in another order", { a: 1, b: 2 }, { b: 2, a: 1 }],
  ["nested arrays", [[1], { a: [2] }], [[1], { a: [2] }]],
  ["symbol keys", { [symbol]: 1 }, { [symbol]: 1 }],
  ["an object without prototype", Object.create(null), {}],
  ["typed arrays", Uint8Array.of(1, 2), new Uint8Array([1, 2])],
  [
    "typed arrays at other offsets",
    new Uint8Array([0, 1, 2]).subarray(1),
    Uint8Array.of(1, 2),
  ],
  ["floats with NaN", Float64Array.of(NaN), Float64Array.of(NaN)],
  ["bigint arrays", BigInt64Array.of(-1n), BigInt64Array.of(-1n)],
  ["buffers", Uint8Array.of(7).buffer, Uint8Array.of(7).buffer],
  ["maps", new Map([["a", { n: 1 }]]), new Map([["a", { n: 1 }]])],
  ["maps with object keys", new Map([[[1], 2]]), new Map([[[1], 2]])],
  ["sets in another order", new Set([1, 2]), new Set([2, 1])],
  ["sets of objects", new Set([{ a: 1 }]), new Set([{ a: 1 }])],
  ["dates", new Date(1), new Date(1)],
  ["invalid dates", new Date(NaN), new Date(NaN)],
  ["regular expressions", /a/g, /a/g],
  ["URLs", new URL("file:///a"), new URL("file:///a")],
  ["instances with equal getters", new Point(1), new Point(1)],
];

const DIFFERENT: [what: string, a: unknown, b: unknown][] = [
  ["a number and its text", 1, "1"],
  ["a number and a bigint", 1, 1n],
  ["null and undefined", null, undefined],
  ["null and an object", null, {}],
  ["a missing and an undefined property", { a: undefined }, {}],
  ["undefined under different names", { a: undefined }, { b: undefined }],
  ["symbol keys", { [symbol]: 1 }, { [symbol]: 2 }],
  ["arrays of other lengths", [1], [1, 2]],
  ["an array and an object", [1], { 0: 1 }],
  ["typed arrays of other classes", Uint8Array.of(1), Int8Array.of(1)],
  ["typed arrays", Uint8Array.of(1, 2), Uint8Array.of(1, 3)],
  ["typed arrays of other lengths", Uint8Array.of(1), Uint8Array.of(1, 0)],
  ["maps with other values", new Map([["a", 1]]), new Map([["a", 2]])],
  ["maps with other keys", new Map([["a", 1]]), new Map([["b", 1]])],
  ["sets", new Set([1, 2]), new Set([1, 3])],
  ["sets of objects", new Set([{ a: 1 }]), new Set([{ a: 2 }])],
  ["sets of other sizes", new Set([1]), new Set([1, 2])],
  ["maps with other object keys", new Map([[[1], 2]]), new Map([[[3], 2]])],
  ["maps with properties", Object.assign(new Map(), { a: 1 }), new Map()],
  ["buffers", Uint8Array.of(7).buffer, Uint8Array.of(8).buffer],
  ["queries", new URLSearchParams("a=1"), new URLSearchParams("a=2")],
  ["a set and a map", new Set(), new Map()],
  ["dates", new Date(1), new Date(2)],
  ["regular expressions", /a/g, /a/i],
  ["URLs", new URL("file:///a"), new URL("file:///b")],
  ["instances with different getters", new Point(1), new Point(2)],
  ["an instance and a plain object", new Other(), { y: 1 }],
  ["errors with other messages", new Error("a"), new Error("b")],
  ["two functions", () => 1, () => 1],
];

Deno.test("equal() holds for values of equal structure", () => {
  for (const [what, a, b] of EQUAL) {
    node.equal(equal(a, b), true, what);
    node.equal(equal(b, a), true, `${what}, the other way`);
    node.equal(equal({ in: [a] }, { in: [b] }), true, `${what}, nested`);
  }
});

Deno.test("equal() does not hold for values that differ", () => {
  for (const [what, a, b] of DIFFERENT) {
    node.equal(equal(a, b), false, what);
    node.equal(equal(b, a), false, `${what}, the other way`);
    node.equal(equal({ in: [a] }, { in: [b] }), false, `${what}, nested`);
  }
});

Deno.test("equal() ends on cycles", () => {
  interface Ring {
    n: number;
    next?: Ring;
  }
  const ring = (n: number): Ring => {
    const first: Ring = { n: 1 };
    first.next = { n, next: first };
    return first;
  };
  node.equal(equal(ring(2), ring(2)), true);
  node.equal(equal(ring(2), ring(3)), false);
});

Deno.test("equal() refuses to compare what cannot be looked into", () => {
  node.throws(() => equal(new WeakMap(), new WeakMap()), TypeError);
  node.throws(() => equal(new WeakSet(), new WeakSet()), TypeError);
  const weak = new WeakMap();
  node.equal(equal(weak, weak), true);
});
