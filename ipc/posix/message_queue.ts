/**
 * POSIX message queues: {@linkcode PosixMessageQueue}.
 *
 * ```ts
 * import { PosixMessageQueue } from "@libc/ipc/posix-mq";
 *
 * using queue = PosixMessageQueue.create(`/tasks-${Deno.pid}`);
 * queue.sendSync("hello", { priority: 3 });
 * const { data, priority } = await queue.receive();
 * console.log(priority, new TextDecoder().decode(data));
 * ```
 *
 * Waiting for a message needs no `mq_notify` here: the descriptor of a queue
 * can be polled like any other, by any number of processes and any number of
 * times, and `waitAny()` does not take the message. A notification serves one
 * process, once, and is lost when any descriptor of the queue in that process
 * is closed. The raw call is in `@libc/ipc/ffi`.
 *
 * @module
 */

import { ERRNO, ipcError, unless } from "../../ffi/errno.ts";
import { POLLIN, POLLOUT } from "../../ffi/libc/poll.ts";
import { checkMode, integer, shown } from "../core/convert/argument.ts";
import { payloadOf } from "../core/convert/bytes.ts";
import { changeFile, type FileChanges } from "../core/file/file.ts";
import { Fd } from "../core/handle/fd.ts";
import { showing } from "../core/handle/inspect.ts";
import { INTERNAL, onlyInternal } from "../core/handle/internal.ts";
import { openOrCreate } from "../core/handle/open_or_create.ts";
import {
  type SyncWaitOptions,
  timeoutOf,
  type WaitOptions,
} from "../core/wait/options.ts";
import { blockUntil } from "../core/wait/poll.ts";
import { type FdSource, fdSource } from "../core/wait/reactor.ts";
import { fdReadiness } from "../core/wait/readiness.ts";
import { promised, waitUntil } from "../core/wait/wait.ts";
import {
  READINESS,
  type Readiness,
  type Waitable,
} from "../core/wait/wait_any.ts";
import {
  checkInto,
  checkPriority,
  createQueue,
  inodeOf,
  isReplacedQueue,
  openQueue,
  type PosixMessage,
  type PosixMessageQueueAttributes,
  type PosixMessageQueueLimits,
  type PosixMessageQueueStat,
  queueAttributes,
  type QueueInit,
  queueLabel,
  queueLimits,
  queueStat,
  receiveMessage,
  sendMessage,
  setQueueNonBlocking,
  unlinkQueue,
} from "./_message_queue.ts";
import type {
  PosixMessageQueueCreateOptions,
  PosixMessageQueueOpenOptions,
  PosixMessageQueueOpenOrCreateOptions,
  PosixReceiveOptions,
  PosixReceiveSyncOptions,
  PosixSendOptions,
  PosixSendSyncOptions,
  PosixTryReceiveOptions,
  PosixTrySendOptions,
} from "./_message_queue_options.ts";
import { createNamed, posixName } from "./_name.ts";

export { Fd };
export type {
  FileChanges,
  PosixMessage,
  PosixMessageQueueAttributes,
  PosixMessageQueueCreateOptions,
  PosixMessageQueueLimits,
  PosixMessageQueueOpenOptions,
  PosixMessageQueueOpenOrCreateOptions,
  PosixMessageQueueStat,
  PosixReceiveOptions,
  PosixReceiveSyncOptions,
  PosixSendOptions,
  PosixSendSyncOptions,
  PosixTryReceiveOptions,
  PosixTrySendOptions,
  SyncWaitOptions,
  Waitable,
  WaitOptions,
};

/**
 * A POSIX message queue.
 *
 * Messages keep their boundaries. Higher priorities are received first, and
 * messages of equal priority in the order in which they were sent. A queue
 * holds a limited number of messages of limited size. It outlives its
 * processes, with all messages, until it is unlinked and no process has it open
 * any more, or until the next boot.
 *
 * Pending sends keep their order, and so do pending receives; the `try` and
 * `Sync` forms may overtake them. A process that is blocked in the kernel
 * (`mq_receive` in C) is served before the waits here.
 *
 * @example By priority
 * ```ts
 * import { PosixMessageQueue } from "@libc/ipc/posix-mq";
 * import { assertEquals } from "@std/assert";
 *
 * using queue = PosixMessageQueue.create(null, { messageSize: 64 });
 * queue.sendSync("soon");
 * queue.sendSync("now", { priority: 9 });
 * const message = await queue.receive({ timeout: 1000 });
 * assertEquals(new TextDecoder().decode(message.data), "now");
 * assertEquals(message.priority, 9);
 * ```
 */
