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

import { check0, ERRNO, errnoOf, ipcError } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  SO_DOMAIN,
  SO_TYPE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  sys_socket,
} from "../../ffi/libc/sys_socket.ts";
import { integer } from "../core/convert/argument.ts";
import { adoptCopy, type AdoptOptions } from "../core/handle/adopt_fd.ts";
import { Fd } from "../core/handle/fd.ts";
import { setNonBlocking } from "../core/handle/fd_flags.ts";
import { INTERNAL } from "../core/handle/internal.ts";
import type { SyncWaitOptions, WaitOptions } from "../core/wait/options.ts";
import { untilClosed, type WaitSubject } from "../core/wait/wait.ts";
import { checkAddress, encodeAddress, type SocketAddress } from "./_address.ts";
import { acceptOnce } from "./_io.ts";
import { readNumber } from "./_option.ts";
import { type BindOptions, SocketAddressing } from "./addressing.ts";
import {
  checkWord,
  type SocketDomain,
  socketLabel,
  type SocketType,
} from "./handle.ts";

export type { AdoptOptions } from "../core/handle/adopt_fd.ts";
export type { SyncWaitOptions, WaitOptions } from "../core/wait/options.ts";
export type {
  Inet6Address,
  InetAddress,
  SocketAddress,
  UnixAddress,
} from "./_address.ts";
export type { Datagram, FdMessage, ReceiveSizeOptions } from "./_io.ts";
export type { Credentials } from "./_msghdr.ts";
export type { SocketOption, SocketOptionValue } from "./_option.ts";
export type { RawSocketOption } from "./_raw_option.ts";
export type { FdEnd, FdEndInit } from "../core/stream/fd_end.ts";
export { FdReader, FdWriter } from "../core/stream/byte_stream.ts";
export { Fd } from "../core/handle/fd.ts";
export type { BindOptions, SocketAddressing } from "./addressing.ts";
export type { SocketDomain, SocketHandle, SocketType } from "./handle.ts";
export type { FdSendable, SocketMessages } from "./messages.ts";
export { SocketReader, SocketWriter } from "./stream.ts";
export type { Waitable } from "../core/wait/wait_any.ts";

/** Options of {@linkcode Socket.listen}. */
export interface ListenOptions extends BindOptions {
  /**
   * The type of the connections it accepts.
   *
   * @default {"stream"}
   */
  type?: "stream" | "seqpacket" | undefined;
  /**
   * Maximum number of connections that wait to be accepted, up to
   * `/proc/sys/net/core/somaxconn`.
   *
   * @default {128}
   */
  backlog?: number | undefined;
}

/** Options of {@linkcode Socket.connect}. */
export interface ConnectOptions extends WaitOptions {
  /**
   * The type of the socket.
   *
   * @default {"stream"}
   */
  type?: SocketType | undefined;
}

const DOMAINS = { unix: AF_UNIX, inet: AF_INET, inet6: AF_INET6 } as const;
const TYPES = {
  stream: SOCK_STREAM,
  datagram: SOCK_DGRAM,
  seqpacket: SOCK_SEQPACKET,
} as const;

interface Kind {
  domain: SocketDomain;
  type: SocketType;
}

/**
 * A Unix, IPv4 or IPv6 socket.
 *
 * A `"stream"` socket has no message boundaries. A `"seqpacket"` socket has
 * boundaries and a connection; a `"datagram"` socket can send each message to
 * another address. Unix sockets lose no message in transit.
 *
 * The address of a Unix socket does not authenticate its owner: a path may lead
 * to another socket through a symbolic link, and any process can bind an
 * abstract name. {@linkcode peerCredentials} identifies the peer.
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
 *
 * @example Pass an open file to another process
 * ```ts
 * import { Socket } from "@libc/ipc/socket";
 * import { pipe } from "@libc/ipc/pipe";
 * import { assertEquals } from "@std/assert";
 *
 * const [here, there] = Socket.pair("seqpacket");
 * using _here = here;
 * using _there = there;
 * using ends = pipe();
 * here.sendFdsSync([ends.reader], "read this");
 *
 * const message = await there.receiveFds();
 * assertEquals(message?.fds.length, 1);
 * for (const fd of message?.fds ?? []) fd.close();
 * ```
 *
 * @example Send a request to its end, and read the answer to its end
 * ```ts
 * import { Socket } from "@libc/ipc/socket";
 * import { assertEquals } from "@std/assert";
 *
 * const [client, server] = Socket.pair();
 * using _client = client;
 * using _server = server;
 * await client.send("how long is this?");
 * client.writer.close();
 *
 * const question = await new Response(server.readable).text();
 * await server.send(`${question.length} characters`);
 * server.writer.close();
 * assertEquals(await new Response(client.readable).text(), "17 characters");
 * ```
 */
