/**
 * Checks of arguments, made before any call.
 *
 * @module
 */

/** Options of something that waits on the thread that calls it. */
export interface SyncWaitOptions {
  /**
   * Milliseconds to wait at the most; 0 looks once.
   *
   * @default {undefined} as long as it takes
   */
  timeout?: number | undefined;
}

/** Options of something that waits without blocking the event loop. */
export interface WaitOptions extends SyncWaitOptions {
  /** Ends the wait: its promise is rejected with the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * Lets the process end while only such waits are left, as
   * `Deno.unrefTimer` does.
   *
   * @default {false}
   */
  unref?: boolean | undefined;
}

/** Checks an integer of a range, ends included, and gives it back. */
export function integer(
  value: number,
  what: string,
  min: number,
  max: number,
): number {
  if (typeof value !== "number") {
    throw new TypeError(`${what} must be a number, got ${shown(value)}`);
  }
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(
      `${what} must be an integer from ${min} to ${max}, got ${shown(value)}`,
    );
  }
  return value;
}

/** Checks a size in bytes: 0 to 2^53-1 unless told otherwise. */
export function size(
  value: number,
  what: string,
  min = 0,
  max: number = Number.MAX_SAFE_INTEGER,
): number {
  return integer(value, what, min, max);
}

/** Checks permission bits: 0 to 0o7777. */
export function mode(value: number, what = "mode"): number {
  if (typeof value !== "number") {
    throw new TypeError(`${what} must be a number, got ${shown(value)}`);
  }
  if (!Number.isInteger(value) || value < 0 || value > 0o7777) {
    throw new RangeError(
      `${what} must be from 0 to 0o7777, got ${
        Number.isInteger(value) && value >= 0 ? `0o${value.toString(8)}` : value
      }`,
    );
  }
  return value;
}

/** Checks the options of a wait and gives its milliseconds, if it has any. */
export function timeoutOf(
  options: WaitOptions | undefined,
): number | undefined {
  if (options === undefined) return undefined;
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`options must be an object, got ${shown(options)}`);
  }
  const { timeout, signal } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`signal must be an AbortSignal, got ${shown(signal)}`);
  }
  if (timeout === undefined) return undefined;
  if (typeof timeout !== "number") {
    throw new TypeError(`timeout must be a number, got ${shown(timeout)}`);
  }
  if (Number.isNaN(timeout) || timeout < 0) {
    throw new RangeError(
      `timeout must be milliseconds from 0 on, got ${timeout}`,
    );
  }
  return timeout === Infinity ? undefined : timeout;
}

/** How a value stands in a message. */
export function shown(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "bigint":
      return `${value}n`;
    case "object":
      return value === null ? "null" : "an object";
    case "function":
      return "a function";
    default:
      return String(value);
  }
}
