/**
 * Stand-in for `@std/testing/mock`: spies on methods or replaces them for a
 * while, with the names, signatures and behaviour of the real package.
 *
 * @example Replace the clock until the end of the block
 * ```ts
 * import { stub } from "@std/testing/mock";
 * import { assertEquals } from "@std/assert";
 *
 * {
 *   using _clock = stub(Date, "now", () => 1000);
 *   assertEquals(Date.now(), 1000);
 * }
 * assertEquals(Date.now() > 1000, true);
 * ```
 *
 * @module
 */

import { AssertionError } from "@std/assert/assertion-error";
import { assertEquals } from "@std/assert/equals";
import { assertIsError } from "@std/assert/is-error";

/**
 * The error for a method that cannot be spied on, replaced or restored.
 *
 * @example Watch what is no method
 * ```ts
 * import { MockError, spy } from "@std/testing/mock";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => spy({ size: 32 }, "size"), MockError);
 * ```
 */
export class MockError extends Error {
  /** Makes the error with its message. */
  constructor(message: string) {
    super(message);
    this.name = "MockError";
  }
}

/** A recorded call. */
export interface SpyCall<
  Self = unknown,
  Args extends unknown[] = unknown[],
  Return = unknown,
> {
  /** The arguments. */
  args: Args;
  /** The returned value. */
  returned?: Return;
  /** The thrown error. */
  error?: Error;
  /** The `this` of the call. */
  self?: Self;
}

/** A function that records its calls. */
export interface Spy<
  Self = unknown,
  Args extends unknown[] = unknown[],
  Return = unknown,
> {
  /** Makes the call and records it. */
  (this: Self, ...args: Args): Return;
  /** The function that it replaces. */
  original: (this: Self, ...args: Args) => Return;
  /** The calls that have ended, in the order of their ends. */
  calls: SpyCall<Self, Args, Return>[];
  /** Whether the original method was restored. */
  restored: boolean;
  /** Restores the original method. */
  restore(): void;
}

/** A method that records its calls until it is disposed of. */
export interface MethodSpy<
  Self = unknown,
  Args extends unknown[] = unknown[],
  Return = unknown,
> extends Spy<Self, Args, Return>, Disposable {}

/** A replaced method that records its calls until it is disposed of. */
export interface Stub<
  Self = unknown,
  Args extends unknown[] = unknown[],
  Return = unknown,
> extends MethodSpy<Self, Args, Return> {
  /** The function that is called instead of the method. */
  fake: (this: Self, ...args: Args) => Return;
}

/**
 * The types of the arguments of a method.
 *
 * @internal
 */
export type GetParametersFromProp<Self, Prop extends keyof Self> =
  Self[Prop] extends (...args: infer Args) => unknown ? Args : unknown[];

/**
 * The return type of a method.
 *
 * @internal
 */
export type GetReturnFromProp<Self, Prop extends keyof Self> =
  Self[Prop] extends (...args: never[]) => infer Return ? Return : unknown;

type Method<Self, Args extends unknown[], Return> = (
  this: Self,
  ...args: Args
) => Return;

/** All functions that replace a method. */
const mocks = new WeakSet<object>();

function isMock(value: unknown): boolean {
  return typeof value === "function" && mocks.has(value);
}

/** Replaces a method by a function that calls `run` and records the call. */
function replace<Self, Args extends unknown[], Return>(
  verb: "spy" | "stub",
  self: Self,
  property: keyof Self,
  run: Method<Self, Args, Return>,
): MethodSpy<Self, Args, Return> {
  const original = self[property];
  if (isMock(original)) {
    throw new MockError(
      `Cannot ${verb}: already spying on instance method`,
    );
  }
  const descriptor = Object.getOwnPropertyDescriptor(self, property);
  if (descriptor?.configurable === false) {
    throw new MockError(`Cannot ${verb}: non-configurable instance method`);
  }
  const calls: SpyCall<Self, Args, Return>[] = [];
  let restored = false;
  const recorder = function (this: Self, ...args: Args): Return {
    const call: SpyCall<Self, Args, Return> = { args };
    if (this) call.self = this;
    try {
      const returned = run.apply(this, args);
      call.returned = returned;
      return returned;
    } catch (error) {
      call.error = error as Error;
      throw error;
    } finally {
      calls.push(call);
    }
  };
  const restore = (): void => {
    if (restored) {
      throw new MockError("Cannot restore: instance method already restored");
    }
    if (descriptor === undefined) delete self[property];
    else Object.defineProperty(self, property, descriptor);
    restored = true;
  };
  const mock = Object.defineProperties(recorder, {
    original: { enumerable: true, value: original },
    calls: { enumerable: true, value: calls },
    restored: { enumerable: true, get: () => restored },
    restore: { enumerable: true, value: restore },
    [Symbol.dispose]: { value: restore },
  }) as MethodSpy<Self, Args, Return>;
  mocks.add(mock);
  Object.defineProperty(self, property, {
    configurable: true,
    enumerable: descriptor?.enumerable ?? false,
    writable: descriptor?.writable ?? false,
    value: mock,
  });
  return mock;
}

