/**
 * Stand-in for `@std/testing/bdd`: suites, tests and hooks on top of
 * `Deno.test`, with the names, signatures and behaviour of the real package.
 *
 * A suite outside of others is one `Deno.test`; what is in it are its steps.
 * `beforeEach` runs from the outermost suite inwards, `afterEach` the other
 * way round. Hooks set properties of `this`; each test has its own copy of
 * what the suites around it have set.
 *
 * @example A suite with a hook
 * ```ts ignore
 * import { beforeEach, describe, it } from "@std/testing/bdd";
 * import { assertEquals } from "@std/assert";
 *
 * describe("Map", () => {
 *   let map: Map<string, number>;
 *
 *   beforeEach(() => {
 *     map = new Map();
 *   });
 *
 *   it("starts empty", () => {
 *     assertEquals(map.size, 0);
 *   });
 * });
 * ```
 *
 * @module
 */

import { describeDefinition, itDefinition } from "./_arguments.ts";
import { registry } from "./_suite.ts";
import type {
  DescribeDefinition,
  Hook,
  ItDefinition,
  TestSuite,
} from "./_types.ts";

export type { DescribeDefinition, ItDefinition, TestSuite };

/**
 * The function of a test.
 *
 * @internal
 */
type TestFunction<T> = (
  this: T,
  t: Deno.TestContext,
) => void | Promise<void>;

/**
 * The function of a suite.
 *
 * @internal
 */
type SuiteFunction = () => void | undefined;

/** What {@linkcode it} may be called with. */
export type ItArgs<T> =
  | [options: ItDefinition<T>]
  | [name: string, options: Omit<ItDefinition<T>, "name">]
  | [name: string, fn: TestFunction<T>]
  | [fn: TestFunction<T>]
  | [
    name: string,
    options: Omit<ItDefinition<T>, "fn" | "name">,
    fn: TestFunction<T>,
  ]
  | [options: Omit<ItDefinition<T>, "fn">, fn: TestFunction<T>]
  | [options: Omit<ItDefinition<T>, "fn" | "name">, fn: TestFunction<T>]
  | [
    suite: TestSuite<T>,
    name: string,
    options: Omit<ItDefinition<T>, "name" | "suite">,
  ]
  | [suite: TestSuite<T>, name: string, fn: TestFunction<T>]
  | [suite: TestSuite<T>, fn: TestFunction<T>]
  | [
    suite: TestSuite<T>,
    name: string,
    options: Omit<ItDefinition<T>, "fn" | "name" | "suite">,
    fn: TestFunction<T>,
  ]
  | [
    suite: TestSuite<T>,
    options: Omit<ItDefinition<T>, "fn" | "suite">,
    fn: TestFunction<T>,
  ]
  | [
    suite: TestSuite<T>,
    options: Omit<ItDefinition<T>, "fn" | "name" | "suite">,
    fn: TestFunction<T>,
  ];

/** What {@linkcode describe} may be called with. */
export type DescribeArgs<T> =
  | [options: DescribeDefinition<T>]
  | [name: string]
  | [name: string, options: Omit<DescribeDefinition<T>, "name">]
  | [name: string, fn: SuiteFunction]
  | [fn: SuiteFunction]
  | [
    name: string,
    options: Omit<DescribeDefinition<T>, "fn" | "name">,
    fn: SuiteFunction,
  ]
  | [options: Omit<DescribeDefinition<T>, "fn">, fn: SuiteFunction]
  | [options: Omit<DescribeDefinition<T>, "fn" | "name">, fn: SuiteFunction]
  | [suite: TestSuite<T>, name: string]
  | [
    suite: TestSuite<T>,
    name: string,
    options: Omit<DescribeDefinition<T>, "name" | "suite">,
  ]
  | [suite: TestSuite<T>, name: string, fn: SuiteFunction]
  | [suite: TestSuite<T>, fn: SuiteFunction]
  | [
    suite: TestSuite<T>,
    name: string,
    options: Omit<DescribeDefinition<T>, "fn" | "name" | "suite">,
    fn: SuiteFunction,
  ]
  | [
    suite: TestSuite<T>,
    options: Omit<DescribeDefinition<T>, "fn" | "suite">,
    fn: SuiteFunction,
  ]
  | [
    suite: TestSuite<T>,
    options: Omit<DescribeDefinition<T>, "fn" | "name" | "suite">,
    fn: SuiteFunction,
  ];

/**
 * Registers a test, in the suite whose function is running or that is given
 * first.
 *
 * @example A test in a suite
 * ```ts ignore
 * import { describe, it } from "@std/testing/bdd";
 * import { assertEquals } from "@std/assert";
 *
 * describe("Array", () => {
 *   it("has a length", () => {
 *     assertEquals([1, 2].length, 2);
 *   });
 * });
 * ```
 *
 * @typeParam T What the test has as `this`.
 */
export function it<T>(...args: ItArgs<T>): void {
  registry.it(itDefinition(args));
}

/**
 * Registers a test that runs alone.
 *
 * @typeParam T What hooks and tests have as `this`.
 */
it.only = function itOnly<T>(...args: ItArgs<T>): void {
  it({ ...itDefinition<T>(args), only: true });
};

/**
 * Registers a test that does not run.
 *
 * @typeParam T What hooks and tests have as `this`.
 */
it.ignore = function itIgnore<T>(...args: ItArgs<T>): void {
  it({ ...itDefinition<T>(args), ignore: true });
};

/**
 * The same as `it.ignore`.
 *
 * @typeParam T What hooks and tests have as `this`.
 */
