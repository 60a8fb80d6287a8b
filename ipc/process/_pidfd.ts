/**
 * The pidfd calls that child processes and `Pidfd` share.
 *
 * @module
 */

import { ERRNO, errnoOf, ipcError } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import { POLLIN } from "../../ffi/libc/poll.ts";
import { SI_QUEUE, siginfo_t } from "../../ffi/libc/signal.ts";
import { sys_pidfd } from "../../ffi/libc/sys_pidfd.ts";
import {
  SYS_pidfd_open,
  SYS_pidfd_send_signal,
} from "../../ffi/libc/sys_syscall.ts";
import { unistd } from "../../ffi/libc/unistd.ts";
import { Fd } from "../core/handle/fd.ts";
import { INTERNAL } from "../core/handle/internal.ts";
import { pollNow } from "../core/wait/poll.ts";
import { signalName } from "./_signals.ts";

/** Explains the error of old kernels and some sandboxes. */
export function missingHint(
  error: number,
  call: string,
  since: string,
): string | undefined {
  return error === ERRNO.ENOSYS
    ? `${call} needs Linux ${since}, and a sandbox may forbid it`
    : undefined;
}

/** `pidfd_open`: opens a descriptor of a process. */
export function openPidfd(pid: number): Fd {
  const fd = sys_pidfd().pidfd_open(SYS_pidfd_open, pid, 0);
  const error = errnoOf(fd, errno[0]);
  if (error === 0) return new Fd(INTERNAL, fd, pidfdLabel(pid));
  // The id belongs to a thread that is not the leader of its process.
  const thread = error === ERRNO.EINVAL || error === ERRNO.ENOENT;
  throw ipcError(
    error,
    "pidfd_open",
    "open",
    `process ${pid}`,
    thread
      ? "it is a thread and no process"
      : missingHint(error, "pidfd_open", "5.3"),
  );
}

/** The name of a pidfd in messages. */
export function pidfdLabel(pid: number): string {
  return `pidfd of process ${pid}`;
}

/** A signal to send by {@linkcode sendByPidfd}. */
export interface PidfdSignal {
  /** Its number, or 0. */
  readonly number: number;
  /** The 64-bit value to send. */
  readonly value?: bigint | undefined;
  /** The process, for messages. */
  readonly pid: number;
}

/** `pidfd_send_signal`: sends a signal to the process of a descriptor. */
export function sendByPidfd(fd: number, signal: PidfdSignal): void {
  const { number, value, pid } = signal;
  const error = errnoOf(
    sys_pidfd().pidfd_send_signal(
      SYS_pidfd_send_signal,
      fd,
      number,
      value === undefined ? null : infoOf(number, value),
      0,
    ),
    errno[0],
  );
  if (error === 0) return;
  throw ipcError(
    error,
    "pidfd_send_signal",
    `send ${number === 0 ? "signal 0" : signalName(number)} to`,
    `process ${pid}`,
    missingHint(error, "pidfd_send_signal", "5.1"),
  );
}

/** Whether the process of a descriptor has ended. */
export function pidfdEnded(fd: number): boolean {
  return pollNow(fd, POLLIN) !== 0;
}

function infoOf(number: number, value: bigint): Uint8Array<ArrayBuffer> {
  const info = new Uint8Array(siginfo_t.size);
  siginfo_t.write(info, {
    si_signo: number,
    si_code: SI_QUEUE,
    si_pid: Deno.pid,
    si_uid: unistd().getuid(),
    si_value: BigInt.asUintN(64, value),
  });
  return info;
}