export class Socket extends SocketAddressing {
  #nonBlocking = false;

  /**
   * `socket(SOCK_CLOEXEC)`: makes a socket without an address.
   *
   * See [socket(2)](https://man7.org/linux/man-pages/man2/socket.2.html).
   *
   * @throws {IpcError} `EMFILE` or `ENFILE` when no descriptor is left,
   * `ESOCKTNOSUPPORT` when the domain has no such type, `EAFNOSUPPORT` without
   * IPv6.
   */
  static open(domain: SocketDomain, type: SocketType = "stream"): Socket {
    checkWord(domain, DOMAINS, "domain");
    checkWord(type, TYPES, "type");
    const article = domain === "unix" ? "a" : "an";
    const object = `${article} ${domain} ${type} socket`;
    const fd = sys_socket()
      .socket(DOMAINS[domain], TYPES[type] | SOCK_CLOEXEC, 0);
    const error = errnoOf(fd, errno[0]);
    if (error !== 0) {
      const hint = error === ERRNO.EAFNOSUPPORT
        ? "this kernel has no such addresses"
        : undefined;
      throw ipcError(error, "socket", "open", object, hint);
    }
    return socketOf(fd, { domain, type });
  }

  /**
   * `socketpair(AF_UNIX)`: makes two sockets that are connected to each other.
   *
   * See [socketpair(2)](https://man7.org/linux/man-pages/man2/socketpair.2.html).
   *
   * @throws {IpcError} `EMFILE` or `ENFILE` when no descriptor is left.
   */
  static pair(type: SocketType = "stream"): [Socket, Socket] {
    checkWord(type, TYPES, "type");
    const fds = new Int32Array(2);
    const object = `a pair of ${type} sockets`;
    check0(
      sys_socket().socketpair(AF_UNIX, TYPES[type] | SOCK_CLOEXEC, 0, fds),
      errno[0],
      "socketpair",
      "open",
      object,
    );
    const [a = 0, b = 0] = fds;
    const kind = { domain: "unix", type } as const;
    return [socketOf(a, kind), socketOf(b, kind)];
  }

