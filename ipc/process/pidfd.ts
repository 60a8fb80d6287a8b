/**
 * Descriptors of processes: {@linkcode Pidfd}.
 *
 * ```ts
 * import { Pidfd } from "@libc/ipc/pidfd";
 * import { spawn } from "@libc/ipc/spawn";
 *
 * const child = spawn("sleep", { args: ["1000"] });
 * using process = Pidfd.of(child);
 * process.send("SIGTERM");
 * await process.wait();
 * ```
 *
 * @module
 */

import { ERRNO, errnoOf, ipcError, timeoutError } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import { POLLIN } from "../../ffi/libc/poll.ts";
import { sys_pidfd } from "../../ffi/libc/sys_pidfd.ts";
import { SYS_pidfd_getfd } from "../../ffi/libc/sys_syscall.ts";
import { integer } from "../core/convert/argument.ts";
import { adoptKind, type AdoptOptions } from "../core/handle/adopt_fd.ts";
import { Fd } from "../core/handle/fd.ts";
import { showing } from "../core/handle/inspect.ts";
import { INTERNAL, onlyInternal } from "../core/handle/internal.ts";
import { Deadline } from "../core/wait/deadline.ts";
import {
  type SyncWaitOptions,
  timeoutOf,
  type WaitOptions,
} from "../core/wait/options.ts";
import { pollUntil } from "../core/wait/poll.ts";
import { fdSource } from "../core/wait/reactor.ts";
import { fdReadiness } from "../core/wait/readiness.ts";
import { promised, type WaitSubject, waitUntil } from "../core/wait/wait.ts";
import {
  READINESS,
  type Readiness,
  type Waitable,
} from "../core/wait/wait_any.ts";
import { missingHint, openPidfd, pidfdEnded, sendByPidfd } from "./_pidfd.ts";
import { type Signal, signalNumber, sigvalOf } from "./_signals.ts";

export type { AdoptOptions } from "../core/handle/adopt_fd.ts";
export type { SyncWaitOptions, WaitOptions } from "../core/wait/options.ts";

/** A child process, as `spawn()` makes it. */
export interface PidfdChild {
  /** Its process id. */
  readonly pid: number;
  /** Its pidfd, while it runs. */
  readonly pidfd: Fd | undefined;
  /** Whether it was reaped. */
  readonly ended: boolean;
}

/** Options of {@linkcode Pidfd.send}. */
export interface PidfdSendOptions {
  /**
   * A value to send, as `sigqueue` does: a signed 32-bit number, or a 64-bit
   * bigint.
   *
   * @default {undefined} none: the signal looks like one of `kill`
   */
  value?: number | bigint | undefined;
}

/**
 * A descriptor of any process. It reports when the process exits, and unlike a
 * pid never refers to another one.
 *
 * It needs Linux 5.3. It does not tell the exit status, which only the parent
 * gets.
 *
 * @example Wait for the end of a process that is not a child
 * ```ts
 * import { Pidfd } from "@libc/ipc/pidfd";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * using self = Pidfd.open(Deno.pid);
 * assertEquals(self.exited, false);
 * await assertRejects(() => self.wait({ timeout: 10 })); // ETIMEDOUT
 * ```
 */
export class Pidfd implements Disposable, Waitable {
  readonly #fd: Fd;
  readonly #pid: number;
  readonly #label: string;

  /** @ignore Use {@linkcode Pidfd.open}. */
  constructor(token: unknown, fd: Fd, pid: number) {
    onlyInternal(token, "Pidfd");
    this.#fd = fd;
    this.#pid = pid;
    this.#label = pid === 0 ? "a process" : `process ${pid}`;
  }

  /**
   * `pidfd_open`: opens a descriptor of the process that has this pid now.
   *
   * See [pidfd_open(2)](https://man7.org/linux/man-pages/man2/pidfd_open.2.html).
   *
   * @throws {IpcError} `ESRCH` when there is no such process, `EINVAL` when it is
   * a thread, `EMFILE`, `ENOSYS` before Linux 5.3 or in a sandbox without it.
   */
  static open(pid: number): Pidfd {
    integer(pid, "pid", 1, 0x7fff_ffff);
    return new Pidfd(INTERNAL, openPidfd(pid), pid);
  }

  /**
   * `fcntl(F_DUPFD_CLOEXEC)`: duplicates the pidfd of a child of `spawn()`, so
   * that its pid cannot be reused in between.
   *
   * See [fcntl(2)](https://man7.org/linux/man-pages/man2/fcntl.2.html).
   *
   * @throws {IpcError} `ESRCH` when it was reaped, `EMFILE`, `ENOSYS`.
   */
  static of(child: PidfdChild): Pidfd {
    const { pid, pidfd, ended } = child;
    if (pidfd !== undefined) {
      return new Pidfd(INTERNAL, pidfd.duplicate(), pid);
    }
    if (!ended) return Pidfd.open(pid);
    throw ipcError(
      ERRNO.ESRCH,
      "pidfd_open",
      "open",
      `process ${pid}`,
      "it has ended",
    );
  }

