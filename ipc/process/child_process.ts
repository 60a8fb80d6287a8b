/**
 * The child processes that `spawn()` starts.
 *
 * @module
 */

import {
  check0,
  ERRNO,
  errnoOf,
  IpcError,
  ipcError,
  isInterruption,
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
import { PollingSource, type Source } from "../core/wait/source.ts";
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

/** Longest polling interval without a pidfd, in ms. */
const MAX_PAUSE = 5;

/** How a child process ended. */
export interface ChildStatus {
  /** Whether it exited with 0. */
  success: boolean;
  /** The exit code; 128 plus the signal's number when a signal killed it. */
  code: number;
  /** The signal that killed it, if any. */
  signal: SignalName | null;
  /** Whether the signal left a core dump. */
  core: boolean;
}

/**
 * The parts of a new child process.
 *
 * @ignore
 */
export interface ChildProcessInit {
  /** Its id. */
  pid: number;
  /** Its name in messages. */
  label: string;
  /** The signal that the end of an `await using` scope sends. */
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
 * It is always reaped, by a background wait that does not keep this process
 * alive, so it never stays a zombie while the event loop runs. Only waiting
 * callers keep this process alive, unless they set `unref`.
 *
 * The end of a `using` scope closes its pipes and lets it run. The end of an
 * `await using` scope also sends `SIGTERM` (or the `killSignal` of `spawn()`)
 * and waits for it to exit.
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
      ? new PollingSource()
      : fdSource(this.#pidfd, "read");
    this.#waitInBackground();
  }

  /** Its process id. The kernel does not reuse it until the child is reaped. */
  get pid(): number {
    return this.#pid;
  }

  /**
   * Its pidfd, which becomes readable when it exits and is closed soon after;
   * undefined where there are no pidfds or no descriptor was left. The child is
   * reaped even if other code closes the pidfd.
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

  /** Whether it was reaped; until then it can be signalled. */
  get ended(): boolean {
    return this.#status !== undefined || this.#lost !== undefined;
  }

  /** Whether this handle is closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * The promise of {@linkcode wait} without options. Reading it keeps this
   * process alive until the child exits.
   */
  get status(): Promise<ChildStatus> {
    return this.#promise ??= this.wait();
  }

  /**
   * `waitid`: waits until it exits. Any number of callers get the same status.
   *
   * See [waitid(2)](https://man7.org/linux/man-pages/man2/waitid.2.html).
   *
   * @throws {IpcError} `ETIMEDOUT`; `ECHILD` when other code in this process
   * has reaped it, or `SIGCHLD` was ignored when it exited.
   * @throws {TypeError} When this handle is closed, even during the wait.
   */
  wait(options?: WaitOptions): Promise<ChildStatus> {
    return promised(() => {
      // Check now: queued behind the background wait, it would run too late.
      this.#check("wait for");
      return this.#until(() => {
        this.#check("wait for");
        return this.#reap();
      }, options);
    });
  }

  /** `waitid`: as {@linkcode wait}, blocking this thread. */
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
   * `waitid(WNOHANG)`: as {@linkcode wait}, without waiting; undefined while it
   * runs.
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
   * `pidfd_send_signal`: sends it a signal, which cannot reach another process
   * by mistake; 0 sends none and only checks for errors.
   *
   * See [pidfd_send_signal(2)](https://man7.org/linux/man-pages/man2/pidfd_send_signal.2.html).
   *
   * @throws {IpcError} `ESRCH` when it was reaped, `EPERM` when it now belongs
   * to another user.
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
    // It is not reaped yet, so the pid is still its own.
    const result = libc().kill(this.#pid, number);
    check0(result, errno[0], "kill", `send ${name} to`, this.#label);
  }

  /** False without a pidfd, or where pidfds cannot send signals. */
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
   * `close`: closes this handle and our ends of its pipes. The process keeps
   * running and is reaped in the background; closing twice does nothing.
   *
   * See [close(2)](https://man7.org/linux/man-pages/man2/close.2.html).
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#closePipes();
    // The background wait is the first waiter and continues.
    this.#source.pokeAll();
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Closes its pipes, sends `SIGTERM` or the `killSignal` of `spawn()` unless
   * it has exited, waits for it to exit, and closes this handle. Does nothing
   * on a closed handle.
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
        // A pidfd that other code has closed reports no event.
        pidfd?.use("wait for");
        return false;
      },
      source: this.#pidfd?.closed ? new PollingSource() : this.#source,
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
    // Other waiters report errors.
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
      // Poll when the reactor fails for lack of a descriptor, or other code has
      // closed the pidfd.
      const ours = error instanceof IpcError &&
        error !== options?.signal?.reason && error.syscall !== subject.syscall;
      if (!ours && !blind) throw error;
      const left = { ...options, timeout: deadline?.remaining };
      try {
        return await waitUntil(attempt, left, subject, new PollingSource());
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
    if (isInterruption(error)) return undefined;
    const info = siginfo_t.view(this.#info);
    if (error === 0 && info.si_pid === 0) return undefined;
    // Not now, while its waiters try one after the other, but before any of
    // them continues.
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

/** Ignores errors: without a pidfd the running process can still be polled. */
function tryOpenPidfd(pid: number): Fd | undefined {
  try {
    return openPidfd(pid);
  } catch (error) {
    if (error instanceof IpcError) return undefined;
    throw error;
  }
}
