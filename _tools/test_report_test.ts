import { assertEquals } from "@std/assert";
import {
  type Case,
  count,
  failures,
  line,
  PrettyReader,
  readReport,
  repeatedTitles,
  summary,
  uncaught,
} from "./test_report.ts";

/** Returns a report of test cases, each a name and the body of its element. */
function report(...cases: Array<[name: string, body: string]>): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="1" failures="0" errors="0" time="0.5">
    <testsuite name="./a_test.ts" tests="1" disabled="0" errors="0" failures="0">
${
    cases.map(([name, body]) =>
      `        <testcase name="${name}" classname="./a_test.ts" time="0.001" line="1" col="6">
            ${body}
        </testcase>`
    ).join("\n")
  }
    </testsuite>
</testsuites>
`;
}

const FAILURE =
  `<failure message="no">Error: &lt;testcase name="x"&gt;</failure>`;

/** Returns cases of `a_test.ts`, from their results by name. */
function cases(results: Record<string, Case["result"]>): Case[] {
  return Object.entries(results).map(([name, result]) => ({
    file: "a_test.ts",
    name,
    result,
  }));
}

Deno.test("readReport() gives files, names and results", () => {
  assertEquals(
    readReport(report(
      ["a", ""],
      ["b &lt;c&gt; &amp; &quot;d&quot; &#39;", "<skipped/>"],
      ["e", FAILURE],
      ["f", `<error message="Cancelled"/>`],
    )),
    cases({
      a: "passed",
      [`b <c> & "d" '`]: "skipped",
      e: "failed",
      f: "failed",
    }),
  );
});

Deno.test("readReport() leaves out what a filter has left out", () => {
  const all = report(["a", ""], ["b", "<skipped/>"]);
  assertEquals(readReport(all), cases({ a: "passed", b: "skipped" }));
  const filtered = all.replace(/(name="b".*) time="[^"]*"/, "$1");
  assertEquals(readReport(filtered), cases({ a: "passed" }));
});

Deno.test("readReport() takes nothing from a report that is cut off", () => {
  assertEquals(readReport(""), undefined);
  assertEquals(readReport(report(["a", ""]).slice(0, -20)), undefined);
});

Deno.test("count() counts passed, failed and skipped tests", () => {
  assertEquals(
    count(cases({ a: "passed", b: "skipped", c: "failed", d: "passed" })),
    { passed: 2, failed: 1, skipped: ["b"] },
  );
});

Deno.test("count() counts steps instead of the test around them", () => {
  assertEquals(
    count(cases({
      "a": "passed",
      "a > b": "passed",
      "a > c": "skipped",
      "d": "failed",
      "d > e": "failed",
      "d > f": "passed",
    })),
    { passed: 2, failed: 1, skipped: ["a > c"] },
  );
});

Deno.test("count() counts a test that fails although its steps pass", () => {
  assertEquals(
    count(cases({ "a": "failed", "a > b": "passed" })),
    { passed: 1, failed: 1, skipped: [] },
  );
});

/** Feeds a text to a reader in small pieces; returns the reader. */
function readPretty(text: string): PrettyReader & { lines: string[] } {
  const lines: string[] = [];
  const reader = new PrettyReader((file, its) =>
    lines.push(line(file, count(its).failed === 0, 0, its))
  );
  for (const part of text.match(/[^]{1,7}/g) ?? []) reader.push(part);
  return Object.assign(reader, { lines });
}

Deno.test("PrettyReader tells of a file when it has ended", () => {
  const { lines, cases: found, running } = readPretty(
    `running 3 tests from ./a_test.ts
a ... ok (1ms)
b [skipped: no cc] ... ignored (0ms)
c ... (d) ... ok (1ms)
running 2 tests from ./b_test.ts
e ...
  f ... ok (0ms)
  g ...
    h ... ok (0ms)
  g ... FAILED (1ms)
e ... FAILED (due to 1 failed step) (2ms)

 ERRORS 

i ... ok (1ms)

FAILED | 3 passed (2 steps) | 2 failed (1 step) | 1 ignored (3ms)
`,
  );
  assertEquals(lines, [
    "ok     a_test.ts (2 passed, 1 skipped, 0.0 s)",
    "FAILED b_test.ts (2 passed, 1 failed, 0.0 s)",
  ]);
  assertEquals(found.map(({ file, name }) => `${file} ${name}`), [
    "a_test.ts a",
    "a_test.ts b [skipped: no cc]",
    "a_test.ts c ... (d)",
    "b_test.ts e > f",
    "b_test.ts e > g > h",
    "b_test.ts e > g",
    "b_test.ts e",
  ]);
  assertEquals(running, undefined);
});

