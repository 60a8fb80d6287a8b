/**
 * Waiting for the first of several objects of any kinds: {@linkcode waitAny}.
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

import { shown } from "../convert/argument.ts";
import { timeoutOf, type WaitOptions } from "./options.ts";
import type { Source } from "./source.ts";
import { promised, ready, type WaitSubject, waitUntil } from "./wait.ts";

export type { WaitOptions };

/**
 * The method by which {@linkcode waitAny} asks an object.
 *
 * @ignore
 */
export const READINESS: unique symbol = Symbol("@libc/ipc readiness");

/**
 * The readiness of an object, and its source of waits.
 *
 * @ignore
 */
export interface Readiness {
  /** Whether an operation would finish at once. Takes nothing. */
  ready(): boolean;
  /** Tells when to check again. */
  source: Source;
  /** The subject of messages, with a blocking call, if there is one. */
  subject: WaitSubject;
}

/** An object for {@linkcode waitAny}: any handle that can be received from. */
export interface Waitable {
  /**
   * Returns its readiness.
   *
   * @ignore
   */
  [READINESS](): Readiness;
}

/**
 * The order in which objects were last found ready, so that they take turns.
 */
const found = new WeakMap<Waitable, number>();
let finds = 0;

/**
 * `epoll_wait`, or its equivalent for objects without a descriptor: resolves
 * with the first object from which something can be received (a message, a
 * unit, a connection, bytes, an end).
 *
 * It takes nothing from the object. Call the `try…` method of the object next;
 * it may still find nothing if another receiver was faster. If several objects
 * are ready, the one found longest ago comes first.
 *
 * See [epoll_wait(2)](https://man7.org/linux/man-pages/man2/epoll_wait.2.html).
 *
 * @throws {IpcError} `ETIMEDOUT`.
 * @throws {TypeError} When there are no objects, or one is closed.
 */
export function waitAny<T extends Waitable>(
  targets: readonly T[],
  options: WaitOptions = {},
): Promise<T> {
  return promised(() => {
    if (!Array.isArray(targets)) {
      throw new TypeError(`targets must be an array, got ${shown(targets)}`);
    }
    if (targets.length === 0) {
      throw new TypeError("Cannot wait for the first of no objects");
    }
    timeoutOf(options);
    options.signal?.throwIfAborted();
    const candidates = targets
      .map((target) => ({ target, readiness: readinessOf(target) }))
      .sort((a, b) => (found.get(a.target) ?? 0) - (found.get(b.target) ?? 0));
    for (const { target, readiness } of candidates) {
      if (!readiness.ready()) continue;
      found.set(target, ++finds);
      return ready(target);
    }
    return first(candidates, options);
  }) as Promise<T>;
}

function readinessOf(target: Waitable): Readiness {
  if (typeof target?.[READINESS] !== "function") {
    throw new TypeError(
      `targets must be objects to receive from, got ${shown(target)}`,
    );
  }
  return target[READINESS]();
}

async function first<T extends Waitable>(
  candidates: readonly { target: T; readiness: Readiness }[],
  { signal, timeout, unref }: WaitOptions,
): Promise<T> {
  const others = new AbortController();
  const abort = () => others.abort(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  const object = `the first of ${candidates.length} objects`;
  try {
    const target = await Promise.race(
      candidates.map(({ target, readiness }, i) =>
        waitUntil(
          () => readiness.ready() ? target : undefined,
          // One timer is enough for all.
          {
            unref,
            signal: others.signal,
            timeout: i === 0 ? timeout : undefined,
          },
          {
            syscall: "epoll_wait",
            action: "wait for",
            object,
            call: readiness.subject.call,
          },
          readiness.source,
        )
      ),
    );
    found.set(target, ++finds);
    return target;
  } finally {
    signal?.removeEventListener("abort", abort);
    others.abort();
  }
}
