/**
 * Options of POSIX message queues.
 *
 * @module
 */

import type { SyncWaitOptions, WaitOptions } from "../core/wait/options.ts";

/** Options of `PosixMessageQueue.create()`. */
export interface PosixMessageQueueCreateOptions {
  /**
   * How many messages it can hold, at least 1.
   *
   * @default {number} as in `limits()`, 10 by default on Linux
   */
  maxMessages?: number;
  /**
   * The most bytes of a message, at least 1.
   *
   * @default {number} as in `limits()`, 8192 by default on Linux
   */
  messageSize?: number;
  /**
   * Permission bits, reduced by the umask.
   *
   * @default {0o600}
   */
  mode?: number;
  /**
   * Sets exactly `mode`, regardless of the umask (`fchmod`).
   *
   * @default {false}
   */
  ignoreUmask?: boolean;
  /**
   * Whether dispose also removes the queue.
   *
   * @default {true}
   */
  owner?: boolean;
}

/** Options of `PosixMessageQueue.open()`. */
export interface PosixMessageQueueOpenOptions {
  /**
   * Opens it for receiving only, which needs no write permission.
   *
   * @default {false}
   */
  readOnly?: boolean;
  /**
   * Opens it for sending only, which needs no read permission.
   *
   * @default {false}
   */
  writeOnly?: boolean;
  /**
   * Accepts a queue that belongs neither to this user nor to root. Any user can
   * create a queue under a name before you do.
   *
   * @default {true}
   */
  foreign?: boolean;
}

/** Options of `PosixMessageQueue.openOrCreate()`. */
export interface PosixMessageQueueOpenOrCreateOptions
  extends PosixMessageQueueCreateOptions {
  /**
   * Accepts a queue that belongs neither to this user nor to root.
   *
   * @default {true}
   */
  foreign?: boolean;
  /**
   * Whether dispose also removes the queue, if this call created it.
   *
   * @default {false}
   */
  owner?: boolean;
}

/** Options of `PosixMessageQueue.trySend()`. */
export interface PosixTrySendOptions {
  /**
   * Its priority, 0 to 32767. Higher priorities are received first.
   *
   * @default {0}
   */
  priority?: number | undefined;
}

/** Options of `PosixMessageQueue.sendSync()`. */
export interface PosixSendSyncOptions
  extends PosixTrySendOptions, SyncWaitOptions {}

/** Options of `PosixMessageQueue.send()`. */
export interface PosixSendOptions extends PosixTrySendOptions, WaitOptions {}

/** Options of `PosixMessageQueue.tryReceive()`. */
export interface PosixTryReceiveOptions {
  /**
   * The buffer for the bytes, at least `messageSize` long. `data` is then the
   * part of it that they fill. This saves a new array for each message.
   *
   * @default {undefined} a new array
   */
  into?: Uint8Array<ArrayBuffer> | undefined;
}

/** Options of `PosixMessageQueue.receiveSync()`. */
export interface PosixReceiveSyncOptions
  extends PosixTryReceiveOptions, SyncWaitOptions {}

/** Options of `PosixMessageQueue.receive()`. */
export interface PosixReceiveOptions
  extends PosixTryReceiveOptions, WaitOptions {}
