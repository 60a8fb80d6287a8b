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

/** What a driver leaves for the end. */
export type Defer = (cleanup: () => void) => void;

/** A row that our API can express. */
export interface Driven {
  /**
   * Provokes the condition: it must throw or reject. What it makes before is
   * handed to `defer`, which removes it at the end, last first.
   */
  run(defer: Defer): unknown;
  /**
   * Runs in a child process: in one of its own, or in the one of all rows that
   * leave the process as it was.
   */
  child?: "own" | "common";
  /** What the API answers where it is not the row's code. */
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

/** What an error is to be compared by: its code, or its name without one. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error ? String(error.code) : error.name;
}

/** What came of a row. */
export interface Outcome {
  /** See {@linkcode codeOf}. */
  code: string;
  /** The name of the class of the error. */
  name: string;
  message: string;
}

/** Runs a driver and tells what came of it. */
export async function outcomeOf(driver: Driven): Promise<Outcome> {
  const error = await provoke(driver);
  const { name = "", message = "" } = error instanceof Error ? error : {};
  return { code: codeOf(error), name, message };
}

/** Runs a driver and gives the error that it ends in. */
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
