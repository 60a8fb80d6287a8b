/**
 * Reads blocked signals from a descriptor.
 *
 * @module
 */

import { checkInt, ERRNO, errnoOf, ipcError } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import { POLLIN } from "../../ffi/libc/poll.ts";
import {
  SI_ASYNCIO,
  SI_KERNEL,
  SI_MESGQ,
  SI_QUEUE,
  SI_TIMER,
  SI_TKILL,
  SI_USER,
  SIG_BLOCK,
  signal,
} from "../../ffi/libc/signal.ts";
import {
  SFD_CLOEXEC,
  SFD_NONBLOCK,
  signalfd_siginfo,
  sys_signalfd,
} from "../../ffi/libc/sys_signalfd.ts";
import { unistd } from "../../ffi/libc/unistd.ts";
import { maskOf, sigset } from "../../ffi/sigset.ts";
import { tryReadDirectory } from "../core/file/directory.ts";
import { tryReadTextFile } from "../core/file/read_file.ts";
import { Fd } from "../core/handle/fd.ts";
import { showing } from "../core/handle/inspect.ts";
import { INTERNAL, onlyInternal } from "../core/handle/internal.ts";
import {
  type SyncWaitOptions,
  timeoutOf,
  type WaitOptions,
} from "../core/wait/options.ts";
import { blockUntil } from "../core/wait/poll.ts";
import { fdSource } from "../core/wait/reactor.ts";
import { fdReadiness } from "../core/wait/readiness.ts";
import { untilClosed, type WaitSubject, waitUntil } from "../core/wait/wait.ts";
import {
  READINESS,
  type Readiness,
  type Waitable,
} from "../core/wait/wait_any.ts";
import {
  type Signal,
  type SignalName,
  signalName,
  signalNumbers,
  signals as table,
} from "./_signals.ts";

/** How a signal was sent, as `code` says; `"other"` for other codes. */
export type SignalOrigin =
  | "kill"
  | "tgkill"
  | "sigqueue"
  | "timer"
  | "mq_notify"
  | "aio"
  | "kernel"
  | "other";

/** A received signal and its sender. */
export interface SignalInfo {
  /** Its name. */
  signal: SignalName;
  /** Its number. */
  number: number;
  /**
   * `si_code`: how it was sent; the meaning of a positive code depends on the
   * signal.
   */
  code: number;
  /** `code` in words. */
  origin: SignalOrigin;
  /** The sender, or the child of a `SIGCHLD`; 0 for none. */
  pid: number;
  /** The real user of that process. */
  uid: number;
  /** `sival_int`: the value that `sigqueue` sent, as a signed 32-bit number. */
  value: number;
  /** `sival_ptr`: the value as 64 bits. */
  pointer: bigint;
  /** The exit code or signal of a `SIGCHLD`. */
  status: number;
}

const ORIGINS: ReadonlyMap<number, SignalOrigin> = new Map([
  [SI_USER, "kill"],
  [SI_TKILL, "tgkill"],
  [SI_QUEUE, "sigqueue"],
  [SI_TIMER, "timer"],
  [SI_MESGQ, "mq_notify"],
  [SI_ASYNCIO, "aio"],
  [SI_KERNEL, "kernel"],
]);

/**
 * Receives signals as messages, with sender and value. It is the only way to
 * receive real-time signals in Deno.
 *
 * Signals are queued only while every thread of the process blocks them, and
 * Deno has many threads before the program begins. So the program must be
 * started with the signals blocked: by `spawn()` with `signalMask`, or by a
 * shell or C program that blocks them before it starts Deno. None of these
 * signals can then kill the program; it has to ask this queue.
 *
 * Every real-time signal arrives, lower numbers first; of a standard signal at
 * most one is pending. Two queues of the same signal share its arrivals.
 *
 * A signal sent to one thread (`raise()`, `tgkill`) is received by
 * `tryReceive()` and `receiveSync()` in that thread only; it does not resolve a
 * `receive()`.
 *
 * @example In a program that spawn() started with the signal blocked
 * ```ts ignore
 * import { SignalQueue } from "@libc/ipc/signal";
 *
 * using queue = SignalQueue.open("SIGRTMIN+1");
 * const { pid, value } = await queue.receive();
 * console.log(`process ${pid} sent ${value}`);
 * ```
 */
