import type {
  DescribeDefinition,
  Hook,
  ItDefinition,
  TestSuite,
} from "./_types.ts";

/** What the hooks and the test of one run share as `this`. */
type Context = Record<string, unknown>;

type Test = ItDefinition<Context>;

/** The kinds of hooks. */
export type HookName = "beforeAll" | "afterAll" | "beforeEach" | "afterEach";

const STEP_OPTIONS = [
  "ignore",
  "sanitizeExit",
  "sanitizeOps",
  "sanitizeResources",
] as const;

const TEST_OPTIONS = [...STEP_OPTIONS, "only", "permissions"] as const;

type Option = typeof TEST_OPTIONS[number];

/** The options that are set; Deno does not take undefined for absent. */
function optionsOf<Key extends Option>(
  definition: Pick<Deno.TestDefinition, Option>,
  keys: readonly Key[],
): Pick<Deno.TestDefinition, Key> {
  const entries = keys.filter((key) => definition[key] !== undefined)
    .map((key) => [key, definition[key]]);
  return Object.fromEntries(entries);
}

async function call(hooks: Hook<Context>[], context: Context): Promise<void> {
  for (const hook of hooks) await hook.call(context);
}

/** Runs a test inside the beforeEach and afterEach of its suites. */
async function runTest(
  test: Test,
  suites: readonly Suite[],
  context: Context,
  t: Deno.TestContext,
): Promise<void> {
  const [outermost, ...inner] = suites;
  if (outermost === undefined) return await test.fn.call(context, t);
  await call(outermost.hooks.beforeEach, context);
  try {
    await runTest(test, inner, context, t);
  } finally {
    await call(outermost.hooks.afterEach, context);
  }
}

/** A suite that has been registered. */
class Suite {
  readonly symbol: symbol = Symbol();
  readonly definition: DescribeDefinition<Context>;
  readonly hooks: Record<HookName, Hook<Context>[]>;
  readonly #children: (Suite | Test)[] = [];

  constructor(definition: DescribeDefinition<Context>) {
    this.definition = definition;
    this.hooks = {
      beforeAll: [definition.beforeAll ?? []].flat(),
      afterAll: [definition.afterAll ?? []].flat(),
      beforeEach: [definition.beforeEach ?? []].flat(),
      afterEach: [definition.afterEach ?? []].flat(),
    };
  }

  add(child: Suite | Test): void {
    this.#children.push(child);
  }

  /** Whether something inside is to run alone. */
  get narrowed(): boolean {
    return this.#children.some((child) =>
      child instanceof Suite ? child.focused : child.only
    );
  }

  /** Whether the suite, or something inside, is to run alone. */
  get focused(): boolean {
    return this.definition.only === true || this.narrowed;
  }

  #selected(): (Suite | Test)[] {
    const { narrowed, focused } = this;
    return this.#children.filter((child) =>
      child instanceof Suite
        ? child.focused || !focused
        : child.only || !narrowed
    );
  }

  /** Runs the suite inside the suites around it, outermost first. */
  async run(
    context: Context,
    t: Deno.TestContext,
    around: readonly Suite[] = [],
  ): Promise<void> {
    const suites = [...around, this];
    await call(this.hooks.beforeAll, context);
    try {
      for (const child of this.#selected()) {
        const definition = child instanceof Suite ? child.definition : child;
        await t.step({
          ...optionsOf(definition, STEP_OPTIONS),
          name: definition.name,
          fn: async (t) => {
            if (definition.permissions) {
              throw new Error(
                "permissions option not available for nested tests",
              );
            }
            const own = { ...context };
            if (child instanceof Suite) await child.run(own, t, suites);
            else await runTest(child, suites, own, t);
          },
        });
      }
    } finally {
      await call(this.hooks.afterAll, context);
    }
  }
}

/** What one test file has registered so far. */
class Registry {
  readonly #suites: Map<symbol, Suite> = new Map();
  #current: Suite | undefined;
  #started = false;
  #running = 0;

  #suiteOf(definition: { suite?: TestSuite<Context> }): Suite | undefined {
    const { suite } = definition;
    return suite ? this.#suites.get(suite.symbol) : this.#current;
  }

  #refuseWhileRunning(what: string): void {
    if (this.#running === 0) return;
    throw new Error(
      `Cannot register new test ${what} after already registered test cases start running`,
    );
  }

  /** Registers with Deno what belongs to no suite. */
  #test(
    definition: Omit<Deno.TestDefinition, "fn">,
    fn: (t: Deno.TestContext) => void | Promise<void>,
  ): void {
    Deno.test({
      ...optionsOf(definition, TEST_OPTIONS),
      name: definition.name,
      fn: async (t) => {
        this.#running++;
        try {
          await fn(t);
        } finally {
          this.#running--;
        }
      },
    });
  }

  it(test: Test): void {
    this.#refuseWhileRunning("cases");
    this.#started = true;
    const suite = this.#suiteOf(test);
    if (suite) suite.add(test);
    else this.#test(test, (t) => test.fn.call({}, t));
  }

  describe(definition: DescribeDefinition<Context>): symbol {
    this.#refuseWhileRunning("suites");
    this.#started = true;
    if (definition.suite && !this.#suites.has(definition.suite.symbol)) {
      throw new Error(
        "Cannot construct Test Suite: suite does not represent a registered test suite",
      );
    }
    return this.#register(definition).symbol;
  }

  #register(definition: DescribeDefinition<Context>): Suite {
    const parent = this.#suiteOf(definition);
    const suite = new Suite(definition);
    this.#suites.set(suite.symbol, suite);
    if (definition.ignore) {
      // Its function does not run: nobody needs to know what is in it.
      this.#test(definition, () => {});
      return suite;
    }
    this.#fill(suite);
    if (parent) {
      parent.add(suite);
    } else {
      const only = suite.narrowed ? { only: true } : {};
      this.#test({ ...definition, ...only }, (t) => suite.run({}, t));
    }
    return suite;
  }

  /** Runs the function of a suite, which registers what is in the suite. */
  #fill(suite: Suite): void {
    const outer = this.#current;
    this.#current = suite;
    try {
      const returned: unknown = suite.definition.fn?.();
      if (returned instanceof Promise) {
        throw new Error(
          'Returning a Promise from "describe" is not supported: tests must be defined synchronously',
        );
      }
    } finally {
      this.#current = outer;
    }
  }

  hook(name: HookName, hook: Hook<Context>): void {
    if (!this.#current) {
      if (this.#started) {
        throw new Error(
          "Cannot add global hooks after a global test is registered",
        );
      }
      this.#current = this.#register({ name: "global" });
    }
    this.#current.hooks[name].push(hook);
  }
}

/** The registry of the test file that is running. */
export const registry: Registry = new Registry();
