/**
 * Whether a descriptor is ready, for `waitAny`.
 *
 * @module
 */

import { poll } from "../libc/poll.ts";
import type { Fd } from "./fd.ts";
import { fdSource, type Interest } from "./reactor.ts";
import type { WaitSubject } from "./wait.ts";
import type { Readiness } from "./wait_any.ts";

const POLLIN = 1;
const POLLOUT = 4;

/** The readiness of a descriptor to be read or written. */
export function fdReadiness(
  fd: Fd,
  subject: WaitSubject,
  interest: Interest = "read",
): Readiness {
  // struct pollfd: int fd, short events, short revents
  const pollfd = new Int32Array(2);
  return {
    ready() {
      pollfd[0] = fd.use(subject.action);
      pollfd[1] = interest === "read" ? POLLIN : POLLOUT;
      return poll().poll(pollfd, 1, 0) > 0;
    },
    source: fdSource(fd, interest),
    subject,
  };
}
