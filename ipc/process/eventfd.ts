/**
 * Counters to wait on: {@linkcode EventFd}.
 *
 * ```ts
 * import { EventFd } from "@libc/ipc/eventfd";
 *
 * using event = EventFd.create();
 * setTimeout(() => event.post(3), 10);
 * console.log(await event.receive()); // 3
 * ```
 *
 * @module
 */

import { checkInt, ERRNO, errnoOf, ipcError } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import { POLLIN, POLLOUT } from "../../ffi/libc/poll.ts";
import {
  EFD_CLOEXEC,
  EFD_NONBLOCK,
  EFD_SEMAPHORE,
  sys_eventfd,
} from "../../ffi/libc/sys_eventfd.ts";
import { unistd } from "../../ffi/libc/unistd.ts";
import { integer, shown } from "../core/convert/argument.ts";
import { adoptKind, type AdoptOptions } from "../core/handle/adopt_fd.ts";
import { Fd } from "../core/handle/fd.ts";
import { setNonBlocking } from "../core/handle/fd_flags.ts";
import { showing } from "../core/handle/inspect.ts";
import { INTERNAL, onlyInternal } from "../core/handle/internal.ts";
import { fdinfo } from "../core/process/proc.ts";
import {
  type SyncWaitOptions,
  timeoutOf,
  type WaitOptions,
} from "../core/wait/options.ts";
import { blockUntil } from "../core/wait/poll.ts";
import { fdSource } from "../core/wait/reactor.ts";
import { fdReadiness } from "../core/wait/readiness.ts";
import {
  promised,
  untilClosed,
  type WaitSubject,
  waitUntil,
} from "../core/wait/wait.ts";
import {
  READINESS,
  type Readiness,
  type Waitable,
} from "../core/wait/wait_any.ts";

export type { AdoptOptions } from "../core/handle/adopt_fd.ts";
export type { SyncWaitOptions, WaitOptions } from "../core/wait/options.ts";

/** Options of {@linkcode EventFd.create}. */
export interface EventFdOptions {
  /**
   * The initial value, up to 4294967295.
   *
   * @default {0}
   */
  value?: number;
  /**
   * Each receive takes 1 from the counter instead of all (`EFD_SEMAPHORE`).
   *
   * @default {false}
   */
  semaphore?: boolean;
}

/** The maximum value of the counter. */
const MAX_VALUE = 0xffff_ffff_ffff_fffen;
const MAX_START = 0xffff_ffff;

/**
 * A kernel counter behind a descriptor: posting adds to it, receiving takes all
 * of it (or 1, for a semaphore) and waits while it is 0.
 *
 * It reaches another process as an inherited descriptor (`spawn()`) or over a
 * unix socket (`sendFds()`). It is non-blocking for every holder: a program in
 * another language should `poll` before it reads. A holder that makes it
 * blocking makes it so for all: a `try` form here may then block this thread.
 *
 * @example Count and take
 * ```ts
 * import { EventFd } from "@libc/ipc/eventfd";
 * import { assertEquals } from "@std/assert";
 *
 * using event = EventFd.create();
 * event.post();
 * event.post(4);
 * assertEquals(event.tryReceive(), 5);
 * assertEquals(event.tryReceive(), undefined);
 * ```
 */
export class EventFd implements Disposable, AsyncIterable<number>, Waitable {
  readonly #fd: Fd;
  readonly #counter = new BigUint64Array(1);

  /** @ignore Use {@linkcode EventFd.create}. */
  constructor(token: unknown, fd: Fd) {
    onlyInternal(token, "EventFd");
    this.#fd = fd;
  }

  /**
   * `eventfd`: creates a counter.
   *
   * See [eventfd(2)](https://man7.org/linux/man-pages/man2/eventfd.2.html).
   *
   * @throws {IpcError} `EMFILE` or `ENFILE` when no descriptor is left,
   * `ENOMEM`.
   */
  static create(options: EventFdOptions = {}): EventFd {
    const { value = 0, semaphore = false } = options;
    const fd = checkInt(
      sys_eventfd().eventfd(
        integer(value, "value", 0, MAX_START),
        EFD_CLOEXEC | EFD_NONBLOCK | (semaphore ? EFD_SEMAPHORE : 0),
      ),
      errno[0],
      "eventfd",
      "create",
      "an eventfd",
    );
    return new EventFd(INTERNAL, new Fd(INTERNAL, fd, "eventfd"));
  }

  /**
   * `fcntl(F_DUPFD_CLOEXEC)`: wraps the counter behind a descriptor that was
   * inherited, or received over a socket.
   *
   * The descriptor is duplicated and stays the caller's, unless `takeOver` is
   * set. It becomes non-blocking for every holder.
   *
   * See [fcntl(2)](https://man7.org/linux/man-pages/man2/fcntl.2.html).
   *
   * @throws {IpcError} `EBADF` when there is no such descriptor, `EINVAL` when
   * it is not an eventfd, `EMFILE`.
   */
  static fromFd(fd: Fd | number, options: AdoptOptions = {}): EventFd {
    const kind = { name: "eventfd", field: "eventfd-count" };
    return adoptKind(fd, kind, options, (copy) => {
      setNonBlocking(copy.number, "eventfd");
      return new EventFd(INTERNAL, copy);
    });
  }

  /**
   * The descriptor, which is readable while the counter is not 0.
   *
   * @throws {TypeError} When it is closed.
   */
  get fd(): Fd {
    this.#fd.use("take the descriptor of");
    return this.#fd;
  }

