import { assertEquals } from "@std/assert";
import {
  failures,
  isSound,
  readPretty,
  readReport,
  summary,
} from "./test_report.ts";

/** A report with some test cases: name and what is inside. */
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

Deno.test("readReport() counts passed, failed and skipped tests", () => {
  assertEquals(
    readReport(report(
      ["a", ""],
      ["b &lt;c&gt; &amp; &quot;d&quot; &#39;", "<skipped/>"],
      ["e", FAILURE],
      ["f", ""],
    )),
    { passed: 2, failed: 1, skipped: [`b <c> & "d" '`] },
  );
});

Deno.test("readReport() counts steps instead of the test around them", () => {
  assertEquals(
    readReport(report(
      ["a", ""],
      ["a &gt; b", ""],
      ["a &gt; c", "<skipped/>"],
      ["d", FAILURE],
      ["d &gt; e", FAILURE],
    )),
    { passed: 1, failed: 1, skipped: ["a > c"] },
  );
});

Deno.test("readReport() counts a test that fails although its steps pass", () => {
  assertEquals(
    readReport(report(["a", FAILURE], ["a &gt; b", ""])),
    { passed: 1, failed: 1, skipped: [] },
  );
});

Deno.test("readReport() takes nothing from a report that is cut off", () => {
  assertEquals(readReport(""), undefined);
  assertEquals(readReport(report(["a", ""]).slice(0, -20)), undefined);
});

Deno.test("readPretty() counts the lines of a run that was killed", () => {
  assertEquals(
    readPretty(`running 3 tests from ./a_test.ts
a ... ok (1ms)
  step ... ok (1ms)
b ... FAILED (2ms)
c [skipped: no cc] ... ignored (0ms)
d ...`),
    { passed: 2, failed: 1, skipped: ["c [skipped: no cc]"] },
  );
});

Deno.test("isSound() wants tests, and none failed", () => {
  assertEquals(isSound({ passed: 1, failed: 0, skipped: [] }), true);
  assertEquals(isSound({ passed: 1, failed: 1, skipped: [] }), false);
  assertEquals(isSound({ passed: 0, failed: 0, skipped: [] }), false);
});

Deno.test("summary() ends with the counts alone", () => {
  assertEquals(summary({ passed: 3, failed: 0, skipped: [] }), {
    lines: ["3 passed, 0 failed"],
    unexplained: 0,
  });
});

Deno.test("summary() lists skipped tests and refuses those without a reason", () => {
  assertEquals(
    summary({ passed: 3, failed: 1, skipped: ["a [skipped: no cc]", "b"] }),
    {
      lines: [
        "skipped: a [skipped: no cc]",
        "skipped: b",
        "FAILED b: skipped without a reason in its name",
        "3 passed, 2 failed, 1 skipped",
      ],
      unexplained: 1,
    },
  );
});

Deno.test("failures() names what failed, and then the errors", () => {
  const output = `Check a_test.ts
running 2 tests from a_test.ts
a ... ok (3ms)
b ... FAILED (1ms)

 ERRORS 

b => a_test.ts:1:6
error: Error: x

 FAILURES 

b => a_test.ts:1:6

FAILED | 1 passed | 1 failed (4ms)
`;
  assertEquals(
    failures(output),
    "b => a_test.ts:1:6\n\nb => a_test.ts:1:6\nerror: Error: x",
  );
});

Deno.test("failures() is all of an output without a list of failures", () => {
  assertEquals(
    failures("error: Type check failed\n"),
    "error: Type check failed",
  );
});
