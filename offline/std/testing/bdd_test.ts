import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  after,
  afterAll,
  afterEach,
  before,
  beforeAll,
  beforeEach,
  describe,
  it,
  test,
} from "@std/testing/bdd";

/** Gives what `register` registers with Deno, which does not get it. */
function captured(register: () => void): Deno.TestDefinition[] {
  const definitions: Deno.TestDefinition[] = [];
  const original = Object.getOwnPropertyDescriptor(Deno, "test") ?? {};
  const capture = (definition: Deno.TestDefinition) => {
    definitions.push(definition);
  };
  Object.defineProperty(Deno, "test", {
    value: capture,
    configurable: true,
    writable: true,
  });
  try {
    register();
  } finally {
    Object.defineProperty(Deno, "test", original);
  }
  return definitions;
}

/** Plays the runner: writes down what runs, fails and is ignored. */
async function play(
  definition: Deno.TestStepDefinition,
  log: string[],
): Promise<boolean> {
  if (definition.ignore) {
    log.push(`ignored ${definition.name}`);
    return false;
  }
  const context = {
    name: definition.name,
    step: (inner: Deno.TestStepDefinition) => play(inner, log),
  };
  try {
    await definition.fn(context as Deno.TestContext);
    return true;
  } catch (error) {
    log.push(`${definition.name}: ${(error as Error).message}`);
    return false;
  }
}

async function ran(
  register: (log: (line: string) => () => void) => void,
): Promise<string[]> {
  const lines: string[] = [];
  const log = (line: string) => () => {
    lines.push(line);
  };
  for (const definition of captured(() => register(log))) {
    await play(definition, lines);
  }
  return lines;
}

Deno.test("describe() runs hooks and tests in order", async () => {
  const lines = await ran((log) => {
    describe("outer", () => {
      beforeAll(log("outer beforeAll"));
      before(log("outer before"));
      beforeEach(log("outer beforeEach"));
      afterEach(log("outer afterEach"));
      afterAll(log("outer afterAll"));
      after(log("outer after"));
      it("first", log("first"));
      describe("inner", () => {
        beforeAll(log("inner beforeAll"));
        beforeEach(log("inner beforeEach"));
        afterEach(log("inner afterEach"));
        afterAll(log("inner afterAll"));
        test("second", log("second"));
      });
      it("third", log("third"));
    });
  });
  assertEquals(lines, [
    "outer beforeAll",
    "outer before",
    "outer beforeEach",
    "first",
    "outer afterEach",
    "inner beforeAll",
    "outer beforeEach",
    "inner beforeEach",
    "second",
    "inner afterEach",
    "outer afterEach",
    "inner afterAll",
    "outer beforeEach",
    "third",
    "outer afterEach",
    "outer afterAll",
    "outer after",
  ]);
});

Deno.test("describe() waits for asynchronous hooks and tests", async () => {
  const lines = await ran((log) => {
    const later = (line: string) => async () => {
      for (let i = 0; i < 100; i++) await Promise.resolve();
      log(line)();
    };
    describe("suite", () => {
      beforeAll(later("beforeAll"));
      beforeEach(later("beforeEach"));
      afterEach(later("afterEach"));
      it("test", later("test"));
    });
  });
  assertEquals(lines, ["beforeAll", "beforeEach", "test", "afterEach"]);
});

Deno.test("describe() runs the closing hooks after a failure", async () => {
  const lines = await ran((log) => {
    describe("suite", () => {
      afterEach(log("afterEach"));
      afterAll(log("afterAll"));
      it("first", () => {
        throw new Error("failed");
      });
      it("second", log("second"));
    });
    describe("hook", () => {
      beforeEach(() => {
        throw new Error("no setup");
      });
      it("never", log("never"));
    });
  });
  assertEquals(lines, [
    "afterEach",
    "first: failed",
    "second",
    "afterEach",
    "afterAll",
    "never: no setup",
  ]);
});

Deno.test("describe() and it() take options as an object", async () => {
  const definitions = captured(() => {
    it({ name: "test", fn: () => {}, sanitizeOps: false, only: true });
    describe({
      name: "suite",
      ignore: false,
      permissions: "none",
      sanitizeResources: false,
      sanitizeExit: true,
      fn: () => it("x", () => {}),
    });
  });
  const options = definitions.map(({ fn, ...rest }) => {
    assertEquals(typeof fn, "function");
    return rest;
  });
  assertEquals(options, [
    { name: "test", sanitizeOps: false, only: true },
    {
      name: "suite",
      ignore: false,
      permissions: "none",
      sanitizeResources: false,
      sanitizeExit: true,
    },
  ]);
  const steps: Deno.TestStepDefinition[] = [];
  const [definition] = captured(() => {
    describe("suite", () => {
      it({ name: "a", fn: () => {}, sanitizeOps: false, ignore: true });
      it("b", { sanitizeExit: false }, () => {});
    });
  });
  await definition?.fn(
    {
      step: (step: Deno.TestStepDefinition) =>
        Promise.resolve(steps.push(step)),
    } as unknown as Deno.TestContext,
  );
  assertEquals(steps.map(({ fn: _, ...rest }) => rest), [
    { name: "a", sanitizeOps: false, ignore: true },
    { name: "b", sanitizeExit: false },
  ]);
});

