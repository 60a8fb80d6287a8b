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

import { readConfig, ROOT } from "./common.ts";
import {
  failures,
  isSound,
  readPretty,
  readReport,
  summary,
} from "./test_report.ts";

/** A stage of the gate: `deno` with some arguments. */
interface Stage {
  name: string;
  args: string[];
}

const entrypoints = Object.values(readConfig(ROOT).exports);

const CHECKS: Stage[] = [
  { name: "fmt", args: ["fmt", "--check"] },
  { name: "lint", args: ["lint"] },
  { name: "check", args: ["check", "."] },
  { name: "doc", args: ["doc", "--lint", ...entrypoints] },
  { name: "exports", args: ["run", "--allow-all", "_tools/check_exports.ts"] },
  { name: "publish", args: ["run", "--allow-all", "_tools/check_publish.ts"] },
  {
    name: "calls",
    args: ["run", "--allow-all", "_tools/generate_calls.ts", "--check"],
  },
];

/** The stage that runs, and what it said so far. */
let running: { child: Deno.ChildProcess; output: string } | undefined;

/** Runs a stage to its end and prints its line. */
async function run({ name, args }: Stage): Promise<Result> {
  const start = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const current = { child, output: "" };
  running = current;
  const collect = async (
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  ): Promise<void> => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      current.output += text;
    }
  };
  const [{ success }] = await Promise.all([
    child.status,
    collect(child.stdout),
    collect(child.stderr),
  ]);
  running = undefined;
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${success ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
  if (!success) console.log(failures(current.output));
  return { success, output: current.output };
}

interface Result {
  success: boolean;
  output: string;
}

/** The folder of the report while there is one. */
let folder: string | undefined;

/** Runs all tests and the examples in the docs, and reads their report. */
async function runTests(): Promise<boolean> {
  folder = await Deno.makeTempDir({ prefix: "ipc_ok_" });
  try {
    const report = `${folder}/junit.xml`;
    const { success, output } = await run({
      name: "test",
      args: ["test", "--doc", "--allow-all", `--junit-path=${report}`],
    });
    // A killed run leaves no report.
    const counts = readReport(await readText(report)) ?? readPretty(output);
    return finish(counts, success ? 0 : 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

let failedStages = 0;

/** Prints the skipped tests and the last line; true when all is well. */
function finish(
  counts: ReturnType<typeof readPretty>,
  leastFailed: number,
): boolean {
  const total = {
    ...counts,
    failed: Math.max(counts.failed, leastFailed) + failedStages,
  };
  const { lines, unexplained } = summary(total);
  console.log(lines.join("\n"));
  return isSound(total) && unexplained === 0;
}

/** Ends the gate and its stage, and shows what the stage was about. */
function interrupt(): void {
  if (running !== undefined) {
    console.log(`Interrupted:\n${running.output.slice(-4000)}`);
    running.child.kill("SIGTERM");
  }
  if (folder !== undefined) Deno.removeSync(folder, { recursive: true });
  Deno.exit(1);
}

if (import.meta.main) {
  Deno.addSignalListener("SIGINT", interrupt);
  Deno.addSignalListener("SIGTERM", interrupt);
  for (const stage of CHECKS) {
    if (!(await run(stage)).success) failedStages++;
  }
  Deno.exit(await runTests() ? 0 : 1);
}
