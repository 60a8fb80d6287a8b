import { assertEquals, assertThrows } from "@std/assert";
import { type Args, parseArgs, type ParseOptions } from "@std/cli/parse-args";

/** Compares values regardless of their types, for tests of behaviour. */
function parses(
  args: string,
  options: ParseOptions,
  expected: Record<string, unknown>,
): void {
  const list = args === "" ? [] : args.split(" ");
  const parsed: unknown = parseArgs(list, options);
  assertEquals(parsed, { _: [], ...expected }, args);
}

Deno.test("parseArgs() guesses types when no options are given", () => {
  parses("", {}, {});
  parses("--name ring --size 32", {}, { name: "ring", size: 32 });
  parses("--name=ring --size=0x20", {}, { name: "ring", size: 32 });
  parses("--ratio=-0.5 --e 1e3", {}, { ratio: -0.5, e: 1000 });
  parses("--a --b", {}, { a: true, b: true });
  parses("one 2 -", {}, { _: ["one", 2, "-"] });
  parses("--a=b=c", {}, { a: "b=c" });
  parses("--on true --off false", {}, { on: "true", off: "false" });
  assertEquals(parseArgs(["--text", "a b\nc"]), { _: [], text: "a b\nc" });
  assertEquals(parseArgs(["--text=a\nb"]), { _: [], text: "a\nb" });
  assertEquals(parseArgs(["--text= ", ""]), { _: [""], text: " " });
});

Deno.test("parseArgs() takes short options apart", () => {
  parses("-a -b c", {}, { a: true, b: "c" });
  parses("-abc 1", {}, { a: true, b: true, c: 1 });
  parses("-n5", {}, { n: 5 });
  parses("-n=5", {}, { n: 5 });
  parses("-f/dev/shm", {}, { f: "/dev/shm" });
  parses("-a-", {}, { a: "-" });
  parses("-n -5", {}, { n: true, 5: true });
  parses("-n -", {}, { n: "-" });
  parses("-v true", { boolean: ["v"] }, { v: true });
});

Deno.test("parseArgs() keeps the text of string options", () => {
  const options = { string: ["key", "k", "_"] };
  parses("--key 0x07", options, { key: "0x07" });
  parses("--key=7 12", options, { key: "7", _: ["12"] });
  parses("--key", options, { key: "" });
  parses("--key --other", options, { key: "", other: true });
  parses("-k", options, { k: "" });
  parses("-k 007", options, { k: "007" });
  parses("", options, {});
  parses("--key=", options, { "key=": true });
});

Deno.test("parseArgs() gives boolean options no next argument", () => {
  const options = { boolean: ["json", "j"] };
  parses("--json ring", options, { json: true, j: false, _: ["ring"] });
  parses("-j ring", options, { json: false, j: true, _: ["ring"] });
  parses("--json false", options, { json: false, j: false });
  parses("--json=false", options, { json: false, j: false });
  parses("--json=yes", options, { json: true, j: false });
  parses("", options, { json: false, j: false });
});

Deno.test("parseArgs() takes all long options as boolean if asked to", () => {
  const options = { boolean: true };
  parses("--json ring", options, { json: true, _: ["ring"] });
  parses("--size=3 -n 4", options, { size: 3, n: 4 });
  parses("--json false", options, { json: false });
});

Deno.test("parseArgs() fills in defaults", () => {
  const options = {
    string: ["name"],
    boolean: ["plot"],
    alias: { name: "n" },
    default: { name: "ring", plot: true, size: 32 },
  };
  parses("", options, { name: "ring", n: "ring", plot: true, size: 32 });
  parses("-n a --size 1", options, { name: "a", n: "a", plot: true, size: 1 });
  parses("--plot=false", options, {
    name: "ring",
    n: "ring",
    plot: false,
    size: 32,
  });
});

