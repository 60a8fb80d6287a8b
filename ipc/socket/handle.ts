/**
 * The base class of sockets.
 *
 * @module
 */

import { check0, ERRNO, errnoOf, ipcError } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SO_PEERCRED,
  SOL_SOCKET,
  sys_socket,
  ucred,
} from "../../ffi/libc/sys_socket.ts";
import { shown } from "../core/convert/argument.ts";
import type { Fd } from "../core/handle/fd.ts";
import { showing } from "../core/handle/inspect.ts";
import { INTERNAL, onlyInternal } from "../core/handle/internal.ts";
import { fdReadiness } from "../core/wait/readiness.ts";
import type { WaitSubject } from "../core/wait/wait.ts";
import {
  READINESS,
  type Readiness,
  type Waitable,
} from "../core/wait/wait_any.ts";
import { Direction } from "./_direction.ts";
import type { Credentials } from "./_msghdr.ts";
import {
  readOption,
  type SocketOption,
  type SocketOptionValue,
  writeOption,
} from "./_option.ts";
import {
  type RawSocketOption,
  readRawBytes,
  readRawInt,
  writeRaw,
} from "./_raw_option.ts";
import { SocketReader, SocketWriter } from "./stream.ts";

/** The family of a socket's addresses: `AF_UNIX`, `AF_INET`, `AF_INET6`. */
export type SocketDomain = "unix" | "inet" | "inet6";

/** The type of a socket: `SOCK_STREAM`, `SOCK_DGRAM`, `SOCK_SEQPACKET`. */
export type SocketType = "stream" | "datagram" | "seqpacket";

const HOW = { read: SHUT_RD, write: SHUT_WR, both: SHUT_RDWR } as const;

/**
 * The descriptor, options and directions of a socket. See {@linkcode Socket}.
 */
export abstract class SocketHandle implements Disposable, Waitable {
  /** The family of its addresses. */
  readonly domain: SocketDomain;
  /** Its type. */
  readonly type: SocketType;
  /** @ignore */
  readonly label: string;
  /** @ignore */
  readonly handle: Fd;
  /** @ignore */
  protected readonly input: Direction;
  /** @ignore */
  protected readonly output: Direction;
  #reader: SocketReader | undefined;
  #writer: SocketWriter | undefined;

  /** @ignore */
  constructor(
    token: unknown,
    handle: Fd,
    kind: { domain: SocketDomain; type: SocketType },
  ) {
    onlyInternal(token, new.target.name);
    this.handle = handle;
    this.domain = kind.domain;
    this.type = kind.type;
    this.label = socketLabel(handle.number, kind);
    this.input = new Direction(handle, "read");
    this.output = new Direction(handle, "write");
  }