/**
 * Records the calls of a method, which still does the same.
 *
 * @example Count calls
 * ```ts
 * import { assertSpyCalls, spy } from "@std/testing/mock";
 *
 * using random = spy(Math, "random");
 * Math.random();
 * assertSpyCalls(random, 1);
 * ```
 *
 * @typeParam Self The type of the object.
 * @typeParam Prop The name of the method.
 * @throws {MockError} If it is not a method, is already spied on or replaced,
 * or cannot be replaced.
 */
export function spy<Self, Prop extends keyof Self>(
  self: Self,
  property: Prop,
): MethodSpy<
  Self,
  GetParametersFromProp<Self, Prop>,
  GetReturnFromProp<Self, Prop>
> {
  const method: unknown = self[property];
  if (typeof method !== "function") {
    throw new MockError("Cannot spy: property is not an instance method");
  }
  return replace(
    "spy",
    self,
    property,
    method as Method<
      Self,
      GetParametersFromProp<Self, Prop>,
      GetReturnFromProp<Self, Prop>
    >,
  );
}

/**
 * Replaces a method and records its calls.
 *
 * @example Let a method fail
 * ```ts
 * import { stub } from "@std/testing/mock";
 * import { assertThrows } from "@std/assert";
 *
 * const queue = { receive: (): string => "a message" };
 * using _receive = stub(queue, "receive", () => {
 *   throw new RangeError("empty");
 * });
 * assertThrows(() => queue.receive(), RangeError, "empty");
 * ```
 *
 * @typeParam Self The type of the object.
 * @typeParam Prop The name of the method.
 * @throws {MockError} If it is not a method, is already spied on or replaced,
 * or cannot be replaced.
 */
export function stub<Self, Prop extends keyof Self>(
  self: Self,
  property: Prop,
  func: (
    this: Self,
    ...args: GetParametersFromProp<Self, Prop>
  ) => GetReturnFromProp<Self, Prop>,
): Stub<
  Self,
  GetParametersFromProp<Self, Prop>,
  GetReturnFromProp<Self, Prop>
> {
  const method: unknown = self[property];
  if (method !== undefined && typeof method !== "function") {
    throw new MockError("Cannot stub: property is not an instance method");
  }
  return Object.defineProperty(
    replace("stub", self, property, func),
    "fake",
    { enumerable: true, value: func },
  ) as Stub<
    Self,
    GetParametersFromProp<Self, Prop>,
    GetReturnFromProp<Self, Prop>
  >;
}

/**
 * Throws unless a method was called the given number of times.
 *
 * @example Count calls
 * ```ts
 * import { assertSpyCalls, stub } from "@std/testing/mock";
 *
 * using log = stub(console, "log", () => {});
 * console.log("one");
 * console.log("two");
 * assertSpyCalls(log, 2);
 * ```
 *
 * @typeParam Self The type of the object.
 * @typeParam Args The types of the arguments.
 * @typeParam Return The return type of the method.
 * @throws {AssertionError} If there were more or fewer calls.
 */
export function assertSpyCalls<Self, Args extends unknown[], Return>(
  spy: Spy<Self, Args, Return>,
  expectedCalls: number,
): void {
  const { length } = spy.calls;
  try {
    assertEquals(length, expectedCalls);
  } catch (error) {
    assertIsError(error);
    const difference = error.message.split("\n").slice(1).join("\n");
    const problem = length < expectedCalls
      ? "Spy not called as much as expected"
      : "Spy called more than expected";
    throw new AssertionError(`${problem}:\n${difference}`);
  }
}
