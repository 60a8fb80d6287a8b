/**
 * The signals that end a command.
 *
 * @module
 */

import { Interrupted } from "./errors.ts";
import { stopTogether } from "./foreground.ts";

/** An abort signal that follows the process's signals. */
export interface EndSignals extends Disposable {
  /** Aborted with {@linkcode Interrupted} at the first of the signals. */
  readonly signal: AbortSignal;
}

/**
 * Listens to SIGINT and SIGTERM, and to SIGHUP while a terminal is there to
 * hang up: `nohup`, which disconnects all three streams, keeps its meaning.
 * Ctrl-Z at a terminal stops the whole job.
 */
export function endSignals(): EndSignals {
  const controller = new AbortController();
  const terminal = [Deno.stdin, Deno.stdout, Deno.stderr]
    .some((stream) => stream.isTerminal());
  const signals: Deno.Signal[] = ["SIGINT", "SIGTERM"];
  if (terminal) signals.push("SIGHUP");
  const stop = terminal ? stopTogether() : undefined;
  const listeners = signals.map((name) => {
    const listener = () => controller.abort(new Interrupted(name));
    Deno.addSignalListener(name, listener);
    return () => Deno.removeSignalListener(name, listener);
  });
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      stop?.[Symbol.dispose]();
      listeners.forEach((remove) => remove());
    },
  };
}