  /**
   * The descriptor, for a child or other FFI code. Closing it closes the
   * socket.
   *
   * It is blocking, as most programs expect of an inherited descriptor, except
   * for a listener. O_NONBLOCK is shared by all duplicates: if another process
   * makes a listener blocking, an accept here may block this thread.
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
   * The reading direction of a stream: reads into the caller's buffers. Closing
   * it ends that direction.
   *
   * @throws {TypeError} When it is not a stream.
   */
  get reader(): SocketReader {
    this.#needStream("reader");
    return this.#reader ??= new SocketReader(INTERNAL, this.handle, {
      label: this.label,
      whenClosed: () => this.#end(SHUT_RD),
    });
  }

  /**
   * The writing direction of a stream: can write a part and count the bytes
   * sent. Closing it ends that direction.
   *
   * @throws {TypeError} When it is not a stream.
   */
  get writer(): SocketWriter {
    this.#needStream("writer");
    return this.#writer ??= new SocketWriter(INTERNAL, this.handle, {
      label: this.label,
      whenClosed: () => this.#end(SHUT_WR),
    });
  }

  /**
   * The reading direction of a stream as a web stream. Its end, an error and
   * `cancel()` end that direction; the other stays open.
   *
   * @throws {TypeError} When it is not a stream.
   */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.reader.readable;
  }

  /**
   * The writing direction of a stream as a web stream. `close()`, `abort()` and
   * an error end that direction; the other stays open.
   *
   * @throws {TypeError} When it is not a stream.
   */
  get writable(): WritableStream<Uint8Array> {
    return this.writer.writable;
  }

  /**
   * `shutdown`: ends one direction, or both. The peer sees the end after all
   * sent data, or fails to send.
   *
   * See [shutdown(2)](https://man7.org/linux/man-pages/man2/shutdown.2.html).
   *
   * @throws {IpcError} `ENOTCONN` when it has no peer.
   * @throws {TypeError} When it is closed.
   */
  shutdown(direction: "read" | "write" | "both" = "both"): void {
    checkWord(direction, HOW, "direction");
    check0(
      sys_socket().shutdown(this.handle.use("shut down"), HOW[direction]),
      errno[0],
      "shutdown",
      "shut down",
      this.label,
    );
  }

  /**
   * `getsockopt`: reads an option.
   *
   * See [socket(7)](https://man7.org/linux/man-pages/man7/socket.7.html).
   *
   * @throws {IpcError} `EOPNOTSUPP` or `ENOPROTOOPT` when such a socket does
   * not have it.
   * @throws {TypeError} When it is closed, or there is no such option.
   */
  getOption<O extends SocketOption>(option: O): SocketOptionValue<O>;
  /**
   * `getsockopt`: reads any option that is an `int`.
   *
   * A new descriptor (`SO_PEERPIDFD`) is the caller's to close.
   *
   * See [socket(7)](https://man7.org/linux/man-pages/man7/socket.7.html).
   *
   * @throws {IpcError} `ENOPROTOOPT` or `EOPNOTSUPP` when such a socket does
   * not have it, `EINVAL`, `EPERM`.
   * @throws {TypeError} When it is closed, when the value is not an `int`, and
   * for `SO_GET_FILTER` and `TCP_ZEROCOPY_RECEIVE`.
   *
   * @example How long a segment of this connection may be
   * ```ts
   * import { Socket } from "@libc/ipc/socket";
   *
   * const IPPROTO_TCP = 6;
   * const TCP_MAXSEG = 2;
   * using socket = Socket.open("inet");
   * console.log(socket.getOption({ level: IPPROTO_TCP, name: TCP_MAXSEG }));
   * ```
   */
  getOption(option: RawSocketOption): number;
  /**
   * `getsockopt`: reads any option as raw bytes, at most `size`. The buffer is
   * zeroed before the call.
   *
   * See [socket(7)](https://man7.org/linux/man-pages/man7/socket.7.html).
   *
   * @param size From 1 to 1048576; the kernel truncates many options to it
   * without an error.
   * @throws {IpcError} `ENOPROTOOPT` or `EOPNOTSUPP` when such a socket does
   * not have it, `EINVAL` or `ERANGE` when `size` is too small, `EPERM`.
   * @throws {TypeError} When it is closed, and for `SO_GET_FILTER` and
   * `TCP_ZEROCOPY_RECEIVE`, with which the kernel writes outside the buffer.
   *
   * @example Which algorithm avoids congestion
   * ```ts
   * import { Socket } from "@libc/ipc/socket";
   *
   * const option = { level: 6, name: 13 }; // IPPROTO_TCP, TCP_CONGESTION
   * using socket = Socket.open("inet");
   * const name = new TextDecoder().decode(socket.getOption(option, 16));
   * console.log(name.replace(/\0+$/, "")); // cubic
   * ```
   */
  getOption(option: RawSocketOption, size: number): Uint8Array<ArrayBuffer>;
  getOption(
    option: SocketOption | RawSocketOption,
    size?: number,
  ): number | boolean | null | Uint8Array<ArrayBuffer> {
    const fd = this.handle.use("read an option of");
    if (typeof option === "object" && option !== null) {
      return size === undefined
        ? readRawInt(fd, option, this.label)
        : readRawBytes(fd, option, size, this.label);
    }
    if (size === undefined) return readOption(fd, option, this.label);
    throw new TypeError(
      `size must not be given for an option by name, got ${shown(size)}`,
    );
  }

  /**
   * `setsockopt`: sets an option.
   *
   * See [socket(7)](https://man7.org/linux/man-pages/man7/socket.7.html).
   *
   * @throws {IpcError} `EOPNOTSUPP` or `ENOPROTOOPT` when such a socket does
   * not have it.
   * @throws {TypeError} When it is closed, there is no such option, it can only
   * be read, or the value is of another type.
   */
  setOption<O extends SocketOption>(
    option: O,
    value: SocketOptionValue<O>,
  ): void;
  /**
   * `setsockopt`: sets any option to an `int`, from -2147483648 to 2147483647, or
   * to bytes, up to 1048576.
   *
   * Options whose value holds a pointer are refused, such as filters
   * (`SO_ATTACH_FILTER`) and netfilter tables, because the kernel would read or
   * write unchecked memory. So are `SO_RCVTIMEO` and `SO_SNDTIMEO`, since waits
   * take `{ timeout }`, and `SO_PEEK_OFF`.
   *
   * See [socket(7)](https://man7.org/linux/man-pages/man7/socket.7.html).
   *
   * @throws {IpcError} `ENOPROTOOPT` or `EOPNOTSUPP` when such a socket does
   * not have it, `EINVAL` for an invalid value, `EPERM`.
   * @throws {TypeError} When it is closed, and for those options.
   *
   * @example The priority of what is sent
   * ```ts
   * import { Socket } from "@libc/ipc/socket";
   * import { assertEquals } from "@std/assert";
   *
   * const priority = { level: 1, name: 12 }; // SOL_SOCKET, SO_PRIORITY
   * using socket = Socket.open("inet", "datagram");
   * socket.setOption(priority, 6);
   * assertEquals(socket.getOption(priority), 6);
   * ```
   */
  setOption(option: RawSocketOption, value: number | Uint8Array): void;
  setOption(
    option: SocketOption | RawSocketOption,
    value: number | boolean | null | Uint8Array,
  ): void {
    const fd = this.handle.use("set an option of");
    if (typeof option === "object" && option !== null) {
      writeRaw(fd, option, value as number | Uint8Array, this.label);
    } else {
      writeOption(fd, option, value as number | boolean | null, this.label);
    }
  }

  /**
   * `getsockopt(SO_PEERCRED)`: process, user and group of the peer of a Unix
   * socket, as the kernel recorded them when the peer connected, listened or
   * made the pair.
   *
   * See [unix(7)](https://man7.org/linux/man-pages/man7/unix.7.html).
   *
   * @throws {IpcError} `ENOTCONN` without a peer, as with datagrams.
   * @throws {TypeError} When it is closed, or not a Unix socket.
   */
  peerCredentials(): Credentials {
    const action = "read the credentials of";
    const fd = this.handle.use(action);
    this.needUnix(action, "have credentials");
    const bytes = new Uint8Array(ucred.size);
    const length = new Uint32Array([bytes.length]);
    check0(
      sys_socket().getsockopt(fd, SOL_SOCKET, SO_PEERCRED, bytes, length),
      errno[0],
      "getsockopt",
      action,
      this.label,
    );
    const credentials = ucred.read(bytes);
    // The kernel reports uid -1 when there is no peer.
    if (credentials.uid !== 0xffff_ffff) return credentials;
    throw ipcError(ERRNO.ENOTCONN, "getsockopt", action, this.label);
  }

  /**
   * `close`: closes the socket. Pending calls reject with a `TypeError`; a
   * socket file stays. Closing twice does nothing.
   *
   * See [close(2)](https://man7.org/linux/man-pages/man2/close.2.html).
   */
  close(): void {
    this.handle.close();
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** @ignore */
  [READINESS](): Readiness {
    return fdReadiness(this.handle, this.subject("epoll_wait", "wait for"));
  }

  /** @ignore */
  protected subject(syscall: string, action: string): WaitSubject {
    return { syscall, action, object: this.label };
  }

  /** @ignore */
  protected refuse(name: string, instead: string): never {
    throw new TypeError(
      `Cannot ${name} on the ${this.label}: use ${instead}()`,
    );
  }

  /** @ignore */
  protected needUnix(action: string, ability: string): void {
    if (this.domain === "unix") return;
    throw new TypeError(
      `Cannot ${action} ${this.label}: only Unix sockets ${ability}`,
    );
  }

  /** Ends a direction whose reader or writer was closed. */
  #end(how: number): void {
    if (this.#reader?.closed && this.#writer?.closed) return this.close();
    const result = sys_socket().shutdown(this.handle.use("shut down"), how);
    const error = errnoOf(result, errno[0]);
    // The peer may be gone, or there was none.
    if (error === 0 || error === ERRNO.ENOTCONN) return;
    throw ipcError(error, "shutdown", "shut down", this.label);
  }

  #needStream(what: string): void {
    if (this.type === "stream") return;
    throw new TypeError(
      `Cannot use the ${what} of the ${this.label}: it has messages, use send() and receive()`,
    );
  }
}

showing(
  SocketHandle,
  ({ domain, type, fd }) => ({ domain, type, fd: fd.number }),
);

/**
 * The name of a socket in messages.
 *
 * @ignore
 */
export function socketLabel(
  fd: number,
  { domain, type }: { domain: SocketDomain; type: SocketType },
): string {
  return `${domain} ${type} socket (descriptor ${fd})`;
}

/**
 * Checks a word against the keys of a table.
 *
 * @ignore
 */
export function checkWord(word: string, table: object, what: string): void {
  if (typeof word === "string" && Object.hasOwn(table, word)) return;
  throw new TypeError(
    `${what} must be one of ${Object.keys(table).join(", ")}, got ${
      shown(word)
    }`,
  );
}
