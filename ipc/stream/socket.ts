/**
 * Sockets: {@linkcode Socket}.
 *
 * ```ts
 * import { Socket } from "@libc/ipc/socket";
 * import { assertEquals } from "@std/assert";
 *
 * const [a, b] = Socket.pair();
 * using _a = a;
 * using _b = b;
 * await a.send("hello");
 * assertEquals(await b.receive(), new TextEncoder().encode("hello"));
 * ```
 *
 * @module
 */

import { sys_socket } from "../../ffi/libc/sys_socket.ts";
import {
  integer,
  type SyncWaitOptions,
  timeoutOf,
  type WaitOptions,
} from "../../ffi/core/_argument.ts";
import { payloadOf } from "../../ffi/core/_byte_web.ts";
import { INTERNAL, onlyInternal } from "../../ffi/core/_internal.ts";
import { fdReadiness } from "../../ffi/core/_readable.ts";
import {
  ADDRESS_SIZE,
  addressOf,
  addressText,
  decodeAddress,
  encodeAddress,
  type SocketAddress,
} from "../../ffi/core/_socket_address.ts";
import {
  type Credentials,
  credentialsOf,
  MAX_FDS,
  receiveWithFds,
  sendWithFds,
} from "../../ffi/core/_socket_message.ts";
import {
  readOption,
  type SocketOption,
  type SocketOptionValue,
  writeOption,
} from "../../ffi/core/_socket_option.ts";
import { SocketFile } from "../../ffi/core/_socket_file.ts";
import { SweepSource } from "../../ffi/core/_source.ts";
import { FdReader, FdWriter } from "../../ffi/core/byte_stream.ts";
import { Deadline } from "../../ffi/core/deadline.ts";
import {
  check0,
  checkFd,
  ERRNO,
  errnoOf,
  ipcError,
  timeoutError,
} from "../../ffi/core/errno.ts";
import { Fd } from "../../ffi/core/fd.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_TRUNC,
  POLLIN,
  POLLOUT,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SO_PEERCRED,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../../ffi/core/platform.ts";
import { pollUntil } from "../../ffi/core/poll.ts";
import { fdSource } from "../../ffi/core/reactor.ts";
import { pause } from "../../ffi/core/timer_interrupt.ts";
import { waitUntil } from "../../ffi/core/wait.ts";
import {
  READINESS,
  type Readiness,
  type Waitable,
} from "../../ffi/core/wait_any.ts";

export type {
  Inet6Address,
  InetAddress,
  SocketAddress,
  UnixAddress,
} from "../../ffi/core/_socket_address.ts";
export type {
  Credentials,
  SocketOption,
  SocketOptionValue,
  SyncWaitOptions,
  WaitOptions,
};

/** The family of a socket's addresses: `AF_UNIX`, `AF_INET`, `AF_INET6`. */
export type SocketDomain = "unix" | "inet" | "inet6";

/** The type of a socket: `SOCK_STREAM`, `SOCK_DGRAM`, `SOCK_SEQPACKET`. */
export type SocketType = "stream" | "datagram" | "seqpacket";

/** Options of {@linkcode Socket.bind} and {@linkcode Socket.listen}. */
export interface BindOptions {
  /**
   * Takes the place of a socket file that nobody answers any more.
   *
   * @default {false}
   */
  replaceStale?: boolean;
  /**
   * Whether dispose also removes the socket file.
   *
   * @default {true}
   */
  owner?: boolean;
}

/** Options of {@linkcode Socket.listen}. */
export interface ListenOptions extends BindOptions {
  /**
   * What it accepts: `"stream"` or `"seqpacket"`.
   *
   * @default {"stream"}
   */
  type?: SocketType;
  /**
   * How many connections may wait to be accepted, up to
   * `/proc/sys/net/core/somaxconn`.
   *
   * @default {128}
   */
  backlog?: number;
}

/** Options of {@linkcode Socket.connect}. */
export interface ConnectOptions extends WaitOptions {
  /**
   * The type of the socket.
   *
   * @default {"stream"}
   */
  type?: SocketType;
}

/** Options of {@linkcode Socket.tryReceive}. */
export interface ReceiveSizeOptions {
  /**
   * The most bytes to take. A longer message is `EMSGSIZE`, and lost.
   *
   * @default {number} 65,536 of a stream, 262,144 of a message
   */
  maxSize?: number;
}

/** A datagram and its sender. */
export interface Datagram {
  /** Its bytes. */
  data: Uint8Array<ArrayBuffer>;
  /** Who sent it; null of a Unix socket that has no name. */
  address: SocketAddress | null;
}

/** What came with descriptors. */
export interface FdMessage {
  /** Its bytes; empty at the end of the stream. */
  data: Uint8Array<ArrayBuffer>;
  /** The descriptors, close-on-exec and yours to close. */
  fds: Fd[];
  /**
   * Whether descriptors were lost, because this process could have no more of
   * them (`MSG_CTRUNC`). None is kept then.
   */
  fdsLost: boolean;
  /** Who sent it, when the option `passCredentials` is set. */
  credentials: Credentials | undefined;
}

