import type { DescribeDefinition, ItDefinition, TestSuite } from "./_types.ts";

type Function = (...args: never[]) => unknown;

/** What describe and it may be called with, taken apart. */
interface Parts {
  suite: unknown;
  name: string | undefined;
  options: Record<string, unknown>;
  fn: Function | undefined;
}

function isSuite(value: unknown): value is TestSuite<unknown> {
  return typeof value === "object" && value !== null && "symbol" in value &&
    typeof value.symbol === "symbol";
}

/**
 * Takes the arguments apart by their types: each is optional, but their order
 * is always suite, name, options, function.
 */
function partsOf(args: readonly unknown[]): Parts {
  const rest = [...args];
  const suite = isSuite(rest[0]) ? rest.shift() : undefined;
  const name = typeof rest[0] === "string" ? rest.shift() as string : undefined;
  const options = typeof rest[0] === "object" && rest[0] !== null
    ? rest.shift() as Record<string, unknown>
    : {};
  const fn = (rest[0] ?? options["fn"]) as Function | undefined;
  return { suite, name, options, fn };
}

/** One definition, whichever way it was written. */
function definition(args: readonly unknown[]): Record<string, unknown> {
  const { suite, name, options, fn } = partsOf(args);
  const whole: Record<string, unknown> = {
    ...options,
    name: name ?? options["name"] ?? fn?.name ?? "",
  };
  if (fn !== undefined) whole["fn"] = fn;
  if (suite !== undefined) whole["suite"] = suite;
  return whole;
}

/** The definition of a test from the arguments of `it`. */
export function itDefinition<T>(args: readonly unknown[]): ItDefinition<T> {
  return definition(args) as unknown as ItDefinition<T>;
}

/** The definition of a suite from the arguments of `describe`. */
export function describeDefinition<T>(
  args: readonly unknown[],
): DescribeDefinition<T> {
  return definition(args) as unknown as DescribeDefinition<T>;
}
