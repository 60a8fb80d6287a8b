/**
 * Reads what `deno test` reports.
 *
 * @module
 */

/** A test or a step of one, and its result. */
export interface Case {
  /** Its file. */
  file: string;
  /** Its title, after those around it: `test > step`. */
  name: string;
  /** How it went. */
  result: "passed" | "failed" | "skipped";
}

/** How the tests went. */
export interface Counts {
  /** How many passed. */
  passed: number;
  /** How many failed. */
  failed: number;
  /** The names of those that were skipped. */
  skipped: string[];
}

/** The cases of a JUnit report; undefined for other text. */
export function readReport(xml: string): Case[] | undefined {
  if (!xml.trimEnd().endsWith("</testsuites>")) return undefined;
  const suites = xml.matchAll(
    /<testsuite name="([^"]*)"[^>]*>([^]*?)<\/testsuite>/g,
  );
  const cases: Case[] = [];
  for (const [, file = "", text = ""] of suites) {
    const found = text.matchAll(
      /<testcase name="([^"]*)"([^>]*?)(?:\/>|>([^]*?)<\/testcase>)/g,
    );
    for (const [, name = "", attributes = "", body = ""] of found) {
      const failed = /<(failure|error)\b/.test(body);
      const skipped = body.includes("<skipped");
      // Tests that `--filter` leaves out have no time.
      if (skipped && !attributes.includes(" time=")) continue;
      cases.push({
        file: pathOf(unescapeXml(file)),
        name: unescapeXml(name),
        result: failed ? "failed" : skipped ? "skipped" : "passed",
      });
    }
  }
  return cases;
}

