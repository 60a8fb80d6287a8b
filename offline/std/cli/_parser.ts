/** The options of a call, without their types. */
export interface Settings {
  "--"?: boolean | undefined;
  alias?: Record<string, string | readonly string[] | undefined> | undefined;
  boolean?: boolean | string | readonly string[] | undefined;
  default?: Record<string, unknown> | undefined;
  stopEarly?: boolean | undefined;
  string?: string | readonly string[] | undefined;
  collect?: string | readonly string[] | undefined;
  negatable?: string | readonly string[] | undefined;
  unknown?:
    | ((arg: string, key?: string, value?: unknown) => unknown)
    | undefined;
}

type Value = string | number | boolean;
type Tree = Record<string, unknown>;

/** The parts of an argument that starts with `--`. */
interface LongOption {
  name: string;
  negated: boolean;
  value: string | undefined;
}

function listed(names: string | readonly string[] | undefined): string[] {
  const list = typeof names === "string" ? [names] : names ?? [];
  return list.filter((name) => name !== "");
}

function isNumber(text: string): boolean {
  return text.trim() !== "" && Number.isFinite(Number(text));
}

function isTrueOrFalse(text: string): boolean {
  return text === "true" || text === "false";
}

/** Splits `--name=value`; without a value the name may end with `=`. */
function longOption(arg: string): LongOption {
  let name = arg.slice(2);
  const negated = name.startsWith("no-") && name.length > 3;
  if (negated) name = name.slice(3);
  const equals = name.indexOf("=", 1);
  if (equals < 0 || equals === name.length - 1) {
    return { name, negated, value: undefined };
  }
  const value = name.slice(equals + 1);
  return { name: name.slice(0, equals), negated, value };
}

function has(tree: Tree, path: readonly string[]): boolean {
  let here: unknown = tree;
  for (const key of path) {
    if (typeof here !== "object" || here === null) return false;
    if (!Object.hasOwn(here, key)) return false;
    here = Reflect.get(here, key);
  }
  return true;
}

function put(tree: Tree, path: readonly string[], value: unknown): void {
  let here = tree;
  for (const key of path.slice(0, -1)) {
    if (!Object.hasOwn(here, key)) here[key] = {};
    here = here[key] as Tree;
  }
  here[path.at(-1) ?? ""] = value;
}

function at(tree: Tree, path: readonly string[]): unknown {
  return has(tree, path)
    ? path.reduce<unknown>((here, key) => (here as Tree)[key], tree)
    : undefined;
}

/** One call of `parseArgs`. */
export class Parser {
  readonly result: Tree & { _: (string | number)[] } = { _: [] };
  readonly #settings: Settings;
  readonly #aliases: Map<string, ReadonlySet<string>> = new Map();
  readonly #booleans: ReadonlySet<string>;
  readonly #strings: ReadonlySet<string>;
  readonly #collected: ReadonlySet<string>;
  readonly #negatable: ReadonlySet<string>;
  readonly #allBooleans: boolean;

