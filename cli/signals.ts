/**
 * The signals that end a command.
 *
 * @module
 */

/** Why a command ended early: somebody told it to. */
export class Interrupted extends Error {
  /** Always `"Interrupted"`. */
  override readonly name = "Interrupted";
}

/** An abort signal that follows the process's signals. */
export interface EndSignals extends Disposable {
  /** Aborted with {@linkcode Interrupted} at the first of the signals. */
  readonly signal: AbortSignal;
  /** Acts as if one of the signals had come. */
  end(reason: string): void;
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
    end: (reason) => controller.abort(new Interrupted(reason)),
    [Symbol.dispose]: () => listeners.forEach((remove) => remove()),
  };
}
