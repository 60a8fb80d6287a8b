/**
 * System V message queues: {@linkcode SysvMessageQueue}.
 *
 * ```ts
 * import { IPC_PRIVATE, SysvMessageQueue } from "@libc/ipc";
 *
 * // Instead of IPC_PRIVATE, a key that others know: ftok("some/file", "q").
 * using queue = SysvMessageQueue.create(IPC_PRIVATE);
 * queue.sendSync(1, "hello");
 * const { type, data } = await queue.receive();
 * console.log(type, new TextDecoder().decode(data));
 * ```
 *
 * @module
 */

import {
  checkInt,
  ERRNO,
  hasCode,
  ignoreGone,
  ipcError,
  isInterruption,
  timeoutError,
} from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  IPC_CREAT,
  IPC_EXCL,
  IPC_NOWAIT,
  IPC_RMID,
} from "../../ffi/libc/sys_ipc.ts";
import {
  MSG_COPY,
  MSG_EXCEPT,
  MSG_NOERROR,
  sys_msg,
} from "../../ffi/libc/sys_msg.ts";
import {
  checkMode,
  integer,
  shown,
  size as checkSize,
} from "../core/convert/argument.ts";
import { payloadOf } from "../core/convert/bytes.ts";
import { type Key, keyText } from "../core/convert/key.ts";
import { showing } from "../core/handle/inspect.ts";
import { INTERNAL, onlyInternal } from "../core/handle/internal.ts";
import { openOrCreate } from "../core/handle/open_or_create.ts";
import { Deadline } from "../core/wait/deadline.ts";
import {
  type SyncWaitOptions,
  timeoutOf,
  type WaitOptions,
} from "../core/wait/options.ts";
import {
  type BlockingCall,
  PollingSource,
  type Source,
} from "../core/wait/source.ts";
import {
  collectThreads,
  pauseThreads,
  ThreadSource,
  threadsTake,
} from "../core/wait/thread_source.ts";
import { callUntil } from "../core/wait/timer_interrupt.ts";
import { promised, waitUntil } from "../core/wait/wait.ts";
import {
  READINESS,
  type Readiness,
  type Waitable,
} from "../core/wait/wait_any.ts";
import { messageQueueInfo, type SysvMessageQueueInfo } from "./_info.ts";
import {
  changeQueue,
  listQueues,
  matches,
  maxBytesOf,
  type MessageRequest,
  receiveMessage,
  sendMessage,
  statById,
  type SysvMessage,
  type SysvMessageQueueChanges,
  type SysvMessageQueueStat,
  waitForMessage,
} from "./_message_queue.ts";
import {
  checkExists,
  checkId,
  checkKey,
  type PermissionChanges,
  type Permissions,
  type SysvCreateOptions,
  type SysvInit,
  type SysvOpenOptions,
} from "./_object.ts";

export type {
  Key,
  PermissionChanges,
  Permissions,
  SyncWaitOptions,
  SysvCreateOptions,
  SysvMessage,
  SysvMessageQueueChanges,
  SysvMessageQueueInfo,
  SysvMessageQueueStat,
  SysvOpenOptions,
  WaitOptions,
};

/** Options for the size of a received message. */
export interface MessageSizeOptions {
  /**
   * The most bytes to take. A longer message stays in the queue and the call
   * fails with `E2BIG`, unless `truncate` is set.
   *
   * @default {undefined} no limit
   */
  maxSize?: number | undefined;
  /**
   * Truncates a message that is longer than `maxSize`; the rest is lost
   * (`MSG_NOERROR`).
   *
   * @default {false}
   */
  truncate?: boolean | undefined;
  /**
   * The buffer for the bytes. `data` is then the part of it that they fill, and
   * its length limits `maxSize`. This saves a new array for each message, which
   * takes a third of the time of a small one. If it is detached when a message
   * is received, the call throws a `TypeError` and takes nothing.
   *
   * @default {undefined} a new array
   */
  into?: Uint8Array<ArrayBuffer> | undefined;
}

