/**
 * The signals that end a command.
 *
 * @module
 */

import { Interrupted } from "./errors.ts";

/** An abort signal that follows the process's signals. */
export interface EndSignals extends Disposable {
  /** Aborted with {@linkcode Interrupted} at the first of the signals. */
  readonly signal: AbortSignal;
}

/**
 * Listens to SIGINT and SIGTERM, and to SIGHUP while a terminal is there to
 * hang up: `nohup`, which disconnects all three streams, keeps its meaning.
 */
export function endSignals(): EndSignals {
  const controller = new AbortController();
  const signals: Deno.Signal[] = ["SIGINT", "SIGTERM"];
  if (
    [Deno.stdin, Deno.stdout, Deno.stderr].some((stream) => stream.isTerminal())
  ) signals.push("SIGHUP");
  const listeners = signals.map((name) => {
    const listener = () => controller.abort(new Interrupted(name));
    Deno.addSignalListener(name, listener);
    return () => Deno.removeSignalListener(name, listener);
  });
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => listeners.forEach((remove) => remove()),
  };
}