Deno.test("PrettyReader takes no test from what a test prints", () => {
  const { cases: found } = readPretty(`------- pre-test output -------
a ... ok (1ms)
----- pre-test output end -----
running 1 test from ./a_test.ts
b ...
------- output -------
running 1 test from ./c_test.ts
c ... FAILED (1ms)
no end of line----- output end -----
b ... ok (2ms)
`);
  assertEquals(found, cases({ b: "passed" }));
});

Deno.test("PrettyReader knows the test that runs, and its step", () => {
  const begin = "running 2 tests from ./a_test.ts\na ... ok (1ms)\n";
  assertEquals(readPretty(begin).running, undefined);
  assertEquals(readPretty(`${begin}b ...`).running, "b");
  assertEquals(readPretty(`${begin}b ...\n  c ...`).running, "b > c");
  assertEquals(readPretty(`${begin}b ...\n  c ... ok (1ms)\n`).running, "b");
  const { running, file, lines } = readPretty(
    `${begin}b ...\n------- post-test output -------\nwatchdog: stuck`,
  );
  assertEquals([running, file, lines], ["b", "a_test.ts", []]);
});

Deno.test("PrettyReader counts an error outside of tests", () => {
  const { cases: found, lines } = readPretty(`running 2 tests from ./a_test.ts
a ... ok (1ms)
b ...
Uncaught error from ./a_test.ts FAILED
b ... cancelled (0ms)
Uncaught error from ./b_test.ts FAILED
running 1 test from ./c_test.ts
c ... ok (1ms)

FAILED | 2 passed | 3 failed (1ms)
`);
  assertEquals(lines, [
    "FAILED a_test.ts (1 passed, 2 failed, 0.0 s)",
    "FAILED b_test.ts (0 passed, 1 failed, 0.0 s)",
    "ok     c_test.ts (1 passed, 0.0 s)",
  ]);
  assertEquals(uncaught(found).map(({ file }) => file), [
    "a_test.ts",
    "b_test.ts",
  ]);
});

Deno.test("repeatedTitles() names the files of tests with one title", () => {
  const one = cases({ "a": "passed", "a > b": "passed", "c": "passed" });
  const other = cases({ "a": "skipped", "a > b": "failed", "d": "passed" })
    .map((it) => ({ ...it, file: "b_test.ts" }));
  assertEquals(repeatedTitles(one), []);
  assertEquals(repeatedTitles([...one, ...other]), [
    "FAILED a: the title of 2 tests, in a_test.ts and b_test.ts",
  ]);
  assertEquals(repeatedTitles([...one, ...cases({ c: "passed" })]), [
    "FAILED c: the title of 2 tests, in a_test.ts",
  ]);
});

Deno.test("summary() ends with the counts alone", () => {
  assertEquals(summary(cases({ a: "passed" })), {
    lines: ["1 passed, 0 failed"],
    sound: true,
  });
});

Deno.test("summary() wants tests, and nothing that failed", () => {
  assertEquals(summary([]).sound, false);
  assertEquals(summary(cases({ a: "skipped" })).sound, false);
  assertEquals(summary(cases({ a: "passed", b: "failed" })).sound, false);
  assertEquals(summary(cases({ a: "passed" }), 2), {
    lines: ["1 passed, 2 failed"],
    sound: false,
  });
});

Deno.test("summary() lists skipped tests and refuses those without a reason, and titles that appear twice", () => {
  const tests = cases({
    "a [skipped: no cc]": "skipped",
    "b": "skipped",
    "c": "failed",
    "d": "passed",
  });
  assertEquals(summary([...tests, ...cases({ d: "passed" })]), {
    lines: [
      "skipped: a [skipped: no cc]",
      "skipped: b",
      "FAILED b: skipped without a reason in its name",
      "FAILED d: the title of 2 tests, in a_test.ts",
      "2 passed, 3 failed, 1 skipped",
    ],
    sound: false,
  });
});

/** Returns the output of `deno test` if one test fails. */
function failing(name: string): string {
  return `Check a_test.ts
running 2 tests from a_test.ts
a ... ok (3ms)
${name} ... FAILED (1ms)

 ERRORS 

${name} => a_test.ts:1:6
error: Error: x

 FAILURES 

${name} => a_test.ts:1:6

FAILED | 1 passed | 1 failed (4ms)
`;
}

Deno.test("failures() names what failed, and then the errors", () => {
  assertEquals(
    failures([failing("b"), failing("c")]),
    `b => a_test.ts:1:6
c => a_test.ts:1:6

b => a_test.ts:1:6
error: Error: x

c => a_test.ts:1:6
error: Error: x`,
  );
});

Deno.test("failures() is all of an output without a list of failures", () => {
  assertEquals(
    failures(["error: Type check failed\n"]),
    "error: Type check failed",
  );
});
