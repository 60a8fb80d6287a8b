/**
 * Measures operations in one process, beside the same in C, interleaved.
 *
 * @module
 */

/** An operation to measure. */
export interface Case {
  /** Its name, and what one operation is. */
  name: string;
  /** The name of the same operation in `bench/c/bench.c`. */
  c: string;
  /** Operations in a batch. */
  iterations: number;
  /** The ratio of wrapper to C that is promised, if one is. */
  limit?: number;
  /** Makes the objects it needs. */
  setup(): Runners;
}

/** The operation in our two ways, and the end of its objects. */
export interface Runners extends Disposable {
  /** Through the safe wrappers, so many times. */
  wrapper(iterations: number): void;
  /** Through the raw table, so many times. */
  raw(iterations: number): void;
}

/** Nanoseconds an operation took; medians over the rounds. */
export interface Result {
  /** The name of the case. */
  name: string;
  /** In C, where there is a compiler. */
  c?: number;
  /** Through the raw table. */
  raw: number;
  /** Through the wrappers. */
  wrapper: number;
  /** The promised ratio, if there is one. */
  limit?: number;
}

const ROUNDS = 7;

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}

/** Nanoseconds for one of so many iterations. */
function time(run: (iterations: number) => void, iterations: number): number {
  const start = performance.now();
  run(iterations);
  return (performance.now() - start) * 1e6 / iterations;
}

/** Compiles a program of `bench/c`; undefined without a compiler. */
export async function compileC(
  folder: string,
  name = "bench",
): Promise<string | undefined> {
  const source = new URL(`c/${name}.c`, import.meta.url).pathname;
  const binary = `${folder}/${name}`;
  try {
    const { success, stderr } = await new Deno.Command("cc", {
      args: ["-std=gnu11", "-O2", "-pthread", "-o", binary, source, "-lm"],
    }).output();
    if (success) return binary;
    console.error(new TextDecoder().decode(stderr));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return undefined;
}

async function timeC(binary: string, name: string, n: number): Promise<number> {
  const { success, stdout, stderr } = await new Deno.Command(binary, {
    args: [name, String(Math.ceil(n / 9))],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)).ns;
}

/** Measures a case, its three ways in turn so that all see the same machine. */
export async function measure(
  { name, c, iterations, limit, setup }: Case,
  binary: string | undefined,
): Promise<Result> {
  const times = {
    c: [] as number[],
    raw: [] as number[],
    wrapper: [] as number[],
  };
  using runners = setup();
  // Lets the compiler of JavaScript finish first.
  for (let i = 0; i < 3; i++) {
    runners.raw(iterations);
    runners.wrapper(iterations);
  }
  for (let round = 0; round < ROUNDS; round++) {
    if (binary !== undefined) times.c.push(await timeC(binary, c, iterations));
    times.raw.push(time(runners.raw, iterations));
    times.wrapper.push(time(runners.wrapper, iterations));
  }
  return {
    name,
    ...(binary === undefined ? {} : { c: median(times.c) }),
    raw: median(times.raw),
    wrapper: median(times.wrapper),
    ...(limit === undefined ? {} : { limit }),
  };
}

/** Prints results as a table of nanoseconds and ratios. */
export function printTable(results: readonly Result[]): void {
  const width = Math.max(...results.map(({ name }) => name.length));
  const cell = (value: number | undefined, digits = 1) =>
    (value === undefined ? "-" : value.toFixed(digits)).padStart(10);
  console.log(
    `${"".padEnd(width)}${"C ns".padStart(10)}${"raw ns".padStart(10)}${
      "wrapper ns".padStart(12)
    }${"raw/C".padStart(10)}${"wrapper/C".padStart(11)}  promised`,
  );
  for (const { name, c, raw, wrapper, limit } of results) {
    const ratio = c === undefined ? undefined : wrapper / c;
    const promise = limit === undefined
      ? ""
      : ratio === undefined
      ? `  <= ${limit}`
      : `  <= ${limit} ${ratio <= limit ? "kept" : "BROKEN"}`;
    console.log(
      `${name.padEnd(width)}${cell(c)}${cell(raw)}  ${cell(wrapper)}${
        cell(c === undefined ? undefined : raw / c, 2)
      } ${cell(ratio, 2)}${promise}`,
    );
  }
}
