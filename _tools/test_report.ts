/**
 * Reads what `deno test` reports.
 *
 * @module
 */

/** How the tests went. */
export interface Counts {
  /** How many passed. */
  passed: number;
  /** How many failed. */
  failed: number;
  /** The names of those that were skipped. */
  skipped: string[];
}

/** Counts the test cases of a JUnit report, or undefined when it is none. */
export function readReport(xml: string): Counts | undefined {
  if (!xml.trimEnd().endsWith("</testsuites>")) return undefined;
  const cases = Array.from(
    xml.matchAll(/<testcase name="([^"]*)"[^>]*?(?:\/>|>([^]*?)<\/testcase>)/g),
    ([, name = "", body = ""]) => ({
      name: unescapeXml(name),
      failed: /<(failure|error)\b/.test(body),
      skipped: body.includes("<skipped"),
    }),
  );
  const counts: Counts = { passed: 0, failed: 0, skipped: [] };
  for (const { name, failed, skipped } of cases) {
    const steps = cases.filter((it) => it.name.startsWith(`${name} > `));
    // A test with steps is as good as they are, unless it fails of itself.
    if (steps.length > 0 && (!failed || steps.some((it) => it.failed))) {
      continue;
    }
    if (failed) counts.failed++;
    else if (skipped) counts.skipped.push(name);
    else counts.passed++;
  }
  return counts;
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

/** Counts the lines of a run that ended before it wrote a report. */
export function readPretty(output: string): Counts {
  const skipped: string[] = [];
  let passed = 0;
  let failed = 0;
  for (const line of output.split("\n")) {
    const [, name = "", result = ""] =
      /^\s*(.*) \.\.\. (ok|FAILED|ignored)\b/.exec(line) ?? [];
    if (result === "ok") passed++;
    if (result === "FAILED") failed++;
    if (result === "ignored") skipped.push(name);
  }
  return { passed, failed, skipped };
}

/**
 * What a failed run of tests says about its failures: their names first, then
 * their errors. The whole output, when it names none.
 */
export function failures(output: string): string {
  const { names, errors } =
    /\n ERRORS \n(?<errors>[^]*)\n FAILURES \n(?<names>[^]*?)\n\n/
      .exec(output)?.groups ?? {};
  if (names === undefined || errors === undefined) return output.trim();
  return `${names.trim()}\n\n${errors.trim()}`;
}

/** Whether tests ran and none failed. */
export function isSound({ passed, failed }: Counts): boolean {
  return passed > 0 && failed === 0;
}

/** The closing lines: skipped tests with their reasons, then the counts. */
export function summary(
  { passed, failed, skipped }: Counts,
): { lines: string[]; unexplained: number } {
  const lines = skipped.map((name) => `skipped: ${name}`);
  const unexplained = skipped.filter((name) => !/\[skipped: .+\]/.test(name));
  for (const name of unexplained) {
    lines.push(`FAILED ${name}: skipped without a reason in its name`);
  }
  const total = failed + unexplained.length;
  const rest = skipped.length - unexplained.length;
  lines.push(
    `${passed} passed, ${total} failed${rest > 0 ? `, ${rest} skipped` : ""}`,
  );
  return { lines, unexplained: unexplained.length };
}
