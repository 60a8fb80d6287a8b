/**
 * The three forms of a socket call: promise, Sync and try.
 *
 * @module
 */

import { timeoutError } from "../../ffi/errno.ts";
import { POLLIN, POLLOUT } from "../../ffi/libc/poll.ts";
import type { Fd } from "../core/handle/fd.ts";
import { Deadline } from "../core/wait/deadline.ts";
import {
  type SyncWaitOptions,
  timeoutOf,
  type WaitOptions,
} from "../core/wait/options.ts";
import { blockUntil } from "../core/wait/poll.ts";
import {
  type FdSource,
  fdSource,
  type Interest,
} from "../core/wait/reactor.ts";
import { callUntil } from "../core/wait/timer_interrupt.ts";
import { busyError, type WaitSubject, waitUntil } from "../core/wait/wait.ts";

export { promised } from "../core/wait/wait.ts";

/**
 * One direction of a socket.
 *
 * Waiting calls are served in order and not overtaken, so that messages and the
 * parts of long ones stay in order.
 */
export class Direction {
  readonly #fd: Fd;
  readonly #events: number;
  /** Tells when to make the next attempt. */
  readonly source: FdSource;

  constructor(fd: Fd, interest: Interest) {
    this.#fd = fd;
    this.#events = interest === "read" ? POLLIN : POLLOUT;
    this.source = fdSource(fd, interest);
  }

  /** Waits without blocking the event loop. */
  async<T>(
    attempt: () => T | undefined,
    options: WaitOptions | undefined,
    subject: WaitSubject,
  ): Promise<T> {
    return waitUntil(attempt, options, subject, this.source);
  }

  /** Waits blocking this thread. */
  sync<T>(
    attempt: () => T | undefined,
    options: SyncWaitOptions | undefined,
    subject: WaitSubject,
  ): T {
    const timeout = timeoutOf(options);
    this.refuseWhileBusy(subject);
    const place = { fd: this.#fd, events: this.#events };
    return blockUntil(attempt, timeout, subject, place);
  }

  /** Does not wait; undefined when it would have to. */
  now<T>(attempt: () => T | undefined, subject: WaitSubject): T | undefined {
    if (!this.source.busy) return attempt();
    this.#fd.use(subject.action);
    return undefined;
  }

  /** Throws if the call would overtake waiting ones. */
  refuseWhileBusy(subject: WaitSubject): void {
    if (this.source.busy) throw busyError(subject);
  }
}

/**
 * Waits in a blocking call, for events that no descriptor reports.
 *
 * `call(false)` must not block, and returns undefined when it would have to;
 * `call(true)` may block, and returns undefined when it was interrupted.
 */
export function blockInCall<T>(
  call: (mayBlock: boolean) => T | undefined,
  options: SyncWaitOptions | undefined,
  subject: WaitSubject,
): T {
  const timeout = timeoutOf(options);
  let value = call(false);
  if (timeout === undefined) {
    while (value === undefined) value = call(true);
    return value;
  }
  value ??= callUntil(new Deadline(timeout), call);
  if (value !== undefined) return value;
  const { syscall, action, object } = subject;
  throw timeoutError(syscall, action, object, timeout);
}
