/**
 * Closing what is only a number.
 *
 * @module
 */

import { ERRNO, errnoOf, ipcError } from "../../../ffi/errno.ts";
import { errno } from "../../../ffi/libc/errno.ts";
import { unistd } from "../../../ffi/libc/unistd.ts";

/**
 * `close`: gives up a descriptor number that nothing else holds.
 *
 * Linux has closed it even when `close` was interrupted, so it is not tried
 * again: that would close what another thread has just opened.
 */
export function closeFd(fd: number, label: string): void {
  const error = errnoOf(unistd().close(fd), errno[0]);
  if (error !== 0 && error !== ERRNO.EINTR) {
    throw ipcError(error, "close", "close", label);
  }
}

/** Goes on with a descriptor, and closes it when that fails. */
export function closingOnError<T>(
  fd: number,
  label: string,
  then: () => T,
): T {
  try {
    return then();
  } catch (error) {
    closeFd(fd, label);
    throw error;
  }
}
