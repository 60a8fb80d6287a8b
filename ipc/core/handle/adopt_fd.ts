/**
 * Descriptors from elsewhere: inherited, received over a socket, or opened by
 * other FFI code.
 *
 * @module
 */

import { checkInt, ERRNO, ipcError } from "../../../ffi/errno.ts";
import { errno } from "../../../ffi/libc/errno.ts";
import { F_DUPFD_CLOEXEC, fcntl } from "../../../ffi/libc/fcntl.ts";
import { integer } from "../convert/argument.ts";
import { fdinfo } from "../process/proc.ts";
import { closeFd } from "./close_fd.ts";
import { Fd } from "./fd.ts";
import { INTERNAL } from "./internal.ts";

/** Options of `fromFd()`. */
export interface AdoptOptions {
  /**
   * Takes the descriptor over: on success the given number or `Fd` is closed,
   * and only this object's duplicate remains.
   *
   * @default {false}
   */
  takeOver?: boolean | undefined;
}

/** The kind that a descriptor must have. */
export interface AdoptKind {
  /** Its name in messages. */
  readonly name: string;
  /** The field that only such descriptors have in `/proc/self/fdinfo`. */
  readonly field: string;
}

/**
 * `fcntl(F_DUPFD_CLOEXEC)`: duplicates a descriptor, which must be of that
 * kind.
 */
export function adoptFd(
  fd: Fd | number,
  kind: AdoptKind,
  options: AdoptOptions = {},
): Fd {
  const number = fd instanceof Fd
    ? fd.use("duplicate")
    : integer(fd, "fd", 0, 0x7fff_ffff);
  const label = `descriptor ${number}`;
  const copy = checkInt(
    fcntl().fcntl_int(number, F_DUPFD_CLOEXEC, 0),
    errno[0],
    "fcntl",
    "duplicate",
    label,
  );
  try {
    if (fdinfo(copy, kind.field) === undefined) {
      const hint = `it is no ${kind.name}`;
      throw ipcError(ERRNO.EINVAL, "fcntl", "use", label, hint);
    }
  } catch (error) {
    closeFd(copy, label);
    throw error;
  }
  // Only after success: until then the caller has to close it.
  if (options.takeOver) {
    if (fd instanceof Fd) fd.close();
    else closeFd(number, label);
  }
  return new Fd(INTERNAL, copy, kind.name);
}
