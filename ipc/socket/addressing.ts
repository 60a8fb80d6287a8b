/**
 * What sockets do with addresses.
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
import { SweepSource } from "../core/wait/source.ts";
import { pause } from "../core/wait/timer_interrupt.ts";
import { busyError, type WaitSubject, waitUntil } from "../core/wait/wait.ts";
import {
  addressText,
  checkAddress,
  decodeAddress,
  encodeAddress,
  type SocketAddress,
} from "./_address.ts";
import { Rooms } from "./_backlog.ts";
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
   * Permission bits of the socket file, of which the umask takes away its own.
   * To connect or send takes the permission to write. Only of a path: what has
   * no file, anybody may connect to.
   *
   * @default {0o600}
   */
  mode?: number | undefined;
  /**
   * Gives the file `mode` exactly, whatever the umask (`chmod`). Only of a path
   * in text.
   *
   * @default {false}
   */
  ignoreUmask?: boolean | undefined;
  /**
   * Takes the place of a socket file that no socket has any more. A live one, a
   * symbolic link and other files are never touched. Only of a path in text.
   *
   * @default {false}
   */
  replaceStale?: boolean | undefined;
  /**
   * Whether dispose also removes the socket file, if there is one; that of a
   * path in bytes stays.
   *
   * @default {true}
   */
  owner?: boolean | undefined;
}

/** How long not to try again what should have blocked and did not, in ms. */
const PAUSE = 1;

/**
 * What sockets do with addresses: have one, connect to one, send to one. See
 * {@linkcode Socket}.
 */
