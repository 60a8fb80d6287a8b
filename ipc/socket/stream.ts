/**
 * The two directions of a stream socket, as byte streams.
 *
 * @module
 */

import {
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  sys_socket,
} from "../../ffi/libc/sys_socket.ts";
import type { Fd } from "../core/handle/fd.ts";
import { setNonBlocking } from "../core/handle/fd_flags.ts";
import { onlyInternal } from "../core/handle/internal.ts";
import { FdReader, FdWriter } from "../core/stream/byte_stream.ts";
import { READINESS, type Readiness } from "../core/wait/wait_any.ts";
import { bufferFor } from "./_io.ts";

/**
 * The reading direction of a stream socket.
 *
 * @example Read into a buffer of your own
 * ```ts
 * import { Socket } from "@libc/ipc/socket";
 * import { assertEquals } from "@std/assert";
 *
 * const [a, b] = Socket.pair();
 * using _a = a;
 * using _b = b;
 * a.sendSync("hello");
 * const buffer = new Uint8Array(100);
 * assertEquals(await b.reader.read(buffer), 5);
 * ```
 */
export class SocketReader extends FdReader {
  readonly #whenClosed: () => void;
  #closed = false;

  /** @ignore Use {@linkcode Socket.reader}. */
  constructor(
    token: unknown,
    handle: Fd,
    init: { label: string; whenClosed: () => void },
  ) {
    onlyInternal(token, "SocketReader");
    super(token, handle, {
      label: init.label,
      nonBlocking: true,
      syscall: "recv",
      action: "receive from",
    });
    this.#whenClosed = init.whenClosed;
  }

  /** Whether this direction, or the socket, is closed. */
  override get closed(): boolean {
    return this.#closed || super.closed;
  }

  /**
   * `fcntl(F_DUPFD_CLOEXEC)`: duplicates the descriptor, which is blocking, as
   * most programs expect of an inherited one. The duplicate is the caller's to
   * close.
   *
   * See [fcntl(2)](https://man7.org/linux/man-pages/man2/fcntl.2.html).
   *
   * @throws {IpcError} `EMFILE` when the process has no descriptor left.
   */
  override inheritable(): Fd {
    return this.handle.duplicate();
  }

  /**
   * `shutdown(SHUT_RD)`: ends this direction. Pending calls reject with a
   * `TypeError`; the peer of a Unix socket fails to send. When both directions
   * are closed, so is the socket.
   *
   * See [shutdown(2)](https://man7.org/linux/man-pages/man2/shutdown.2.html).
   */
  override close(): void {
    if (this.closed) return;
    this.#closed = true;
    this.#whenClosed();
    this.source.poke();
  }

  /** @ignore */
  override use(): number {
    if (this.#closed) throw closedError("receive from", "reading", this.label);
    return super.use();
  }

  /** @ignore */
  override [READINESS](): Readiness {
    const readiness = super[READINESS]();
    const ready = () => {
      // The socket may still be open, and would always be ready.
      this.use();
      return readiness.ready();
    };
    return { ...readiness, ready };
  }

  /**
   * Reads the next bytes, at most `size`; null at the end.
   *
   * @ignore
   */
  take(size: number): Uint8Array<ArrayBuffer> | null | undefined {
    const buffer = bufferFor(size);
    const count = this.attempt(
      buffer.length === size ? buffer : buffer.subarray(0, size),
    );
    return typeof count === "number" ? buffer.slice(0, count) : count;
  }

  /** @ignore */
  protected override receive(
    fd: number,
    buffer: Uint8Array,
    length: number,
  ): number {
    const bytes = buffer as Uint8Array<ArrayBuffer>;
    const { recv } = sys_socket();
    return recv(fd, bytes, length, MSG_DONTWAIT);
  }
}

/**
 * The writing direction of a stream socket.
 *
 * @example Send as much as possible at once
 * ```ts
 * import { Socket } from "@libc/ipc/socket";
 *
 * const [a, b] = Socket.pair();
 * using _a = a;
 * using _b = b;
 * const count = a.writer.tryWrite(new Uint8Array(10_000_000));
 * console.log(`${count} bytes were sent at once`);
 * ```
 */
export class SocketWriter extends FdWriter {
  readonly #whenClosed: () => void;
  #closed = false;

  /** @ignore Use {@linkcode Socket.writer}. */
  constructor(
    token: unknown,
    handle: Fd,
    init: { label: string; whenClosed: () => void },
  ) {
    onlyInternal(token, "SocketWriter");
    super(token, handle, {
      label: init.label,
      nonBlocking: true,
      syscall: "send",
      action: "send to",
    });
    this.#whenClosed = init.whenClosed;
  }

  /** Whether this direction, or the socket, is closed. */
  override get closed(): boolean {
    return this.#closed || super.closed;
  }

  /**
   * `fcntl(F_DUPFD_CLOEXEC)`: duplicates the descriptor, which is blocking, as
   * most programs expect of an inherited one. The duplicate is the caller's to
   * close.
   *
   * See [fcntl(2)](https://man7.org/linux/man-pages/man2/fcntl.2.html).
   *
   * @throws {IpcError} `EMFILE` when the process has no descriptor left.
   */
  override inheritable(): Fd {
    return this.handle.duplicate();
  }

  /**
   * `shutdown(SHUT_WR)`: ends this direction; the peer sees the end after all
   * sent data. Pending calls reject with a `TypeError`. When both directions
   * are closed, so is the socket.
   *
   * See [shutdown(2)](https://man7.org/linux/man-pages/man2/shutdown.2.html).
   */
  override close(): void {
    if (this.closed) return;
    this.#closed = true;
    this.#whenClosed();
    this.source.poke();
  }

  /** @ignore */
  override use(): number {
    if (this.#closed) throw closedError("send to", "writing", this.label);
    return super.use();
  }

  /** @ignore */
  override useNonBlocking(): number {
    const fd = this.use();
    setNonBlocking(fd, this.label);
    return fd;
  }

  /** @ignore */
  protected override send(
    fd: number,
    data: Uint8Array,
    length: number,
  ): number {
    const bytes = data as Uint8Array<ArrayBuffer>;
    const { send } = sys_socket();
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    return send(fd, bytes, length, flags);
  }
}

function closedError(action: string, half: string, label: string): TypeError {
  return new TypeError(
    `Cannot ${action} the ${label} that is closed for ${half}`,
  );
}