  /**
   * `fcntl(F_DUPFD_CLOEXEC)`: wraps a pidfd that was inherited, or received
   * over a socket.
   *
   * The descriptor is duplicated and stays the caller's, unless `takeOver` is
   * set.
   *
   * See [fcntl(2)](https://man7.org/linux/man-pages/man2/fcntl.2.html).
   *
   * @throws {IpcError} `EBADF` when there is no such descriptor, `EINVAL` when
   * it is not a pidfd, `EMFILE`.
   */
  static fromFd(fd: Fd | number, options: AdoptOptions = {}): Pidfd {
    const kind = { name: "pidfd", field: "Pid" };
    return adoptKind(fd, kind, options, (copy, pid) =>
      // -1 when the process was reaped.
      new Pidfd(INTERNAL, copy, Math.max(0, Number(pid))));
  }

  /**
   * The pid that the process has or had; 0 if `fromFd()` could not tell,
   * because the process was reaped or is outside our PID namespace.
   */
  get pid(): number {
    return this.#pid;
  }

  /**
   * The descriptor, which becomes readable when the process exits.
   *
   * @throws {TypeError} When it is closed.
   */
  get fd(): Fd {
    this.#fd.use("take the descriptor of");
    return this.#fd;
  }

  /** Whether it is closed. */
  get closed(): boolean {
    return this.#fd.closed;
  }

  /**
   * `poll`: whether the process has exited; it may still be a zombie.
   *
   * See [pidfd_open(2)](https://man7.org/linux/man-pages/man2/pidfd_open.2.html).
   *
   * @throws {TypeError} When this is closed.
   */
  get exited(): boolean {
    return pidfdEnded(this.#fd.use("ask"));
  }

  /**
   * `pidfd_send_signal`: sends a signal to the process, and to no other; 0
   * sends none and only checks that it may be signalled.
   *
   * See [pidfd_send_signal(2)](https://man7.org/linux/man-pages/man2/pidfd_send_signal.2.html).
   *
   * @throws {IpcError} `ESRCH` when it was reaped, `EPERM` when it may not be
   * signalled, `EAGAIN` when `RLIMIT_SIGPENDING` allows no further value,
   * `ENOSYS`.
   */
  send(signal: Signal = "SIGTERM", options: PidfdSendOptions = {}): void {
    const { value } = options;
    sendByPidfd(this.#fd.use("send to"), {
      number: signal === 0 ? 0 : signalNumber(signal),
      value: value === undefined ? undefined : sigvalOf(value),
      pid: this.#pid,
    });
  }

  /**
   * `epoll_wait`: waits until the process exits.
   *
   * See [pidfd_open(2)](https://man7.org/linux/man-pages/man2/pidfd_open.2.html).
   *
   * @throws {IpcError} `ETIMEDOUT`.
   * @throws {TypeError} When this is closed, even during the wait.
   */
  wait(options?: WaitOptions): Promise<void> {
    return promised(() =>
      waitUntil(
        () => pidfdEnded(this.#fd.use("wait for")) || undefined,
        options,
        this.#subject,
        fdSource(this.#fd, "read"),
      )
    );
  }

  /** `poll`: as {@linkcode wait}, blocking this thread. */
  waitSync(options?: SyncWaitOptions): void {
    const timeout = timeoutOf(options);
    const fd = this.#fd.use("wait for");
    const deadline = timeout === undefined ? undefined : new Deadline(timeout);
    if (pollUntil(fd, POLLIN, deadline) === 0 && timeout !== undefined) {
      throw timeoutError("poll", "wait for", this.#label, timeout);
    }
  }

  /**
   * `pidfd_getfd`: duplicates a descriptor of the process.
   *
   * The caller needs permission to trace that process: the same user and, where
   * the Yama module restricts tracing, one of its ancestors.
   *
   * See [pidfd_getfd(2)](https://man7.org/linux/man-pages/man2/pidfd_getfd.2.html).
   *
   * @param fd Its number in that process.
   * @throws {IpcError} `EBADF` when the process has no such descriptor, `EPERM`
   * without permission, `ESRCH` when it has exited, `EMFILE`, `ENOSYS` before
   * Linux 5.6.
   */
  getFd(fd: number): Fd {
    const number = integer(fd, "fd", 0, 0x7fff_ffff);
    const result = sys_pidfd().pidfd_getfd(
      SYS_pidfd_getfd,
      this.#fd.use("get a descriptor from"),
      number,
      0,
    );
    const error = errnoOf(result, errno[0]);
    const object = `descriptor ${number} of ${this.#label}`;
    if (error === 0) return new Fd(INTERNAL, result, object);
    throw ipcError(
      error,
      "pidfd_getfd",
      "get",
      object,
      error === ERRNO.EPERM
        ? "it takes the permission to trace that process (ptrace, Yama)"
        : missingHint(error, "pidfd_getfd", "5.6"),
    );
  }

  /**
   * `close`: closes the descriptor; the process keeps running. Pending calls
   * reject; closing twice does nothing.
   *
   * See [close(2)](https://man7.org/linux/man-pages/man2/close.2.html).
   */
  close(): void {
    this.#fd.close();
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** @ignore */
  [READINESS](): Readiness {
    return fdReadiness(this.#fd, this.#subject);
  }

  get #subject(): WaitSubject {
    return {
      syscall: "epoll_wait",
      action: "wait for",
      object: this.#label,
    };
  }
}

showing(Pidfd, ({ pid, exited }) => ({ pid, exited }));
