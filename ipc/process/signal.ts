/**
 * Signals: sending, receiving, and dispositions.
 *
 * ```ts
 * import { kill, onSignal } from "@libc/ipc/signal";
 *
 * using listener = onSignal(["SIGUSR2", "SIGHUP"]);
 * kill(Deno.pid, "SIGUSR2");
 * for await (const signal of listener) {
 *   console.log(signal); // SIGUSR2
 *   break;
 * }
 * ```
 *
 * {@linkcode onSignal} uses Deno's listeners and supports the standard signals.
 * {@linkcode SignalQueue} supports real-time signals too, with senders and
 * values, in a program that was started with them blocked.
 *
 * Avoid `SIGUSR1`: it makes a Deno process start its debugger, or kills it.
 *
 * @module
 */

import { check0, ERRNO, errnoOf, ipcError } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import { signal as libc } from "../../ffi/libc/signal.ts";
import { integer, shown } from "../core/convert/argument.ts";
import { type Signal, signalName, signalNumber, sigvalOf } from "./_signals.ts";

export {
  type Signal,
  type SignalName,
  signalName,
  signalNumber,
  signals,
} from "./_signals.ts";
export {
  disposition,
  ignore,
  restoreDefault,
  type SignalDisposition,
} from "./_signal_action.ts";
export { onSignal, SignalListener } from "./signal_listener.ts";
export {
  type SignalInfo,
  type SignalOrigin,
  SignalQueue,
} from "./signal_queue.ts";

const MAX_PID = 0x7fff_ffff;

/**
 * `kill`: sends a signal to a process. 0 sends none and only checks that the
 * process exists, even as a zombie, and may be signalled.
 *
 * By the time of the call a pid may belong to another process; a `Pidfd` never
 * does.
 *
 * See [kill(2)](https://man7.org/linux/man-pages/man2/kill.2.html).
 *
 * @param pid A process; for groups there is {@linkcode killProcessGroup}.
 * @throws {IpcError} `ESRCH` when there is no such process, `EPERM` when it may
 * not be signalled, `EINVAL` when the kernel does not know the signal.
 * @throws {TypeError} When there is no signal of that name.
 *
 * @example Ask whether a process exists
 * ```ts
 * import { kill } from "@libc/ipc/signal";
 * import { IpcError } from "@libc/ipc/errno";
 *
 * function exists(pid: number): boolean {
 *   try {
 *     kill(pid, 0);
 *     return true;
 *   } catch (error) {
 *     if (!(error instanceof IpcError)) throw error;
 *     return error.code === "EPERM";
 *   }
 * }
 * console.log(exists(Deno.pid)); // true
 * ```
 */
export function kill(pid: number, signal: Signal = "SIGTERM"): void {
  const number = numberOrNone(signal);
  check0(
    libc().kill(integer(pid, "pid", 1, MAX_PID), number),
    errno[0],
    "kill",
    `send ${nameOrNone(number)} to`,
    `process ${pid}`,
  );
}

/**
 * `killpg`: sends a signal to all processes of a group; 0 sends none and only
 * checks that there are any.
 *
 * See [killpg(3)](https://man7.org/linux/man-pages/man3/killpg.3.html).
 *
 * @param group A process group, or 0 for that of this process. 1 is refused: it
 * would reach every process.
 * @throws {IpcError} `ESRCH` when there is no such group, `EPERM` when none of
 * its processes may be signalled.
 * @throws {TypeError} When there is no signal of that name.
 */
export function killProcessGroup(
  group: number,
  signal: Signal = "SIGTERM",
): void {
  const number = numberOrNone(signal);
  integer(group, "group", 0, MAX_PID);
  if (group === 1) {
    throw new RangeError("group must not be 1, which means every process");
  }
  check0(
    libc().killpg(group, number),
    errno[0],
    "killpg",
    `send ${nameOrNone(number)} to`,
    group === 0 ? "the own process group" : `process group ${group}`,
  );
}

/** Options of {@linkcode sigqueue}. */
export interface SigqueueOptions {
  /**
   * The value to send: a signed 32-bit number (`sival_int`), or a 64-bit bigint
   * (`sival_ptr`).
   *
   * @default {0}
   */
  value?: number | bigint;
}

/**
 * `sigqueue`: sends a signal with a value to a process. Real-time signals are
 * queued: each one arrives, with its value.
 *
 * See [sigqueue(3)](https://man7.org/linux/man-pages/man3/sigqueue.3.html).
 *
 * @throws {IpcError} `EAGAIN` when `RLIMIT_SIGPENDING` signals are already
 * queued, `ESRCH` when there is no such process, `EPERM` when it may not be
 * signalled.
 * @throws {TypeError} When there is no signal of that name.
 */
export function sigqueue(
  pid: number,
  signal: Signal,
  options: SigqueueOptions = {},
): void {
  // A bare value would pass as options without a value.
  if (typeof options !== "object" || options === null) {
    throw new TypeError(
      `options must be an object with a value, got ${shown(options)}`,
    );
  }
  const number = numberOrNone(signal);
  const error = errnoOf(
    libc().sigqueue(
      integer(pid, "pid", 1, MAX_PID),
      number,
      sigvalOf(options.value ?? 0),
    ),
    errno[0],
  );
  if (error === 0) return;
  throw ipcError(
    error,
    "sigqueue",
    `send ${nameOrNone(number)} to`,
    `process ${pid}`,
    error === ERRNO.EAGAIN
      ? "as many signals wait already as RLIMIT_SIGPENDING allows"
      : undefined,
  );
}

/**
 * `raise`: sends a signal to the calling thread.
 *
 * See [raise(3)](https://man7.org/linux/man-pages/man3/raise.3.html).
 *
 * @throws {IpcError} `EINVAL` when the C library reserves the signal.
 * @throws {TypeError} When there is no signal of that name.
 */
export function raise(signal: Signal): void {
  const number = signalNumber(signal);
  check0(libc().raise(number), errno[0], "raise", "raise", signalName(number));
}

function numberOrNone(signal: Signal): number {
  return signal === 0 ? 0 : signalNumber(signal);
}

function nameOrNone(number: number): string {
  return number === 0 ? "signal 0" : signalName(number);
}
