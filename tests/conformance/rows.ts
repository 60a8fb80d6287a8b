/**
 * The rows of `error_conformance.json` and how to drive them through the
 * public API.
 */

/** A provoked error condition. */
export interface Row {
  call: string;
  condition: string;
  /** The code, or what else happens when `kind` is not `errno`. */
  expect: string;
  kind: "errno" | "return_value" | "signal";
  how: string;
  note?: string;
}

/** Registers a cleanup for the end. */
export type Defer = (cleanup: () => void) => void;

/** A row that our API can express. */
export interface Driven {
  /**
   * Provokes the condition: it must throw or reject. It passes the cleanup of
   * its objects to `defer`, which runs them at the end, last first.
   */
  run(defer: Defer): unknown;
  /**
   * Runs in a child process: its own, or a common one for rows that do not
   * change the process.
   */
  child?: "own" | "common";
  /** The answer of the API, if it differs from the row's code. */
  instead?: {
    /** Another code, or the name of the error that comes before any call. */
    expect: string;
    /** Why. */
    because: string;
  };
}

/** A row that our API cannot express, and why. */
export interface NotDriven {
  why: string;
}

/** The drivers of some rows, by {@linkcode keyOf}. */
export type Drivers = Record<string, Driven | NotDriven>;

/** The name of a row in {@linkcode Drivers}. */
export function keyOf(row: Row): string {
  return `${row.call}: ${row.condition}`;
}

/** All rows. */
export const rows: Row[] = JSON.parse(
  Deno.readTextFileSync(new URL("error_conformance.json", import.meta.url)),
);

/** The value to compare an error by: its code, or its name without one. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error ? String(error.code) : error.name;
}

/** The outcome of a row. */
export interface Outcome {
  /** See {@linkcode codeOf}. */
  code: string;
  /** The name of the class of the error. */
  name: string;
  message: string;
}

/** Runs a driver and returns its outcome. */
export async function outcomeOf(driver: Driven): Promise<Outcome> {
  const error = await provoke(driver);
  const { name = "", message = "" } = error instanceof Error ? error : {};
  return { code: codeOf(error), name, message };
}

/** Runs a driver and returns its error. */
async function provoke({ run }: Driven): Promise<unknown> {
  const cleanups: (() => void)[] = [];
  try {
    await run((cleanup) => cleanups.push(cleanup));
    return "no error";
  } catch (error) {
    return error;
  } finally {
    for (const cleanup of cleanups.reverse()) cleanup();
  }
}