const DOMAINS = { unix: AF_UNIX, inet: AF_INET, inet6: AF_INET6 } as const;
const TYPES = {
  stream: SOCK_STREAM,
  datagram: SOCK_DGRAM,
  seqpacket: SOCK_SEQPACKET,
} as const;

const STREAM_SIZE = 65536;
const MESSAGE_SIZE = 262144;
/** Pause between two attempts of what no event announces, in ms. */
const PAUSE = 1;

// What is received, before it is copied; grows with maxSize.
let scratch = new Uint8Array(0);

/**
 * A socket.
 *
 * Addresses are those of files or abstract names of this machine, or IPv4 and
 * IPv6. A stream has no message boundaries; datagrams and packets do.
 *
 * @example A server and a client
 * ```ts
 * import { Socket } from "@libc/ipc/socket";
 * import { assertEquals } from "@std/assert";
 *
 * const name = `\0example-${crypto.randomUUID()}`;
 * using server = Socket.listen(name);
 * using client = await Socket.connect(name);
 * using connection = await server.accept();
 *
 * await client.send("ping");
 * assertEquals((await connection.receive())?.length, 4);
 * assertEquals(connection.peerCredentials().pid, Deno.pid);
 * ```
 */
export class Socket implements Disposable, Waitable {
  /** The family of its addresses. */
  readonly domain: SocketDomain;
  /** Its type. */
  readonly type: SocketType;
  readonly #fd: Fd;
  readonly #label: string;
  #reader: FdReader | undefined;
  #writer: FdWriter | undefined;
  #file: SocketFile | undefined;
  /** For what no event announces: a full backlog, a full peer. */
  readonly #sweep = new SweepSource();

