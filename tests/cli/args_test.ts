import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  atMost,
  parse,
  parseAddress,
  parseMode,
  parseNumber,
  parseProject,
  parseTransport,
} from "../../cli/args.ts";
import { UsageError } from "../../cli/errors.ts";

const GRAMMAR = { flags: ["json"], values: ["interval", "path"] } as const;

Deno.test("parse() takes options before, behind and between arguments", () => {
  const { flags, values, rest } = parse(
    ["SIN", "--interval", "0.5", "2", "--path=/tmp", "--json"],
    GRAMMAR,
  );
  assertEquals(flags, { json: true, help: false });
  assertEquals({ ...values }, { interval: "0.5", path: "/tmp" });
  assertEquals(rest, ["SIN", "2"]);
});

Deno.test("parse() keeps arguments that look like numbers as they were written", () => {
  assertEquals(parse(["1e3", "0x10", "007"], GRAMMAR).rest, [
    "1e3",
    "0x10",
    "007",
  ]);
});

Deno.test("parse() knows -h, and takes all behind -- for arguments", () => {
  assertEquals(parse(["-h"], GRAMMAR).flags.help, true);
  assertEquals(parse(["--", "--json", "-5"], GRAMMAR).rest, ["--json", "-5"]);
});

Deno.test("parse() takes negative numbers for values and not for options", () => {
  const { values, rest } = parse(["-2", "--interval", "-5"], GRAMMAR);
  assertEquals([values.interval, rest], ["-5", ["-2"]]);
  assertEquals(parse(["-.5", "-Infinity"], GRAMMAR).rest, ["-.5", "-Infinity"]);
});

Deno.test("parse() refuses what a command does not take", () => {
  for (
    const [args, message] of [
      [["--bogus"], "unknown option --bogus"],
      [["--bogus=3"], "unknown option --bogus"],
      [["-x"], "unknown option -x"],
      [["--__proto__=1"], "unknown option --__proto__"],
      [["--constructor"], "unknown option --constructor"],
      [["--interval"], "option --interval needs a value"],
      [["--interval="], "option --interval needs a value"],
      [["--interval", "--json"], "option --interval needs a value"],
      [["--json=yes"], "option --json takes no value"],
      [["--json="], "option --json takes no value"],
      [["--no-json"], "unknown option --no-json"],
    ] as const
  ) {
    assertThrows(() => parse(args, GRAMMAR), UsageError, message);
  }
});

Deno.test("parseNumber() takes decimal numbers within the range", () => {
  assertEquals(parseNumber("0.001", "n", { above: 0 }), 0.001);
  assertEquals(parseNumber("1e-3", "n"), 0.001);
  assertEquals(parseNumber(".5", "n"), 0.5);
  assertEquals(parseNumber("+2.", "n"), 2);
  assertEquals(parseNumber("31", "n", { min: 2, max: 31, whole: true }), 31);
});

Deno.test("parseNumber() refuses the rest and shows it", () => {
  const positive = { above: 0 };
  const bits = { min: 2, max: 31, whole: true };
  for (
    const [text, range] of [
      ["", positive],
      [" 1", positive],
      ["abc", positive],
      ["NaN", positive],
      ["Infinity", positive],
      ["1e999", positive],
      ["0x10", positive],
      ["1_000", positive],
      ["1,5", positive],
      ["10ms", positive],
      ["0", positive],
      ["-0", positive],
      ["-1", positive],
      ["1e-999", positive],
      ["1", bits],
      ["32", bits],
      ["2.5", bits],
      ["9007199254740993", { min: 0, whole: true }],
    ] as const
  ) {
    const error = assertThrows(
      () => parseNumber(text, "--n", range),
      UsageError,
      "--n must be a ",
    );
    assertStringIncludes(error.message, `got ${JSON.stringify(text)}`);
  }
});

Deno.test("parseMode() takes octal permission bits only", () => {
  assertEquals(parseMode("600"), 0o600);
  assertEquals(parseMode("0666"), 0o666);
  assertEquals(parseMode("0o640"), 0o640);
  for (const text of ["", "6", "888", "rw", "1777", "-600", "0x180"]) {
    assertThrows(() => parseMode(text), UsageError, JSON.stringify(text));
  }
});

Deno.test("parseProject() takes one character, or a number of one byte", () => {
  assertEquals(parseProject("x"), "x");
  assertEquals(parseProject("5"), "5");
  assertEquals(parseProject("0x05"), 5);
  assertEquals(parseProject("120"), 120);
  for (const text of ["", "xy", "0x00", "256", "00", "é", " ", "1.5", "-1"]) {
    assertThrows(() => parseProject(text), UsageError, JSON.stringify(text));
  }
});

Deno.test("parseTransport() and parseAddress() take what is there", () => {
  assertEquals(parseTransport("memfd"), "memfd");
  assertThrows(() => parseTransport("tcp"), UsageError, "sysv, posix, memfd");
  assertEquals(parseAddress({}), {});
  assertEquals(parseAddress({ path: "/tmp", proj: "y" }), {
    path: "/tmp",
    projectId: "y",
  });
});

Deno.test("atMost() shows the first argument too many", () => {
  atMost(["a"], 1);
  assertThrows(() => atMost(["a", "b c"], 1), UsageError, '"b c"');
});
