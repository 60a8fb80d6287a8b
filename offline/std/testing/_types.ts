/**
 * Something to run around tests; `this` is the context they share.
 *
 * @internal
 */
export type Hook<T> = (this: T) => void | Promise<void>;

/** A suite of tests, as {@linkcode describe} gives it. */
export interface TestSuite<T> {
  /** What tells the suite from others. */
  symbol: symbol;
}

/** Options of a suite. */
export interface DescribeDefinition<T> extends Omit<Deno.TestDefinition, "fn"> {
  /** Registers what belongs to the suite. */
  fn?: () => void | undefined;
  /**
   * The suite that this one belongs to.
   *
   * @default {the suite whose function is running}
   */
  suite?: TestSuite<T>;
  /** Runs once, before the first test. */
  beforeAll?: Hook<T> | Hook<T>[];
  /** Runs once, after the last test, passed or failed. */
  afterAll?: Hook<T> | Hook<T>[];
  /** Runs before each test. */
  beforeEach?: Hook<T> | Hook<T>[];
  /** Runs after each test, passed or failed. */
  afterEach?: Hook<T> | Hook<T>[];
}

/** Options of a test. */
export interface ItDefinition<T> extends Omit<Deno.TestDefinition, "fn"> {
  /** The test. */
  fn: (this: T, t: Deno.TestContext) => void | Promise<void>;
  /**
   * The suite that the test belongs to.
   *
   * @default {the suite whose function is running}
   */
  suite?: TestSuite<T>;
}