export class SignalQueue
  implements Disposable, AsyncIterable<SignalInfo>, Waitable {
  readonly #fd: Fd;
  readonly #names: readonly SignalName[];
  readonly #subject: WaitSubject;
  readonly #buffer = new Uint8Array(signalfd_siginfo.size);
  readonly #view = signalfd_siginfo.view(this.#buffer);

  /** @ignore Use {@linkcode SignalQueue.open}. */
  constructor(token: unknown, fd: Fd, names: SignalName[]) {
    onlyInternal(token, "SignalQueue");
    this.#fd = fd;
    this.#names = names;
    this.#subject = {
      syscall: "read",
      action: "receive from",
      object: signalsLabel(names),
    };
  }

  /**
   * `signalfd`: queues one or more signals, which all threads of this process
   * must block.
   *
   * See [signalfd(2)](https://man7.org/linux/man-pages/man2/signalfd.2.html).
   *
   * @throws {TypeError} When a thread does not block them, and for `SIGKILL`
   * and `SIGSTOP`.
   * @throws {IpcError} `EMFILE` when the process has no descriptor left.
   */
  static open(signals: Signal | Iterable<Signal>): SignalQueue {
    const numbers = signalNumbers(signals);
    if (numbers.length === 0) {
      throw new TypeError("signals must name at least one signal, got none");
    }
    refuseUnblocked(numbers);
    const names = numbers.map(signalName);
    const label = signalsLabel(names);
    const fd = checkInt(
      sys_signalfd().signalfd(-1, sigset(numbers), SFD_CLOEXEC | SFD_NONBLOCK),
      errno[0],
      "signalfd",
      "open",
      label,
    );
    return new SignalQueue(INTERNAL, new Fd(INTERNAL, fd, label), names);
  }

  /** The signals that it queues. */
  get signals(): readonly SignalName[] {
    return this.#names;
  }

  /**
   * Its descriptor, which is readable while a signal is pending.
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
   * `read`: receives the next signal, waiting for one. A call that is aborted
   * or times out has taken none.
   *
   * See [signalfd(2)](https://man7.org/linux/man-pages/man2/signalfd.2.html).
   *
   * @throws {IpcError} `ETIMEDOUT`.
   * @throws {TypeError} When it is closed, even during the wait.
   */
  receive(options?: WaitOptions): Promise<SignalInfo> {
    return waitUntil(
      () => this.tryReceive(),
      options,
      this.#subject,
      fdSource(this.#fd, "read"),
    );
  }

  /** `read`: as {@linkcode receive}, blocking this thread. */
  receiveSync(options?: SyncWaitOptions): SignalInfo {
    const place = { fd: this.#fd, events: POLLIN };
    const timeout = timeoutOf(options);
    return blockUntil(() => this.tryReceive(), timeout, this.#subject, place);
  }

  /**
   * `read`: as {@linkcode receive}, without waiting; undefined when there is
   * none.
   */
  tryReceive(): SignalInfo | undefined {
    const fd = this.#fd.use("receive from");
    const count = unistd().read(fd, this.#buffer, this.#buffer.length);
    const error = errnoOf(count, errno[0]);
    if (error === 0) return this.#info();
    // Another thread or queue may have been faster.
    if (error === ERRNO.EAGAIN || error === ERRNO.EINTR) return undefined;
    throw ipcError(error, "read", "receive from", this.#subject.object);
  }

  /**
   * Receives signals one by one until it is closed. Leaving the loop loses and
   * closes nothing.
   */
  [Symbol.asyncIterator](): AsyncGenerator<SignalInfo, void, void> {
    return untilClosed(this, () => this.receive());
  }

  /**
   * `close`: closes the descriptor; the signals stay blocked. Pending calls
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

  #info(): SignalInfo {
    const view = this.#view;
    return {
      signal: signalName(view.ssi_signo),
      number: view.ssi_signo,
      code: view.ssi_code,
      origin: ORIGINS.get(view.ssi_code) ?? "other",
      pid: view.ssi_pid,
      uid: view.ssi_uid,
      value: view.ssi_int,
      pointer: view.ssi_ptr,
      status: view.ssi_status,
    };
  }
}

showing(SignalQueue, ({ signals }) => ({ signals }));

function signalsLabel(names: SignalName[]): string {
  return `signal queue of ${names.join(", ")}`;
}

function refuseUnblocked(numbers: number[]): void {
  const never = numbers.find((number) =>
    number === table.SIGKILL || number === table.SIGSTOP
  );
  if (never !== undefined) {
    throw new TypeError(
      `Cannot queue ${signalName(never)}: nobody can block it`,
    );
  }
  const masks = blockedMasks();
  for (const number of numbers) {
    const open = masks.filter((mask) => (mask & maskOf(number)) === 0n).length;
    if (open === 0) continue;
    throw new TypeError(
      `Cannot queue ${
        signalName(number)
      }: ${open} of ${masks.length} threads do not block it; start this program with it blocked, as spawn() does with signalMask`,
    );
  }
}

/**
 * The signal masks of all threads of this process; without `/proc`, of this
 * thread.
 */
function blockedMasks(): bigint[] {
  const masks: bigint[] = [];
  for (const thread of tryReadDirectory("/proc/self/task") ?? []) {
    // Undefined when the thread has just ended.
    const status = tryReadTextFile(`/proc/self/task/${thread}/status`);
    const [, mask] = /^SigBlk:\s*([0-9a-f]+)$/m.exec(status ?? "") ?? [];
    if (mask !== undefined) masks.push(BigInt(`0x${mask}`));
  }
  if (masks.length > 0) return masks;
  const own = sigset([]);
  // `how` is ignored when the new mask is null.
  signal().pthread_sigmask(SIG_BLOCK, null, own);
  return [own[0] as bigint];
}