  /** Whether this handle is closed. */
  get closed(): boolean {
    return this.#fd.closed;
  }

  /**
   * `/proc/self/fdinfo`: reads the counter without taking it; inexact above
   * 2^53. Undefined without `/proc`.
   *
   * See [proc_pid_fdinfo(5)](https://man7.org/linux/man-pages/man5/proc_pid_fdinfo.5.html).
   *
   * @throws {TypeError} When it is closed.
   */
  get value(): number | undefined {
    const text = fdinfo(this.#fd.use("look at"), "eventfd-count");
    return text === undefined ? undefined : Number(`0x${text}`);
  }

  /**
   * `write`: adds to the counter without waiting.
   *
   * See [eventfd(2)](https://man7.org/linux/man-pages/man2/eventfd.2.html).
   *
   * @param count The increment, at least 1; above 2^53-1 as a bigint.
   * @throws {IpcError} `EAGAIN` when the counter would exceed 2^64-2;
   * {@linkcode tryAdd} returns false instead, {@linkcode add} waits.
   * @throws {TypeError} When it is closed.
   */
  post(count: number | bigint = 1): void {
    if (this.tryAdd(count)) return;
    throw ipcError(
      ERRNO.EAGAIN,
      "write",
      "post to",
      "an eventfd",
      "its counter would exceed 2^64-2",
    );
  }

  /**
   * `write`: as {@linkcode add}, without waiting; false when the counter would
   * exceed its maximum.
   */
  tryAdd(count: number | bigint = 1): boolean {
    return this.#post(countOf(count)) ?? false;
  }

  /**
   * `write`: adds to the counter, waiting while it would exceed 2^64-2.
   *
   * See [eventfd(2)](https://man7.org/linux/man-pages/man2/eventfd.2.html).
   *
   * @throws {IpcError} `ETIMEDOUT`.
   * @throws {TypeError} When it is closed, even during the wait.
   */
  add(count: number | bigint = 1, options?: WaitOptions): Promise<void> {
    return promised(() => {
      const checked = countOf(count);
      return waitUntil(
        () => this.#post(checked),
        options,
        ADD,
        fdSource(this.#fd, "write"),
      );
    });
  }

  /** `write`: as {@linkcode add}, blocking this thread. */
  addSync(count: number | bigint = 1, options?: SyncWaitOptions): void {
    const checked = countOf(count);
    const place = { fd: this.#fd, events: POLLOUT };
    blockUntil(() => this.#post(checked), timeoutOf(options), ADD, place);
  }

  /**
   * `read`: takes the counter, or 1 from a semaphore, waiting while it is 0;
   * inexact above 2^53. A call that is aborted or times out has taken nothing.
   *
   * See [eventfd(2)](https://man7.org/linux/man-pages/man2/eventfd.2.html).
   *
   * @throws {IpcError} `ETIMEDOUT`.
   * @throws {TypeError} When it is closed, even during the wait.
   */
  receive(options?: WaitOptions): Promise<number> {
    return waitUntil(
      () => this.tryReceive(),
      options,
      RECEIVE,
      fdSource(this.#fd, "read"),
    );
  }

  /** `read`: as {@linkcode receive}, blocking this thread. */
  receiveSync(options?: SyncWaitOptions): number {
    const place = { fd: this.#fd, events: POLLIN };
    const timeout = timeoutOf(options);
    return blockUntil(() => this.tryReceive(), timeout, RECEIVE, place);
  }

  /**
   * `read`: as {@linkcode receive}, without waiting; undefined when it is 0.
   */
  tryReceive(): number | undefined {
    const fd = this.#fd.use("receive from");
    for (;;) {
      const error = errnoOf(unistd().read(fd, this.#counter, 8), errno[0]);
      if (error === 0) return Number(this.#counter[0]);
      if (error === ERRNO.EAGAIN) return undefined;
      if (error !== ERRNO.EINTR) {
        throw ipcError(error, "read", "receive from", "an eventfd");
      }
    }
  }

  /** Receives until it is closed. Leaving the loop loses and closes nothing. */
  [Symbol.asyncIterator](): AsyncGenerator<number, void, void> {
    return untilClosed(this, () => this.receive());
  }

  /**
   * `close`: closes the descriptor; the counter exists while another process
   * has it open. Pending calls reject; closing twice does nothing.
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
    return fdReadiness(this.#fd, RECEIVE);
  }

  #post(count: bigint): true | undefined {
    const fd = this.#fd.use("post to");
    for (;;) {
      this.#counter[0] = count;
      const error = errnoOf(unistd().write(fd, this.#counter, 8), errno[0]);
      if (error === 0) return true;
      if (error === ERRNO.EAGAIN) return undefined;
      if (error !== ERRNO.EINTR) {
        throw ipcError(error, "write", "post to", "an eventfd");
      }
    }
  }
}

showing(EventFd, ({ fd, value }) => ({ fd: fd.number, value }));

const ADD: WaitSubject = {
  syscall: "write",
  action: "add to",
  object: "an eventfd",
};
const RECEIVE: WaitSubject = {
  syscall: "read",
  action: "receive from",
  object: "an eventfd",
};

function countOf(count: number | bigint): bigint {
  if (typeof count === "bigint") {
    if (count >= 1n && count <= MAX_VALUE) return count;
    throw new RangeError(
      `count must be from 1 to 2^64-2, got ${shown(count)}`,
    );
  }
  return BigInt(integer(count, "count", 1, Number.MAX_SAFE_INTEGER));
}
