/**
 * Blocking waits for a descriptor.
 *
 * @module
 */

import {
  errnoOf,
  ipcError,
  isInterruption,
  timeoutError,
} from "../../../ffi/errno.ts";
import { errno } from "../../../ffi/libc/errno.ts";
import { poll } from "../../../ffi/libc/poll.ts";
import type { Fd } from "../handle/fd.ts";
import { Deadline } from "./deadline.ts";
import type { WaitSubject } from "./wait.ts";

/** The longest wait of one call, in milliseconds. */
const MAX_WAIT = 0x7fff_ffff;

/** `struct pollfd`: `int fd; short events; short revents;` */
const pollfd = new Int32Array(2);

/**
 * `poll`: returns those of `events` that a descriptor has now, with `POLLERR`,
 * `POLLHUP` and `POLLNVAL` if they apply; 0 for none.
 *
 * See [poll(2)](https://man7.org/linux/man-pages/man2/poll.2.html).
 */
export function pollNow(fd: number, events: number): number {
  for (;;) {
    const found = pollOnce(fd, events, 0);
    if (found !== undefined) return found;
  }
}

/**
 * `poll`: blocks this thread until a descriptor has one of `events` or can no
 * longer get one. Returns 0 when the deadline passes first.
 *
 * See [poll(2)](https://man7.org/linux/man-pages/man2/poll.2.html).
 */
export function pollUntil(
  fd: number,
  events: number,
  deadline?: Deadline,
): number {
  for (;;) {
    // Round up, so that a wait never ends early.
    const wait = deadline === undefined
      ? -1
      : Math.min(Math.ceil(deadline.remaining), MAX_WAIT);
    const found = pollOnce(fd, events, wait);
    if (found) return found;
    if (deadline?.expired) return 0;
  }
}

/**
 * `poll`: blocks this thread until `attempt`, which must not block, returns
 * something other than `undefined`. It is called again whenever the descriptor
 * has one of `events`.
 */
export function blockUntil<T>(
  attempt: () => T | undefined,
  timeout: number | undefined,
  subject: WaitSubject,
  { fd, events }: { fd: Fd; events: number },
): T {
  let deadline: Deadline | undefined;
  for (;;) {
    const value = attempt();
    if (value !== undefined) return value;
    if (timeout !== undefined) {
      deadline ??= new Deadline(timeout);
      if (deadline.expired) {
        const { syscall, action, object } = subject;
        throw timeoutError(syscall, action, object, timeout);
      }
    }
    pollUntil(fd.use(subject.action), events, deadline);
  }
}

/** `poll`: returns the events, or undefined when a signal came first. */
function pollOnce(
  fd: number,
  events: number,
  milliseconds: number,
): number | undefined {
  pollfd[0] = fd;
  pollfd[1] = events;
  const count = poll().poll(pollfd, 1, milliseconds);
  const error = errnoOf(count, errno[0]);
  if (isInterruption(error)) return undefined;
  if (error !== 0) {
    throw ipcError(error, "poll", "wait for", `descriptor ${fd}`);
  }
  // Both architectures are little-endian: the upper half is revents.
  return count === 0 ? 0 : (pollfd[1] as number) >>> 16;
}
