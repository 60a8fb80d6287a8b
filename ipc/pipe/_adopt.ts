/**
 * Pipe ends that were inherited, received over a socket, or made by other FFI
 * code.
 *
 * @module
 */

import { ERRNO, hasCode, ipcError } from "../../ffi/errno.ts";
import { O_ACCMODE, O_RDONLY } from "../../ffi/libc/fcntl.ts";
import { S_IFIFO, S_IFMT } from "../../ffi/libc/sys_stat.ts";
import { rawStat } from "../core/file/file.ts";
import { adoptFd, type AdoptOptions } from "../core/handle/adopt_fd.ts";
import { duplicateFd } from "../core/handle/duplicate_fd.ts";
import { Fd } from "../core/handle/fd.ts";
import { flagsOf, reopenPipe } from "../core/handle/fd_flags.ts";
import { INTERNAL } from "../core/handle/internal.ts";
import type { FdEndInit } from "../core/stream/fd_end.ts";

/** The name of an end of a pipe in messages. */
export function pipeLabel(fd: number): string {
  return `pipe (descriptor ${fd})`;
}

/** Makes a descriptor of our own for a pipe end that came from elsewhere. */
export function adoptPipe(
  fd: Fd | number,
  options: AdoptOptions,
  wrong: number,
): [handle: Fd, init: FdEndInit] {
  return adoptFd(fd, options, (number, object) => {
    const label = pipeLabel(number);
    if ((rawStat(number, label).st_mode & S_IFMT) !== S_IFIFO) {
      throw ipcError(ERRNO.EINVAL, "fstat", "use", object, "it is no pipe");
    }
    const flags = flagsOf(number, "use", label);
    if ((flags & O_ACCMODE) === wrong) {
      const way = wrong === O_RDONLY ? "reading" : "writing";
      const hint = `it is open for ${way} only`;
      throw ipcError(ERRNO.EBADF, "fcntl", "use", label, hint);
    }
    return [ownCopy(number, label), { label }];
  });
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
    // It may where duplicating does not.
    if (!hasCode(error, "ENOENT", "EACCES", "ENXIO")) throw error;
  }
  return new Fd(INTERNAL, duplicateFd(fd, label), label);
}
