/**
 * Duplicating what is only a number.
 *
 * @module
 */

import { checkInt } from "../../../ffi/errno.ts";
import { errno } from "../../../ffi/libc/errno.ts";
import { F_DUPFD_CLOEXEC, fcntl } from "../../../ffi/libc/fcntl.ts";

/** `fcntl(F_DUPFD_CLOEXEC)`: a second descriptor for the same open file. */
export function duplicateFd(fd: number, label: string): number {
  const copy = fcntl().fcntl_int(fd, F_DUPFD_CLOEXEC, 0);
  return checkInt(copy, errno[0], "fcntl", "duplicate", label);
}
