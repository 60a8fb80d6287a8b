/**
 * The gate: everything that must hold before a change is done.
 *
 * `deno task ok` runs it, here and in `.ci/run`. Each stage is one line, or its
 * output when it fails; all stages run. The last line counts the tests,
 * and a failed stage as one more failure: `812 passed, 0 failed, 3 skipped`.
 *
 * A skipped test says why in its name: `name [skipped: reason]`.
 *
 * @module
 */

import { catchSignals, interrupted, run } from "./children.ts";
import { filesBelow, readConfig, ROOT } from "./common.ts";
import { conclude, runSuite } from "./run_tests.ts";
import { line, summary } from "./test_report.ts";

/** A stage of the gate: `deno` with some arguments. */
interface Stage {
  name: string;
  args: string[];
}

/** The number of concurrent checks: most keep one processor busy. */
const JOBS = 2;

const { exports, exclude = [] } = readConfig(ROOT);
// A folder covers only its sources, but there are examples in Markdown too.
const markdown = filesBelow(ROOT, "").filter((file) =>
  file.endsWith(".md") && !exclude.some((folder) => file.startsWith(folder))
);

/** The checks, the longest first. */
const CHECKS: Stage[] = [
  { name: "check", args: ["check", "--doc", ".", ...markdown] },
  { name: "publish", args: ["run", "--allow-all", "_tools/check_publish.ts"] },
  { name: "doc", args: ["doc", "--lint", ...Object.values(exports)] },
  { name: "exports", args: ["run", "--allow-all", "_tools/check_exports.ts"] },
  {
    name: "calls",
    args: ["run", "--allow-all", "_tools/generate_calls.ts", "--check"],
  },
  { name: "headers", args: ["run", "--allow-all", "_tools/check_headers.ts"] },
  { name: "imports", args: ["run", "--allow-all", "_tools/check_imports.ts"] },
  { name: "lint", args: ["lint"] },
  { name: "fmt", args: ["fmt", "--check"] },
];

/** Runs a check to its end and prints its line; true when it holds. */
async function check({ name, args }: Stage): Promise<boolean> {
  const { success, output, seconds } = await run(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  });
  console.log(line(name, success, seconds));
  if (!success) console.log(output.trim());
  return success;
}

if (import.meta.main) {
  catchSignals();
  const left = [...CHECKS];
  let failed = 0;
  await Promise.all(Array.from({ length: JOBS }, async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      if (interrupted.aborted) return;
      if (!await check(next)) failed++;
    }
  }));
  if (interrupted.aborted) Deno.exit(1);
  const tests = await runSuite();
  console.log(line("test", summary(tests.cases).sound, tests.seconds));
  Deno.exit(conclude(tests, failed) ? 0 : 1);
}
