/**
 * The descriptor of an end of a byte stream.
 *
 * @module
 */

import type { Fd } from "../handle/fd.ts";
import { inheritableFd, setNonBlocking } from "../handle/fd_flags.ts";
import { showing } from "../handle/inspect.ts";
import { type FdSource, fdSource } from "../wait/reactor.ts";
import { busyError } from "../wait/wait.ts";

/** The parts of a stream's end, for the constructors. */
export interface FdEndInit {
  /** Its name in messages: `pipe (descriptor 5)`. */
  label: string;
  /**
   * Whether its calls never block, because it is already `O_NONBLOCK` or by
   * other means such as `MSG_DONTWAIT`.
   *
   * @default {false} made `O_NONBLOCK` on first use
   */
  nonBlocking?: boolean;
  /**
   * The call that reads or writes, for messages.
   *
   * @default {string} `"read"` or `"write"`
   */
  syscall?: string;
  /**
   * The verb for this call, for messages.
   *
   * @default {string} `"read from"` or `"write to"`
   */
  action?: string;
}

/** The base of both ends of a byte stream. */
export abstract class FdEnd implements Disposable {
  /** @ignore */
  protected readonly handle: Fd;
  /** @ignore */
  readonly label: string;
  /** @ignore */
  readonly source: FdSource;
  /**
   * The number of bytes read or written.
   *
   * @ignore
   */
  moved = 0;
  /** @ignore */
  readonly syscall: string;
  /** @ignore */
  readonly action: string;
  #nonBlocking: boolean;

  /** @ignore */
  constructor(handle: Fd, init: FdEndInit, write: boolean) {
    this.handle = handle;
    this.label = init.label;
    this.source = fdSource(handle, write ? "write" : "read");
    this.syscall = init.syscall ?? (write ? "write" : "read");
    this.action = init.action ?? (write ? "write to" : "read from");
    this.#nonBlocking = init.nonBlocking ?? false;
  }

  /**
   * The descriptor, for a child or other FFI code. Closing it closes this end.
   *
   * The first read or write here makes it `O_NONBLOCK`, also for a child that
   * has inherited it. To use one end in both processes, give the child
   * {@linkcode inheritable}.
   *
   * @throws {TypeError} When it is closed.
   */
  get fd(): Fd {
    this.handle.use("take the descriptor of");
    return this.handle;
  }

  /** Whether it is closed. */
  get closed(): boolean {
    return this.handle.closed;
  }

  /**
   * `open("/proc/self/fd/…")`: opens a second descriptor of this end with its
   * own flags. It blocks, as other programs expect, and is close-on-exec. The
   * caller closes it.
   *
   * See [proc_pid_fd(5)](https://man7.org/linux/man-pages/man5/proc_pid_fd.5.html).
   *
   * @throws {IpcError} `EMFILE` when the process has no descriptor left,
   * `ENOENT` without `/proc`, `ENXIO` for the writing end of a FIFO without a
   * reader.
   */
  inheritable(): Fd {
    return inheritableFd(this.handle.use("duplicate"), this.label);
  }

  /**
   * `close`: closes this end. Pending calls are rejected with a `TypeError`.
   * Closing twice does nothing.
   *
   * See [close(2)](https://man7.org/linux/man-pages/man2/close.2.html).
   *
   * @throws {IpcError} `EIO` and others that do not occur for pipes and sockets
   * on Linux. The descriptor is closed all the same.
   */
  close(): void {
    this.handle.close();
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Returns the descriptor number, for a call that must not block.
   *
   * @ignore
   */
  use(): number {
    const fd = this.handle.use(this.action);
    if (!this.#nonBlocking) {
      setNonBlocking(fd, this.label);
      this.#nonBlocking = true;
    }
    return fd;
  }

  /**
   * Returns the descriptor number, for a call that blocks unless it is
   * `O_NONBLOCK`.
   *
   * @ignore
   */
  useNonBlocking(): number {
    return this.use();
  }

  /**
   * Throws when asynchronous calls are pending, which a call would overtake.
   *
   * @ignore
   */
  refuseWhileBusy(): void {
    if (!this.source.busy) return;
    const { syscall, action, label } = this;
    throw busyError({ syscall, action, object: label });
  }
}

showing(FdEnd, ({ fd }) => ({ fd: fd.number }));
