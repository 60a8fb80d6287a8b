import type {
  Aliases,
  BooleanNames,
  Defaults,
  Flat,
  Names,
  Values,
} from "./_parse_args_types.ts";
import { Parser, type Settings } from "./_parser.ts";

/** The result of {@linkcode parseArgs}. */
export type Args<
  TArgs extends Record<string, unknown> = Record<string, unknown>,
  TDoubleDash extends boolean | undefined = undefined,
> = Flat<
  & TArgs
  & {
    /** The arguments that belong to no option. */
    _: Array<string | number>;
  }
  & (boolean extends TDoubleDash ? { "--"?: string[] }
    : true extends TDoubleDash ? { "--": string[] }
    : Record<never, never>)
>;

/** Options of {@linkcode parseArgs}. */
export interface ParseOptions<
  TBooleans extends BooleanNames = BooleanNames,
  TStrings extends Names = Names,
  TCollectable extends Names = Names,
  TNegatable extends Names = Names,
  TDefaults extends Defaults = Defaults,
  TAliases extends Aliases | undefined = Aliases | undefined,
  TDoubleDash extends boolean | undefined = boolean | undefined,
> {
  /**
   * Whether the arguments after `--` are returned in a separate list, `"--"`,
   * and not at the end of `_`.
   *
   * @default {false}
   */
  "--"?: TDoubleDash;
  /**
   * Other names of options.
   *
   * @default {{}}
   */
  alias?: TAliases;
  /**
   * Names of the boolean options, which are false if absent; true makes each
   * `--name` without `=` boolean.
   *
   * @default {false}
   */
  boolean?: TBooleans | ReadonlyArray<Extract<TBooleans, string>>;
  /**
   * Values of the options that are absent.
   *
   * @default {{}}
   */
  default?: TDefaults;
  /**
   * Whether to stop at the first argument that belongs to no option, and put
   * the rest in `_` unchanged.
   *
   * @default {false}
   */
  stopEarly?: boolean;
  /**
   * Names of the options whose values are strings.
   *
   * @default {[]}
   */
  string?: TStrings | ReadonlyArray<Extract<TStrings, string>>;
  /**
   * Names of the options that may be repeated and give a list; for any other
   * option the last value counts.
   *
   * @default {[]}
   */
  collect?: TCollectable | ReadonlyArray<Extract<TCollectable, string>>;
  /**
   * Names of the options that can be set to false by `--no-name`.
   *
   * @default {[]}
   */
  negatable?: TNegatable | ReadonlyArray<Extract<TNegatable, string>>;
  /**
   * Called with each argument that is not in the options above; if it returns
   * false, the argument is left out of the result.
   *
   * @default {undefined}
   */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/**
 * Parses the arguments of a command into options and the rest. A value that
 * looks like a number becomes one, unless the option is in `string`.
 *
 * @example Options with types
 * ```ts
 * import { parseArgs } from "@std/cli/parse-args";
 * import { assertEquals } from "@std/assert";
 *
 * const args = parseArgs(["--key", "7", "-v", "start"], {
 *   string: ["key"],
 *   boolean: ["verbose"],
 *   alias: { verbose: "v" },
 * });
 * assertEquals(args, { key: "7", verbose: true, v: true, _: ["start"] });
 * ```
 *
 * @typeParam TArgs The options; inferred from the other parameters.
 * @typeParam TDoubleDash Whether there is a list `"--"`.
 * @typeParam TBooleans Names of boolean options.
 * @typeParam TStrings Names of string options.
 * @typeParam TCollectable Names of options that give a list.
 * @typeParam TNegatable Names of options that can be turned off.
 * @typeParam TDefaults The default values.
 * @typeParam TAliases The other names.
 * @typeParam TAliasArgNames Names that have other names.
 * @typeParam TAliasNames The other names themselves.
 */
export function parseArgs<
  TArgs extends Values<
    TBooleans,
    TStrings,
    TCollectable,
    TNegatable,
    TDefaults,
    TAliases
  >,
  TDoubleDash extends boolean | undefined = undefined,
  TBooleans extends BooleanNames = undefined,
  TStrings extends Names = undefined,
  TCollectable extends Names = undefined,
  TNegatable extends Names = undefined,
  TDefaults extends Defaults = undefined,
  TAliases extends Aliases<TAliasArgNames, TAliasNames> | undefined = undefined,
  TAliasArgNames extends string = string,
  TAliasNames extends string = string,
>(
  args: string[],
  options?: ParseOptions<
    TBooleans,
    TStrings,
    TCollectable,
    TNegatable,
    TDefaults,
    TAliases,
    TDoubleDash
  >,
): Args<TArgs, TDoubleDash> {
  const parser = new Parser((options ?? {}) as Settings);
  parser.parse(args);
  return parser.result as Args<TArgs, TDoubleDash>;
}
