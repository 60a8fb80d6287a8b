/**
 * The signals that end a command.
 *
 * @module
 */

import { disposition } from "@libc/ipc/signal";
import { Interrupted } from "./errors.ts";
import { runInBackground, stopTogether } from "./foreground.ts";

/** An abort signal for the process's signals. */
export interface EndSignals extends Disposable {
  /** Aborted with {@linkcode Interrupted} at the first of the signals. */
  readonly signal: AbortSignal;
}

/**
 * Listens for SIGINT, SIGTERM and SIGHUP. A SIGHUP that `nohup` has ignored
 * stays ignored. Ctrl-Z at a terminal stops the whole job, and a job in the
 * background keeps running.
 */
export function endSignals(): EndSignals {
  const controller = new AbortController();
  // Deno handles SIGHUP from the first listener of any signal on, so SIGHUP
  // always needs a listener.
  const hangsUp = disposition("SIGHUP") !== "ignore";
  const listeners = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((name) => {
    const listener = () => {
      if (name === "SIGHUP" && !hangsUp) return;
      controller.abort(new Interrupted(name));
    };
    Deno.addSignalListener(name, listener);
    return () => Deno.removeSignalListener(name, listener);
  });
  const terminal = [Deno.stdin, Deno.stdout, Deno.stderr]
    .some((stream) => stream.isTerminal());
  const job = terminal ? [stopTogether(), runInBackground()] : [];
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      job.forEach((part) => part[Symbol.dispose]());
      listeners.forEach((remove) => remove());
    },
  };
}
