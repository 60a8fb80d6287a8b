/**
 * Whether a descriptor is ready, for `waitAny`.
 *
 * @module
 */

import { POLLIN, POLLOUT } from "../../../ffi/libc/poll.ts";
import type { Fd } from "../handle/fd.ts";
import { pollNow } from "./poll.ts";
import { fdSource, type Interest } from "./reactor.ts";
import type { WaitSubject } from "./wait.ts";
import type { Readiness } from "./wait_any.ts";

/** The readiness of a descriptor to be read or written. */
export function fdReadiness(
  fd: Fd,
  subject: WaitSubject,
  interest: Interest = "read",
): Readiness {
  const events = interest === "read" ? POLLIN : POLLOUT;
  return {
    ready: () => pollNow(fd.use(subject.action), events) !== 0,
    source: fdSource(fd, interest),
    subject,
  };
}
