/**
 * A process that this one has started.
 *
 * @module
 */

import {
  check0,
  ERRNO,
  errnoOf,
  IpcError,
  ipcError,
  timeoutError,
} from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import { POLLIN } from "../../ffi/libc/poll.ts";
import { siginfo_t, signal as libc } from "../../ffi/libc/signal.ts";
import {
  CLD_DUMPED,
  CLD_EXITED,
  P_PID,
  P_PIDFD,
  sys_wait,
  WEXITED,
  WNOHANG,
} from "../../ffi/libc/sys_wait.ts";
import type { Fd } from "../core/handle/fd.ts";
import { showing } from "../core/handle/inspect.ts";
import { onlyInternal } from "../core/handle/internal.ts";
import type { FdReader, FdWriter } from "../core/stream/byte_stream.ts";
import { Deadline } from "../core/wait/deadline.ts";
import {
  type SyncWaitOptions,
  timeoutOf,
  type WaitOptions,
} from "../core/wait/options.ts";
import { pollUntil } from "../core/wait/poll.ts";
import { fdSource } from "../core/wait/reactor.ts";
import { type Source, SweepSource } from "../core/wait/source.ts";
import { pause } from "../core/wait/timer_interrupt.ts";
import { promised, type WaitSubject, waitUntil } from "../core/wait/wait.ts";
import {
  READINESS,
  type Readiness,
  type Waitable,
} from "../core/wait/wait_any.ts";
import { openPidfd, sendByPidfd } from "./_pidfd.ts";
import {
  type Signal,
  type SignalName,
  signalName,
  signalNumber,
} from "./_signals.ts";

/** Longest pause between two looks where there is no pidfd, in ms. */
const MAX_PAUSE = 5;

/** How a child process ended. */
export interface ChildStatus {
  /** Whether it exited with 0. */
  success: boolean;
  /** Its exit code; 128 and the signal's number when a signal ended it. */
  code: number;
  /** The signal that ended it, if one did. */
  signal: SignalName | null;
  /** Whether the signal left a core dump. */
  core: boolean;
}

/**
 * How a child process came about.
 *
 * @ignore
 */
export interface ChildProcessInit {
  /** Its id. */
  pid: number;
  /** How messages name it. */
  label: string;
  /** The signal that the end of its scope sends. */
  killSignal: number;
  /** Our ends of its standard pipes. */
  stdin?: FdWriter;
  /** See `stdin`. */
  stdout?: FdReader;
  /** See `stdin`. */
  stderr?: FdReader;
}

/**
 * A process that `spawn()` has started.
 *
 * When it ends it is waited for in any case, in the background and without
 * keeping this process alive: it never stays a zombie while this process turns
 * its event loop. Only those who wait keep the process alive, unless they say
 * `unref`.
 *
 * The end of a `using` scope closes its pipes and lets it run on. The end of an
 * `await using` scope also sends it `SIGTERM` (or the `killSignal` of
 * `spawn()`), and waits for its end.
 */
export class ChildProcess implements Disposable, AsyncDisposable, Waitable {
  readonly #pid: number;
  readonly #label: string;
  readonly #killSignal: number;
  readonly #stdin: FdWriter | undefined;
  readonly #stdout: FdReader | undefined;
  readonly #stderr: FdReader | undefined;
  readonly #pidfd: Fd | undefined;
  readonly #source: Source;
  readonly #info = new Uint8Array(siginfo_t.size);
  #status: ChildStatus | undefined;
  #lost: IpcError | undefined;
  #closed = false;
  #promise: Promise<ChildStatus> | undefined;

