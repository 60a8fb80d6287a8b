/**
 * What the ends of streams of bytes share: their descriptor.
 *
 * @module
 */

import type { Fd } from "../handle/fd.ts";
import { inheritableFd, setNonBlocking } from "../handle/fd_flags.ts";
import { showing } from "../handle/inspect.ts";
import { type FdSource, fdSource } from "../wait/reactor.ts";
import { busyError } from "../wait/wait.ts";

/** How the ends of a stream are made, for the constructors. */
export interface FdEndInit {
  /** How messages name it: `pipe (descriptor 5)`. */
  label: string;
  /**
   * Whether it is `O_NONBLOCK` already, or its calls never block by other
   * means, such as `MSG_DONTWAIT`.
   *
   * @default {false} made so by its first use
   */
  nonBlocking?: boolean;
  /**
   * The call that moves its bytes, for messages.
   *
   * @default {string} `"read"` or `"write"`
   */
  syscall?: string;
  /**
   * What that does to it, for messages.
   *
   * @default {string} `"read from"` or `"write to"`
   */
  action?: string;
}

/** What both ends of a stream of bytes have. */
export abstract class FdEnd implements Disposable {
  /** @ignore */
  protected readonly handle: Fd;
  /** @ignore */
  readonly label: string;
  /** @ignore */
  readonly source: FdSource;
  /**
   * Bytes that have passed this end.
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
   * Its descriptor, for a child or other FFI code. Closing it closes this end.
   *
   * It is made `O_NONBLOCK` when it is first read or written here, and so is
   * the open file that a child has inherited with it. To use one end in both
   * processes, give the child {@linkcode inheritable}.
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
   * `open("/proc/self/fd/…")`: a second descriptor of this end with flags of
   * its own: it blocks, as the programs that a child may run expect. It is
   * close-on-exec, and the caller's to close.
   *
   * See [proc_pid_fd(5)](https://man7.org/linux/man-pages/man5/proc_pid_fd.5.html).
   *
   * @throws {IpcError} `EMFILE` when the process has no descriptor left,
   * `ENOENT` without `/proc`, `ENXIO` for the writing end of a FIFO that nobody
   * reads.
   */
  inheritable(): Fd {
    return inheritableFd(this.handle.use("duplicate"), this.label);
  }

  /**
   * `close`: gives this end up. What waits for it is rejected with a
   * `TypeError`; closing twice does nothing.
   *
   * See [close(2)](https://man7.org/linux/man-pages/man2/close.2.html).
   *
   * @throws {IpcError} `EIO` and others that Linux does not give for pipes and
   * sockets; the descriptor is closed all the same.
   */
  close(): void {
    this.handle.close();
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * The descriptor's number, for a call that must not block.
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
   * The descriptor's number, for a call that blocks unless it is `O_NONBLOCK`.
   *
   * @ignore
   */
  useNonBlocking(): number {
    return this.use();
  }

  /**
   * Refuses what would overtake those who wait.
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
