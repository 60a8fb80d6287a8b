/**
 * The three ways to do what a socket may have to wait for.
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
 * What goes one way through a socket.
 *
 * Those who wait are served in their order and not overtaken, so that messages
 * and the parts of long ones stay in order.
 */
export class Direction {
  readonly #fd: Fd;
  readonly #events: number;
  /** Says when the next attempt is worth making. */
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

  /** Does not wait: undefined when it would have to. */
  now<T>(attempt: () => T | undefined, subject: WaitSubject): T | undefined {
    if (!this.source.busy) return attempt();
    this.#fd.use(subject.action);
    return undefined;
  }

  /** Refuses what would overtake those who wait. */
  refuseWhileBusy(subject: WaitSubject): void {
    if (this.source.busy) throw busyError(subject);
  }
}

/**
 * Waits in a call that blocks by itself, for what no descriptor tells.
 *
 * `call(false)` must not block, and gives undefined when it would have to;
 * `call(true)` may block, and gives undefined when it was interrupted.
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
