/**
 * Measures operations in one process, interleaved with the same in C.
 *
 * @module
 */

/** An operation to measure. */
export interface Case {
  /** Its name, which says what one operation is. */
  name: string;
  /** The name of the same operation in `bench/c/bench.c`. */
  c: string;
  /** Operations in a batch. */
  iterations: number;
  /** The promised maximum ratio of wrapper to C, if any. */
  limit?: number;
  /** Makes the objects it needs. */
  setup(): Runners;
}

/**
 * The operation through wrappers and raw calls, and the disposal of its
 * objects.
 */
export interface Runners extends Disposable {
  /** Runs it through the wrappers, a number of times. */
  wrapper(iterations: number): void;
  /** Runs it through the raw table, a number of times. */
  raw(iterations: number): void;
}

/** Nanoseconds per operation: medians over the rounds. */
export interface Result {
  /** The name of the case. */
  name: string;
  /** In C, where there is a compiler. */
  c?: number;
  /** Through the raw table. */
  raw: number;
  /** Through the wrappers. */
  wrapper: number;
  /** The promised maximum ratio, if any. */
  limit?: number;
}

const ROUNDS = 7;

/** The median of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}

/** Nanoseconds per iteration. */
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

/** Measures the three variants of a case in turn, under equal conditions. */
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
  // Let the JIT compiler finish first.
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
