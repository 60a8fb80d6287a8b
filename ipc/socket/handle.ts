/**
 * What all sockets have, whatever they are used for.
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
 * What all sockets have: a descriptor, options, two directions, an end. See {@linkcode Socket}.
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
   * Its descriptor, for a child or other FFI code. Closing it closes the socket.
   *
   * It blocks, as the programs that a child may run expect, but for sockets that
   * accept connections. Who makes one of these blocking makes it so for all: an
   * accept here may then block this thread.
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
   * The bytes that come, of a stream: reads into buffers of the caller's.
   * Closing it ends that direction.
   *
   * @throws {TypeError} When it is no stream.
   */
  get reader(): SocketReader {
    this.#needStream("reader");
    return this.#reader ??= new SocketReader(INTERNAL, this.handle, {
      label: this.label,
      whenClosed: () => this.#end(SHUT_RD),
    });
  }

  /**
   * The bytes that go, of a stream: can write what there is room for, and says
   * how much went out. Closing it ends that direction.
   *
   * @throws {TypeError} When it is no stream.
   */
  get writer(): SocketWriter {
    this.#needStream("writer");
    return this.#writer ??= new SocketWriter(INTERNAL, this.handle, {
      label: this.label,
      whenClosed: () => this.#end(SHUT_WR),
    });
  }

  /**
   * The bytes that come, of a stream, as a web stream. Its end, an error and
   * `cancel()` end that direction; the other goes on.
   *
   * @throws {TypeError} When it is no stream.
   */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.reader.readable;
  }

  /**
   * The bytes that go, of a stream, as a web stream. `close()`, `abort()` and an
   * error end that direction; the other goes on.
   *
   * @throws {TypeError} When it is no stream.
   */
  get writable(): WritableStream<Uint8Array> {
    return this.writer.writable;
  }

  /**
   * `shutdown`: ends one direction, or both. The peer finds the end behind what
   * was sent, or that nobody receives.
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
   * `getsockopt`: the value of an option.
   *
   * See [socket(7)](https://man7.org/linux/man-pages/man7/socket.7.html).
   *
   * @throws {IpcError} `EOPNOTSUPP` or `ENOPROTOOPT` when such a socket has none.
   * @throws {TypeError} When it is closed, or there is no such option.
   */
  getOption<O extends SocketOption>(option: O): SocketOptionValue<O>;
  /**
   * `getsockopt`: the value of any option that is an `int`.
   *
   * Where that is a new descriptor (`SO_PEERPIDFD`), it is the caller's to close.
   *
   * See [socket(7)](https://man7.org/linux/man-pages/man7/socket.7.html).
   *
   * @throws {IpcError} `ENOPROTOOPT` or `EOPNOTSUPP` when such a socket has none,
   * `EINVAL`, `EPERM`.
   * @throws {TypeError} When it is closed, when its value is no `int`, and for
   * `SO_GET_FILTER` and `TCP_ZEROCOPY_RECEIVE`.
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
   * `getsockopt`: the value of any option as the kernel writes it: up to `size`
   * bytes, or fewer. It starts from zeros.
   *
   * See [socket(7)](https://man7.org/linux/man-pages/man7/socket.7.html).
   *
   * @param size From 1 to 1048576; many options are cut to it without an error.
   * @throws {IpcError} `ENOPROTOOPT` or `EOPNOTSUPP` when such a socket has none,
   * `EINVAL` or `ERANGE` when `size` is too small, `EPERM`.
   * @throws {TypeError} When it is closed, and for `SO_GET_FILTER` and
   * `TCP_ZEROCOPY_RECEIVE`, with which the kernel writes elsewhere.
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
   * @throws {IpcError} `EOPNOTSUPP` or `ENOPROTOOPT` when such a socket has none.
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
   * Options whose value holds an address are refused, such as filters
   * (`SO_ATTACH_FILTER`) and the tables of netfilter: nobody could tell what the
   * kernel would find or write there. So are `SO_RCVTIMEO` and `SO_SNDTIMEO`,
   * since waits take `{ timeout }`, and `SO_PEEK_OFF`.
   *
   * See [socket(7)](https://man7.org/linux/man-pages/man7/socket.7.html).
   *
   * @throws {IpcError} `ENOPROTOOPT` or `EOPNOTSUPP` when such a socket has none,
   * `EINVAL` for a value that it cannot have, `EPERM`.
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
   * `getsockopt(SO_PEERCRED)`: who is at the other end of a Unix socket, as it
   * was when they connected, listened or made the pair. The kernel vouches for
   * it.
   *
   * See [unix(7)](https://man7.org/linux/man-pages/man7/unix.7.html).
   *
   * @throws {IpcError} `ENOTCONN` when nobody is, as with datagrams.
   * @throws {TypeError} When it is closed, or no Unix socket.
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
    // The kernel's way to say that there is nobody.
    if (credentials.uid !== 0xffff_ffff) return credentials;
    throw ipcError(ERRNO.ENOTCONN, "getsockopt", action, this.label);
  }

  /**
   * `close`: closes it. What waits for it is rejected with a `TypeError`; its
   * file stays. Closing twice does nothing.
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
    // The peer may be gone altogether, or never have been there.
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
 * How messages name a socket.
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
 * Checks a word of a few.
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
