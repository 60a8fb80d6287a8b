/**
 * Parses the command line: options, and values with their ranges.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import {
  type DeviceAddress,
  type Transport,
  TRANSPORTS,
} from "@libc/ipc/device";
import { UsageError } from "./errors.ts";

/** The options that a command takes. */
export interface Grammar<F extends string, V extends string> {
  /** Options without a value. `help` is always one of them. */
  flags: readonly F[];
  /** Options with a value. */
  values: readonly V[];
}

/** The parsed command line. */
export interface Parsed<F extends string, V extends string> {
  /** Whether an option without a value was given. */
  flags: Record<F | "help", boolean>;
  /** The text of each option with a value, if it was given. */
  values: Partial<Record<V, string>>;
  /** The arguments that are not options. */
  rest: string[];
}

type Found = Record<string, unknown> & { _: (string | number)[] };

/** The options that address a device. */
export const ADDRESS_OPTIONS = ["path", "proj"] as const;

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
const NEGATIVE = /^-(\.?\d|inf)/i;

/**
 * Splits a command line into options and other arguments.
 *
 * @throws {UsageError} When an option is unknown, lacks its value, or has one
 * that it does not take.
 */
export function parse<F extends string, V extends string>(
  args: readonly string[],
  grammar: Grammar<F, V>,
): Parsed<F, V> {
  const flags: readonly string[] = [...grammar.flags, "help"];
  const names: readonly string[] = grammar.values;
  const found: Found = parseArgs(prepare(args, flags, names), {
    boolean: [...flags],
    string: [...names, "_"],
    alias: { help: "h" },
    unknown(argument, key) {
      if (key === undefined) return true;
      throw new UsageError(`unknown option ${argument.replace(/=.*$/s, "")}`);
    },
  });
  const texts: Partial<Record<V, string>> = {};
  for (const name of grammar.values) {
    const text = found[name];
    if (text === undefined) continue;
    if (typeof text !== "string" || text === "") {
      throw new UsageError(`option --${name} needs a value`);
    }
    texts[name] = text;
  }
  const set = Object.fromEntries(
    flags.map((name) => [name, found[name] === true]),
  ) as Record<F | "help", boolean>;
  const rest = found._.map((argument) => String(argument).replace(/^\0/, ""));
  return { flags: set, values: texts, rest };
}

// parseArgs takes -5 for an option named 5. A negative number is wrong in most
// places, but the message should say that, and not mention options. So it
// becomes the value of the option before it, or gets a NUL prefix, which no
// real argument can contain.
function prepare(
  args: readonly string[],
  flags: readonly string[],
  values: readonly string[],
): string[] {
  const prepared: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const argument = args[i] ?? "";
    if (argument === "--") return [...prepared, ...args.slice(i)];
    const [, name = "", value] = /^--([^=]+)(=.*)?$/s.exec(argument) ?? [];
    if (flags.includes(name) && value !== undefined) {
      throw new UsageError(`option --${name} takes no value`);
    }
    if (values.includes(name) && value === "=") {
      throw new UsageError(`option --${name} needs a value`);
    }
    const next = args[i + 1] ?? "";
    if (
      values.includes(name) && value === undefined && NEGATIVE.test(next)
    ) {
      prepared.push(`${argument}=${next}`);
      i++;
    } else {
      prepared.push(NEGATIVE.test(argument) ? `\0${argument}` : argument);
    }
  }
  return prepared;
}

/** The range of a number on the command line. */
export interface NumberRange {
  /**
   * The number must be greater than this.
   *
   * @default {undefined}
   */
  above?: number;
  /**
   * The number must not be smaller than this.
   *
   * @default {undefined}
   */
  min?: number;
  /**
   * The number must not be greater than this.
   *
   * @default {undefined}
   */
  max?: number;
  /**
   * Whether it must be whole.
   *
   * @default {false}
   */
  whole?: boolean;
}

/**
 * Parses a number, in the syntax of C and JSON.
 *
 * @throws {UsageError} When it is not a number, not finite, or out of the
 * range.
 */
export function parseNumber(
  text: string,
  name: string,
  range: NumberRange = {},
): number {
  const { above, min, max, whole = false } = range;
  const value = NUMBER.test(text) ? Number(text) : NaN;
  if (
    !Number.isFinite(value) || (whole && !Number.isSafeInteger(value)) ||
    (above !== undefined && value <= above) ||
    (min !== undefined && value < min) || (max !== undefined && value > max)
  ) {
    throw new UsageError(
      `${name} must be a ${whole ? "whole " : ""}number${
        rangeText(range)
      }, got ${JSON.stringify(text)}`,
    );
  }
  return value;
}

function rangeText({ above, min, max }: NumberRange): string {
  if (above !== undefined) {
    return ` greater than ${above}${max === undefined ? "" : ` up to ${max}`}`;
  }
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return ` of at least ${min}`;
  return max === undefined ? "" : ` of at most ${max}`;
}

/** The number of an option; undefined without the option. */
export function optionalNumber(
  text: string | undefined,
  name: string,
  range: NumberRange = {},
): number | undefined {
  return text === undefined ? undefined : parseNumber(text, name, range);
}

/**
 * Parses permission bits in octal: `600`, `0644`, `0o666`.
 *
 * @throws {UsageError} When they are not.
 */
export function parseMode(text: string): number {
  const digits = /^0?o?([0-7]{3})$/.exec(text)?.[1];
  if (digits === undefined) {
    throw new UsageError(
      `--mode must be permission bits in octal, such as 600 or 0666, got ${
        JSON.stringify(text)
      }`,
    );
  }
  return parseInt(digits, 8);
}

/**
 * Parses a project id: one character stands for itself, as in C's
 * `ftok(path, 'x')`; a longer text is a number from 1 to 255, decimal or with
 * `0x`.
 *
 * @throws {UsageError} When it is neither.
 */
export function parseProject(text: string): string | number {
  if (/^[\x21-\x7e]$/.test(text)) return text;
  const number = /^(\d+|0x[\da-f]+)$/i.test(text) ? Number(text) : NaN;
  if (!(number >= 1 && number <= 255)) {
    throw new UsageError(
      `--proj must be one ASCII character or a number from 1 to 255 (a single digit is a character, 0x05 is five), got ${
        JSON.stringify(text)
      }`,
    );
  }
  return number;
}

/**
 * Parses the name of a transport.
 *
 * @throws {UsageError} When it is not known.
 */
export function parseTransport(text: string): Transport {
  const found = TRANSPORTS.find((transport) => transport === text);
  if (found === undefined) {
    throw new UsageError(
      `--transport must be one of ${TRANSPORTS.join(", ")}, got ${
        JSON.stringify(text)
      }`,
    );
  }
  return found;
}

/** Parses `--path` and `--proj`. */
export function parseAddress(
  values: Partial<Record<typeof ADDRESS_OPTIONS[number], string>>,
): DeviceAddress {
  return {
    ...(values.path === undefined ? {} : { path: values.path }),
    ...(values.proj === undefined
      ? {}
      : { projectId: parseProject(values.proj) }),
  };
}

/**
 * Checks the number of arguments besides the options.
 *
 * @throws {UsageError} When there are too many.
 */
export function atMost(rest: readonly string[], count: number): void {
  const extra = rest[count];
  if (extra !== undefined) {
    throw new UsageError(`unexpected argument ${JSON.stringify(extra)}`);
  }
}

/**
 * Runs a check of the library and turns its `TypeError` and `RangeError` into a
 * usage error.
 */
export function asUsage<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) {
      throw new UsageError(error.message, { cause: error });
    }
    throw error;
  }
}