  /** @ignore Use `open()`, `pair()`, `listen()` or `connect()`. */
  constructor(
    token: unknown,
    fd: Fd,
    domain: SocketDomain,
    type: SocketType,
  ) {
    onlyInternal(token, "Socket");
    this.#fd = fd;
    this.domain = domain;
    this.type = type;
    this.#label = labelOf(fd.number, domain, type);
    fd.beforeClose(() => this.#sweep.poke());
  }

  /**
   * `socket(SOCK_CLOEXEC)`: makes a socket without an address.
   *
   * See [socket(2)](https://man7.org/linux/man-pages/man2/socket.2.html).
   *
   * @throws {IpcError} `EMFILE` without descriptors left, `EPROTONOSUPPORT` or
   * `ESOCKTNOSUPPORT` when the domain has no such type.
   */
  static open(domain: SocketDomain, type: SocketType = "stream"): Socket {
    checkName(domain, DOMAINS, "domain");
    checkName(type, TYPES, "type");
    const fd = checkFd(
      sys_socket().socket(
        DOMAINS[domain],
        TYPES[type] | SOCK_CLOEXEC | SOCK_NONBLOCK,
        0,
      ),
      "socket",
      "open",
      `a ${domain} ${type} socket`,
    );
    return socketOf(fd, domain, type);
  }

  /**
   * `socketpair(AF_UNIX)`: makes two sockets that are connected to each other.
   *
   * See [socketpair(2)](https://man7.org/linux/man-pages/man2/socketpair.2.html).
   *
   * @throws {IpcError} `EMFILE` without descriptors left.
   */
  static pair(type: SocketType = "stream"): [Socket, Socket] {
    checkName(type, TYPES, "type");
    const fds = new Int32Array(2);
    check0(
      sys_socket().socketpair(
        AF_UNIX,
        TYPES[type] | SOCK_CLOEXEC | SOCK_NONBLOCK,
        0,
        fds,
      ),
      "socketpair",
      "open",
      `a pair of ${type} sockets`,
    );
    const [a = 0, b = 0] = fds;
    return [socketOf(a, "unix", type), socketOf(b, "unix", type)];
  }

  /**
   * `socket`, `bind`, `listen`: makes a socket that accepts connections.
   *
   * A port is reusable at once after its last connections (`SO_REUSEADDR`).
   *
   * @throws {IpcError} As {@linkcode open} and {@linkcode bind}.
   */
  static listen(
    address: SocketAddress | string,
    options: ListenOptions = {},
  ): Socket {
    const { type = "stream", backlog = 128 } = options;
    const target = addressOf(address);
    encodeAddress(target);
    const socket = Socket.open(target.family, type);
    try {
      if (target.family !== "unix") socket.setOption("reuseAddress", true);
      socket.bind(target, options);
      socket.listen(backlog);
      return socket;
    } catch (error) {
      socket[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * `socket`, `connect`: makes a socket that is connected to an address.
   *
   * @throws {IpcError} As {@linkcode open} and the method
   * {@linkcode Socket.prototype.connect connect}.
   */
  static async connect(
    address: SocketAddress | string,
    options: ConnectOptions = {},
  ): Promise<Socket> {
    const target = addressOf(address);
    encodeAddress(target);
    const socket = Socket.open(target.family, options.type);
    try {
      await socket.connect(target, options);
      return socket;
    } catch (error) {
      socket[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Its descriptor, for a child or other FFI code. Closing it closes the socket.
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
   * `bind`: gives it an address.
   *
   * See [bind(2)](https://man7.org/linux/man-pages/man2/bind.2.html).
   *
   * @param address An address; a string is the path of a Unix socket's file, or
   * an abstract name when it begins with NUL.
   * @throws {IpcError} `EADDRINUSE` when it is taken, also by a file that
   * nobody answers any more (see `replaceStale`), `EACCES`, `ENOENT` when the
   * folder is missing, `EINVAL` when it has an address already.
   */
  bind(address: SocketAddress | string, options: BindOptions = {}): void {
    const { replaceStale = false, owner = true } = options;
    const target = addressOf(address);
    const bytes = encodeAddress(target);
    const fd = this.#fd.use("bind");
    const object = `${this.#label} to ${addressText(target)}`;
    const path = target.family === "unix" && !target.path.startsWith("\0")
      ? target.path
      : undefined;
    let error = errnoOf(sys_socket().bind(fd, bytes, bytes.length));
    let hint: string | undefined;
    if (error === ERRNO.EADDRINUSE && path !== undefined) {
      const stale = SocketFile.isStale(path, TYPES[this.type]);
      if (stale && replaceStale) {
        SocketFile.of(path)?.remove();
        error = errnoOf(sys_socket().bind(fd, bytes, bytes.length));
      } else {
        hint = stale
          ? "nobody answers there: replaceStale takes its place"
          : "somebody answers there, or it is no socket";
      }
    }
    if (error !== 0) throw ipcError(error, "bind", "bind", object, hint);
    if (path !== undefined && owner) this.#file = SocketFile.of(path);
  }

  /**
   * `listen`: makes it accept connections.
   *
   * See [listen(2)](https://man7.org/linux/man-pages/man2/listen.2.html).
   *
   * @throws {IpcError} `EOPNOTSUPP` of datagrams, `EADDRINUSE` when another
   * socket listens on the port, `EINVAL` of a socket without an address.
   */
  listen(backlog = 128): void {
    check0(
      sys_socket().listen(
        this.#fd.use("listen on"),
        integer(backlog, "backlog", 0, 0x7fff_ffff),
      ),
      "listen",
      "listen on",
      this.#label,
    );
  }

  /**
   * `accept4(SOCK_CLOEXEC)`: takes the next connection, waiting for one.
   *
   * See [accept(2)](https://man7.org/linux/man-pages/man2/accept.2.html).
   *
   * @throws {IpcError} `ETIMEDOUT`, `EINVAL` when it does not listen, `EMFILE`
   * without descriptors left.
   */
  accept(options?: WaitOptions): Promise<Socket> {
    return this.#when(
      "read",
      "accept",
      "accept on",
      options,
      () => this.tryAccept(),
    );
  }

  /**
   * `accept4`: as {@linkcode accept}, blocking this thread.
   *
   * See [accept(2)](https://man7.org/linux/man-pages/man2/accept.2.html).
   *
   * @throws {IpcError} As `accept`.
   */
  acceptSync(options?: SyncWaitOptions): Socket {
    return this.#block(
      POLLIN,
      "accept",
      "accept on",
      options,
      () => this.tryAccept(),
    );
  }

  /**
   * `accept4`: the next connection, or undefined when there is none.
   *
   * See [accept(2)](https://man7.org/linux/man-pages/man2/accept.2.html).
   *
   * @throws {IpcError} As `accept`, but for `ETIMEDOUT`.
   */
  tryAccept(): Socket | undefined {
    for (;;) {
      const fd = sys_socket().accept4(
        this.#fd.use("accept on"),
        null,
        null,
        SOCK_CLOEXEC | SOCK_NONBLOCK,
      );
      switch (errnoOf(fd)) {
        case 0:
          return socketOf(fd, this.domain, this.type);
        case ERRNO.EAGAIN:
          return undefined;
        // The connection was gone before it was taken: there may be another.
        case ERRNO.ECONNABORTED:
        case ERRNO.EPROTO:
        case ERRNO.EINTR:
          continue;
        default:
          checkFd(fd, "accept", "accept on", this.#label);
      }
    }
  }

  /** The connections that come, until the socket is closed. */
  async *connections(
    options: WaitOptions = {},
  ): AsyncGenerator<Socket, void, void> {
    while (!this.closed) {
      try {
        yield await this.accept(options);
      } catch (error) {
        if (this.closed) return;
        throw error;
      }
    }
  }

  /**
   * `connect`: connects it to an address; of datagrams, chooses the peer.
   *
   * See [connect(2)](https://man7.org/linux/man-pages/man2/connect.2.html).
   *
   * @throws {IpcError} `ETIMEDOUT`, `ECONNREFUSED` when nobody listens,
   * `ENOENT` when there is no such file, `EACCES`, `EPROTOTYPE` when the types
   * differ, `EISCONN` when it is connected.
   */
  connect(
    address: SocketAddress | string,
    options?: WaitOptions,
  ): Promise<void> {
    try {
      const target = addressOf(address);
      const attempt = this.#connecting(target);
      const subject = {
        syscall: "connect",
        action: "connect",
        object: `${this.#label} to ${addressText(target)}`,
      };
      return waitUntil(
        attempt,
        options,
        subject,
        target.family === "unix" ? this.#sweep : fdSource(this.#fd, "write"),
      ) as Promise<unknown> as Promise<void>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * `connect`: as {@linkcode connect}, blocking this thread.
   *
   * See [connect(2)](https://man7.org/linux/man-pages/man2/connect.2.html).
   *
   * @throws {IpcError} As `connect`.
   */
  connectSync(
    address: SocketAddress | string,
    options?: SyncWaitOptions,
  ): void {
    const target = addressOf(address);
    this.#block(
      target.family === "unix" ? 0 : POLLOUT,
      "connect",
      "connect",
      options,
      this.#connecting(target),
      ` to ${addressText(target)}`,
    );
  }

  /**
   * `send`: sends all bytes of a stream, or one message, as soon as there is
   * room.
   *
   * @param data Bytes, which must stay as they are meanwhile, or text to send
   * as UTF-8.
   *
   * See [send(2)](https://man7.org/linux/man-pages/man2/send.2.html).
   *
   * @throws {IpcError} `ETIMEDOUT`, `EPIPE` or `ECONNRESET` when the peer is
   * gone, `ENOTCONN`, `EMSGSIZE` when a message is too long,
   * `ECONNREFUSED` of datagrams when nobody receives.
   */
  send(data: Uint8Array | string, options?: WaitOptions): Promise<void> {
    if (this.type === "stream") return this.writer.write(data, options);
    return this.#start(() => {
      const payload = payloadOf(data);
      return this.#when(
        "write",
        "send",
        "send to",
        options,
        () => this.#sendMessage(payload) || undefined,
      );
    });
  }

  /**
   * `send`: as {@linkcode send}, blocking this thread.
   *
   * See [send(2)](https://man7.org/linux/man-pages/man2/send.2.html).
   *
   * @throws {IpcError} As `send`.
   */
  sendSync(data: Uint8Array | string, options?: SyncWaitOptions): void {
    if (this.type === "stream") return this.writer.writeSync(data, options);
    const payload = payloadOf(data);
    this.#block(
      POLLOUT,
      "send",
      "send to",
      options,
      () => this.#sendMessage(payload) || undefined,
    );
  }

  /**
   * `send`: sends a message if there is room now, and says whether. Of a
   * stream, use `writer.tryWrite()`, which can send a part.
   *
   * See [send(2)](https://man7.org/linux/man-pages/man2/send.2.html).
   *
   * @throws {IpcError} As `send`, but for `ETIMEDOUT`.
   * @throws {TypeError} When it is a stream.
   */
  trySend(data: Uint8Array | string): boolean {
    this.#refuseStream("trySend", "writer.tryWrite");
    return this.#sendMessage(payloadOf(data));
  }

  /**
   * `recv`: the next bytes of a stream, or the next message; null at the end.
   *
   * The end is that the peer has closed, or shut down its sending half. It
   * cannot be told from an empty `"seqpacket"` message; datagrams have no end.
   *
   * See [recv(2)](https://man7.org/linux/man-pages/man2/recv.2.html).
   *
   * @throws {IpcError} `ETIMEDOUT`, `ECONNRESET`, `ENOTCONN`, `EMSGSIZE` when
   * the message was longer than `maxSize`.
   */
  async receive(
    options: ReceiveSizeOptions & WaitOptions = {},
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    const size = this.#size(options);
    if (this.type === "stream") {
      const buffer = new Uint8Array(size);
      return cut(buffer, await this.reader.read(buffer, options));
    }
    const found = await this.#when(
      "read",
      "recv",
      "receive from",
      options,
      () => this.#receiveMessage(size),
    );
    return found.data;
  }

  /**
   * `recv`: as {@linkcode receive}, blocking this thread.
   *
   * See [recv(2)](https://man7.org/linux/man-pages/man2/recv.2.html).
   *
   * @throws {IpcError} As `receive`.
   */
  receiveSync(
    options: ReceiveSizeOptions & SyncWaitOptions = {},
  ): Uint8Array<ArrayBuffer> | null {
    const size = this.#size(options);
    if (this.type === "stream") {
      const buffer = new Uint8Array(size);
      return cut(buffer, this.reader.readSync(buffer, options));
    }
    return this.#block(
      POLLIN,
      "recv",
      "receive from",
      options,
      () => this.#receiveMessage(size),
    ).data;
  }

  /**
   * `recv`: what is there now; undefined when there is nothing.
   *
   * See [recv(2)](https://man7.org/linux/man-pages/man2/recv.2.html).
   *
   * @throws {IpcError} As `receive`, but for `ETIMEDOUT`.
   */
  tryReceive(
    options: ReceiveSizeOptions = {},
  ): Uint8Array<ArrayBuffer> | null | undefined {
    const size = this.#size(options);
    if (this.type !== "stream") return this.#receiveMessage(size)?.data;
    const buffer = new Uint8Array(size);
    const count = this.reader.tryRead(buffer);
    return count === undefined ? undefined : cut(buffer, count);
  }

  /**
   * `sendto`: sends a datagram to an address.
   *
   * See [send(2)](https://man7.org/linux/man-pages/man2/send.2.html).
   *
   * @throws {IpcError} As {@linkcode send}; `ENOENT` when there is no such file.
   */
  sendTo(
    data: Uint8Array | string,
    address: SocketAddress | string,
    options?: WaitOptions,
  ): Promise<void> {
    return this.#start(() => {
      const attempt = this.#sendingTo(data, address);
      // No event tells that an unconnected peer has room again.
      return waitUntil(
        () => attempt() || undefined,
        options,
        { syscall: "sendto", action: "send to", object: this.#label },
        this.#sweep,
      );
    });
  }

  /**
   * `sendto`: as {@linkcode sendTo}, blocking this thread.
   *
   * See [send(2)](https://man7.org/linux/man-pages/man2/send.2.html).
   *
   * @throws {IpcError} As `sendTo`.
   */
  sendToSync(
    data: Uint8Array | string,
    address: SocketAddress | string,
    options?: SyncWaitOptions,
  ): void {
    const attempt = this.#sendingTo(data, address);
    this.#block(0, "sendto", "send to", options, () => attempt() || undefined);
  }

  /**
   * `sendto`: sends a datagram to an address if there is room, and says whether.
   *
   * See [send(2)](https://man7.org/linux/man-pages/man2/send.2.html).
   *
   * @throws {IpcError} As `sendTo`, but for `ETIMEDOUT`.
   */
  trySendTo(
    data: Uint8Array | string,
    address: SocketAddress | string,
  ): boolean {
    return this.#sendingTo(data, address)();
  }

  /**
   * `recvfrom`: the next datagram and its sender.
   *
   * See [recv(2)](https://man7.org/linux/man-pages/man2/recv.2.html).
   *
   * @throws {IpcError} As {@linkcode receive}.
   * @throws {TypeError} When it is a stream.
   */
  async receiveFrom(
    options: ReceiveSizeOptions & WaitOptions = {},
  ): Promise<Datagram> {
    this.#refuseStream("receiveFrom", "receive");
    const size = this.#size(options);
    return await this.#when(
      "read",
      "recvfrom",
      "receive from",
      options,
      () => this.#receiveDatagram(size),
    );
  }

  /**
   * `recvfrom`: as {@linkcode receiveFrom}, blocking this thread.
   *
   * See [recv(2)](https://man7.org/linux/man-pages/man2/recv.2.html).
   *
   * @throws {IpcError} As `receive`.
   */
  receiveFromSync(
    options: ReceiveSizeOptions & SyncWaitOptions = {},
  ): Datagram {
    this.#refuseStream("receiveFromSync", "receiveSync");
    const size = this.#size(options);
    return this.#block(
      POLLIN,
      "recvfrom",
      "receive from",
      options,
      () => this.#receiveDatagram(size),
    );
  }

