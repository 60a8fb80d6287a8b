/**
 * `deno task test:repeat N [--load] [FILE...]`: runs the tests N times, and
 * reports how often each test failed.
 *
 * @module
 */

import { catchSignals, interrupted, start } from "./children.ts";
import { runSuite } from "./run_tests.ts";
import { counted, failures, summary } from "./test_report.ts";

const USAGE = `Usage: deno task test:repeat N [--load] [FILE...]

Runs the tests N times, all of them when there is no FILE.

  --load  Keep every processor busy meanwhile
  --help  Print this

Other options, such as --filter=TEXT, are those of "deno test".`;

/** The parsed arguments. */
export interface Arguments {
  /** The number of runs. */
  runs: number;
  /** Whether to keep the processors busy. */
  load: boolean;
  /** Files, folders and options of `deno test`. */
  args: string[];
}

/** Parses the arguments; undefined when they are wrong or ask for help. */
export function parse(given: string[]): Arguments | undefined {
  const [runs = "", ...args] = given.filter((it) => it !== "--load");
  if (!/^[1-9]\d*$/.test(runs) || args.includes("--help")) return undefined;
  return { runs: Number(runs), load: given.includes("--load"), args };
}

/** The result of a run. */
export interface Run {
  /** Its counts, from the last line of its output. */
  counts: string;
  /** How long it took. */
  seconds: number;
  /** What failed: `title => file`. */
  failed: string[];
}

/** The report of all runs: each run, then how often each test failed. */
export function table(runs: Run[]): string[] {
  const often = new Map<string, number>();
  for (const name of runs.flatMap(({ failed }) => failed)) {
    often.set(name, (often.get(name) ?? 0) + 1);
  }
  const worstFirst = [...often].sort(([, a], [, b]) => b - a);
  return [
    ...runs.map(({ counts, seconds }, index) =>
      `run ${index + 1}: ${counts}, ${seconds.toFixed(1)} s`
    ),
    ...worstFirst.map(([name, times]) => `${times} of ${runs.length}: ${name}`),
  ];
}

/** Keeps every processor busy until this process ends. */
async function keepBusy(): Promise<void> {
  for (let i = 0; i < navigator.hardwareConcurrency; i++) {
    await start("sh", { args: ["-c", "while :; do :; done"] });
  }
}

/** Runs the tests repeatedly and reports each run; true when all pass. */
async function repeat({ runs, load, args }: Arguments): Promise<boolean> {
  if (load) await keepBusy();
  const all: Run[] = [];
  let sound = true;
  while (all.length < runs && !interrupted.aborted) {
    const { cases, failures: outputs, seconds } = await runSuite({ args });
    const { lines, sound: isSound } = summary(cases);
    const failed = counted(cases).filter(({ result }) => result === "failed");
    all.push({
      counts: lines.at(-1) ?? "",
      seconds,
      failed: [
        ...new Set(failed.map(({ name, file }) => `${name} => ${file}`)),
        ...lines.filter((line) => line.startsWith("FAILED ")),
      ],
    });
    sound &&= isSound;
    console.log(table(all)[all.length - 1]);
    if (outputs.length > 0) console.log(`\n${failures(outputs)}\n`);
  }
  console.log(`\n${table(all).join("\n")}`);
  return sound && all.length === runs && !interrupted.aborted;
}

if (import.meta.main) {
  const parsed = parse(Deno.args);
  if (parsed === undefined) {
    console.error(USAGE);
    Deno.exit(2);
  }
  catchSignals();
  Deno.exit(await repeat(parsed) ? 0 : 1);
}
