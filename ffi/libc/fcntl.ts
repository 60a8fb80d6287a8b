/**
 * Raw calls of `<fcntl.h>`.
 *
 * @module
 */

import {
  buffer,
  int,
  mode_t,
  off_t,
  size_t32,
  ssize_t32,
  uint,
} from "./_types.ts";
import { type Symbols, table } from "./_open.ts";

/** The symbol table of `<fcntl.h>`. */
export const fcntl_symbols = {
  /** `int open(const char *pathname, int flags, mode_t mode);` */
  open: { parameters: [buffer, int, mode_t], result: int },
  /** `int fcntl(int fd, int cmd);` for `F_GETFD`, `F_GETFL`, `F_GETPIPE_SZ`, `F_GET_SEALS` */
  fcntl: { parameters: [int, int], result: int },
  /** `int fcntl(int fd, int cmd, int arg);` for `F_DUPFD_CLOEXEC`, `F_SETFD`, `F_SETFL`, `F_SETPIPE_SZ`, `F_ADD_SEALS` */
  fcntl_int: { name: "fcntl", parameters: [int, int, int], result: int },
  /** `int fcntl(int fd, int cmd, struct flock *lock);` */
  fcntl_flock: { name: "fcntl", parameters: [int, int, buffer], result: int },
  /** `int posix_fallocate(int fd, off_t offset, off_t len);` */
  posix_fallocate: { parameters: [int, off_t, off_t], result: int },
  /** `ssize_t splice(int fd_in, off_t *off_in, int fd_out, off_t *off_out, size_t len, unsigned int flags);` */
  splice: {
    parameters: [int, buffer, int, buffer, size_t32, uint],
    result: ssize_t32,
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** Opens `<fcntl.h>` on first use and returns its calls. */
export const fcntl: () => Symbols<typeof fcntl_symbols> = table(fcntl_symbols);
