/**
 * The readiness of descriptors, for `waitAny`.
 *
 * @module
 */

import { POLLIN, POLLOUT } from "../../../ffi/libc/poll.ts";
import type { Fd } from "../handle/fd.ts";
import { pollNow } from "./poll.ts";
import { fdSource, type Interest } from "./reactor.ts";
import type { WaitSubject } from "./wait.ts";
import type { Readiness } from "./wait_any.ts";

/** Returns the readability or writability of a descriptor. */
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
