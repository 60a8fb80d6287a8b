/**
 * `deno task test`: runs the tests and the examples in the docs.
 *
 * Two processes run at a time. Within one, tests run one after another:
 * descriptors, umask and signals belong to the process. Nothing is type-checked.
 *
 * With arguments, such as `tests/cli --filter=plot`, it is `deno test` with
 * these arguments. `LIBC_IPC_TEST_FULL=1` (`deno task test:full`) is for the
 * tests: they repeat everything more often.
 *
 * @module
 */

import { catchSignals, interrupted, start } from "./children.ts";
import { filesBelow, readConfig, ROOT } from "./common.ts";
import { isFull, runTests, type TestRun } from "./test_process.ts";
import { type Case, count, failures, line, summary } from "./test_report.ts";

/** The duration of all tests on two cores, as in README.md. */
const DURATION = "3 to 6 minutes";
const FULL_DURATION = "hours";

/**
 * The files of the first process. It includes both folders that make many POSIX
 * queues, whose number per user is limited: tests/async and tests/ipc/posix.
 */
const FIRST = [
  "tests/async/",
  "tests/conformance/",
  "tests/hostile/",
  "tests/interop/",
  "tests/ipc/core/stream/",
  "tests/ipc/file/",
  "tests/ipc/memory/",
  "tests/ipc/pipe/",
  "tests/ipc/posix/",
  "tests/ipc/process/",
  "tests/ipc/socket/",
  "tests/ipc/sysv/",
];

/** The file names that `deno test` takes for tests. */
const TEST = /(^|\/|[._])test\.(ts|tsx|mts|js|mjs|jsx)$/;

/** The files of tests, of the first and of the second process. */
export function lanesOf(
  files: string[],
  exclude: string[] = [],
): [first: string[], second: string[]] {
  const tests = files.filter((file) =>
    TEST.test(file) && !exclude.some((folder) => file.startsWith(folder))
  );
  const isFirst = (file: string) =>
    FIRST.some((folder) => file.startsWith(folder));
  return [tests.filter(isFirst), tests.filter((file) => !isFirst(file))];
}

/** Options of running tests. */
export interface SuiteOptions {
  /**
   * Files, folders and options of `deno test`; all tests when there are none.
   *
   * @default {[]}
   */
  args?: string[];
  /**
   * Called with a line for each file that has ended.
   *
   * @default {() => {}}
   */
  print?: (line: string) => void;
}

/** Runs all tests, in two processes at a time, or some, in one. */
export async function runSuite(
  { args = [], print = () => {} }: SuiteOptions = {},
): Promise<TestRun> {
  const begin = performance.now();
  const onFile = (file: string, cases: Case[], seconds: number): void =>
    print(line(file, count(cases).failed === 0, seconds, cases));
  const runs: TestRun[] = [];
  if (args.length > 0) {
    runs.push(await runTests({ name: "deno test", args, onFile }));
  } else {
    const lanes = lanesOf(filesBelow(ROOT, ""), readConfig(ROOT).exclude);
    const runLane = async (index: 0 | 1): Promise<void> => {
      // Without files `deno test` would run all.
      if (lanes[index].length === 0) return;
      const name = `process ${index + 1}`;
      runs.push(await runTests({ name, args: lanes[index], onFile }));
    };
    const runExamples = async (): Promise<void> => {
      if (interrupted.aborted) return;
      const name = "examples in the docs";
      const ignored = `--ignore=${lanes.flat().join(",")}`;
      const options = ["--doc", "--parallel", "--permit-no-files", ignored];
      const run = await runTests({ name, args: options });
      onFile(name, run.cases, run.seconds);
      runs.push(run);
    };
    await Promise.all([runLane(0), runLane(1).then(runExamples)]);
  }
  return {
    cases: runs.flatMap(({ cases }) => cases),
    failures: runs.flatMap((run) => run.failures),
    seconds: (performance.now() - begin) / 1000,
  };
}

/** Prints failures, skipped tests and counts; true when all pass. */
export function conclude(run: TestRun, failedStages = 0): boolean {
  if (run.failures.length > 0) console.log(`\n${failures(run.failures)}\n`);
  const { lines, sound } = summary(run.cases, failedStages);
  console.log(lines.join("\n"));
  return sound && !interrupted.aborted;
}

/** Runs `deno test` with some arguments, and shows all its output. */
async function runSome(args: string[]): Promise<boolean> {
  const { ended } = await start(Deno.execPath(), {
    args: ["test", "--doc", "--no-check", "--allow-all", ...args],
    stdout: "inherit",
    stderr: "inherit",
  }, "SIGINT");
  return await ended;
}

if (import.meta.main) {
  catchSignals();
  const duration = isFull() ? FULL_DURATION : DURATION;
  if (Deno.args.length > 0) {
    if (isFull()) console.log(`Full counts: this may take ${duration}`);
    Deno.exit(await runSome(Deno.args) ? 0 : 1);
  }
  const { length } = lanesOf(filesBelow(ROOT, ""), readConfig(ROOT).exclude)
    .flat();
  console.log(
    `Runs ${length} test files in two processes; this takes ${duration} on two cores`,
  );
  Deno.exit(conclude(await runSuite({ print: console.log })) ? 0 : 1);
}
