/**
 * Descriptors from elsewhere: inherited, received over a socket, or opened by
 * other FFI code.
 *
 * @module
 */

import { ERRNO, ipcError } from "../../../ffi/errno.ts";
import { integer } from "../convert/argument.ts";
import { fdinfo } from "../process/proc.ts";
import { closeFd, closingOnError } from "./close_fd.ts";
import { duplicateFd } from "./duplicate_fd.ts";
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
 * Calls `make` with the number of a descriptor, and closes the descriptor
 * afterwards if the options say `takeOver`.
 */
export function adoptFd<T>(
  fd: Fd | number,
  options: AdoptOptions,
  make: (number: number, label: string) => T,
): T {
  const number = fd instanceof Fd
    ? fd.use("duplicate")
    : integer(fd, "fd", 0, 0x7fff_ffff);
  const label = `descriptor ${number}`;
  const made = make(number, label);
  // Only after success: until then the caller has to close it.
  if (options.takeOver) {
    if (fd instanceof Fd) fd.close();
    else closeFd(number, label);
  }
  return made;
}

/** `fcntl(F_DUPFD_CLOEXEC)`: duplicates a descriptor, and passes the copy to `make`. */
export function adoptCopy<T>(
  fd: Fd | number,
  options: AdoptOptions,
  make: (copy: number, label: string) => T,
): T {
  return adoptFd(fd, options, (number, label) => {
    const copy = duplicateFd(number, label);
    return closingOnError(copy, label, () => make(copy, label));
  });
}

/**
 * `fcntl(F_DUPFD_CLOEXEC)`: duplicates a descriptor of that kind, and passes the
 * copy and its field to `make`.
 */
export function adoptKind<T>(
  fd: Fd | number,
  kind: AdoptKind,
  options: AdoptOptions,
  make: (copy: Fd, field: string) => T,
): T {
  return adoptCopy(fd, options, (copy, label) => {
    const field = fdinfo(copy, kind.field);
    if (field === undefined) {
      const hint = `it is no ${kind.name}`;
      throw ipcError(ERRNO.EINVAL, "fcntl", "use", label, hint);
    }
    return make(new Fd(INTERNAL, copy, kind.name), field);
  });
}