  /**
   * `recvfrom`: the next datagram and its sender; undefined when there is none.
   *
   * See [recv(2)](https://man7.org/linux/man-pages/man2/recv.2.html).
   *
   * @throws {IpcError} As `receive`, but for `ETIMEDOUT`.
   */
  tryReceiveFrom(options: ReceiveSizeOptions = {}): Datagram | undefined {
    this.#refuseStream("tryReceiveFrom", "tryReceive");
    return this.#receiveDatagram(this.#size(options));
  }

  /**
   * `sendmsg(SCM_RIGHTS)`: sends descriptors, of which the receiver gets
   * duplicates, together with data. What is sent stays open here.
   *
   * See [unix(7)](https://man7.org/linux/man-pages/man7/unix.7.html).
   *
   * @param fds At most 253.
   * @param data At least one byte of a stream, where they arrive with the first.
   * @throws {IpcError} As {@linkcode send}; `ETOOMANYREFS` when too many
   * descriptors are on their way.
   */
  sendFds(
    fds: readonly (Fd | { readonly fd: Fd })[],
    data: Uint8Array | string = "\0",
    options?: WaitOptions,
  ): Promise<void> {
    return this.#start(() => {
      const attempt = this.#sendingFds(fds, data);
      return this.#when(
        "write",
        "sendmsg",
        "send to",
        options,
        () => attempt() || undefined,
      );
    });
  }

  /**
   * `sendmsg(SCM_RIGHTS)`: as {@linkcode sendFds}, blocking this thread.
   *
   * See [unix(7)](https://man7.org/linux/man-pages/man7/unix.7.html).
   *
   * @throws {IpcError} As `sendFds`.
   */
  sendFdsSync(
    fds: readonly (Fd | { readonly fd: Fd })[],
    data: Uint8Array | string = "\0",
    options?: SyncWaitOptions,
  ): void {
    const attempt = this.#sendingFds(fds, data);
    this.#block(
      POLLOUT,
      "sendmsg",
      "send to",
      options,
      () => attempt() || undefined,
    );
  }

  /**
   * `recvmsg`: data, and the descriptors that come with it.
   *
   * See [unix(7)](https://man7.org/linux/man-pages/man7/unix.7.html).
   *
   * @throws {IpcError} As {@linkcode receive}.
   */
  receiveFds(
    options: ReceiveSizeOptions & WaitOptions = {},
  ): Promise<FdMessage> {
    return this.#start(() => {
      const size = this.#size(options);
      return this.#when(
        "read",
        "recvmsg",
        "receive from",
        options,
        () => this.#receiveFds(size),
      );
    });
  }

  /**
   * `recvmsg`: as {@linkcode receiveFds}, blocking this thread.
   *
   * See [unix(7)](https://man7.org/linux/man-pages/man7/unix.7.html).
   *
   * @throws {IpcError} As `receive`.
   */
  receiveFdsSync(
    options: ReceiveSizeOptions & SyncWaitOptions = {},
  ): FdMessage {
    const size = this.#size(options);
    return this.#block(
      POLLIN,
      "recvmsg",
      "receive from",
      options,
      () => this.#receiveFds(size),
    );
  }

  /**
   * `recvmsg`: as {@linkcode receiveFds}; undefined when there is nothing.
   *
   * See [unix(7)](https://man7.org/linux/man-pages/man7/unix.7.html).
   *
   * @throws {IpcError} As `receive`, but for `ETIMEDOUT`.
   */
  tryReceiveFds(options: ReceiveSizeOptions = {}): FdMessage | undefined {
    return this.#receiveFds(this.#size(options));
  }

  /**
   * The bytes that come, as a reader; of a stream only. Closing it closes the
   * socket.
   */
  get reader(): FdReader {
    this.#needStream("read");
    return this.#reader ??= new FdReader(INTERNAL, this.#fd, {
      label: this.#label,
      nonBlocking: true,
    });
  }

  /**
   * The bytes that go, as a writer; of a stream only. Closing it closes the
   * socket.
   */
  get writer(): FdWriter {
    this.#needStream("write");
    return this.#writer ??= new FdWriter(INTERNAL, this.#fd, {
      label: this.#label,
      nonBlocking: true,
    });
  }

  /** The bytes that come, as a web stream; of a stream only. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.reader.readable;
  }

  /** The bytes that go, as a web stream; of a stream only. */
  get writable(): WritableStream<Uint8Array> {
    return this.writer.writable;
  }

  /**
   * `shutdown`: ends one direction, or both; the peer sees the end.
   *
   * See [shutdown(2)](https://man7.org/linux/man-pages/man2/shutdown.2.html).
   *
   * @throws {IpcError} `ENOTCONN`.
   */
  shutdown(direction: "read" | "write" | "both" = "both"): void {
    const how = { read: SHUT_RD, write: SHUT_WR, both: SHUT_RDWR };
    checkName(direction, how, "direction");
    check0(
      sys_socket().shutdown(this.#fd.use("shut down"), how[direction]),
      "shutdown",
      "shut down",
      this.#label,
    );
  }

  /**
   * `getsockopt`: the value of an option.
   *
   * See [socket(7)](https://man7.org/linux/man-pages/man7/socket.7.html).
   *
   * @throws {IpcError} `EOPNOTSUPP` or `ENOPROTOOPT` when this socket has none.
   */
  getOption<O extends SocketOption>(option: O): SocketOptionValue<O> {
    const fd = this.#fd.use("read an option of");
    return readOption(fd, option, this.#label) as SocketOptionValue<O>;
  }

  /**
   * `setsockopt`: sets an option.
   *
   * See [socket(7)](https://man7.org/linux/man-pages/man7/socket.7.html).
   *
   * @throws {IpcError} `EOPNOTSUPP` or `ENOPROTOOPT` when this socket has none.
   */
  setOption<O extends SocketOption>(
    option: O,
    value: SocketOptionValue<O>,
  ): void {
    writeOption(this.#fd.use("set an option of"), option, value, this.#label);
  }

  /**
   * `getsockname`: its own address; the port that the kernel chose, too.
   *
   * See [getsockname(2)](https://man7.org/linux/man-pages/man2/getsockname.2.html).
   */
  localAddress(): SocketAddress | null {
    return this.#address("getsockname");
  }

  /**
   * `getpeername`: the address that it is connected to.
   *
   * See [getpeername(2)](https://man7.org/linux/man-pages/man2/getpeername.2.html).
   *
   * @throws {IpcError} `ENOTCONN`.
   */
  peerAddress(): SocketAddress | null {
    return this.#address("getpeername");
  }

  /**
   * `getsockopt(SO_PEERCRED)`: who made the other end of a Unix socket, as it
   * was when it connected or listened.
   *
   * See [unix(7)](https://man7.org/linux/man-pages/man7/unix.7.html).
   *
   * @throws {IpcError} `ENOTCONN` when nobody is at the other end.
   */
  peerCredentials(): Credentials {
    const bytes = new Uint8Array(12);
    check0(
      sys_socket().getsockopt(
        this.#fd.use("read the credentials of"),
        SOL_SOCKET,
        SO_PEERCRED,
        bytes,
        new Uint32Array([bytes.length]),
      ),
      "getsockopt",
      "read the credentials of",
      this.#label,
    );
    const credentials = credentialsOf(new DataView(bytes.buffer), 0);
    // The kernel's way to say that there is nobody.
    if (credentials.uid === 0xffff_ffff) {
      throw ipcError(
        ERRNO.ENOTCONN,
        "getsockopt",
        "read the credentials of",
        this.#label,
      );
    }
    return credentials;
  }

  /**
   * `close`: closes it. What waits for it is rejected with a `TypeError`; its
   * file stays. Closing twice does nothing.
   *
   * See [close(2)](https://man7.org/linux/man-pages/man2/close.2.html).
   */
  close(): void {
    this.#fd.close();
  }

  /** Closes it, and removes the file that it was bound to as the `owner`. */
  [Symbol.dispose](): void {
    const file = this.#file;
    this.#file = undefined;
    this.close();
    file?.remove();
  }

  /** @ignore */
  [READINESS](): Readiness {
    return fdReadiness(this.#fd, {
      syscall: "epoll_wait",
      action: "wait for",
      object: this.#label,
    });
  }

  #connecting(target: SocketAddress): () => true | undefined {
    const bytes = encodeAddress(target);
    let begun = false;
    return () => {
      const fd = this.#fd.use("connect");
      const error = errnoOf(sys_socket().connect(fd, bytes, bytes.length));
      if (error === 0 || (begun && error === ERRNO.EISCONN)) return true;
      begun = error === ERRNO.EINPROGRESS || error === ERRNO.EALREADY;
      // A full backlog is EAGAIN.
      if (begun || error === ERRNO.EAGAIN || error === ERRNO.EINTR) {
        return undefined;
      }
      throw ipcError(
        error,
        "connect",
        "connect",
        `${this.#label} to ${addressText(target)}`,
        error === ERRNO.ECONNREFUSED ? "nobody listens there" : undefined,
      );
    };
  }

  #sendMessage(payload: Uint8Array): boolean {
    return this.#sent("send", (fd) =>
      sys_socket().send(
        fd,
        payload as Uint8Array<ArrayBuffer>,
        payload.length,
        MSG_DONTWAIT | MSG_NOSIGNAL,
      ));
  }

  #sendingTo(
    data: Uint8Array | string,
    address: SocketAddress | string,
  ): () => boolean {
    this.#refuseStream("sendTo", "send");
    const target = encodeAddress(addressOf(address));
    const payload = payloadOf(data) as Uint8Array<ArrayBuffer>;
    return () =>
      this.#sent("sendto", (fd) =>
        sys_socket().sendto(
          fd,
          payload,
          payload.length,
          MSG_DONTWAIT | MSG_NOSIGNAL,
          target,
          target.length,
        ));
  }

  #sendingFds(
    fds: readonly (Fd | { readonly fd: Fd })[],
    data: Uint8Array | string,
  ): () => boolean {
    integer(fds.length, "the number of descriptors", 1, MAX_FDS);
    const handles = fds.map((item) => item instanceof Fd ? item : item.fd);
    const payload = payloadOf(data) as Uint8Array<ArrayBuffer>;
    if (payload.length === 0) {
      throw new RangeError("data must be at least one byte, got none");
    }
    let offset = 0;
    return () => {
      const rest = offset === 0 ? payload : payload.subarray(offset);
      const sent = this.#sent("sendmsg", (fd) => {
        const count = offset === 0
          ? sendWithFds(fd, rest, handles.map((handle) => handle.use("send")))
          : sys_socket().send(
            fd,
            rest,
            rest.length,
            MSG_DONTWAIT | MSG_NOSIGNAL,
          );
        offset += Math.max(count, 0);
        return count;
      });
      return sent && offset >= payload.length;
    };
  }

  /** Does a call that sends; false when it would have to wait. */
  #sent(syscall: string, call: (fd: number) => number): boolean {
    for (;;) {
      const error = errnoOf(call(this.#fd.use("send to")));
      if (error === 0) return true;
      // A datagram socket of the Internet family says ENOBUFS for a full queue.
      if (error === ERRNO.EAGAIN || error === ERRNO.ENOBUFS) return false;
      if (error === ERRNO.EINTR) continue;
      throw ipcError(
        error,
        syscall,
        "send to",
        this.#label,
        error === ERRNO.EPIPE ? "nobody can receive any more" : undefined,
      );
    }
  }

  #receiveMessage(
    size: number,
  ): { data: Uint8Array<ArrayBuffer> | null } | undefined {
    const room = reserve(size);
    for (;;) {
      const count = sys_socket().recv(
        this.#fd.use("receive from"),
        room,
        size,
        MSG_DONTWAIT | MSG_TRUNC,
      );
      const error = errnoOf(count);
      if (error === ERRNO.EINTR) continue;
      if (!this.#received(error, count, size, "recv")) return undefined;
      const ended = count === 0 && this.type === "seqpacket";
      return { data: ended ? null : room.slice(0, count) };
    }
  }

  #receiveDatagram(size: number): Datagram | undefined {
    const room = reserve(size);
    const address = new Uint8Array(ADDRESS_SIZE);
    const length = new Uint32Array(1);
    for (;;) {
      length[0] = ADDRESS_SIZE;
      const count = sys_socket().recvfrom(
        this.#fd.use("receive from"),
        room,
        size,
        MSG_DONTWAIT | MSG_TRUNC,
        address,
        length,
      );
      const error = errnoOf(count);
      if (error === ERRNO.EINTR) continue;
      if (!this.#received(error, count, size, "recvfrom")) return undefined;
      return {
        data: room.slice(0, count),
        address: decodeAddress(address, length[0] as number),
      };
    }
  }

  #receiveFds(size: number): FdMessage | undefined {
    const data = new Uint8Array(size);
    for (;;) {
      const found = receiveWithFds(this.#fd.use("receive from"), data);
      if (found === ERRNO.EINTR) continue;
      if (typeof found === "number") {
        this.#received(found, 0, size, "recvmsg");
        return undefined;
      }
      if (found.cut) {
        for (const fd of found.fds) fd.close();
        this.#received(0, size + 1, size, "recvmsg");
      }
      const { count, fds, fdsLost, credentials } = found;
      return { data: data.slice(0, count), fds, fdsLost, credentials };
    }
  }

  /** Whether something came; throws what is neither that nor nothing. */
  #received(
    error: number,
    count: number,
    size: number,
    syscall: string,
  ): boolean {
    if (error === ERRNO.EAGAIN) return false;
    if (error !== 0) {
      throw ipcError(error, syscall, "receive from", this.#label);
    }
    if (count <= size) return true;
    throw ipcError(
      ERRNO.EMSGSIZE,
      syscall,
      "receive from",
      this.#label,
      `the message was longer than ${size} bytes`,
    );
  }

  #address(call: "getsockname" | "getpeername"): SocketAddress | null {
    const bytes = new Uint8Array(ADDRESS_SIZE);
    const length = new Uint32Array([ADDRESS_SIZE]);
    const action = "read the address of";
    check0(
      sys_socket()[call](this.#fd.use(action), bytes, length),
      call,
      action,
      this.#label,
    );
    return decodeAddress(bytes, length[0] as number);
  }

  /** Turns what a check throws into a rejection. */
  #start<T>(begin: () => Promise<T>): Promise<T> {
    try {
      return begin();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #when<T>(
    interest: "read" | "write",
    syscall: string,
    action: string,
    options: WaitOptions | undefined,
    attempt: () => T | undefined,
  ): Promise<T extends true ? void : T>;
  #when<T>(
    interest: "read" | "write",
    syscall: string,
    action: string,
    options: WaitOptions | undefined,
    attempt: () => T | undefined,
  ): Promise<T> {
    return waitUntil(
      attempt,
      options,
      { syscall, action, object: this.#label },
      fdSource(this.#fd, interest),
    );
  }

  /** Tries until something comes of it; with no events, now and then. */
  #block<T>(
    events: number,
    syscall: string,
    action: string,
    options: SyncWaitOptions | undefined,
    attempt: () => T | undefined,
    target = "",
  ): T {
    const timeout = timeoutOf(options);
    let deadline: Deadline | undefined;
    for (;;) {
      const value = attempt();
      if (value !== undefined) return value;
      if (timeout !== undefined) {
        deadline ??= new Deadline(timeout);
        if (deadline.expired) {
          throw timeoutError(syscall, action, this.#label + target, timeout);
        }
      }
      if (events === 0) pause(Math.min(PAUSE, deadline?.remaining ?? PAUSE));
      else pollUntil(this.#fd.use(action), events, deadline);
    }
  }

  #size({ maxSize }: ReceiveSizeOptions): number {
    const usual = this.type === "stream" ? STREAM_SIZE : MESSAGE_SIZE;
    return integer(maxSize ?? usual, "maxSize", 1, 0x7fff_ffff);
  }

  #needStream(action: string): void {
    if (this.type === "stream") return;
    throw new TypeError(
      `Cannot ${action} bytes of a ${this.#label}: it has messages, use send() and receive()`,
    );
  }

  #refuseStream(name: string, instead: string): void {
    if (this.type !== "stream") return;
    throw new TypeError(
      `Cannot ${name} on a ${this.#label}: use ${instead}()`,
    );
  }
}

function socketOf(fd: number, domain: SocketDomain, type: SocketType): Socket {
  const handle = new Fd(INTERNAL, fd, labelOf(fd, domain, type));
  return new Socket(INTERNAL, handle, domain, type);
}

function labelOf(fd: number, domain: string, type: string): string {
  return `${domain} ${type} socket (descriptor ${fd})`;
}

function checkName(value: string, table: object, what: string): void {
  if (Object.hasOwn(table, value)) return;
  throw new TypeError(
    `${what} must be one of ${Object.keys(table).join(", ")}, got ${
      JSON.stringify(value)
    }`,
  );
}

function reserve(size: number): Uint8Array<ArrayBuffer> {
  if (scratch.length < size) scratch = new Uint8Array(size);
  return scratch;
}

/** The bytes that were read, without the room that was not used. */
function cut(
  buffer: Uint8Array<ArrayBuffer>,
  count: number | null,
): Uint8Array<ArrayBuffer> | null {
  if (count === null) return null;
  return count < buffer.length / 2
    ? buffer.slice(0, count)
    : buffer.subarray(0, count);
}
