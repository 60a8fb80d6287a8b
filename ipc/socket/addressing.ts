/**
 * Binding, connecting and sending to addresses.
 *
 * @module
 */

import { check0, ERRNO, errnoOf, ipcError } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import { sockaddr_storage, sys_socket } from "../../ffi/libc/sys_socket.ts";
import { sys_stat } from "../../ffi/libc/sys_stat.ts";
import { checkMode } from "../core/convert/argument.ts";
import { payloadOf } from "../core/convert/bytes.ts";
import { absolutePath } from "../core/file/path.ts";
import type { Fd } from "../core/handle/fd.ts";
import type { SyncWaitOptions, WaitOptions } from "../core/wait/options.ts";
import { PollingSource } from "../core/wait/source.ts";
import { pause } from "../core/wait/timer_interrupt.ts";
import { busyError, type WaitSubject, waitUntil } from "../core/wait/wait.ts";
import {
  addressText,
  checkAddress,
  decodeAddress,
  encodeAddress,
  type SocketAddress,
} from "./_address.ts";
import { Backpressure } from "./_backpressure.ts";
import { blockInCall, promised } from "./_direction.ts";
import {
  bindToTaken,
  fileKindOf,
  refuseFileOptions,
  setFileMode,
  SocketFile,
} from "./_file.ts";
import type { SocketDomain, SocketType } from "./handle.ts";
import {
  connecting,
  type Datagram,
  receiveFromOnce,
  type ReceiveSizeOptions,
  sendingTo,
  sizeOf,
} from "./_io.ts";
import { SocketMessages } from "./messages.ts";

/** Options of {@linkcode SocketAddressing.bind}. */
export interface BindOptions {
  /**
   * Permission bits of the socket file, less the umask. Connecting and sending
   * need write permission. For paths only: anybody may connect to an address
   * without a file.
   *
   * @default {0o600}
   */
  mode?: number | undefined;
  /**
   * Sets `mode` exactly, regardless of the umask (`chmod`). For paths given as
   * text only.
   *
   * @default {false}
   */
  ignoreUmask?: boolean | undefined;
  /**
   * Replaces a socket file that no socket uses any more. A live one, a symbolic
   * link and other files are never touched. For paths given as text only.
   *
   * @default {false}
   */
  replaceStale?: boolean | undefined;
  /**
   * Whether disposing also removes the socket file, if there is one; a file
   * whose path was given as bytes stays.
   *
   * @default {true}
   */
  owner?: boolean | undefined;
}

/** Delay in ms before retrying a call that should have blocked and did not. */
const PAUSE = 1;

/** Binds, connects and sends to addresses. See {@linkcode Socket}. */
export abstract class SocketAddressing extends SocketMessages {
  /** Polls: the kernel reports no event when a full backlog drains. */
  readonly #backlog = new PollingSource();
  #file: SocketFile | undefined;
  #backpressure: Backpressure | undefined;