/** Options of {@linkcode SysvMessageQueue.tryReceive}. */
export interface MessageTryReceiveOptions extends MessageSizeOptions {
  /**
   * The message to receive: 0 for the first of any type, n for the first of
   * type n, -n for the first of the lowest type up to n.
   *
   * @default {0}
   */
  type?: number | undefined;
  /**
   * With a positive `type`: the first of any other type (`MSG_EXCEPT`).
   *
   * @default {false}
   */
  except?: boolean | undefined;
}

/** Options of {@linkcode SysvMessageQueue.receiveSync}. */
export interface MessageReceiveSyncOptions
  extends MessageTryReceiveOptions, SyncWaitOptions {}

/** Options of {@linkcode SysvMessageQueue.receive}. */
export interface MessageReceiveOptions
  extends MessageTryReceiveOptions, WaitOptions {}

/** The delay before messages are put back again into a full queue, in ms. */
const RETRY = 10;

/**
 * A System V message queue.
 *
 * Messages have a type, by which a receiver can choose, and keep their
 * boundaries. A queue holds at most `maxBytes` bytes (16384 by default), and at
 * most as many messages. It outlives its processes, with all messages.
 *
 * A message must not be longer than `SysvMessageQueue.info().maxMessageSize`.
 *
 * Avoid empty messages if promises wait for messages: a wait in the kernel
 * takes an empty message. If the waiting call does not want it, it is put back,
 * behind messages sent later, and only with write permission. It can be lost
 * when a process is killed or a worker is terminated while it waits. Messages
 * with data are never lost this way.
 *
 * @example Choose by type
 * ```ts
 * import { IPC_PRIVATE, SysvMessageQueue } from "@libc/ipc";
 * import { assertEquals } from "@std/assert";
 *
 * using queue = SysvMessageQueue.create(IPC_PRIVATE);
 * queue.sendSync(2, "second");
 * queue.sendSync(1, "first");
 * const message = await queue.receive({ type: 1, timeout: 1000 });
 * assertEquals(new TextDecoder().decode(message.data), "first");
 * ```
 */
