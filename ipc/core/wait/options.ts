/**
 * Options of whatever waits.
 *
 * @module
 */

import { shown } from "../convert/argument.ts";

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