  constructor(settings: Settings) {
    this.#settings = settings;
    for (const [name, value] of Object.entries(settings.alias ?? {})) {
      if (value === undefined) {
        throw new TypeError("Alias value must be defined");
      }
      const group = [name, ...listed(value)];
      for (const member of group) {
        const others = group.filter((other) => other !== member);
        this.#aliases.set(member, new Set(others));
      }
    }
    const { boolean } = settings;
    this.#allBooleans = boolean === true;
    this.#booleans = this.#withAliases(
      typeof boolean === "boolean" ? [] : listed(boolean),
    );
    this.#strings = this.#withAliases(listed(settings.string));
    this.#collected = this.#withAliases(listed(settings.collect));
    this.#negatable = this.#withAliases(listed(settings.negatable));
  }

  #withAliases(names: string[]): ReadonlySet<string> {
    return new Set(
      names.flatMap((name) => [name, ...this.#aliasesOf(name)]),
    );
  }

  #aliasesOf(name: string): Iterable<string> {
    return this.#aliases.get(name) ?? [];
  }

  /** Fills in the result from the arguments. */
  parse(args: readonly string[]): void {
    const end = args.indexOf("--");
    const options = end < 0 ? args : args.slice(0, end);
    const rest = end < 0 ? [] : args.slice(end + 1);
    for (let i = 0; i < options.length; i++) {
      const arg = options[i] ?? "";
      const next = options[i + 1] || undefined;
      if (arg.startsWith("--") && arg.length > 2) {
        if (this.#long(arg, next)) i++;
      } else if (arg.startsWith("-") && arg.length > 1) {
        if (this.#short(arg, next)) i++;
      } else {
        this.#positional(arg);
        if (this.#settings.stopEarly) {
          this.result._.push(...options.slice(i + 1));
          break;
        }
      }
    }
    this.#complete();
    if (this.#settings["--"]) this.result["--"] = rest;
    else this.result._.push(...rest);
  }

  #positional(arg: string): void {
    if (this.#settings.unknown?.(arg) === false) return;
    const asText = this.#strings.has("_") || !isNumber(arg);
    this.result._.push(asText ? arg : Number(arg));
  }

  /** Takes `--name…`; returns true if `next` was its value. */
  #long(arg: string, next: string | undefined): boolean {
    const { name, negated, value } = longOption(arg);
    if (value !== undefined) {
      const isBoolean = this.#booleans.has(name);
      this.#set(name, isBoolean ? value !== "false" : value, arg);
      return false;
    }
    if (negated && this.#negatable.has(name)) {
      this.#set(name, false, arg, { collect: false });
      return false;
    }
    const key = negated ? `no-${name}` : name;
    const takes = !this.#allBooleans && next !== undefined &&
      !next.startsWith("-");
    return this.#bare(key, arg, takes, next);
  }

  /** Takes `-abc…`; returns true if `next` was the last letter's value. */
  #short(arg: string, next: string | undefined): boolean {
    const letters = arg.slice(1, -1);
    for (let i = 0; i < letters.length; i++) {
      const letter = letters.charAt(i);
      const tail = arg.slice(i + 2);
      const value = this.#attached(letter, tail, letters.charAt(i + 1));
      this.#set(letter, value ?? this.#blank(letter), arg);
      // In `-a-` the last dash is the value of a and not an option.
      if (value !== undefined && tail !== "-") return false;
    }
    const key = arg.slice(-1);
    if (key === "-") return false;
    const takes = next !== undefined && !/^--?[^-]/.test(next);
    return this.#bare(key, arg, takes, next);
  }

  /** The value that follows a letter in the same argument, if any. */
  #attached(
    letter: string,
    tail: string,
    following: string,
  ): string | undefined {
    if (tail === "-") return tail;
    if (/[A-Za-z]/.test(letter)) {
      const equals = tail.indexOf("=");
      if (/=./.test(tail)) return tail.slice(equals + 1);
      if (/-?\d+(\.\d*)?(e-?\d+)?$/.test(tail)) return tail;
    }
    return /\W/.test(following) ? tail : undefined;
  }

  /** An option without `=`: its value may be the next argument. */
  #bare(
    key: string,
    arg: string,
    mayTake: boolean,
    next: string | undefined,
  ): boolean {
    if (next !== undefined && mayTake && !this.#isBoolean(key)) {
      this.#set(key, next, arg);
      return true;
    }
    if (next !== undefined && isTrueOrFalse(next)) {
      this.#set(key, next === "true", arg);
      return true;
    }
    this.#set(key, this.#blank(key), arg);
    return false;
  }

  #isBoolean(key: string): boolean {
    return [key, ...this.#aliasesOf(key)].some((name) =>
      this.#booleans.has(name)
    );
  }

  #blank(key: string): "" | true {
    return this.#strings.has(key) ? "" : true;
  }

  #set(
    key: string,
    value: Value,
    arg: string,
    options?: { collect: boolean },
  ): void {
    const known = this.#booleans.has(key) || this.#strings.has(key) ||
      this.#aliases.has(key) || (this.#allBooleans && /^--[^=]+$/.test(arg));
    if (!known && this.#settings.unknown?.(arg, key, value) === false) return;
    const final = typeof value === "string" && !this.#strings.has(key) &&
        isNumber(value)
      ? Number(value)
      : value;
    const collect = options?.collect !== false && this.#collected.has(key);
    for (const name of [key, ...this.#aliasesOf(key)]) {
      const path = name.split(".");
      if (collect) this.#collect(path, final);
      else put(this.result, path, final);
    }
  }

  #collect(path: readonly string[], value: Value): void {
    const known = at(this.result, path);
    if (Array.isArray(known)) known.push(value);
    else put(this.result, path, [value]);
  }

  /** Fills in the options that the arguments do not mention. */
  #complete(): void {
    for (const [key, value] of Object.entries(this.#settings.default ?? {})) {
      if (has(this.result, key.split("."))) continue;
      for (const name of [key, ...this.#aliasesOf(key)]) {
        put(this.result, name.split("."), value);
      }
    }
    for (const name of this.#booleans) {
      this.#supply(name, this.#collected.has(name) ? [] : false);
    }
    for (const name of this.#strings) {
      if (this.#collected.has(name)) this.#supply(name, []);
    }
  }

  #supply(name: string, value: unknown): void {
    const path = name.split(".");
    if (!has(this.result, path)) put(this.result, path, value);
  }
}