export class SysvMessageQueue
  implements Disposable, Waitable, AsyncIterable<SysvMessage> {
  readonly #id: number;
  readonly #key: Key;
  readonly #created: boolean;
  readonly #label: string;
  readonly #source = new ThreadSource(() => this.#putBack());
  /** The source of pending sends. Messages of this handle stay in order. */
  readonly #room = new PollingSource(true);
  /** Empty messages that a thread took while it only had to wait. */
  readonly #taken: SysvMessage[] = [];
  #retry: ReturnType<typeof setTimeout> | undefined;
  #owner: boolean;
  #closed = false;

  private constructor(token: unknown, init: SysvInit) {
    onlyInternal(token, "SysvMessageQueue");
    const { id, key } = init;
    this.#id = id;
    this.#key = key;
    this.#created = init.created;
    this.#owner = init.owner;
    this.#label = `System V message queue ${id} (key ${keyText(key)})`;
  }

  /**
   * `msgget(IPC_CREAT | IPC_EXCL)`: creates an empty queue.
   *
   * See [msgget(2)](https://man7.org/linux/man-pages/man2/msgget.2.html).
   *
   * @param key A key, or `IPC_PRIVATE` for a queue that has none.
   * @throws {IpcError} `EEXIST` when the key is taken, `ENOSPC` beyond
   * `MSGMNI`, `ENOMEM`.
   */
  static create(key: Key, options: SysvCreateOptions = {}): SysvMessageQueue {
    const { mode = 0o600, owner = true } = options;
    const checked = checkKey(key);
    const id = checkInt(
      sys_msg().msgget(checked, IPC_CREAT | IPC_EXCL | checkMode(mode, 0o777)),
      errno[0],
      "msgget",
      "create",
      `System V message queue with key ${keyText(checked)}`,
    );
    return new SysvMessageQueue(INTERNAL, {
      id,
      key: checked,
      created: true,
      owner,
    });
  }

  /**
   * `msgget`: opens the queue of a key, which must exist.
   *
   * See [msgget(2)](https://man7.org/linux/man-pages/man2/msgget.2.html).
   *
   * @throws {IpcError} `ENOENT` when there is none, `EACCES` when `mode` is not
   * permitted.
   */
  static open(key: Key, options: SysvOpenOptions = {}): SysvMessageQueue {
    const { mode = 0 } = options;
    const checked = checkKey(key);
    if (checked === 0) {
      throw new RangeError(
        "key must not be IPC_PRIVATE: such a queue is found by fromId()",
      );
    }
    const id = checkInt(
      sys_msg().msgget(checked, checkMode(mode, 0o777)),
      errno[0],
      "msgget",
      "open",
      `System V message queue with key ${keyText(checked)}`,
    );
    return new SysvMessageQueue(INTERNAL, {
      id,
      key: checked,
      created: false,
      owner: false,
    });
  }

  /**
   * `msgget`: opens the queue of a key, or creates it when there is none;
   * {@linkcode created} says which.
   *
   * See [msgget(2)](https://man7.org/linux/man-pages/man2/msgget.2.html).
   *
   * @throws {IpcError} As `open` and `create`.
   */
  static openOrCreate(
    key: Key,
    options: SysvCreateOptions = {},
  ): SysvMessageQueue {
    return openOrCreate(
      () => SysvMessageQueue.open(key),
      () =>
        SysvMessageQueue.create(key, {
          ...options,
          owner: options.owner ?? false,
        }),
    );
  }

  /**
   * `msgctl(IPC_STAT)`: opens a queue by its id.
   *
   * See [msgctl(2)](https://man7.org/linux/man-pages/man2/msgctl.2.html).
   *
   * @throws {IpcError} `EINVAL` or `EIDRM` when there is none, `EACCES` when it
   * may not be read.
   */
  static fromId(id: number): SysvMessageQueue {
    const stat = statById(checkId(id), `System V message queue ${id}`);
    return new SysvMessageQueue(INTERNAL, {
      id,
      key: stat.key,
      created: false,
      owner: false,
    });
  }

  /**
   * `msgctl(IPC_INFO)` and `msgctl(MSG_INFO)`: returns limits and use on this
   * machine.
   *
   * See [msgctl(2)](https://man7.org/linux/man-pages/man2/msgctl.2.html).
   */
  static info(): SysvMessageQueueInfo {
    return messageQueueInfo();
  }

  /**
   * `msgctl(MSG_STAT_ANY)`: lists all queues on this machine (in this IPC
   * namespace), of all users.
   *
   * See [msgctl(2)](https://man7.org/linux/man-pages/man2/msgctl.2.html).
   */
  static list(): SysvMessageQueueStat[] {
    return listQueues();
  }

  /** Its id. */
  get id(): number {
    return this.#id;
  }

  /** The key it was created with; 0 is `IPC_PRIVATE`. */
  get key(): Key {
    return this.#key;
  }

  /** Whether this handle created it. */
  get created(): boolean {
    return this.#created;
  }

  /** Whether this handle is closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * `msgsnd`: sends a message, and waits while the queue is full. Pending sends
   * of this handle keep their order, even if a later message would fit earlier.
   *
   * See [msgsnd(2)](https://man7.org/linux/man-pages/man2/msgop.2.html).
   *
   * @param type Its type, from 1 to 2^53-1.
   * @param data Its bytes, which are copied at once, or text to send as UTF-8.
   * @throws {IpcError} `ETIMEDOUT`, `EMSGSIZE` when it is longer than
   * `maxBytes` of the queue, `EINVAL` when it is longer than `maxMessageSize`,
   * `EIDRM` or `EINVAL` when the queue is gone, `EACCES` without permission.
   */
  send(
    type: number,
    data: Uint8Array | string,
    options?: WaitOptions,
  ): Promise<void> {
    return promised(() => {
      let payload = payloadOf(data);
      // Not slice(), which does not copy for a Buffer.
      const own = () => payload === data ? new Uint8Array(payload) : payload;
      if (this.#room.busy) {
        // Other sends come first, and the caller may reuse the bytes meanwhile.
        checkType(type);
        payload = own();
      }
      return this.#until("msgsnd", "send to", options, this.#room, () => {
        if (this.#send(type, payload, IPC_NOWAIT)) return true;
        payload = own();
        return undefined;
      });
    });
  }

  /**
   * `msgsnd`: as {@linkcode send}, but blocks this thread.
   */
  sendSync(
    type: number,
    data: Uint8Array | string,
    options?: SyncWaitOptions,
  ): void {
    const timeout = timeoutOf(options);
    const payload = payloadOf(data);
    // Try without waiting first: a message that never fits would wait for ever.
    if (this.#send(type, payload, IPC_NOWAIT)) return;
    if (timeout === undefined) {
      while (!this.#send(type, payload, 0));
      return;
    }
    const sent = callUntil(
      new Deadline(timeout),
      (mayBlock) =>
        this.#send(type, payload, mayBlock ? 0 : IPC_NOWAIT) || undefined,
    );
    if (!sent) throw timeoutError("msgsnd", "send to", this.#label, timeout);
  }

  /**
   * `msgsnd(IPC_NOWAIT)`: as {@linkcode send}, but returns false when the queue
   * is full.
   */
  trySend(type: number, data: Uint8Array | string): boolean {
    return this.#send(type, payloadOf(data), IPC_NOWAIT);
  }

  /**
   * `msgrcv`: takes a message out of the queue, and waits while there is none.
   * If several calls wait for it, any of them may get it.
   *
   * A call that is aborted or times out has taken nothing.
   *
   * See [msgrcv(2)](https://man7.org/linux/man-pages/man2/msgop.2.html).
   *
   * @throws {IpcError} `ETIMEDOUT`, `E2BIG` when it is longer than `maxSize`,
   * `EIDRM` or `EINVAL` when the queue is gone, `EACCES` without permission.
   */
  receive(options: MessageReceiveOptions = {}): Promise<SysvMessage> {
    return promised(() => {
      const request = requestOf(options);
      return this.#until(
        "msgrcv",
        "receive from",
        options,
        this.#source,
        () => this.#receive(request, IPC_NOWAIT),
        waitForMessage(this.#id, request, (message) => this.#keep(message)),
      );
    });
  }

  /**
   * `msgrcv`: as {@linkcode receive}, but blocks this thread. The kernel has no
   * timeout for this call: a timer interrupts it at the deadline, with an
   * unused real-time signal that it claims for the duration.
   */
  receiveSync(options: MessageReceiveSyncOptions = {}): SysvMessage {
    const timeout = timeoutOf(options);
    const request = requestOf(options);
    if (threadsTake()) {
      const message = this.#receive(request, IPC_NOWAIT);
      if (message !== undefined) return message;
      pauseThreads();
    }
    if (timeout === undefined) {
      for (;;) {
        const message = this.#receive(request, 0);
        if (message !== undefined) return message;
      }
    }
    const deadline = new Deadline(timeout);
    const message = this.#receive(request, IPC_NOWAIT) ??
      callUntil(
        deadline,
        (mayBlock) => this.#receive(request, mayBlock ? 0 : IPC_NOWAIT),
      );
    if (message !== undefined) return message;
    throw timeoutError("msgrcv", "receive from", this.#label, timeout);
  }

  /**
   * `msgrcv(IPC_NOWAIT)`: as {@linkcode receive}, but returns undefined when
   * there is no message.
   */
  tryReceive(options: MessageTryReceiveOptions = {}): SysvMessage | undefined {
    const request = requestOf(options);
    const message = this.#receive(request, IPC_NOWAIT);
    if (message !== undefined || !threadsTake()) return message;
    collectThreads();
    return this.#receive(request, IPC_NOWAIT);
  }

  /**
   * `msgrcv(MSG_COPY)`: copies the message at an index of the queue, from 0 on,
   * and leaves it there. Returns undefined when there is no such message.
   *
   * See [msgrcv(2)](https://man7.org/linux/man-pages/man2/msgop.2.html).
   *
   * @throws {IpcError} `ENOSYS` when the kernel was built without
   * `CONFIG_CHECKPOINT_RESTORE`, `E2BIG` when it is longer than `maxSize`,
   * `EINVAL` or `EIDRM` when the queue is gone, `EACCES` without permission.
   */
  peek(
    index = 0,
    options: MessageSizeOptions = {},
  ): SysvMessage | undefined {
    this.#check("peek into");
    integer(index, "index", 0, Number.MAX_SAFE_INTEGER);
    const { truncate, ...exact } = options;
    const request = requestOf(exact);
    // The kernel cannot truncate a copy: copy the whole message and cut it
    // here.
    const message = receiveMessage(
      this.#id,
      { ...(truncate ? ANY : request), type: BigInt(index) },
      MSG_COPY | IPC_NOWAIT,
    );
    if (typeof message !== "number") {
      return truncate ? cut(message, request) : message;
    }
    if (message === ERRNO.ENOMSG) return undefined;
    const hint = message === ERRNO.ENOSYS
      ? "the kernel was built without CONFIG_CHECKPOINT_RESTORE"
      : undefined;
    throw ipcError(message, "msgrcv", "peek into", this.#label, hint);
  }

  /**
   * `msgrcv`: yields messages until the queue is removed or this handle is
   * closed.
   *
   * It receives each message only when asked for it, so leaving the loop loses
   * none.
   *
   * See [msgrcv(2)](https://man7.org/linux/man-pages/man2/msgop.2.html).
   *
   * @example Answer requests until a stop message
   * ```ts
   * import { IPC_PRIVATE, SysvMessageQueue } from "@libc/ipc";
   * import { assertEquals } from "@std/assert";
   *
   * using queue = SysvMessageQueue.create(IPC_PRIVATE);
   * for (const text of ["a", "b", "stop", "c"]) queue.sendSync(1, text);
   * const seen: string[] = [];
   * for await (const { data } of queue.messages({ type: 1 })) {
   *   const text = new TextDecoder().decode(data);
   *   if (text === "stop") break;
   *   seen.push(text);
   * }
   * assertEquals(seen, ["a", "b"]);
   * assertEquals(queue.stat().messages, 1);
   * ```
   *
   * @throws {IpcError} As `receive`, but for `EIDRM` and `EINVAL`.
   */
  async *messages(
    options: MessageReceiveOptions = {},
  ): AsyncGenerator<SysvMessage, void, void> {
    this.#check("receive from");
    for (;;) {
      let message: SysvMessage;
      try {
        message = await this.receive(options);
      } catch (error) {
        const gone = hasCode(error, "EIDRM") || hasCode(error, "EINVAL");
        if (gone || this.#closed) return;
        throw error;
      }
      yield message;
    }
  }

  /** As {@linkcode messages}, for any type. */
  [Symbol.asyncIterator](): AsyncGenerator<SysvMessage, void, void> {
    return this.messages();
  }

  /**
   * `msgctl(IPC_STAT)`: returns the state of the queue.
   *
   * See [msgctl(2)](https://man7.org/linux/man-pages/man2/msgctl.2.html).
   *
   * @throws {IpcError} `EACCES` when it may not be read, `EINVAL` or `EIDRM`
   * when it is gone.
   */
  stat(): SysvMessageQueueStat {
    this.#check("stat");
    return statById(this.#id, this.#label);
  }

  /**
   * `msgctl(IPC_SET)`: changes capacity, owner, group or permissions.
   *
   * See [msgctl(2)](https://man7.org/linux/man-pages/man2/msgctl.2.html).
   *
   * @throws {IpcError} `EPERM` when it belongs to another user, or `maxBytes`
   * exceeds `MSGMNB` and this process lacks `CAP_SYS_RESOURCE`; `EACCES` when
   * it may not be read; `EINVAL` or `EIDRM` when it is gone.
   */
  set(changes: SysvMessageQueueChanges): void {
    this.#check("change");
    changeQueue(this.#id, changes, this.#label);
  }

  /**
   * `msgctl(IPC_RMID)`: removes the queue with all messages. Waiting calls fail
   * with `EIDRM`.
   *
   * See [msgctl(2)](https://man7.org/linux/man-pages/man2/msgctl.2.html).
   *
   * @throws {IpcError} `EPERM` when it belongs to another user, `EINVAL` or
   * `EIDRM` when it is gone.
   */
  remove(): void {
    this.#check("remove");
    this.#remove();
    this.#owner = false;
  }

  /** Closes this handle; the queue itself remains. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#source.poke();
    this.#room.poke();
    this.#putBack();
  }

  /**
   * Closes the handle, and removes the queue if the handle is the `owner`, even
   * when it is already closed. A queue that is already removed is no error.
   */
  [Symbol.dispose](): void {
    this.close();
    if (!this.#owner) return;
    this.#owner = false;
    ignoreGone(() => this.#remove());
  }

  /** @ignore */
  [READINESS](): Readiness {
    const action = "wait for";
    let waited = false;
    const ready = () => {
      this.#check(action);
      if (this.#taken.length > 0) return true;
      // A thread in a call may still take the message, so it is not ready.
      return this.stat().messages > 0 && this.#source.settled;
    };
    return {
      ready: () => {
        try {
          return ready();
        } catch (error) {
          throw this.#since(waited, error, "msgrcv", action);
        } finally {
          waited = true;
        }
      },
      source: this.#source,
      subject: {
        syscall: "msgrcv",
        action: "wait for",
        object: this.#label,
        call: waitForMessage(this.#id, requestOf({}), (message) => {
          this.#keep(message);
        }),
      },
    };
  }

  #remove(): void {
    checkExists(
      sys_msg().msgctl(this.#id, IPC_RMID, null),
      errno[0],
      "msgctl",
      "remove",
      this.#label,
    );
  }

  /** Sends; false when the queue is full or a signal interrupted the call. */
  #send(type: number, payload: Uint8Array, flags: number): boolean {
    this.#check("send to");
    checkType(type);
    const error = sendMessage(this.#id, type, payload, flags);
    if (error === 0) return true;
    if (error === ERRNO.EINTR) return false;
    if (error !== ERRNO.EAGAIN) {
      const hint = error === ERRNO.EINVAL && payload.length > 0
        ? `the queue is gone, or the ${payload.length} bytes are more than MSGMAX`
        : undefined;
      throw ipcError(error, "msgsnd", "send to", this.#label, hint);
    }
    const most = maxBytesOf(this.#id);
    if (most !== undefined && payload.length > most) {
      const hint = `${payload.length} bytes will never fit into ${most}`;
      throw ipcError(ERRNO.EMSGSIZE, "msgsnd", "send to", this.#label, hint);
    }
    return false;
  }

  /**
   * Receives; undefined without a message or when a signal interrupted the
   * call.
   */
  #receive(request: MessageRequest, flags: number): SysvMessage | undefined {
    this.#check("receive from");
    if (this.#taken.length > 0) {
      const kept = this.#taken.findIndex(({ type }) => matches(type, request));
      if (kept in this.#taken) return this.#taken.splice(kept, 1)[0];
    }
    const message = receiveMessage(this.#id, request, flags);
    if (typeof message !== "number") return message;
    if (message === ERRNO.ENOMSG || isInterruption(message)) return undefined;
    const hint = message === ERRNO.E2BIG
      ? `the message is longer than ${
        request.maxSize ?? request.into?.length
      } bytes and stays in the queue`
      : undefined;
    throw ipcError(message, "msgrcv", "receive from", this.#label, hint);
  }

  /** Passes a taken message to a waiter of this handle, or puts it back. */
  #keep(message: SysvMessage): void {
    this.#taken.push(message);
    if (!this.#closed) this.#source.poke();
    this.#putBack();
  }

  /**
   * Puts back messages that threads have taken: another process may wait for
   * them. If that fails, they stay here for the next receiver.
   */
  #putBack(): void {
    // A thread that is still in a call would take them again.
    if (!this.#closed && !this.#source.settled) return;
    let full = false;
    for (const message of this.#taken.splice(0)) {
      const { type, data } = message;
      const error = sendMessage(this.#id, type, data, IPC_NOWAIT);
      if (error === 0) continue;
      if (error === ERRNO.EAGAIN) full = true;
      if (error === ERRNO.EAGAIN || !this.#closed) this.#taken.push(message);
    }
    if (!full || this.#retry !== undefined) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#putBack();
    }, RETRY);
    Deno.unrefTimer(this.#retry);
  }

  #until<T>(
    syscall: string,
    action: string,
    options: WaitOptions | undefined,
    source: Source,
    attempt: () => T | undefined,
    call?: BlockingCall | undefined,
  ): Promise<T> {
    // Behind others the call waits before its first try.
    let waited = source.busy;
    return waitUntil(
      () => {
        try {
          return attempt();
        } catch (error) {
          throw this.#since(waited, error, syscall, action);
        } finally {
          waited = true;
        }
      },
      options,
      { syscall, action, object: this.#label, call },
      source,
    );
  }

  /** Turns `EINVAL` after a wait into `EIDRM`, as from a wait in the kernel. */
  #since(
    waited: boolean,
    error: unknown,
    syscall: string,
    action: string,
  ): unknown {
    return waited && hasCode(error, "EINVAL")
      ? ipcError(ERRNO.EIDRM, syscall, action, this.#label)
      : error;
  }

  #check(action: string): void {
    if (this.#closed) {
      throw new TypeError(`Cannot ${action} a closed ${this.#label}`);
    }
  }
}

showing(SysvMessageQueue, ({ id, key, created }) => ({
  id,
  key: keyText(key),
  created,
}));

function checkType(type: number): void {
  integer(type, "type", 1, Number.MAX_SAFE_INTEGER);
}

const ANY: MessageRequest = {
  type: 0n,
  flags: 0,
  maxSize: undefined,
  into: undefined,
};

/** Returns the requested part of a message. */
function cut(
  { type, data }: SysvMessage,
  request: MessageRequest,
): SysvMessage {
  const { into, maxSize = into?.length } = request;
  const part = data.slice(0, maxSize);
  if (into === undefined) return { type, data: part };
  into.set(part);
  return { type, data: into.subarray(0, part.length) };
}

function requestOf(options: MessageTryReceiveOptions): MessageRequest {
  const { type = 0, except, truncate, maxSize, into } = options;
  if (
    type === 0 && !except && !truncate && maxSize === undefined &&
    into === undefined
  ) return ANY;
  const limit = Number.MAX_SAFE_INTEGER;
  integer(type, "type", -limit, limit);
  if (except && type <= 0) {
    throw new RangeError(`type must be from 1 on with except, got ${type}`);
  }
  if (into !== undefined && !(into instanceof Uint8Array)) {
    throw new TypeError(`into must be a Uint8Array, got ${shown(into)}`);
  }
  if (truncate && maxSize === undefined && into === undefined) {
    throw new TypeError("maxSize or into must be given with truncate");
  }
  if (maxSize !== undefined) {
    checkSize(maxSize, "maxSize", 0, into?.length ?? 0x7fff_ffff);
  }
  return {
    type: type === 0 ? 0n : BigInt(type),
    flags: (except ? MSG_EXCEPT : 0) | (truncate ? MSG_NOERROR : 0),
    maxSize,
    into,
  };
}