export class PosixMessageQueue
  implements Disposable, AsyncIterable<PosixMessage>, Waitable {
  readonly #fd: Fd;
  readonly #reads: FdSource;
  readonly #writes: FdSource;
  readonly #name: string;
  readonly #inode: bigint;
  readonly #maxMessages: number;
  readonly #messageSize: number;
  readonly #created: boolean;
  readonly #readable: boolean;
  readonly #label: string;
  #owner: boolean;

  private constructor(token: unknown, init: QueueInit) {
    onlyInternal(token, "PosixMessageQueue");
    this.#name = init.name;
    this.#label = queueLabel(init.name);
    this.#fd = new Fd(INTERNAL, init.fd, this.#label);
    this.#reads = fdSource(this.#fd, "read");
    this.#writes = fdSource(this.#fd, "write");
    this.#inode = inodeOf(init.fd, this.#label);
    const attributes = queueAttributes(init.fd, this.#label);
    this.#maxMessages = attributes.maxMessages;
    this.#messageSize = attributes.messageSize;
    this.#created = init.created;
    this.#readable = init.readable;
    this.#owner = init.owner;
  }

  /**
   * `mq_open(O_CREAT | O_EXCL)`: creates an empty queue.
   *
   * See [mq_open(3)](https://man7.org/linux/man-pages/man3/mq_open.3.html).
   *
   * @param name A slash and more characters, or null for an unused name: see
   * {@linkcode PosixMessageQueue.name}.
   * @throws {IpcError} `EEXIST` when the name is taken, `EINVAL` beyond
   * `msg_max` or `msgsize_max`, `ENOSPC` beyond `queues_max`, `EMFILE` beyond
   * `RLIMIT_MSGQUEUE` or without a free descriptor, `ENFILE`, `ENOMEM`. The
   * error message states the limit.
   */
  static create(
    name: string | null = null,
    options: PosixMessageQueueCreateOptions = {},
  ): PosixMessageQueue {
    const { owner = true } = options;
    const creation = creationOf(options);
    return createNamed(name, (name) => {
      const fd = createQueue(name, creation);
      const init = { fd, name, created: true, owner, readable: true };
      return new PosixMessageQueue(INTERNAL, init);
    });
  }

  /**
   * `mq_open`: opens a queue, which must exist.
   *
   * See [mq_open(3)](https://man7.org/linux/man-pages/man3/mq_open.3.html).
   *
   * @throws {IpcError} `ENOENT` when there is none, `EACCES` without
   * permission, `EPERM` when it is foreign and `foreign` is false, `EMFILE`,
   * `ENFILE`.
   */
  static open(
    name: string,
    options: PosixMessageQueueOpenOptions = {},
  ): PosixMessageQueue {
    const { readOnly = false, writeOnly = false, foreign = true } = options;
    if (readOnly && writeOnly) {
      throw new TypeError("Cannot open a queue readOnly and writeOnly");
    }
    const checked = posixName(name);
    const access = readOnly ? "read" : writeOnly ? "write" : "both";
    return new PosixMessageQueue(INTERNAL, {
      fd: openQueue(checked, access, foreign),
      name: checked,
      created: false,
      owner: false,
      readable: !writeOnly,
    });
  }

  /**
   * `mq_open(O_CREAT)`: opens a queue, or creates it when there is none;
   * {@linkcode PosixMessageQueue.created} says which.
   *
   * An existing queue keeps its `maxMessages` and `messageSize`.
   *
   * See [mq_open(3)](https://man7.org/linux/man-pages/man3/mq_open.3.html).
   *
   * @throws {IpcError} As `open` and `create`.
   */
  static openOrCreate(
    name: string,
    options: PosixMessageQueueOpenOrCreateOptions = {},
  ): PosixMessageQueue {
    const { foreign = true } = options;
    creationOf(options);
    return openOrCreate(
      () => PosixMessageQueue.open(name, { foreign }),
      () =>
        PosixMessageQueue.create(name, {
          ...options,
          owner: options.owner ?? false,
        }),
    );
  }

  /**
   * `mq_unlink`: removes a name without opening the queue.
   *
   * See [mq_unlink(3)](https://man7.org/linux/man-pages/man3/mq_unlink.3.html).
   *
   * @throws {IpcError} `ENOENT` when there is none, `EACCES` or `EPERM` when it
   * belongs to another user.
   */
  static unlink(name: string): void {
    unlinkQueue(posixName(name));
  }

  /**
   * `getrlimit(RLIMIT_MSGQUEUE)` and `/proc/sys/fs/mqueue`: returns the limits
   * of queues.
   *
   * See [mq_overview(7)](https://man7.org/linux/man-pages/man7/mq_overview.7.html).
   */
  static limits(): PosixMessageQueueLimits {
    return queueLimits();
  }

  /** Its name, with the slash. */
  get name(): string {
    return this.#name;
  }

  /** How many messages it can hold. */
  get maxMessages(): number {
    return this.#maxMessages;
  }

  /** The most bytes of a message. */
  get messageSize(): number {
    return this.#messageSize;
  }

  /** Whether this handle created it. */
  get created(): boolean {
    return this.#created;
  }

  /** Whether this handle is closed. */
  get closed(): boolean {
    return this.#fd.closed;
  }

  /**
   * Its descriptor, for other calls and other processes. It belongs to this
   * handle: closing one closes both. It is non-blocking;
   * {@linkcode setNonBlocking} changes this.
   *
   * @throws {TypeError} When the handle is closed.
   */
  get fd(): Fd {
    this.#fd.use("take the descriptor of");
    return this.#fd;
  }

  /**
   * `mq_send`: sends a message, and waits while the queue is full.
   *
   * A call that is aborted or times out has sent nothing.
   *
   * See [mq_send(3)](https://man7.org/linux/man-pages/man3/mq_send.3.html).
   *
   * @param data Its bytes, which are copied at once, or text to send as UTF-8.
   * @throws {IpcError} `ETIMEDOUT`, `EMSGSIZE` when it is longer than
   * `messageSize`, `EBADF` when the queue is open for receiving only.
   * @throws {TypeError} When it is closed before or during the call.
   */
  send(
    data: Uint8Array | string,
    options: PosixSendOptions = {},
  ): Promise<void> {
    return promised(() => {
      let payload = payloadOf(data);
      const priority = checkPriority(options.priority ?? 0);
      // Not slice(), which does not copy for a Buffer.
      const own = () => payload === data ? new Uint8Array(payload) : payload;
      // Other sends come first, and the caller may reuse the bytes meanwhile.
      if (this.#writes.busy) payload = own();
      const attempt = () => {
        if (this.#send(payload, priority)) return true;
        payload = own();
        return undefined;
      };
      return waitUntil<true>(
        attempt,
        options,
        { syscall: "mq_send", action: "send to", object: this.#label },
        this.#writes,
      );
    });
  }

  /**
   * `mq_send`, `poll`: as {@linkcode send}, but blocks this thread. Setting the
   * clock does not change the timeout, as it would with `mq_timedsend`.
   */
  sendSync(
    data: Uint8Array | string,
    options: PosixSendSyncOptions = {},
  ): void {
    const timeout = timeoutOf(options);
    const payload = payloadOf(data);
    const priority = checkPriority(options.priority ?? 0);
    blockUntil(
      () => this.#send(payload, priority) || undefined,
      timeout,
      { syscall: "mq_send", action: "send to", object: this.#label },
      { fd: this.#fd, events: POLLOUT },
    );
  }

  /**
   * `mq_timedsend`: as {@linkcode send}, but returns false when the queue is
   * full.
   */
  trySend(
    data: Uint8Array | string,
    options: PosixTrySendOptions = {},
  ): boolean {
    const priority = checkPriority(options.priority ?? 0);
    return this.#send(payloadOf(data), priority);
  }

  /**
   * `mq_receive`: takes the first message of the highest priority, and waits
   * while the queue is empty.
   *
   * A call that is aborted or times out has taken nothing.
   *
   * See [mq_receive(3)](https://man7.org/linux/man-pages/man3/mq_receive.3.html).
   *
   * @throws {IpcError} `ETIMEDOUT`, `EBADF` when the queue is open for sending
   * only.
   * @throws {RangeError} When `into` has less than `messageSize` bytes.
   * @throws {TypeError} When it is closed before or during the call.
   */
  receive(options: PosixReceiveOptions = {}): Promise<PosixMessage> {
    const { into } = options;
    return waitUntil(
      () => this.#receive(into),
      options,
      { syscall: "mq_receive", action: "receive from", object: this.#label },
      this.#reads,
    );
  }

  /**
   * `mq_receive`, `poll`: as {@linkcode receive}, but blocks this thread.
   * Setting the clock does not change the timeout, as it would with
   * `mq_timedreceive`.
   */
  receiveSync(options: PosixReceiveSyncOptions = {}): PosixMessage {
    const timeout = timeoutOf(options);
    const { into } = options;
    return blockUntil(
      () => this.#receive(into),
      timeout,
      { syscall: "mq_receive", action: "receive from", object: this.#label },
      { fd: this.#fd, events: POLLIN },
    );
  }

  /**
   * `mq_timedreceive`: as {@linkcode receive}, but returns undefined when the
   * queue is empty.
   */
  tryReceive(options: PosixTryReceiveOptions = {}): PosixMessage | undefined {
    return this.#receive(options.into);
  }

  /**
   * `mq_receive`: yields messages until this handle is closed.
   *
   * It receives each message only when asked for it, so leaving the loop loses
   * none. Unlinking the queue does not end the loop.
   *
   * See [mq_receive(3)](https://man7.org/linux/man-pages/man3/mq_receive.3.html).
   *
   * @throws {IpcError} As `receive`.
   */
  async *messages(
    options: PosixReceiveOptions = {},
  ): AsyncGenerator<PosixMessage, void, void> {
    this.#fd.use("receive from");
    for (;;) {
      let message: PosixMessage;
      try {
        message = await this.receive(options);
      } catch (error) {
        if (this.closed && error instanceof TypeError) return;
        throw error;
      }
      yield message;
    }
  }

  /** As {@linkcode messages}. */
  [Symbol.asyncIterator](): AsyncGenerator<PosixMessage, void, void> {
    return this.messages();
  }

  /**
   * `mq_receive`: receives messages and calls `listener` with each, until the
   * result is disposed or this handle is closed.
   *
   * A listener that returns a promise gets the next message when the promise is
   * settled. Its exceptions are reported as uncaught errors. A failing receive
   * is reported too and ends the listening.
   *
   * @example Listen for one message
   * ```ts
   * import { PosixMessageQueue } from "@libc/ipc/posix-mq";
   *
   * using queue = PosixMessageQueue.create();
   * const { promise, resolve } = Promise.withResolvers<number>();
   * using _listening = queue.onMessage(({ priority }) => resolve(priority));
   * queue.sendSync("hello", { priority: 2 });
   * console.log(await promise);
   * ```
   *
   * @throws {TypeError} When it is closed.
   */
  onMessage(
    listener: (message: PosixMessage) => unknown,
    options: Pick<WaitOptions, "signal" | "unref"> = {},
  ): Disposable {
    this.#fd.use("receive from");
    const stop = new AbortController();
    const { unref } = options;
    const signal = options.signal === undefined
      ? stop.signal
      : AbortSignal.any([stop.signal, options.signal]);
    this.#listen(listener, { signal, unref });
    return { [Symbol.dispose]: () => stop.abort() };
  }

  /**
   * `mq_getattr`: returns the size of the queue and its number of messages.
   *
   * See [mq_getattr(3)](https://man7.org/linux/man-pages/man3/mq_getattr.3.html).
   *
   * @throws {TypeError} When it is closed.
   */
  attributes(): PosixMessageQueueAttributes {
    return queueAttributes(this.#fd.use("look at"), this.#label);
  }

  /**
   * `mq_setattr`: makes the open queue blocking, or non-blocking as it is at
   * first, for programs that inherit or receive its descriptor and call
   * `mq_receive` and `mq_send` in C.
   *
   * This handle is not affected: its `try` forms never block, and all others
   * wait. A process that opens the queue by its name has its own flag.
   *
   * See [mq_setattr(3)](https://man7.org/linux/man-pages/man3/mq_getattr.3.html).
   *
   * @throws {TypeError} When it is closed.
   *
   * @example A program that waits for a message with `mq_receive`
   * ```ts ignore
   * using queue = PosixMessageQueue.create();
   * queue.setNonBlocking(false);
   * using child = spawn("./worker", { fds: { 3: queue } });
   * await queue.send("work");
   * ```
   */
  setNonBlocking(value: boolean): void {
    const fd = this.#fd.use("change");
    if (typeof value !== "boolean") {
      throw new TypeError(`value must be a boolean, got ${shown(value)}`);
    }
    setQueueNonBlocking(fd, value, this.#label);
  }

  /**
   * `mq_getattr`, `fstat`, `pread`: returns the state of the queue.
   *
   * See [mq_overview(7)](https://man7.org/linux/man-pages/man7/mq_overview.7.html).
   *
   * @throws {TypeError} When it is closed.
   */
  stat(): PosixMessageQueueStat {
    return queueStat(this.#fd.use("stat"), this.#label, this.#readable);
  }

  /**
   * `fchown` and `fchmod`: changes owner, group or permissions.
   *
   * See [fchown(2)](https://man7.org/linux/man-pages/man2/chown.2.html) and
   * [fchmod(2)](https://man7.org/linux/man-pages/man2/chmod.2.html).
   *
   * @throws {IpcError} `EPERM` when it belongs to another user.
   * @throws {TypeError} When it is closed.
   */
  set(changes: FileChanges): void {
    changeFile(this.#fd.use("change"), changes, this.#label);
  }

  /**
   * `mq_unlink`: removes the name. Processes that have the queue open can still
   * use it.
   *
   * See [mq_unlink(3)](https://man7.org/linux/man-pages/man3/mq_unlink.3.html).
   *
   * @throws {IpcError} `ENOENT` when the name is gone, `EACCES` or `EPERM` when
   * it belongs to another user.
   * @throws {TypeError} When it is closed.
   */
  unlink(): void {
    this.#fd.use("unlink");
    unlinkQueue(this.#name);
    this.#owner = false;
  }

  /**
   * `mq_close`: closes this handle; the queue itself remains. Pending calls are
   * rejected with a `TypeError`. Closing twice does nothing.
   *
   * See [mq_close(3)](https://man7.org/linux/man-pages/man3/mq_close.3.html).
   */
  close(): void {
    this.#fd.close();
  }

  /**
   * Closes the handle, and unlinks the name if the handle is the `owner`, even
   * when it is already closed. A name that is already removed is no error, and
   * a new queue under the name is left alone.
   */
  [Symbol.dispose](): void {
    this.close();
    if (!this.#owner) return;
    this.#owner = false;
    if (isReplacedQueue(this.#name, this.#inode)) return;
    unless("ENOENT", () => unlinkQueue(this.#name));
  }

  /**
   * The readiness of a message, for `waitAny()`.
   *
   * @ignore
   */
  [READINESS](): Readiness {
    return fdReadiness(this.#fd, {
      syscall: "epoll_wait",
      action: "receive from",
      object: this.#label,
    });
  }

  async #listen(
    listener: (message: PosixMessage) => unknown,
    options: Pick<WaitOptions, "signal" | "unref">,
  ): Promise<void> {
    try {
      for (;;) {
        const message = await this.receive(options);
        try {
          await listener(message);
        } catch (error) {
          reportError(error);
        }
      }
    } catch (error) {
      if (!options.signal?.aborted && !this.closed) reportError(error);
    }
  }

  /** Sends; false when the queue is full. */
  #send(payload: Uint8Array, priority: number): boolean {
    const error = sendMessage(this.#fd.use("send to"), payload, priority);
    if (error === 0) return true;
    if (error === ERRNO.EAGAIN) return false;
    throw ipcError(
      error,
      "mq_send",
      "send to",
      this.#label,
      error === ERRNO.EMSGSIZE
        ? `${payload.length} bytes are more than its ${this.#messageSize}`
        : error === ERRNO.EBADF
        ? "it was opened readOnly"
        : undefined,
    );
  }

  /** Receives; undefined when the queue is empty. */
  #receive(
    into: Uint8Array<ArrayBuffer> | undefined,
  ): PosixMessage | undefined {
    const fd = this.#fd.use("receive from");
    checkInto(into, this.#messageSize);
    const message = receiveMessage(fd, this.#messageSize, into);
    if (typeof message !== "number") return message;
    if (message === ERRNO.EAGAIN) return undefined;
    throw ipcError(
      message,
      "mq_receive",
      "receive from",
      this.#label,
      message === ERRNO.EBADF ? "it was opened writeOnly" : undefined,
    );
  }
}

showing(PosixMessageQueue, ({ name, created, maxMessages, messageSize }) => ({
  name,
  created,
  maxMessages,
  messageSize,
}));

function creationOf(
  options: PosixMessageQueueCreateOptions,
): Parameters<typeof createQueue>[1] {
  const { maxMessages, messageSize, mode = 0o600 } = options;
  const count = (value: number | undefined, what: string) =>
    value === undefined ? undefined : integer(value, what, 1, 0x7fff_ffff);
  return {
    maxMessages: count(maxMessages, "maxMessages"),
    messageSize: count(messageSize, "messageSize"),
    mode: checkMode(mode),
    exact: options.ignoreUmask ?? false,
  };
}
