import {
  assertEquals,
  assertInstanceOf,
  AssertionError,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { assertSpyCalls, MockError, spy, stub } from "@std/testing/mock";

class Counter {
  count = 0;
  add(step: number): number {
    if (step < 0) throw new RangeError("less than nothing");
    return this.count += step;
  }
}

Deno.test("spy() writes down calls of a method that goes on as before", () => {
  const counter = new Counter();
  using add = spy(counter, "add");
  assertStrictEquals<unknown>(counter.add, add);
  assertEquals([counter.add(2), counter.add(3)], [2, 5]);
  const error = assertThrows(() => counter.add(-1), RangeError);
  assertEquals(add.calls, [
    { args: [2], self: counter, returned: 2 },
    { args: [3], self: counter, returned: 5 },
    { args: [-1], self: counter, error },
  ]);
  assertStrictEquals<unknown>(add.original, Counter.prototype.add);
});

Deno.test("spy() writes down a call without this", () => {
  const tools = { twice: (value: number) => 2 * value };
  using twice = spy(tools, "twice");
  const { twice: bare } = tools;
  assertEquals(bare(4), 8);
  assertEquals(twice.calls, [{ args: [4], returned: 8 }]);
});

Deno.test("stub() calls something else instead of a method", () => {
  const counter = new Counter();
  using add = stub(counter, "add", function (step) {
    assertInstanceOf(this, Counter);
    return 10 * step;
  });
  assertEquals([counter.add(-2), counter.count], [-20, 0]);
  assertEquals(add.calls, [{ args: [-2], self: counter, returned: -20 }]);
  assertEquals(add.fake.call(counter, 5), 50);
  assertSpyCalls(add, 1);
  assertStrictEquals<unknown>(add.original, Counter.prototype.add);
});

Deno.test("stub() makes a method that is missing", () => {
  const object: { greet?: () => string } = {};
  {
    using _greet = stub(object, "greet", () => "hello");
    assertEquals(object.greet?.(), "hello");
  }
  assertEquals("greet" in object, false);
});

Deno.test("restore() puts back an inherited method, an own one and an accessor", () => {
  const counter = new Counter();
  const add = spy(counter, "add");
  assertEquals(Object.hasOwn(counter, "add"), true);
  assertEquals(add.restored, false);
  add.restore();
  assertEquals(add.restored, true);
  assertEquals(Object.hasOwn(counter, "add"), false);

  const own = { run: () => 1 };
  const before = Object.getOwnPropertyDescriptor(own, "run");
  stub(own, "run", () => 2).restore();
  assertEquals(Object.getOwnPropertyDescriptor(own, "run"), before);

  const run = () => 1;
  const lazy = {
    get run() {
      return run;
    },
  };
  const accessor = Object.getOwnPropertyDescriptor(lazy, "run");
  {
    using _run = stub(lazy, "run", () => 2);
    assertEquals(lazy.run(), 2);
  }
  assertEquals(Object.getOwnPropertyDescriptor(lazy, "run"), accessor);
});

Deno.test("restore() refuses to do it twice", () => {
  const counter = new Counter();
  const add = spy(counter, "add");
  add.restore();
  assertThrows(
    () => add.restore(),
    MockError,
    "Cannot restore: instance method already restored",
  );
  assertThrows(() => add[Symbol.dispose](), MockError);
});

Deno.test("spy() and stub() show as the method did in a loop over its object", () => {
  const tools = { twice: (value: number) => 2 * value };
  using _twice = spy(tools, "twice");
  assertEquals(Object.keys(tools), ["twice"]);
  const counter = new Counter();
  using _add = stub(counter, "add", () => 0);
  assertEquals(Object.keys(counter), ["count"]);
});

Deno.test("spy() and stub() refuse what is no method, or replaced already", () => {
  const counter = new Counter();
  assertThrows(
    () => spy(counter, "count"),
    MockError,
    "Cannot spy: property is not an instance method",
  );
  assertThrows(
    () => stub(counter, "count", () => 1),
    MockError,
    "Cannot stub: property is not an instance method",
  );
  const missing: { greet?: () => string } = {};
  assertThrows(() => spy(missing, "greet"), MockError);
  using _add = spy(counter, "add");
  assertThrows(
    () => spy(counter, "add"),
    MockError,
    "Cannot spy: already spying on instance method",
  );
  assertThrows(
    () => stub(counter, "add", () => 1),
    MockError,
    "Cannot stub: already spying on instance method",
  );
});

Deno.test("spy() and stub() refuse what cannot be put back", () => {
  const frozen = Object.freeze({ run: (): number => 1 });
  assertThrows(
    () => spy(frozen, "run"),
    MockError,
    "Cannot spy: non-configurable instance method",
  );
  assertThrows(
    () => stub(frozen, "run", () => 2),
    MockError,
    "Cannot stub: non-configurable instance method",
  );
});

Deno.test("assertSpyCalls() says whether there were too few or too many calls", () => {
  const counter = new Counter();
  using add = spy(counter, "add");
  assertSpyCalls(add, 0);
  counter.add(1);
  assertSpyCalls(add, 1);
  assertThrows(
    () => assertSpyCalls(add, 2),
    AssertionError,
    "Spy not called as much as expected:\n",
  );
  assertThrows(
    () => assertSpyCalls(add, 0),
    AssertionError,
    "Spy called more than expected:\n",
  );
});