  /** @ignore */
  constructor(
    token: unknown,
    handle: Fd,
    kind: { domain: SocketDomain; type: SocketType },
  ) {
    super(token, handle, kind);
    handle.beforeClose(() => this.#backlog.poke());
  }

  /**
   * `bind`: binds the socket to an address.
   *
   * See [bind(2)](https://man7.org/linux/man-pages/man2/bind.2.html).
   *
   * @param address An address; a string is the path of a Unix socket's file, an
   * abstract name when it begins with NUL, or empty for an abstract name that
   * the kernel chooses. A path has at most 107 bytes here, since other programs
   * expect a terminating NUL.
   * @throws {IpcError} `EADDRINUSE` when it is taken, even by a stale socket
   * file (see `replaceStale`), or while another process keeps the directory of
   * such a file locked; `EACCES`, `ENOENT` when the directory is missing,
   * `EINVAL` when the socket is already bound.
   * @throws {TypeError} When it is closed, and for `mode`, `ignoreUmask` and
   * `replaceStale` with an address that has no file.
   *
   * @example A name at which datagrams arrive
   * ```ts
   * import { Socket } from "@libc/ipc/socket";
   * import { assertEquals } from "@std/assert";
   *
   * const name = `\0example-${crypto.randomUUID()}`;
   * using receiver = Socket.open("unix", "datagram");
   * receiver.bind(name);
   *
   * using sender = Socket.open("unix", "datagram");
   * sender.bind(""); // to be found by those who answer
   * await sender.sendTo("hello", name);
   *
   * const { data, address } = await receiver.receiveFrom();
   * assertEquals(new TextDecoder().decode(data), "hello");
   * assertEquals(address, sender.localAddress());
   * ```
   *
   * @example Take the place of a server that has died
   * ```ts
   * import { Socket } from "@libc/ipc/socket";
   *
   * const path = `/tmp/example-${crypto.randomUUID()}.sock`;
   * using server = Socket.listen(path, { replaceStale: true });
   * console.log(server.localAddress());
   * ```
   */
  bind(address: SocketAddress | string, options: BindOptions = {}): void {
    const { mode = 0o600, replaceStale = false, owner = true } = options;
    checkMode(mode);
    const target = checkAddress(address);
    const bytes = encodeAddress(target, true);
    refuseFileOptions(target, options);
    const fd = this.handle.use("bind");
    const object = `${this.label} to ${addressText(target)}`;
    const bind = () =>
      errnoOf(sys_socket().bind(fd, bytes, bytes.length), errno[0]);
    const kind = fileKindOf(target);
    // The file inherits the mode of the socket, which only its owner may set:
    // another user may have made it.
    const refused = kind === "none"
      ? 0
      : errnoOf(sys_stat().fchmod(fd, mode), errno[0]);
    if (kind !== "text" || target.family !== "unix") {
      // A path given as bytes cannot be used for chmod() afterwards.
      if (refused !== 0) throw ipcError(refused, "fchmod", "bind", object);
      const error = bind();
      if (error !== 0) throw ipcError(error, "bind", "bind", object);
      return;
    }
    const { path } = target;
    const absolute = absolutePath(path, "path");
    const first = bind();
    const { error, hint } = first === ERRNO.EADDRINUSE
      ? bindToTaken(path, bind, replaceStale)
      : { error: first };
    if (error !== 0) throw ipcError(error, "bind", "bind", object, hint);
    if (owner) this.#file = SocketFile.at(absolute);
    if (options.ignoreUmask) setFileMode(absolute, object, () => mode);
    else if (refused) setFileMode(absolute, object, (now) => now & mode);
  }

  /**
   * `unlink`: removes the socket file. Existing connections stay open; new ones
   * fail.
   *
   * See [unlink(2)](https://man7.org/linux/man-pages/man2/unlink.2.html).
   *
   * @throws {IpcError} `ENOENT` when the file is gone, `ESTALE` when another
   * has taken its place, `EACCES` or `EPERM` when the directory forbids it.
   * @throws {TypeError} When it is not the owner of a file, or is closed.
   */
  remove(): void {
    this.handle.use("remove the file of");
    const file = this.#file;
    if (file === undefined) {
      throw new TypeError(
        `Cannot remove the file of the ${this.label}: it owns none`,
      );
    }
    this.#file = undefined;
    const error = file.remove(`the file of ${this.label}`);
    if (error !== undefined) throw error;
  }

  /**
   * `getsockname`: the local address, with the port or name that the kernel
   * chose; null for an unbound Unix socket.
   *
   * See [getsockname(2)](https://man7.org/linux/man-pages/man2/getsockname.2.html).
   *
   * @throws {TypeError} When it is closed.
   */
  localAddress(): SocketAddress | null {
    return this.#address("getsockname");
  }

  /**
   * `getpeername`: the address of the peer; null for an unbound Unix socket, as
   * clients usually are.
   *
   * See [getpeername(2)](https://man7.org/linux/man-pages/man2/getpeername.2.html).
   *
   * @throws {IpcError} `ENOTCONN` when it has no peer.
   * @throws {TypeError} When it is closed.
   */
  peerAddress(): SocketAddress | null {
    return this.#address("getpeername");
  }

  /**
   * `connect`: connects to an address; for datagrams, sets the peer.
   *
   * An Internet socket may still become connected after an abort or a timeout:
   * close it.
   *
   * See [connect(2)](https://man7.org/linux/man-pages/man2/connect.2.html).
   *
   * @throws {IpcError} `ETIMEDOUT`, `ECONNREFUSED` when nobody listens,
   * `ENOENT` when there is no such file, `EACCES`, `EPROTOTYPE` when the types
   * differ, `EISCONN` when it is already connected.
   * @throws {TypeError} When it is closed, even during the wait.
   */
  connect(
    address: SocketAddress | string,
    options?: WaitOptions,
  ): Promise<void> {
    try {
      const { attempt, subject } = this.#connect(address);
      // An Internet socket becomes writable when connected; a Unix backlog has
      // no event and needs polling.
      const source = this.domain === "unix"
        ? this.#backlog
        : this.output.source;
      return waitUntil(
        attempt,
        options,
        subject,
        source,
      ) as Promise<unknown> as Promise<void>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** `connect`: as {@linkcode connect}, blocking this thread. */
  connectSync(
    address: SocketAddress | string,
    options?: SyncWaitOptions,
  ): void {
    const { attempt, subject } = this.#connect(address);
    if (this.domain === "unix") blockInCall(attempt, options, subject);
    else this.output.sync(attempt, options, subject);
  }

  /**
   * `connect`: as {@linkcode connect}, without waiting; false when the backlog
   * is full or an Internet connection is in progress: call again.
   */
  tryConnect(address: SocketAddress | string): boolean {
    const { attempt } = this.#connect(address);
    return attempt() ?? false;
  }

  /**
   * `sendto`: sends a datagram to an address.
   *
   * See [send(2)](https://man7.org/linux/man-pages/man2/send.2.html).
   *
   * @param data Bytes, which must not change during the call, or text to send
   * as UTF-8.
   * @param address An address, or the path or abstract name of a Unix socket.
   * @throws {IpcError} As {@linkcode send}; `ENOENT` when there is no such file,
   * `EACCES` without permission, `EPERM` when the receiver is connected to
   * another socket.
   * @throws {TypeError} When it is not a datagram socket, or is closed, even
   * during the wait.
   */
  sendTo(
    data: Uint8Array | string,
    address: SocketAddress | string,
    options?: WaitOptions,
  ): Promise<void> {
    return promised(() => {
      const { target, attempt, subject } = this.#sendTo(data, address);
      const once = () => attempt() || undefined;
      return this.domain === "unix"
        ? this.#waiting.send(target, once, options, subject)
        : this.output.async(once, options, subject);
    });
  }

  /**
   * `sendto`: as {@linkcode sendTo}, blocking this thread.
   *
   * @throws {TypeError} Also when an asynchronous call waits.
   */
  sendToSync(
    data: Uint8Array | string,
    address: SocketAddress | string,
    options?: SyncWaitOptions,
  ): void {
    const { target, attempt, subject } = this.#sendTo(data, address);
    if (this.#isBusy(target)) throw busyError(subject);
    blockInCall(
      (mayBlock) => {
        if (attempt(mayBlock)) return true;
        // Another process that shares the socket may have made it non-blocking.
        if (mayBlock) pause(PAUSE);
        return undefined;
      },
      options,
      subject,
    );
  }

  /**
   * `sendto`: as {@linkcode sendTo}, without waiting; false when it is not
   * writable.
   */
  trySendTo(
    data: Uint8Array | string,
    address: SocketAddress | string,
  ): boolean {
    const { target, attempt } = this.#sendTo(data, address);
    return this.#isBusy(target) ? false : attempt();
  }

  /**
   * `recvfrom`: receives the next datagram and its sender.
   *
   * See [recv(2)](https://man7.org/linux/man-pages/man2/recv.2.html).
   *
   * @throws {IpcError} As {@linkcode receive}.
   * @throws {TypeError} When it is not a datagram socket, was shut down for
   * reading, or is closed, even during the wait.
   */
  receiveFrom(
    options: ReceiveSizeOptions & WaitOptions = {},
  ): Promise<Datagram> {
    return promised(() =>
      this.input.async(
        this.#receivingFrom(options),
        options,
        this.subject("recvfrom", "receive from"),
      )
    );
  }

  /**
   * `recvfrom`: as {@linkcode receiveFrom}, blocking this thread.
   *
   * @throws {TypeError} Also when an asynchronous call waits.
   */
  receiveFromSync(
    options: ReceiveSizeOptions & SyncWaitOptions = {},
  ): Datagram {
    return this.input.sync(
      this.#receivingFrom(options),
      options,
      this.subject("recvfrom", "receive from"),
    );
  }

  /**
   * `recvfrom`: as {@linkcode receiveFrom}, without waiting; undefined when
   * there is none.
   */
  tryReceiveFrom(options: ReceiveSizeOptions = {}): Datagram | undefined {
    return this.input.now(
      this.#receivingFrom(options),
      this.subject("recvfrom", "receive from"),
    );
  }

  /**
   * Closes the socket. An `owner` also removes its socket file, unless that is
   * gone or another has taken its place.
   *
   * @throws {IpcError} `EACCES` or `EPERM` when the directory forbids it.
   */
  override [Symbol.dispose](): void {
    const file = this.#file;
    this.#file = undefined;
    // Remove the file first: after close, others may replace it.
    const error = file?.remove(`the file of ${this.label}`);
    this.close();
    if (error && error.code !== "ENOENT" && error.code !== "ESTALE") {
      throw error;
    }
  }

  #connect(address: SocketAddress | string): {
    attempt: (mayBlock?: boolean) => true | undefined;
    subject: WaitSubject;
  } {
    const target = checkAddress(address);
    const object = `${this.label} to ${addressText(target)}`;
    return {
      attempt: connecting(this, target),
      subject: { syscall: "connect", action: "connect", object },
    };
  }

  #address(call: "getsockname" | "getpeername"): SocketAddress | null {
    const bytes = new Uint8Array(sockaddr_storage.size);
    const length = new Uint32Array([sockaddr_storage.size]);
    const action = "read the address of";
    const fd = this.handle.use(action);
    check0(
      sys_socket()[call](fd, bytes, length),
      errno[0],
      call,
      action,
      this.label,
    );
    return decodeAddress(bytes, length[0] as number);
  }

  get #waiting(): Backpressure {
    return this.#backpressure ??= new Backpressure(this.handle);
  }

  #isBusy(target: Uint8Array): boolean {
    return this.domain === "unix"
      ? this.#backpressure?.isBusy(target) ?? false
      : this.output.source.busy;
  }

  #sendTo(data: Uint8Array | string, address: SocketAddress | string) {
    if (this.type !== "datagram") this.refuse("sendTo", "send");
    const to = checkAddress(address);
    const target = encodeAddress(to);
    const object = `${this.label} to ${addressText(to)}`;
    return {
      target,
      attempt: sendingTo(this, payloadOf(data), target, object),
      subject: { syscall: "sendto", action: "send from", object },
    };
  }

  #receivingFrom(options: ReceiveSizeOptions): () => Datagram | undefined {
    if (this.type !== "datagram") this.refuse("receiveFrom", "receive");
    const size = sizeOf(this.type, options);
    return () => receiveFromOnce(this, size);
  }
}