export abstract class SocketAddressing extends SocketMessages {
  /** For what no event announces: a full backlog. */
  readonly #backlog = new SweepSource();
  #file: SocketFile | undefined;
  #rooms: Rooms | undefined;

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
   * `bind`: gives it an address.
   *
   * See [bind(2)](https://man7.org/linux/man-pages/man2/bind.2.html).
   *
   * @param address An address; a string is the path of a Unix socket's file, an
   * abstract name when it begins with NUL, or empty for an abstract name that
   * the kernel chooses. A path has at most 107 bytes here, as other programs
   * expect.
   * @throws {IpcError} `EADDRINUSE` when it is taken, also by a file that no
   * socket has any more (see `replaceStale`), or while somebody keeps the folder
   * of such a file locked; `EACCES`, `ENOENT` when the folder is missing,
   * `EINVAL` when it has an address already.
   * @throws {TypeError} When it is closed, and for `mode`, `ignoreUmask` and
   * `replaceStale` of an address that has no file.
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
    // The kernel gives the file the mode of the socket, if that is ours to set:
    // another user may have made it.
    const refused = kind === "none"
      ? 0
      : errnoOf(sys_stat().fchmod(fd, mode), errno[0]);
    if (kind !== "text" || target.family !== "unix") {
      // A path in bytes is nothing to chmod() afterwards.
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
   * `unlink`: removes the file that it is bound to. It goes on serving those who
   * are connected; nobody finds it any more.
   *
   * See [unlink(2)](https://man7.org/linux/man-pages/man2/unlink.2.html).
   *
   * @throws {IpcError} `ENOENT` when the file is gone, `ESTALE` when another has
   * taken its place, `EACCES` or `EPERM` when the folder forbids it.
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
   * `getsockname`: its own address, with the port or name that the kernel chose;
   * null of a Unix socket that has none.
   *
   * See [getsockname(2)](https://man7.org/linux/man-pages/man2/getsockname.2.html).
   *
   * @throws {TypeError} When it is closed.
   */
  localAddress(): SocketAddress | null {
    return this.#address("getsockname");
  }

  /**
   * `getpeername`: the address that it is connected to; null when that is a Unix
   * socket without one, as clients usually are.
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
   * `connect`: connects it to an address; of datagrams, chooses the peer.
   *
   * After an abort or a timeout an Internet socket may still become connected:
   * close it.
   *
   * See [connect(2)](https://man7.org/linux/man-pages/man2/connect.2.html).
   *
   * @throws {IpcError} `ETIMEDOUT`, `ECONNREFUSED` when nobody listens,
   * `ENOENT` when there is no such file, `EACCES`, `EPROTOTYPE` when the types
   * differ, `EISCONN` when it is connected.
   * @throws {TypeError} When it is closed, before or meanwhile.
   */
  connect(
    address: SocketAddress | string,
    options?: WaitOptions,
  ): Promise<void> {
    try {
      const { attempt, subject } = this.#connect(address);
      // Nothing tells of room in a backlog; an Internet socket becomes writable.
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
    const { attempt, subject } = this.#connect(address);
    if (this.domain === "unix") blockInCall(attempt, options, subject);
    else this.output.sync(attempt, options, subject);
  }

  /**
   * `connect`: connects it if that can be done at once. False when the backlog is
   * full, or when an Internet socket is on its way: ask again.
   *
   * See [connect(2)](https://man7.org/linux/man-pages/man2/connect.2.html).
   *
   * @throws {IpcError} As `connect`, but for `ETIMEDOUT`.
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
   * @param data Bytes, which must stay as they are meanwhile, or text to send
   * as UTF-8.
   * @param address An address, or the path or abstract name of a Unix socket.
   * @throws {IpcError} As {@linkcode send}; `ENOENT` when there is no such file,
   * `EACCES` without permission, `EPERM` when the receiver is connected to
   * another socket.
   * @throws {TypeError} When it does not have datagrams, or is closed, before or
   * meanwhile.
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
   * See [send(2)](https://man7.org/linux/man-pages/man2/send.2.html).
   *
   * @throws {IpcError} As `sendTo`.
   * @throws {TypeError} As `sendTo`, and when an asynchronous call waits.
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
        // Somebody else who has the socket may have made it non-blocking.
        if (mayBlock) pause(PAUSE);
        return undefined;
      },
      options,
      subject,
    );
  }

  /**
   * `sendto`: sends a datagram to an address if there is room, and says whether.
   *
   * See [send(2)](https://man7.org/linux/man-pages/man2/send.2.html).
   *
   * @throws {IpcError} As `sendTo`, but for `ETIMEDOUT`.
   * @throws {TypeError} When it does not have datagrams, or is closed.
   */
  trySendTo(
    data: Uint8Array | string,
    address: SocketAddress | string,
  ): boolean {
    const { target, attempt } = this.#sendTo(data, address);
    return this.#isBusy(target) ? false : attempt();
  }

  /**
   * `recvfrom`: the next datagram and its sender.
   *
   * See [recv(2)](https://man7.org/linux/man-pages/man2/recv.2.html).
   *
   * @throws {IpcError} As {@linkcode receive}.
   * @throws {TypeError} When it does not have datagrams, was shut down for
   * reading, or is closed, before or meanwhile.
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
   * See [recv(2)](https://man7.org/linux/man-pages/man2/recv.2.html).
   *
   * @throws {IpcError} As `receive`.
   * @throws {TypeError} As `receiveFrom`, and when an asynchronous call waits.
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
   * `recvfrom`: the next datagram and its sender; undefined when there is none.
   *
   * See [recv(2)](https://man7.org/linux/man-pages/man2/recv.2.html).
   *
   * @throws {IpcError} As `receive`, but for `ETIMEDOUT`.
   * @throws {TypeError} As `receiveFrom`.
   */
  tryReceiveFrom(options: ReceiveSizeOptions = {}): Datagram | undefined {
    return this.input.now(
      this.#receivingFrom(options),
      this.subject("recvfrom", "receive from"),
    );
  }

  /**
   * Closes it, and removes the file that it was bound to as the `owner`, unless
   * that is gone or another has taken its place.
   *
   * @throws {IpcError} `EACCES` or `EPERM` when the folder forbids it.
   */
  override [Symbol.dispose](): void {
    const file = this.#file;
    this.#file = undefined;
    // First the file: once closed, others may take its place.
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

  get #waiting(): Rooms {
    return this.#rooms ??= new Rooms(this.handle);
  }

  #isBusy(target: Uint8Array): boolean {
    return this.domain === "unix"
      ? this.#rooms?.isBusy(target) ?? false
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