  /**
   * `socket`, `bind`, `listen`: makes a socket that accepts connections.
   *
   * A port can be bound again at once after its last connections
   * (`SO_REUSEADDR`).
   *
   * @throws {IpcError} As {@linkcode open} and {@linkcode bind}.
   */
  static listen(
    address: SocketAddress | string,
    options: ListenOptions = {},
  ): Socket {
    const { type = "stream", backlog = 128 } = options;
    const target = checkAddress(address);
    encodeAddress(target, true);
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
    const target = checkAddress(address);
    encodeAddress(target);
    const socket = Socket.open(target.family, options.type);
    try {
      await socket.connect(target, options);
      return socket;
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  /**
   * `fcntl(F_DUPFD_CLOEXEC)`: wraps the socket behind a descriptor that was
   * inherited, or received over another socket.
   *
   * The descriptor is duplicated and stays the caller's, unless `takeOver` is
   * set.
   *
   * See [fcntl(2)](https://man7.org/linux/man-pages/man2/fcntl.2.html).
   *
   * @throws {IpcError} `EBADF` when there is no such descriptor, `ENOTSOCK`
   * when it is not a socket, `EMFILE`.
   * @throws {TypeError} When it is a socket of another domain or type.
   */
  static fromFd(fd: Fd | number, options: AdoptOptions = {}): Socket {
    return adoptCopy(
      fd,
      options,
      (copy, label) => socketOf(copy, kindOf(copy, label)),
    );
  }

  /**
   * `listen`: starts accepting connections.
   *
   * See [listen(2)](https://man7.org/linux/man-pages/man2/listen.2.html).
   *
   * @param backlog Maximum number of connections that wait to be accepted.
   * @throws {IpcError} `EOPNOTSUPP` for datagrams, `EADDRINUSE` when another
   * socket listens on the port, `EINVAL` for a socket without an address.
   */
  listen(backlog = 128): void {
    integer(backlog, "backlog", 0, 0x7fff_ffff);
    check0(
      sys_socket().listen(this.handle.use("listen on"), backlog),
      errno[0],
      "listen",
      "listen on",
      this.label,
    );
  }

  /**
   * `accept4(SOCK_CLOEXEC)`: accepts the next connection, waiting for one. A
   * call that is aborted or times out has accepted none.
   *
   * See [accept(2)](https://man7.org/linux/man-pages/man2/accept.2.html).
   *
   * @throws {IpcError} `ETIMEDOUT`; `EINVAL` when it does not listen, `EMFILE`
   * or `ENFILE` when no descriptor is left; the connection then stays in the
   * backlog.
   * @throws {TypeError} When it is closed, even during the wait.
   */
  accept(options?: WaitOptions): Promise<Socket> {
    return this.input.async(() => this.#accept(), options, this.#accepting);
  }

  /**
   * `accept4`: as {@linkcode accept}, blocking this thread.
   *
   * @throws {TypeError} Also when an asynchronous call waits.
   */
  acceptSync(options?: SyncWaitOptions): Socket {
    return this.input.sync(() => this.#accept(), options, this.#accepting);
  }

  /**
   * `accept4`: as {@linkcode accept}, without waiting; undefined when there is
   * none.
   */
  tryAccept(): Socket | undefined {
    return this.input.now(() => this.#accept(), this.#accepting);
  }

  /**
   * `accept4`: accepts connections until this socket is closed.
   *
   * See [accept(2)](https://man7.org/linux/man-pages/man2/accept.2.html).
   *
   * @throws {IpcError} As `accept`.
   *
   * @example Serve every client
   * ```ts
   * import { Socket } from "@libc/ipc/socket";
   *
   * const name = `\0example-${crypto.randomUUID()}`;
   * using server = Socket.listen(name);
   * const echo = async (connection: Socket) => {
   *   using _connection = connection;
   *   for await (const bytes of connection) await connection.send(bytes);
   * };
   * const serving = (async () => {
   *   for await (const connection of server.connections()) echo(connection);
   * })();
   *
   * using client = await Socket.connect(name);
   * await client.send("hello");
   * console.log(await client.receive());
   * server.close();
   * await serving;
   * ```
   */
  connections(
    options: WaitOptions = {},
  ): AsyncGenerator<Socket, void, void> {
    return untilClosed(this, () => this.accept(options));
  }

  get #accepting(): WaitSubject {
    return this.subject("accept4", "accept on");
  }

  #accept(): Socket | undefined {
    if (!this.#nonBlocking) {
      setNonBlocking(this.handle.use("accept on"), this.label);
      this.#nonBlocking = true;
    }
    const fd = acceptOnce(this);
    return fd === undefined ? undefined : socketOf(fd, this);
  }
}

function socketOf(fd: number, { domain, type }: Kind): Socket {
  const kind = { domain, type };
  return new Socket(
    INTERNAL,
    new Fd(INTERNAL, fd, socketLabel(fd, kind)),
    kind,
  );
}

function kindOf(fd: number, label: string): Kind {
  const domain = readNumber(fd, SO_DOMAIN, label);
  const type = readNumber(fd, SO_TYPE, label);
  return {
    domain: wordOf(DOMAINS, domain, `${label}: its domain`),
    type: wordOf(TYPES, type, `${label}: its type`),
  };
}

function wordOf<K extends string>(
  table: Record<K, number>,
  value: number,
  what: string,
): K {
  for (const word in table) if (table[word] === value) return word;
  throw new TypeError(`Cannot use ${what} is not known (${value})`);
}
