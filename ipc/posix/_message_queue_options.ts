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
   * @default {number} what `limits()` says, 10 on Linux as it comes
   */
  maxMessages?: number;
  /**
   * The most bytes of a message, at least 1.
   *
   * @default {number} what `limits()` says, 8192 on Linux as it comes
   */
  messageSize?: number;
  /**
   * Permission bits, of which the umask takes away its own.
   *
   * @default {0o600}
   */
  mode?: number;
  /**
   * Gives it `mode` exactly, whatever the umask (`fchmod`).
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
   * Opens it for receiving only; takes no permission to write.
   *
   * @default {false}
   */
  readOnly?: boolean;
  /**
   * Opens it for sending only; takes no permission to read.
   *
   * @default {false}
   */
  writeOnly?: boolean;
  /**
   * Accepts a queue that belongs to a third user: neither to this one nor to
   * root. Anyone can put a queue under a name before you do.
   *
   * @default {true}
   */
  foreign?: boolean;
}

/** Options of `PosixMessageQueue.openOrCreate()`. */
export interface PosixMessageQueueOpenOrCreateOptions
  extends PosixMessageQueueCreateOptions {
  /**
   * Accepts a queue that belongs to a third user: neither to this one nor to
   * root.
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
   * Its priority, 0 to 32767: what is higher is received first.
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
   * Where to put the bytes, at least `messageSize`: `data` is then the part of
   * it that they fill. Saves making an array for each message.
   *
   * @default {undefined} into an array of their own
   */
  into?: Uint8Array<ArrayBuffer> | undefined;
}

/** Options of `PosixMessageQueue.receiveSync()`. */
export interface PosixReceiveSyncOptions
  extends PosixTryReceiveOptions, SyncWaitOptions {}

/** Options of `PosixMessageQueue.receive()`. */
export interface PosixReceiveOptions
  extends PosixTryReceiveOptions, WaitOptions {}