Deno.test("parseArgs() sets all names of an option", () => {
  const options = {
    boolean: ["help"],
    alias: { help: ["h", "?"], size: "s" },
  };
  const off = { help: false, h: false, "?": false };
  const on = { help: true, h: true, "?": true };
  parses("-s 3", options, { size: 3, s: 3, ...off });
  parses("--size=3 -h x", options, { size: 3, s: 3, ...on, _: ["x"] });
  parses("--?", options, on);
  assertThrows(
    () => parseArgs([], { alias: { a: undefined as unknown as string } }),
    TypeError,
    "Alias value must be defined",
  );
});

Deno.test("parseArgs() collects options that come several times", () => {
  const options = {
    string: ["key"],
    boolean: ["v"],
    collect: ["key", "v", "size"],
    alias: { key: "k" },
  };
  parses("", options, { key: [], k: [], v: [] });
  parses("--key 1 -k 2 -vv --size 3 --size=4", options, {
    key: ["1", "2"],
    k: ["1", "2"],
    v: [true, true],
    size: [3, 4],
  });
  parses("--a 1 --a 2", {}, { a: 2 });
});

Deno.test("parseArgs() turns off what is negatable", () => {
  const options = {
    boolean: ["color"],
    string: ["config"],
    negatable: ["color", "config"],
    default: { color: true },
  };
  parses("", options, { color: true });
  parses("--no-color", options, { color: false });
  parses("--no-config", options, { color: true, config: false });
  parses("--no-plot", options, { color: true, "no-plot": true });
  parses("--no-plot x", options, { color: true, "no-plot": "x" });
});

Deno.test("parseArgs() ends the options at --", () => {
  parses("-a -- -b 1", {}, { a: true, _: ["-b", "1"] });
  parses("-a -- -b 1", { "--": true }, { a: true, "--": ["-b", "1"] });
  parses("a", { "--": true }, { _: ["a"], "--": [] });
  parses("-- a -- b", { "--": true }, { "--": ["a", "--", "b"] });
});

Deno.test("parseArgs() stops at the first argument if asked to", () => {
  parses("-v run -x 1 -- 2", { stopEarly: true, boolean: ["v"] }, {
    v: true,
    _: ["run", "-x", "1", "2"],
  });
});

Deno.test("parseArgs() asks about what it does not know", () => {
  const asked: unknown[][] = [];
  const options = {
    string: ["key"],
    alias: { size: "s" },
    unknown: (...args: unknown[]): boolean => {
      asked.push(args);
      return args[0] !== "--bad" && args[0] !== "bad";
    },
  };
  parses("--key 1 -s 2 --good=3 --bad good bad", options, {
    key: "1",
    size: 2,
    s: 2,
    good: 3,
    _: ["bad"].slice(1),
  });
  assertEquals(asked, [
    ["--good=3", "good", "3"],
    ["--bad", "bad", "good"],
    ["bad"],
  ]);
});

Deno.test("parseArgs() makes objects of names with dots", () => {
  const options = { boolean: ["show.all"], default: { "show.n": 1 } };
  parses("--show.size 2", options, { show: { size: 2, n: 1, all: false } });
});

Deno.test("parseArgs() knows the types of the options it is given", () => {
  const args = parseArgs(["--key", "7", "--id", "1", "-j"], {
    boolean: ["json", "plot"],
    string: ["key", "name", "id", "path"],
    collect: ["id", "any"],
    negatable: ["path"],
    alias: { json: "j", key: ["k"] },
    default: { name: "ring", interval: 1 },
    "--": true,
  });
  // Each of these lines fails to compile if the type is different.
  const json: boolean = args.json;
  const j: boolean = args.j;
  const key: string | undefined = args.key;
  const k: string | undefined = args.k;
  const name: string = args.name;
  const id: string[] = args.id;
  const any: unknown[] = args.any ?? [];
  const path: string | false | undefined = args.path;
  const interval: unknown = args.interval;
  const rest: string[] = args["--"];
  const others: (string | number)[] = args._;
  assertEquals(
    [json, j, key, k, name, id, any, path, interval, rest, others],
    [true, true, "7", "7", "ring", ["1"], [], undefined, 1, [], []],
  );
});

Deno.test("parseArgs() gives a value that fits Args", () => {
  const args: Args = parseArgs(["--key", "7", "run"]);
  assertEquals([args.key, args._], [7, ["run"]]);
});