function unescapeXml(text: string): string {
  const names: Record<string, string> = {
    lt: "<",
    gt: ">",
    quot: '"',
    apos: "'",
    amp: "&",
  };
  return text.replace(
    /&(\w+|#\d+);/g,
    (whole, name: string) =>
      name.startsWith("#")
        ? String.fromCodePoint(Number(name.slice(1)))
        : names[name] ?? whole,
  );
}

function pathOf(file: string): string {
  return file.replace(/^\.\//, "");
}

const RESULTS: Record<string, Case["result"]> = {
  ok: "passed",
  FAILED: "failed",
  // Tests that did not run because another in their file failed.
  cancelled: "failed",
  ignored: "skipped",
};

/** Reads the lines of a run while they come. */
export class PrettyReader {
  /** All cases so far. */
  readonly cases: Case[] = [];
  /** The file whose tests run. */
  file: string | undefined;
  readonly #onFile: (file: string, cases: Case[], seconds: number) => void;
  /** The running test, its running step, and so on. */
  #names: string[] = [];
  #first = 0;
  #begin = 0;
  #end = 0;
  #rest = "";
  #state: "tests" | "output" | "errors" = "tests";

  /** Calls back when a file has ended. */
  constructor(
    onFile: (file: string, cases: Case[], seconds: number) => void = () => {},
  ) {
    this.#onFile = onFile;
  }

  /** The name of the test that runs. */
  get running(): string | undefined {
    const [, indent = "", name] = BEGUN.exec(this.#rest) ?? [];
    const names = name === undefined
      ? this.#names
      : [...this.#names.slice(0, indent.length / 2), name];
    return names.length > 0 ? names.join(" > ") : undefined;
  }

  /** Takes some output. */
  push(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#read(line);
  }

  /** Ends the file whose tests run. */
  close(): void {
    if (this.file === undefined) return;
    this.#onFile(
      this.file,
      this.cases.slice(this.#first),
      (this.#end - this.#begin) / 1000,
    );
    this.file = undefined;
  }

  #open(file: string): void {
    this.close();
    this.file = pathOf(file);
    this.#first = this.cases.length;
    this.#begin = this.#end = performance.now();
    this.#names = [];
  }

  #read(line: string): void {
    if (this.#state === "errors") return;
    if (this.#state === "output") {
      if (/----- (pre-test |post-test )?output end -----$/.test(line)) {
        this.#state = "tests";
      }
      return;
    }
    if (/^------- (pre-test |post-test )?output -------$/.test(line)) {
      this.#state = "output";
    } else if (line === " ERRORS " || /^(ok|FAILED) \| /.test(line)) {
      this.close();
      this.#state = "errors";
    } else {
      this.#readTest(line);
    }
  }

  #readTest(line: string): void {
    const [, opened] = /^running \d+ tests? from (.+)$/.exec(line) ?? [];
    if (opened !== undefined) return this.#open(opened);
    const [, broken] = /^Uncaught error from (.+) FAILED$/.exec(line) ?? [];
    if (broken !== undefined) {
      const file = pathOf(broken);
      if (file !== this.file) this.#open(broken);
      this.cases.push({ file, name: uncaughtName(file), result: "failed" });
      return;
    }
    const [, begunIndent = "", begun] = BEGUN.exec(line) ?? [];
    if (begun !== undefined) {
      this.#names = [...this.#names.slice(0, begunIndent.length / 2), begun];
      return;
    }
    const [, indent = "", name = "", word = ""] =
      /^( *)(.*) \.\.\. (ok|FAILED|ignored|cancelled)\b/.exec(line) ?? [];
    const result = RESULTS[word];
    if (result === undefined) return;
    this.#names = this.#names.slice(0, indent.length / 2);
    this.#end = performance.now();
    this.cases.push({
      file: this.file ?? "",
      name: [...this.#names, name].join(" > "),
      result,
    });
  }
}

/** A test that has begun, with other output before its result. */
const BEGUN = /^( *)(.+) \.\.\.\s?$/;

function uncaughtName(file: string): string {
  return `${file} (uncaught error)`;
}

/** Errors outside of tests, which a JUnit report does not have. */
export function uncaught(cases: Case[]): Case[] {
  return cases.filter(({ file, name }) => name === uncaughtName(file));
}

/** The tests around a test, from the outermost. */
function* around({ file, name }: Case): Generator<string> {
  for (
    let end = name.indexOf(" > ");
    end >= 0;
    end = name.indexOf(" > ", end + 1)
  ) {
    yield `${file}\n${name.slice(0, end)}`;
  }
}

function keyOf({ file, name }: Case): string {
  return `${file}\n${name}`;
}

/**
 * The cases that count: a test with steps counts by its steps, unless it fails
 * itself.
 */
export function counted(cases: Case[]): Case[] {
  const known = new Set(cases.map(keyOf));
  const withSteps = new Map<string, boolean>();
  for (const it of cases) {
    for (const key of around(it)) {
      if (!known.has(key)) continue;
      const failed = it.result === "failed" || withSteps.get(key) === true;
      withSteps.set(key, failed);
    }
  }
  return cases.filter((it) => {
    const stepFailed = withSteps.get(keyOf(it));
    return stepFailed === undefined || (it.result === "failed" && !stepFailed);
  });
}

/** Counts test cases. */
export function count(cases: Case[]): Counts {
  const counts: Counts = { passed: 0, failed: 0, skipped: [] };
  for (const { name, result } of counted(cases)) {
    if (result === "failed") counts.failed++;
    else if (result === "skipped") counts.skipped.push(name);
    else counts.passed++;
  }
  return counts;
}

/** The line for a file or stage that has ended. */
export function line(
  name: string,
  success: boolean,
  seconds: number,
  cases: Case[] = [],
): string {
  const { passed, failed, skipped } = count(cases);
  const parts = [
    ...(cases.length > 0 ? [`${passed} passed`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(skipped.length > 0 ? [`${skipped.length} skipped`] : []),
    `${seconds.toFixed(1)} s`,
  ];
  return `${success ? "ok    " : "FAILED"} ${name} (${parts.join(", ")})`;
}

/** Reports each title that more than one test has. */
export function repeatedTitles(cases: Case[]): string[] {
  const known = new Set(cases.map(keyOf));
  const files = new Map<string, string[]>();
  for (const it of cases) {
    if (around(it).some((key) => known.has(key))) continue;
    files.set(it.name, [...files.get(it.name) ?? [], it.file]);
  }
  return [...files].filter(([, those]) => those.length > 1).map((
    [name, those],
  ) =>
    `FAILED ${name}: the title of ${those.length} tests, in ${
      [...new Set(those)].join(" and ")
    }`
  );
}

/**
 * Extracts the failures from the output of failed runs: names first, then
 * errors. An output without names is returned whole.
 */
export function failures(outputs: string[]): string {
  const names: string[] = [];
  const errors: string[] = [];
  for (const output of outputs) {
    const groups =
      /\n ERRORS \n(?<errors>[^]*)\n FAILURES \n(?<names>[^]*?)\n\n/
        .exec(output)?.groups;
    if (groups?.["names"] !== undefined) names.push(groups["names"].trim());
    errors.push((groups?.["errors"] ?? output).trim());
  }
  const blocks = names.length > 0 ? [names.join("\n"), ...errors] : errors;
  return blocks.join("\n\n");
}

/**
 * The closing lines: skipped tests with their reasons, titles that appear
 * twice, then the counts. A run is sound if some tests ran and none failed.
 */
export function summary(
  cases: Case[],
  failedStages = 0,
): { lines: string[]; sound: boolean } {
  const { passed, failed, skipped } = count(cases);
  const unexplained = skipped.filter((name) => !/\[skipped: .+\]/.test(name));
  const refused = [
    ...unexplained.map((name) =>
      `FAILED ${name}: skipped without a reason in its name`
    ),
    ...repeatedTitles(cases),
  ];
  const total = failed + refused.length + failedStages;
  const rest = skipped.length - unexplained.length;
  return {
    lines: [
      ...skipped.map((name) => `skipped: ${name}`),
      ...refused,
      `${passed} passed, ${total} failed${rest > 0 ? `, ${rest} skipped` : ""}`,
    ],
    sound: passed > 0 && total === 0,
  };
}