  /** @ignore Use `spawn()`. */
  constructor(token: unknown, init: ChildProcessInit) {
    onlyInternal(token, "ChildProcess");
    this.#pid = init.pid;
    this.#label = init.label;
    this.#killSignal = init.killSignal;
    this.#stdin = init.stdin;
    this.#stdout = init.stdout;
    this.#stderr = init.stderr;
    this.#pidfd = tryOpenPidfd(init.pid);
    this.#source = this.#pidfd === undefined
      ? new SweepSource()
      : fdSource(this.#pidfd, "read");
    this.#waitInBackground();
  }

  /** Its process id. It stays its own until its end was waited for. */
  get pid(): number {
    return this.#pid;
  }

  /**
   * A descriptor of it, which becomes readable when it ends and is closed soon
   * after; undefined where there are no pidfds or no descriptor was left. It is
   * waited for even if somebody else closes that.
   */
  get pidfd(): Fd | undefined {
    return this.#pidfd?.closed ? undefined : this.#pidfd;
  }

  /** The writing end of its standard input, if that is a `"pipe"`. */
  get stdin(): FdWriter | undefined {
    return this.#stdin;
  }

  /** The reading end of its standard output, if that is a `"pipe"`. */
  get stdout(): FdReader | undefined {
    return this.#stdout;
  }

  /** The reading end of its standard error, if that is a `"pipe"`. */
  get stderr(): FdReader | undefined {
    return this.#stderr;
  }

  /** Whether its end was waited for; until then there is something to signal. */
  get ended(): boolean {
    return this.#status !== undefined || this.#lost !== undefined;
  }

  /** Whether this handle is closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * How it ended, once it has: the promise of {@linkcode wait} without options.
   * Asking for it keeps this process alive until then.
   */
  get status(): Promise<ChildStatus> {
    return this.#promise ??= this.wait();
  }

  /**
   * `waitid`: waits until it ends. Any number of callers get the same answer.
   *
   * See [waitid(2)](https://man7.org/linux/man-pages/man2/waitid.2.html).
   *
   * @throws {IpcError} `ETIMEDOUT`; `ECHILD` when something else in this process
   * has waited for it, or `SIGCHLD` was ignored when it ended.
   * @throws {TypeError} When this handle is closed, before or meanwhile.
   */
  wait(options?: WaitOptions): Promise<ChildStatus> {
    return promised(() => {
      // Behind the wait in the background it would not be looked at yet.
      this.#check("wait for");
      return this.#until(() => {
        this.#check("wait for");
        return this.#reap();
      }, options);
    });
  }

  /**
   * `waitid`: as {@linkcode wait}, blocking this thread.
   *
   * See [waitid(2)](https://man7.org/linux/man-pages/man2/waitid.2.html).
   *
   * @throws {IpcError} As `wait`.
   */
  waitSync(options?: SyncWaitOptions): ChildStatus {
    const timeout = timeoutOf(options);
    const deadline = timeout === undefined ? undefined : new Deadline(timeout);
    for (let delay = 0.05;; delay = Math.min(delay * 1.5, MAX_PAUSE)) {
      const status = this.tryWait();
      if (status !== undefined) return status;
      if (timeout !== undefined && deadline?.expired) {
        throw timeoutError("waitid", "wait for", this.#label, timeout);
      }
      const { pidfd } = this;
      if (pidfd !== undefined) {
        pollUntil(pidfd.number, POLLIN, deadline);
      } else {
        pause(Math.min(delay, deadline?.remaining ?? delay));
      }
    }
  }

  /**
   * `waitid(WNOHANG)`: how it ended if it has, else undefined.
   *
   * See [waitid(2)](https://man7.org/linux/man-pages/man2/waitid.2.html).
   *
   * @throws {IpcError} As `wait`, but for `ETIMEDOUT`.
   */
  tryWait(): ChildStatus | undefined {
    this.#check("wait for");
    try {
      return this.#reap();
    } finally {
      if (this.ended) this.#pidfd?.close();
    }
  }

  /**
   * `pidfd_send_signal`: sends it a signal, which no other process can get
   * instead; 0 sends none and only asks.
   *
   * See [pidfd_send_signal(2)](https://man7.org/linux/man-pages/man2/pidfd_send_signal.2.html).
   *
   * @throws {IpcError} `ESRCH` when its end was waited for, `EPERM` when it now
   * belongs to another user.
   * @throws {TypeError} When this handle is closed.
   */
  kill(signal: Signal = "SIGTERM"): void {
    this.#check("signal");
    const number = signal === 0 ? 0 : signalNumber(signal);
    const name = number === 0 ? "signal 0" : signalName(number);
    if (this.ended) {
      throw ipcError(
        ERRNO.ESRCH,
        "pidfd_send_signal",
        `send ${name} to`,
        this.#label,
        "it has ended",
      );
    }
    if (this.#killByPidfd(number)) return;
    // Nobody else waits for it, so that the pid is still its own.
    const result = libc().kill(this.#pid, number);
    check0(result, errno[0], "kill", `send ${name} to`, this.#label);
  }

  /** False where there are no pidfds, or no signals can be sent by them. */
  #killByPidfd(number: number): boolean {
    if (this.pidfd === undefined) return false;
    try {
      sendByPidfd(this.pidfd.number, { number, pid: this.#pid });
      return true;
    } catch (error) {
      if (error instanceof IpcError && error.code === "ENOSYS") return false;
      throw error;
    }
  }

  /**
   * `close`: gives up this handle and our ends of its pipes. The process runs on
   * and is waited for in the background; closing twice does nothing.
   *
   * See [close(2)](https://man7.org/linux/man-pages/man2/close.2.html).
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#closePipes();
    // The wait in the background goes on, before them all.
    this.#source.pokeAll();
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Closes its pipes, sends it `SIGTERM` or the `killSignal` of `spawn()` unless
   * it has ended, waits for its end, and closes this handle. One that is closed
   * already is left alone.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closePipes();
    try {
      await this.#terminate();
    } finally {
      this.close();
    }
  }

  /** @ignore */
  [READINESS](): Readiness {
    const { pidfd } = this;
    return {
      ready: () => {
        if (this.tryWait() !== undefined) return true;
        // Closed meanwhile, it will not say when to look again.
        pidfd?.use("wait for");
        return false;
      },
      source: this.#pidfd?.closed ? new SweepSource() : this.#source,
      subject: this.#subject,
    };
  }

  async #terminate(): Promise<void> {
    try {
      if (this.tryWait() !== undefined) return;
    } catch (error) {
      if (this.ended) return;
      throw error;
    }
    this.kill(this.#killSignal);
    await this.wait();
  }

  #closePipes(): void {
    this.#stdin?.close();
    this.#stdout?.close();
    this.#stderr?.close();
  }

  #check(action: string): void {
    if (this.#closed) {
      throw new TypeError(`Cannot ${action} a closed ${this.#label}`);
    }
  }

  get #subject(): WaitSubject {
    return { syscall: "waitid", action: "wait for", object: this.#label };
  }

  #waitInBackground(): void {
    // Who waits is told of errors.
    this.#until(() => this.#reap(), { unref: true }).catch(() => {});
  }

  async #until(
    attempt: () => ChildStatus | undefined,
    options: WaitOptions | undefined,
  ): Promise<ChildStatus> {
    const timeout = timeoutOf(options);
    const deadline = timeout === undefined ? undefined : new Deadline(timeout);
    const subject = this.#subject;
    let blind = false;
    const watched = () => {
      const status = attempt();
      blind = status === undefined && this.#pidfd?.closed === true;
      if (blind) this.#pidfd?.use("wait for");
      return status;
    };
    try {
      return await waitUntil(watched, options, subject, this.#source);
    } catch (error) {
      // Where the reactor fails, for want of a descriptor, or somebody else has
      // closed the pidfd, look now and then.
      const ours = error instanceof IpcError &&
        error !== options?.signal?.reason && error.syscall !== subject.syscall;
      if (!ours && !blind) throw error;
      const left = { ...options, timeout: deadline?.remaining };
      try {
        return await waitUntil(attempt, left, subject, new SweepSource());
      } catch (error) {
        const late = error instanceof IpcError && error.code === "ETIMEDOUT";
        throw late && timeout !== undefined
          ? timeoutError("waitid", "wait for", this.#label, timeout)
          : error;
      }
    }
  }

  #reap(): ChildStatus | undefined {
    if (this.#status !== undefined) return this.#status;
    if (this.#lost !== undefined) throw this.#lost;
    const { pidfd } = this;
    const result = sys_wait().waitid(
      pidfd === undefined ? P_PID : P_PIDFD,
      pidfd === undefined ? this.#pid : pidfd.number,
      this.#info,
      WEXITED | WNOHANG,
    );
    const error = errnoOf(result, errno[0]);
    if (error === ERRNO.EINTR) return undefined;
    const info = siginfo_t.view(this.#info);
    if (error === 0 && info.si_pid === 0) return undefined;
    // Not now, when its waiters are asked one after the other, but before any
    // of them goes on.
    queueMicrotask(() => this.#pidfd?.close());
    if (error !== 0) throw this.#lost = this.#lostError(error);
    const status = Number(info.si_value & 0xffn);
    return this.#status = statusOf(info.si_code, status);
  }

  #lostError(error: number): IpcError {
    const hint = error === ERRNO.ECHILD
      ? "something else has waited for it, or SIGCHLD was ignored when it ended"
      : undefined;
    return ipcError(error, "waitid", "wait for", this.#label, hint);
  }
}

showing(ChildProcess, ({ pid, ended }) => ({ pid, ended }));

function statusOf(how: number, status: number): ChildStatus {
  if (how === CLD_EXITED) {
    return { success: status === 0, code: status, signal: null, core: false };
  }
  return {
    success: false,
    code: 128 + status,
    signal: signalName(status),
    core: how === CLD_DUMPED,
  };
}

/** No pidfd is no reason to lose a process that runs already. */
function tryOpenPidfd(pid: number): Fd | undefined {
  try {
    return openPidfd(pid);
  } catch (error) {
    if (error instanceof IpcError) return undefined;
    throw error;
  }
}