Deno.test("it() takes its arguments in every order", () => {
  function named(): void {}
  const definitions = captured(() => {
    it("a", named);
    it(named);
    it("b", { fn: named });
    it({ name: "c" }, named);
    it({ only: true }, named);
    it("d", { only: true }, named);
    describe("e");
    describe(named);
    describe({ name: "f" }, named);
    describe("g", { only: true }, named);
  });
  assertEquals(definitions.map(({ name, only }) => [name, only]), [
    ["a", undefined],
    ["named", undefined],
    ["b", undefined],
    ["c", undefined],
    ["named", true],
    ["d", true],
    ["e", undefined],
    ["named", undefined],
    ["f", undefined],
    ["g", true],
  ]);
});

Deno.test("describe() gives a suite that can be added to", async () => {
  const lines = await ran((log) => {
    const outer = describe("outer");
    it(outer, "a", log("a"));
    const inner = describe(outer, "inner", {
      beforeEach: [log("one"), log("two")],
      afterAll: log("end"),
    });
    it(inner, "b", log("b"));
    it({ suite: inner, name: "c", fn: log("c") });
    it(outer, "d", log("d"));
  });
  assertEquals(lines, ["a", "one", "two", "b", "one", "two", "c", "end", "d"]);
});

Deno.test("hooks and tests share what they put into this", async () => {
  const seen: unknown[] = [];
  await ran(() => {
    const suite = describe({
      name: "suite",
      beforeAll(this: { all: number; each: number }) {
        this.all = 1;
      },
      beforeEach() {
        seen.push(this.each);
        this.each = this.all + 1;
      },
    });
    it(suite, "first", function () {
      seen.push(this.all, this.each);
      this.each = 9;
    });
    it(suite, "second", function () {
      seen.push(this.all, this.each);
    });
  });
  assertEquals(seen, [undefined, 1, 2, undefined, 1, 2]);
});

Deno.test("it.ignore() and it.skip() register what does not run", async () => {
  const lines = await ran((log) => {
    describe("suite", () => {
      it.ignore("a", log("a"));
      it.skip("b", log("b"));
      test.ignore("c", log("c"));
      test.skip("d", log("d"));
      it("e", log("e"));
    });
    it.skip("f", log("f"));
  });
  assertEquals(lines, [
    "ignored a",
    "ignored b",
    "ignored c",
    "ignored d",
    "e",
    "ignored f",
  ]);
});

Deno.test("describe.ignore() and describe.skip() run nothing", async () => {
  const lines = await ran((log) => {
    describe.ignore("a", () => log("registered")());
    describe.skip("b", () => log("registered")());
    describe("c", { ignore: true }, () => log("registered")());
  });
  assertEquals(lines, ["ignored a", "ignored b", "ignored c"]);
});

Deno.test("it.only() and describe.only() run alone in their suite", async () => {
  const lines = await ran((log) => {
    describe("outer", () => {
      it("a", log("a"));
      it.only("b", log("b"));
      describe("c", () => it("d", log("d")));
      describe("e", () => {
        it("f", log("f"));
        test.only("g", log("g"));
      });
      describe.only("h", () => it("i", log("i")));
    });
  });
  assertEquals(lines, ["b", "g", "i"]);
});

Deno.test("it.only() in a suite makes the suite run alone", () => {
  const definitions = captured(() => {
    describe("a", () => it("b", () => {}));
    describe("c", () => {
      describe("d", () => it.only("e", () => {}));
    });
    describe.only("f", () => {});
    it.only("g", () => {});
  });
  assertEquals(definitions.map(({ name, only }) => [name, only]), [
    ["a", undefined],
    ["c", true],
    ["f", true],
    ["g", true],
  ]);
});

Deno.test("it() passes the context of the test on", async () => {
  const names: string[] = [];
  await ran(() => {
    it("alone", (t) => {
      names.push(t.name);
    });
    describe("suite", () => {
      it("inside", async (t) => {
        names.push(t.name);
        await t.step("step", (t) => {
          names.push(t.name);
        });
      });
    });
  });
  assertEquals(names, ["alone", "inside"]);
});

Deno.test("describe() and it() refuse what cannot work", async () => {
  const lines = await ran(() => {
    it("late test", () => it("x", () => {}));
    it("late suite", () => void describe("x", () => {}));
    describe("permissions", () => {
      it({ name: "nested", permissions: "none", fn: () => {} });
    });
  });
  assertMatch(lines[0] ?? "", /^late test: Cannot register new test cases/);
  assertMatch(lines[1] ?? "", /^late suite: Cannot register new test suites/);
  assertMatch(lines[2] ?? "", /^nested: permissions option not available/);
  captured(() => {
    const promising = (() => Promise.resolve()) as unknown as () => void;
    assertThrows(() => describe("x", promising), Error, "Promise");
    assertThrows(() => describe({ symbol: Symbol() }, "x"), Error, "suite");
    assertThrows(() => beforeAll(() => {}), Error, "global hooks");
  });
});

describe("describe()", () => {
  let steps: string[];

  beforeEach(() => {
    steps = ["beforeEach"];
  });

  it("runs real tests", () => {
    assertEquals(steps, ["beforeEach"]);
    steps.push("test");
  });

  describe("in a suite", () => {
    beforeEach(() => {
      steps.push("inner");
    });

    it("runs steps of steps", async (t) => {
      await t.step("and their steps", () => {
        assertEquals(steps, ["beforeEach", "inner"]);
      });
    });
  });
});
