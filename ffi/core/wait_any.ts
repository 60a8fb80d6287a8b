/**
 * Waiting for the first of several objects of mixed kinds:
 * {@linkcode waitAny}.
 *
 * ```ts
 * import { IPC_PRIVATE, SysvMessageQueue, SysvSemaphoreSet, waitAny } from "@libc/ipc";
 *
 * using queue = SysvMessageQueue.create(IPC_PRIVATE);
 * using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0]);
 * queue.sendSync(1, "hello");
 * const ready = await waitAny([set, queue], { timeout: 1000 });
 * if (ready === queue) console.log(queue.tryReceive());
 * ```
 *
 * @module
 */

import type { WaitOptions } from "./_argument.ts";
import type { Source } from "./_source.ts";
import { type WaitSubject, waitUntil } from "./wait.ts";

export type { WaitOptions };

/**
 * The method by which {@linkcode waitAny} asks an object.
 *
 * @ignore
 */
export const READINESS: unique symbol = Symbol("@libc/ipc readiness");

/**
 * How to find out whether an object is ready, and when to look again.
 *
 * @ignore
 */
export interface Readiness {
  /** Whether an operation would finish at once. Takes nothing. */
  ready(): boolean;
  /** Says when to look again. */
  source: Source;
  /** What waits, for messages, and the call to block in, if there is one. */
  subject: WaitSubject;
}

/** What {@linkcode waitAny} can wait for: every handle that can be received from. */
export interface Waitable {
  /**
   * How to wait for it.
   *
   * @ignore
   */
  [READINESS](): Readiness;
}

/** Where the next search begins, so that no object is always the last. */
let turn = 0;

/**
 * `epoll_wait`, and what stands for it where there is no descriptor: resolves
 * with the first of the objects from which something can be received (a
 * message, a unit, a connection, bytes, an end).
 *
 * Nothing is taken from any of them: call its `try…` method next, which may
 * still find nothing if somebody else was faster. Who is ready at the same
 * time takes turns.
 *
 * See [epoll_wait(2)](https://man7.org/linux/man-pages/man2/epoll_wait.2.html).
 *
 * @throws {IpcError} `ETIMEDOUT`.
 * @throws {TypeError} When there is nothing to wait for, or one is closed.
 */
export async function waitAny<T extends Waitable>(
  targets: readonly T[],
  options: WaitOptions = {},
): Promise<T> {
  if (targets.length === 0) {
    throw new TypeError("Cannot wait for the first of no objects");
  }
  options.signal?.throwIfAborted();
  const first = turn++ % targets.length;
  const rotated = [...targets.slice(first), ...targets.slice(0, first)]
    .map((target) => ({ target, readiness: target[READINESS]() }));
  const found = rotated.find(({ readiness }) => readiness.ready());
  if (found !== undefined) return found.target;
  const others = new AbortController();
  const signal = options.signal === undefined
    ? others.signal
    : AbortSignal.any([options.signal, others.signal]);
  try {
    return await Promise.race(rotated.map(({ target, readiness }) =>
      waitUntil(
        () => readiness.ready() ? target : undefined,
        { ...options, signal },
        readiness.subject,
        readiness.source,
      )
    ));
  } finally {
    others.abort();
  }
}
