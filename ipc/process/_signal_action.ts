/**
 * Signal dispositions: `sigaction` without handlers, since JavaScript cannot
 * run in one.
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

/** The disposition of a signal. */
export type SignalDisposition = "default" | "ignore" | "handler";

/** Signals of faulting instructions, some of which V8 handles itself. */
const FAULTS: readonly number[] = [
  signals.SIGILL,
  signals.SIGTRAP,
  signals.SIGBUS,
  signals.SIGFPE,
  signals.SIGSEGV,
];

/**
 * Signals that Deno handles itself from half a second after its start: to exit
 * as by default, or to start its debugger.
 */
const DENO: readonly number[] = [
  signals.SIGHUP,
  signals.SIGINT,
  signals.SIGUSR1,
  signals.SIGTERM,
];

/**
 * `sigaction`: the disposition of a signal: its `"default"`, `"ignore"`, or a
 * `"handler"`, such as that of `Deno.addSignalListener`.
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
 * `sigaction(SIG_IGN)`: ignores a signal. Disposing of the result restores the
 * previous disposition.
 *
 * Until then, listeners of `Deno.addSignalListener` and `onSignal()` do not
 * receive it, and programs started by this process ignore it as well, unless
 * `signalDefault` of `spawn()` contains it.
 *
 * See [sigaction(2)](https://man7.org/linux/man-pages/man2/sigaction.2.html).
 *
 * @throws {IpcError} `EINVAL` for `SIGKILL`, `SIGSTOP` and the two signals of
 * the C library, which cannot be ignored.
 * @throws {TypeError} For `SIGCHLD`, without which exit statuses are lost, and
 * for signals of faulting instructions.
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
 * `sigaction(SIG_DFL)`: gives a signal its default action, which usually kills
 * the process. Disposing of the result restores the previous disposition.
 *
 * Until then, listeners of `Deno.addSignalListener` and `onSignal()` do not
 * receive it.
 *
 * See [sigaction(2)](https://man7.org/linux/man-pages/man2/sigaction.2.html).
 *
 * @throws {IpcError} `EINVAL` for `SIGKILL` and `SIGSTOP`, and for the two
 * signals of the C library.
 * @throws {TypeError} For `SIGPIPE`, which would kill the process at a write
 * without a reader, and for signals of faulting instructions.
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

/** The number of changes in effect for each signal. */
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

/**
 * Deno installs each of its handlers once. Installed later, it would undo our
 * change.
 */
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
