/**
 * Options of all waits.
 *
 * @module
 */

import { shown } from "../convert/argument.ts";

/** Options of a call that blocks its thread. */
export interface SyncWaitOptions {
  /**
   * Longest wait in milliseconds; 0 tries once.
   *
   * @default {undefined} no limit
   */
  timeout?: number | undefined;
}

/** Options of a call that waits without blocking the event loop. */
export interface WaitOptions extends SyncWaitOptions {
  /** Aborts the wait: the promise is rejected with the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * Does not keep the process alive, as with `Deno.unrefTimer`.
   *
   * @default {false}
   */
  unref?: boolean | undefined;
}

/** Checks the options of a wait and returns its timeout, if it has one. */
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
