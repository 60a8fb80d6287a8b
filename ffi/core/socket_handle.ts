/**
 * What all sockets have, whatever they are used for.
 *
 * @module
 */

import { sys_socket } from "../libc/sys_socket.ts";
import { showing } from "./_inspect.ts";
import { INTERNAL, onlyInternal } from "./_internal.ts";
import { fdReadiness } from "./_readable.ts";
import { type Credentials, credentialsOf } from "./_socket_message.ts";
import {
  readOption,
  type SocketOption,
  type SocketOptionValue,
  writeOption,
} from "./_socket_option.ts";
import { Direction } from "./_socket_wait.ts";
import { shown } from "./_argument.ts";
import { check0, ERRNO, errnoOf, ipcError } from "./errno.ts";
import type { Fd } from "./fd.ts";
import {
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SO_PEERCRED,
  SOL_SOCKET,
} from "./platform.ts";
import { SocketReader, SocketWriter } from "./socket_stream.ts";
import type { WaitSubject } from "./wait.ts";
import { READINESS, type Readiness, type Waitable } from "./wait_any.ts";

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
    this.label = labelOf(handle.number, kind);
    this.input = new Direction(handle, "read");
    this.output = new Direction(handle, "write");
  }

  /**
   * Its descriptor, for a child or other FFI code. Closing it closes the socket.
   *
   * It blocks, as the programs that a child may run expect, but for sockets that
   * accept connections.
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
  getOption<O extends SocketOption>(option: O): SocketOptionValue<O> {
    const fd = this.handle.use("read an option of");
    return readOption(fd, option, this.label) as SocketOptionValue<O>;
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
  ): void {
    writeOption(this.handle.use("set an option of"), option, value, this.label);
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
    const bytes = new Uint8Array(12);
    const length = new Uint32Array([bytes.length]);
    check0(
      sys_socket().getsockopt(fd, SOL_SOCKET, SO_PEERCRED, bytes, length),
      "getsockopt",
      action,
      this.label,
    );
    const credentials = credentialsOf(new DataView(bytes.buffer), 0);
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
    throw new TypeError(`Cannot ${name} on a ${this.label}: use ${instead}()`);
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
    const error = errnoOf(result);
    // The peer may be gone altogether, or never have been there.
    if (error === 0 || error === ERRNO.ENOTCONN) return;
    throw ipcError(error, "shutdown", "shut down", this.label);
  }

  #needStream(what: string): void {
    if (this.type === "stream") return;
    throw new TypeError(
      `Cannot use the ${what} of a ${this.label}: it has messages, use send() and receive()`,
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
export function labelOf(
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
