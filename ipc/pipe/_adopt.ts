/**
 * Pipe ends that were inherited, received over a socket, or made by other FFI
 * code.
 *
 * @module
 */

import { checkInt, ERRNO, IpcError, ipcError } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  F_DUPFD_CLOEXEC,
  fcntl,
  O_ACCMODE,
  O_RDONLY,
} from "../../ffi/libc/fcntl.ts";
import { S_IFIFO, S_IFMT } from "../../ffi/libc/sys_stat.ts";
import { integer } from "../core/convert/argument.ts";
import { rawStat } from "../core/file/file.ts";
import type { AdoptOptions } from "../core/handle/adopt_fd.ts";
import { closeFd } from "../core/handle/close_fd.ts";
import { Fd } from "../core/handle/fd.ts";
import { flagsOf, reopenPipe } from "../core/handle/fd_flags.ts";
import { INTERNAL } from "../core/handle/internal.ts";
import type { FdEndInit } from "../core/stream/fd_end.ts";

/** Errors of reopening where duplicating still works. */
const NOT_REOPENED: readonly string[] = ["ENOENT", "EACCES", "ENXIO"];

/** Makes a descriptor of our own for a pipe end that came from elsewhere. */
export function adoptPipe(
  fd: Fd | number,
  options: AdoptOptions,
  wrong: number,
): [handle: Fd, init: FdEndInit] {
  const number = fd instanceof Fd
    ? fd.use("duplicate")
    : integer(fd, "fd", 0, 0x7fff_ffff);
  const label = `pipe (descriptor ${number})`;
  if ((rawStat(number, label).st_mode & S_IFMT) !== S_IFIFO) {
    const object = `descriptor ${number}`;
    throw ipcError(ERRNO.EINVAL, "fstat", "use", object, "it is no pipe");
  }
  const flags = flagsOf(number, "use", label);
  if ((flags & O_ACCMODE) === wrong) {
    const hint = `it is open for ${wrong === O_RDONLY ? "reading" : "writing"}`;
    throw ipcError(ERRNO.EBADF, "fcntl", "use", label, `${hint} only`);
  }
  const handle = ownCopy(number, label);
  // Only once it is accepted: until then the caller has to close it.
  if (options.takeOver) {
    if (fd instanceof Fd) fd.close();
    else closeFd(number, label);
  }
  return [handle, { label }];
}

/**
 * Reopens the pipe: with an open file of our own, O_NONBLOCK does not affect
 * processes that share the original. Falls back to a duplicate where reopening
 * is not permitted.
 */
function ownCopy(fd: number, label: string): Fd {
  try {
    return reopenPipe(fd, label, { nonBlocking: true });
  } catch (error) {
    if (!(error instanceof IpcError && NOT_REOPENED.includes(error.code))) {
      throw error;
    }
  }
  const copy = fcntl().fcntl_int(fd, F_DUPFD_CLOEXEC, 0);
  return new Fd(
    INTERNAL,
    checkInt(copy, errno[0], "fcntl", "duplicate", label),
    label,
  );
}