it.skip = function itSkip<T>(...args: ItArgs<T>): void {
  it.ignore(...args);
};

/**
 * The same as {@linkcode it}.
 *
 * @example A test outside of suites
 * ```ts ignore
 * import { test } from "@std/testing/bdd";
 * import { assertEquals } from "@std/assert";
 *
 * test("an array has a length", () => {
 *   assertEquals([1, 2].length, 2);
 * });
 * ```
 *
 * @typeParam T What the test has as `this`.
 */
export function test<T>(...args: ItArgs<T>): void {
  it(...args);
}

/**
 * Registers a test that runs alone.
 *
 * @typeParam T What hooks and tests have as `this`.
 */
test.only = function testOnly<T>(...args: ItArgs<T>): void {
  it.only(...args);
};

/**
 * Registers a test that does not run.
 *
 * @typeParam T What hooks and tests have as `this`.
 */
test.ignore = function testIgnore<T>(...args: ItArgs<T>): void {
  it.ignore(...args);
};

/**
 * The same as `test.ignore`.
 *
 * @typeParam T What hooks and tests have as `this`.
 */
test.skip = function testSkip<T>(...args: ItArgs<T>): void {
  it.ignore(...args);
};

/**
 * Registers a suite, whose function registers what is in it at once. The
 * result can be given to {@linkcode it} and `describe` to add more.
 *
 * @example Two ways to fill a suite
 * ```ts ignore
 * import { describe, it } from "@std/testing/bdd";
 *
 * const suite = describe("Array", () => {
 *   it("has a length", () => {});
 * });
 *
 * it(suite, "has elements", () => {});
 * ```
 *
 * @typeParam T What hooks and tests have as `this`.
 */
export function describe<T>(...args: DescribeArgs<T>): TestSuite<T> {
  return { symbol: registry.describe(describeDefinition(args)) };
}

/**
 * Registers a suite that runs alone.
 *
 * @typeParam T What hooks and tests have as `this`.
 */
describe.only = function describeOnly<T>(
  ...args: DescribeArgs<T>
): TestSuite<T> {
  return describe({ ...describeDefinition<T>(args), only: true });
};

/**
 * Registers a suite that does not run.
 *
 * @typeParam T What hooks and tests have as `this`.
 */
describe.ignore = function describeIgnore<T>(
  ...args: DescribeArgs<T>
): TestSuite<T> {
  return describe({ ...describeDefinition<T>(args), ignore: true });
};

/**
 * The same as `describe.ignore`.
 *
 * @typeParam T What hooks and tests have as `this`.
 */
describe.skip = function describeSkip<T>(
  ...args: DescribeArgs<T>
): TestSuite<T> {
  return describe.ignore(...args);
};

/**
 * Runs something once, before the first test of the suite.
 * Outside of suites it is for all tests of the file and stands before them.
 *
 * @example In a suite
 * ```ts ignore
 * import { beforeAll, describe, it } from "@std/testing/bdd";
 *
 * describe("Array", () => {
 *   beforeAll(() => console.log("beforeAll"));
 *   it("has a length", () => {});
 * });
 * ```
 *
 * @typeParam T What the hook has as `this`.
 */
export function beforeAll<T>(fn: (this: T) => void | Promise<void>): void {
  registry.hook("beforeAll", fn as Hook<Record<string, unknown>>);
}

/**
 * The same as {@linkcode beforeAll}.
 *
 * @typeParam T What the hook has as `this`.
 */
export function before<T>(fn: (this: T) => void | Promise<void>): void {
  beforeAll(fn);
}

/**
 * Runs something once, after the last test of the suite, passed or failed.
 * Outside of suites it is for all tests of the file and stands before them.
 *
 * @example In a suite
 * ```ts ignore
 * import { afterAll, describe, it } from "@std/testing/bdd";
 *
 * describe("Array", () => {
 *   afterAll(() => console.log("afterAll"));
 *   it("has a length", () => {});
 * });
 * ```
 *
 * @typeParam T What the hook has as `this`.
 */
export function afterAll<T>(fn: (this: T) => void | Promise<void>): void {
  registry.hook("afterAll", fn as Hook<Record<string, unknown>>);
}

/**
 * The same as {@linkcode afterAll}.
 *
 * @typeParam T What the hook has as `this`.
 */
export function after<T>(fn: (this: T) => void | Promise<void>): void {
  afterAll(fn);
}

/**
 * Runs something before each test of the suite.
 * Outside of suites it is for all tests of the file and stands before them.
 *
 * @example In a suite
 * ```ts ignore
 * import { beforeEach, describe, it } from "@std/testing/bdd";
 *
 * describe("Array", () => {
 *   beforeEach(() => console.log("beforeEach"));
 *   it("has a length", () => {});
 * });
 * ```
 *
 * @typeParam T What the hook has as `this`.
 */
export function beforeEach<T>(fn: (this: T) => void | Promise<void>): void {
  registry.hook("beforeEach", fn as Hook<Record<string, unknown>>);
}

/**
 * Runs something after each test of the suite, passed or failed.
 * Outside of suites it is for all tests of the file and stands before them.
 *
 * @example In a suite
 * ```ts ignore
 * import { afterEach, describe, it } from "@std/testing/bdd";
 *
 * describe("Array", () => {
 *   afterEach(() => console.log("afterEach"));
 *   it("has a length", () => {});
 * });
 * ```
 *
 * @typeParam T What the hook has as `this`.
 */
export function afterEach<T>(fn: (this: T) => void | Promise<void>): void {
  registry.hook("afterEach", fn as Hook<Record<string, unknown>>);
}
