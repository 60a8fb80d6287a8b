/**
 * Closing of bare descriptor numbers.
 *
 * @module
 */

import { errnoOf, ipcError, isInterruption } from "../../../ffi/errno.ts";
import { errno } from "../../../ffi/libc/errno.ts";
import { unistd } from "../../../ffi/libc/unistd.ts";

/**
 * `close`: closes a descriptor number that no handle owns.
 *
 * Linux closes it even when `close` is interrupted. A second attempt could
 * close a descriptor that another thread has just opened.
 */
export function closeFd(fd: number, label: string): void {
  const error = errnoOf(unistd().close(fd), errno[0]);
  if (error !== 0 && !isInterruption(error)) {
    throw ipcError(error, "close", "close", label);
  }
}

/** Calls `then`, and closes the descriptor if it throws. */
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
