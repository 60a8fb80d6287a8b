/**
 * What a process does about a signal: `sigaction` without handlers, since
 * JavaScript cannot run in one.
 *
 * @module
 */

import { ERRNO, errnoOf, ipcError } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  SIG_DFL,
  SIG_IGN,
  sigaction,
  signal as libc,
} from "../../ffi/libc/signal.ts";
import { type Signal, signalName, signalNumber, signals } from "./_signals.ts";

/** What the process does about a signal. */
export type SignalDisposition = "default" | "ignore" | "handler";

/** Signals of a faulty instruction, some of which V8 needs to go on. */
const FAULTS: readonly number[] = [
  signals.SIGILL,
  signals.SIGTRAP,
  signals.SIGBUS,
  signals.SIGFPE,
  signals.SIGSEGV,
];

/**
 * Signals that Deno handles by itself, from half a second after its start on:
 * to end as by default, or to be debugged.
 */
const DENO: readonly number[] = [
  signals.SIGHUP,
  signals.SIGINT,
  signals.SIGUSR1,
  signals.SIGTERM,
];

/**
 * `sigaction`: what this process does about a signal: its `"default"`,
 * `"ignore"`, or call a `"handler"`, such as that of `Deno.addSignalListener`.
 *
 * Deno ignores `SIGPIPE` from the start. Half a second later it has handlers for
 * `SIGHUP`, `SIGINT` and `SIGTERM`, which do the same as the default, and for
 * `SIGUSR1`.
 *
 * See [sigaction(2)](https://man7.org/linux/man-pages/man2/sigaction.2.html).
 *
 * @throws {IpcError} `EINVAL` for the two signals of the C library.
 */
export function disposition(signal: Signal): SignalDisposition {
  const number = signalNumber(signal);
  const current = new Uint8Array(sigaction.size);
  act(number, null, current, "ask about");
  const { sa_handler } = sigaction.view(current);
  return sa_handler === SIG_DFL
    ? "default"
    : sa_handler === SIG_IGN
    ? "ignore"
    : "handler";
}

/**
 * `sigaction(SIG_IGN)`: ignores a signal from now on. Disposing of the result
 * brings back what was done before.
 *
 * Listeners of `Deno.addSignalListener` and `onSignal()` hear nothing of it
 * meanwhile. Programs that are started meanwhile ignore it as well, unless
 * `spawn()` has it in its `signalDefault`.
 *
 * See [sigaction(2)](https://man7.org/linux/man-pages/man2/sigaction.2.html).
 *
 * @throws {IpcError} `EINVAL` for `SIGKILL` and `SIGSTOP`, which nobody can
 * ignore, and for the two signals of the C library.
 * @throws {TypeError} For `SIGCHLD`, without which no child could be waited
 * for, and for signals of faulty instructions.
 *
 * @example Finish something in spite of Ctrl-C
 * ```ts
 * import { disposition, ignore } from "@libc/ipc/signal";
 * import { assertEquals } from "@std/assert";
 *
 * const before = disposition("SIGINT");
 * {
 *   using _ignored = ignore("SIGINT");
 *   assertEquals(disposition("SIGINT"), "ignore");
 * }
 * assertEquals(disposition("SIGINT"), before);
 * ```
 */
export function ignore(signal: Signal): Disposable {
  const number = signalNumber(signal);
  if (number === signals.SIGCHLD) {
    throw new TypeError(
      "Cannot ignore SIGCHLD: the kernel would forget how child processes ended",
    );
  }
  refuseFault(number, "ignore");
  letDenoBeFirst(number);
  return change(number, SIG_IGN, "ignore");
}

/**
 * `sigaction(SIG_DFL)`: gives a signal its default action, which mostly ends
 * the process. Disposing of the result brings back what was done before.
 *
 * Listeners of `Deno.addSignalListener` and `onSignal()` hear nothing of it
 * meanwhile.
 *
 * See [sigaction(2)](https://man7.org/linux/man-pages/man2/sigaction.2.html).
 *
 * @throws {IpcError} `EINVAL` for `SIGKILL` and `SIGSTOP`, and for the two
 * signals of the C library.
 * @throws {TypeError} For `SIGPIPE`, which would end the process at a write
 * that nobody can read, and for signals of faulty instructions.
 */
export function restoreDefault(signal: Signal): Disposable {
  const number = signalNumber(signal);
  if (number === signals.SIGPIPE) {
    throw new TypeError(
      "Cannot restore the default of SIGPIPE: a write that nobody can read would end this process",
    );
  }
  refuseFault(number, "restore the default of");
  letDenoBeFirst(number);
  return change(number, SIG_DFL, "restore the default of");
}

/** How many changes of each signal are in effect. */
const changes = new Map<number, number>();

/**
 * Whether `ignore()` or `restoreDefault()` is in effect for a signal.
 *
 * @ignore
 */
export function isChanged(signal: Signal): boolean {
  return (changes.get(signalNumber(signal)) ?? 0) > 0;
}

function refuseFault(number: number, action: string): void {
  if (FAULTS.includes(number)) {
    throw new TypeError(
      `Cannot ${action} ${
        signalName(number)
      }: this process could not go on after the fault that it reports`,
    );
  }
}

/** Deno installs each of its handlers once. Later, it would undo our change. */
function letDenoBeFirst(number: number): void {
  if (!DENO.includes(number)) return;
  const nothing = () => {};
  const name = signalName(number) as Deno.Signal;
  Deno.addSignalListener(name, nothing);
  Deno.removeSignalListener(name, nothing);
}

function change(number: number, handler: bigint, action: string): Disposable {
  const wanted = new Uint8Array(sigaction.size);
  sigaction.write(wanted, { sa_handler: handler });
  const before = new Uint8Array(sigaction.size);
  act(number, wanted, before, action);
  changes.set(number, (changes.get(number) ?? 0) + 1);
  let undone = false;
  return {
    [Symbol.dispose](): void {
      if (undone) return;
      undone = true;
      changes.set(number, (changes.get(number) ?? 0) - 1);
      act(number, before, null, "restore the action of");
    },
  };
}

function act(
  number: number,
  wanted: Uint8Array<ArrayBuffer> | null,
  before: Uint8Array<ArrayBuffer> | null,
  action: string,
): void {
  const error = errnoOf(libc().sigaction(number, wanted, before), errno[0]);
  if (error === 0) return;
  const hint = error !== ERRNO.EINVAL
    ? undefined
    : number === signals.SIGKILL || number === signals.SIGSTOP
    ? "nobody can change what it does"
    : "the C library keeps it to itself";
  throw ipcError(error, "sigaction", action, signalName(number), hint);
}
