/**
 * The signals of Deno's listeners as a queue.
 *
 * @module
 */

import { showing } from "../core/handle/inspect.ts";
import { INTERNAL, onlyInternal } from "../core/handle/internal.ts";
import type { WaitOptions } from "../core/wait/options.ts";
import { Source } from "../core/wait/source.ts";
import { untilClosed, type WaitSubject, waitUntil } from "../core/wait/wait.ts";
import {
  READINESS,
  type Readiness,
  type Waitable,
} from "../core/wait/wait_any.ts";
import { disposition, isChanged } from "./_signal_action.ts";
import {
  type Signal,
  type SignalName,
  signalName,
  signalNumbers,
  signals,
} from "./_signals.ts";

/** The maximum delay of a JavaScript timer, in milliseconds. */
const MAX_DELAY = 0x7fff_ffff;

/** A source that Deno's callbacks wake. */
class CallbackSource extends Source {
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super(false);
  }

  // Listeners do not keep the process alive, but waiting for them does.
  protected override update(): void {
    if (this.referenced > 0) {
      this.#timer ??= setInterval(() => {}, MAX_DELAY);
    } else {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}

/**
 * A queue of signals, made by {@linkcode onSignal}.
 *
 * As in the kernel, a signal that arrives again before it was received counts
 * once.
 */
export class SignalListener
  implements Disposable, AsyncIterable<SignalName>, Waitable {
  readonly #names: readonly SignalName[];
  readonly #label: string;
  readonly #came = new Set<SignalName>();
  readonly #source = new CallbackSource();
  readonly #listeners = new Map<SignalName, () => void>();
  #closed = false;

  /** @ignore Use {@linkcode onSignal}. */
  constructor(token: unknown, names: SignalName[]) {
    onlyInternal(token, "SignalListener");
    this.#names = names;
    this.#label = `listener for ${names.join(", ")}`;
    try {
      for (const name of names) this.#listen(name);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The signals that it listens for. */
  get signals(): readonly SignalName[] {
    return this.#names;
  }

  /** Whether it is closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Waits for the next signal. There is no blocking form: Deno delivers signals
   * in its event loop.
   *
   * @throws {IpcError} `ETIMEDOUT`.
   * @throws {TypeError} When it is closed, even during the wait.
   */
  receive(options?: WaitOptions): Promise<SignalName> {
    return waitUntil(
      () => this.tryReceive(),
      options,
      this.#subject,
      this.#source,
    );
  }

  /** As {@linkcode receive}, without waiting; undefined when there is none. */
  tryReceive(): SignalName | undefined {
    this.#check();
    for (const name of this.#came) {
      this.#came.delete(name);
      return name;
    }
    return undefined;
  }

  /**
   * Receives signals one by one until it is closed. Leaving the loop closes
   * nothing.
   */
  [Symbol.asyncIterator](): AsyncGenerator<SignalName, void, void> {
    return untilClosed(this, () => this.receive());
  }

  /** Stops listening. Closing twice does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const [name, listener] of this.#listeners) {
      Deno.removeSignalListener(name as Deno.Signal, listener);
    }
    this.#source.poke();
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** @ignore */
  [READINESS](): Readiness {
    return {
      ready: () => {
        this.#check();
        return this.#came.size > 0;
      },
      source: this.#source,
      subject: this.#subject,
    };
  }

  get #subject(): WaitSubject {
    return {
      syscall: "Deno.addSignalListener",
      action: "receive from",
      object: this.#label,
    };
  }

  #check(): void {
    if (this.#closed) {
      throw new TypeError(`Cannot receive from a closed ${this.#label}`);
    }
  }

  #listen(name: SignalName): void {
    // Deno installs its handler with the first listener of a signal, which
    // would undo the change.
    if (isChanged(name)) throw changedError(name);
    const listener = () => {
      this.#came.add(name);
      this.#source.poke();
    };
    try {
      Deno.addSignalListener(name as Deno.Signal, listener);
    } catch (error) {
      throw new TypeError(
        `Cannot listen to ${name}: Deno cannot handle it`,
        { cause: error },
      );
    }
    this.#listeners.set(name, listener);
    // Deno installs its handler once, and does not notice when it is replaced.
    if (disposition(name) !== "handler") throw changedError(name);
  }
}

showing(SignalListener, ({ signals }) => ({ signals }));

function changedError(name: SignalName): TypeError {
  return new TypeError(
    `Cannot listen to ${name}: ignore() or restoreDefault() is in effect for it`,
  );
}

/**
 * `Deno.addSignalListener`: listens for signals, as a queue to wait on.
 *
 * When the last listener of a signal is closed, Deno restores the default
 * action of the signal, whatever the disposition was before. Listening does not
 * keep the process alive; waiting does.
 *
 * Deno does not support real-time signals; `SignalQueue` does.
 *
 * @param signal One signal or several.
 * @throws {TypeError} When there is no such signal or Deno cannot handle it
 * (`SIGKILL`, `SIGSTOP`, faults, real-time signals), for `SIGPIPE`, which would
 * kill the process after the last listener is closed, and while `ignore()` or
 * `restoreDefault()` is in effect for it.
 *
 * @example Wait for a signal
 * ```ts
 * import { kill, onSignal } from "@libc/ipc/signal";
 * import { assertEquals } from "@std/assert";
 *
 * using listener = onSignal("SIGUSR2");
 * kill(Deno.pid, "SIGUSR2");
 * assertEquals(await listener.receive({ timeout: 5000 }), "SIGUSR2");
 * ```
 */
export function onSignal(signal: Signal | Iterable<Signal>): SignalListener {
  const numbers = signalNumbers(signal);
  for (const number of numbers) {
    if (number > signals.SIGSYS) {
      throw new TypeError(
        `Cannot listen to ${
          signalName(number)
        }: Deno knows no real-time signals; use SignalQueue in a program that is started with it blocked`,
      );
    }
    if (number === signals.SIGPIPE) {
      throw new TypeError(
        "Cannot listen to SIGPIPE: it would end this process once nobody listens any more; writes fail with EPIPE instead",
      );
    }
  }
  return new SignalListener(INTERNAL, numbers.map(signalName));
}
