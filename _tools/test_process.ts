/**
 * One process of `deno test`.
 *
 * @module
 */

import { run } from "./children.ts";
import { isFile, ROOT } from "./common.ts";
import {
  type Case,
  count,
  PrettyReader,
  readReport,
  uncaught,
} from "./test_report.ts";

/**
 * The maximum time without output of a test, in milliseconds: far longer than
 * any test takes. The watchdogs of most tests end them earlier, and name them.
 */
const PATIENCE = 300_000;
/** The number of characters shown of the output of a process that died. */
const TAIL = 4000;

/** What a process of `deno test` runs. */
export interface TestProcess {
  /** Its name in reports without a file. */
  name: string;
  /** Files, folders, and options of `deno test`. */
  args: string[];
  /**
   * The executable.
   *
   * @default {Deno.execPath()}
   */
  deno?: string;
  /**
   * Variables added to the environment.
   *
   * @default {{}}
   */
  env?: Record<string, string>;
  /**
   * Milliseconds without output after which the process is killed.
   *
   * @default {300_000} and none with `LIBC_IPC_TEST_FULL=1`
   */
  patience?: number;
  /**
   * Called when a file has ended; the tests of `--parallel` have no such end.
   *
   * @default {() => {}}
   */
  onFile?: (file: string, cases: Case[], seconds: number) => void;
}

/** The result of a process of `deno test`. */
export interface TestRun {
  /** All tests that ran. One more has failed when the process died. */
  cases: Case[];
  /** Its output about failures, for `failures()`. */
  failures: string[];
  /** How long it ran. */
  seconds: number;
}

/** Runs tests in a process of their own, without type-checking. */
export async function runTests(
  {
    name,
    args,
    deno = Deno.execPath(),
    env = {},
    patience = isFull() ? Infinity : PATIENCE,
    onFile,
  }: TestProcess,
): Promise<TestRun> {
  const folder = await Deno.makeTempDir({ prefix: "ipc_test_" });
  try {
    const path = `${folder}/junit.xml`;
    const reader = new PrettyReader(onFile);
    const { success, output, seconds } = await run(deno, {
      args: [
        "test",
        "--no-check",
        "--allow-all",
        `--junit-path=${path}`,
        ...args,
      ],
      cwd: ROOT,
      env: { NO_COLOR: "1", ...env },
    }, {
      onStdout: (text) => reader.push(text),
      patience,
    });
    const report = isFile(path)
      ? readReport(await Deno.readTextFile(path))
      : undefined;
    if (report === undefined) {
      const said = dead(name, args, reader, output);
      return { cases: reader.cases, failures: [said], seconds };
    }
    const cases = [...report, ...uncaught(reader.cases)];
    if (!success && count(cases).failed === 0) {
      cases.push({ file: name, name: `${name} (exit code)`, result: "failed" });
    }
    return { cases, failures: success ? [] : [output], seconds };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Whether the tests repeat everything, for hours. */
export function isFull(): boolean {
  return Deno.env.get("LIBC_IPC_TEST_FULL") === "1";
}

/** Counts the running test of a process that died as failed, and reports it. */
function dead(
  name: string,
  args: string[],
  reader: PrettyReader,
  output: string,
): string {
  const failed = reader.cases.filter(({ result }) => result === "failed")
    .map((it) => `${it.name} => ${it.file}`);
  const { file = name, running = `${name} (no test)` } = reader;
  reader.cases.push({ file, name: running, result: "failed" });
  reader.close();
  const begun = new Set(reader.cases.map((it) => it.file));
  const left = args.filter((arg) =>
    arg.endsWith("_test.ts") && !begun.has(arg)
  );
  return [
    ...failed,
    `${running} => ${file}: the process died here`,
    ...left.map((it) => `${it} has not run`),
    "",
    output.slice(-TAIL),
  ].join("\n");
}
