/**
 * `<fcntl.h>`: calls, constants and structs.
 *
 * @module
 */

import { lazyStruct } from "../struct/lazy.ts";
import type { Struct } from "../struct/struct.ts";
import { X86 } from "./_arch.ts";
import { type Entries, type Symbols, table } from "./_open.ts";
import {
  buffer,
  int,
  mode_t,
  off_t,
  size_t32,
  ssize_t32,
  uint,
} from "./_types.ts";

/** The symbol table of `<fcntl.h>`. */
export const fcntl_symbols = {
  /** `int open(const char *pathname, int flags, mode_t mode);` */
  open: { parameters: [buffer, int, mode_t], result: int },
  /** `int fcntl(int fd, int cmd);` for `F_GETFD`, `F_GETFL`, `F_GETPIPE_SZ`, `F_GET_SEALS` */
  fcntl: { parameters: [int, int], result: int },
  /** `int fcntl(int fd, int cmd, int arg);` for `F_DUPFD_CLOEXEC`, `F_SETFD`, `F_SETFL`, `F_SETPIPE_SZ`, `F_ADD_SEALS` */
  fcntl_int: { name: "fcntl", parameters: [int, int, int], result: int },
  /** `int fcntl(int fd, int cmd, struct flock *lock);` for `F_OFD_GETLK` */
  fcntl_getlk: { name: "fcntl", parameters: [int, int, buffer], result: int },
  /** `int fcntl(int fd, int cmd, struct flock *lock);` for `F_OFD_SETLK`, `F_OFD_SETLKW` */
  fcntl_flock: {
    name: "fcntl",
    parameters: [int, int, buffer],
    result: int,
    once: true,
  },
  /** `int posix_fallocate(int fd, off_t offset, off_t len);` */
  posix_fallocate: { parameters: [int, off_t, off_t], result: int },
  /** `ssize_t splice(int fd_in, off_t *off_in, int fd_out, off_t *off_out, size_t len, unsigned int flags);` */
  splice: {
    parameters: [int, buffer, int, buffer, size_t32, uint],
    result: ssize_t32,
    once: true,
  },
} as const satisfies Entries;

/** Opens `<fcntl.h>` on first use and returns its calls. */
export const fcntl: () => Symbols<typeof fcntl_symbols> = table(fcntl_symbols);

/** `O_RDONLY` */
export const O_RDONLY = 0o0;
/** `O_WRONLY` */
export const O_WRONLY = 0o1;
/** `O_RDWR` */
export const O_RDWR = 0o2;
/** `O_ACCMODE` */
export const O_ACCMODE = 0o3;
/** `O_CREAT` */
export const O_CREAT = 0o100;
/** `O_EXCL` */
export const O_EXCL = 0o200;
/** `O_TRUNC` */
export const O_TRUNC = 0o1000;
/** `O_NOCTTY` */
export const O_NOCTTY = 0o400;
/** `O_APPEND` */
export const O_APPEND = 0o2000;
/** `O_NONBLOCK` */
export const O_NONBLOCK = 0o4000;
/** `O_CLOEXEC` */
export const O_CLOEXEC = 0o2000000;
/** `O_PATH` */
export const O_PATH = 0o10000000;
/** `O_DIRECT` */
export const O_DIRECT = X86 ? 0o40000 : 0o200000;
/** `O_DIRECTORY` */
export const O_DIRECTORY = X86 ? 0o200000 : 0o40000;
/** `O_TMPFILE` */
export const O_TMPFILE: number = 0o20000000 | O_DIRECTORY;
/** `O_NOFOLLOW` */
export const O_NOFOLLOW = X86 ? 0o400000 : 0o100000;
/** `F_DUPFD_CLOEXEC` */
export const F_DUPFD_CLOEXEC = 0x406;
/** `F_GETFD` */
export const F_GETFD = 1;
/** `F_SETFD` */
export const F_SETFD = 2;
/** `F_GETFL` */
export const F_GETFL = 3;
/** `F_SETFL` */
export const F_SETFL = 4;
/** `F_OFD_GETLK` */
export const F_OFD_GETLK = 36;
/** `F_OFD_SETLK` */
export const F_OFD_SETLK = 37;
/** `F_OFD_SETLKW` */
export const F_OFD_SETLKW = 38;
/** `F_RDLCK` */
export const F_RDLCK = 0;
/** `F_WRLCK` */
export const F_WRLCK = 1;
/** `F_UNLCK` */
export const F_UNLCK = 2;
/** `F_SETPIPE_SZ` */
export const F_SETPIPE_SZ = 0x407;
/** `F_GETPIPE_SZ` */
export const F_GETPIPE_SZ = 0x408;
/** `SPLICE_F_MOVE` */
export const SPLICE_F_MOVE = 1;
/** `SPLICE_F_NONBLOCK` */
export const SPLICE_F_NONBLOCK = 2;
/** `F_ADD_SEALS` */
export const F_ADD_SEALS = 0x409;
/** `F_GET_SEALS` */
export const F_GET_SEALS = 0x40a;
/** `FD_CLOEXEC` */
export const FD_CLOEXEC = 1;
/** `F_SEAL_SEAL` */
export const F_SEAL_SEAL = 1;
/** `F_SEAL_SHRINK` */
export const F_SEAL_SHRINK = 2;
/** `F_SEAL_GROW` */
export const F_SEAL_GROW = 4;
/** `F_SEAL_WRITE` */
export const F_SEAL_WRITE = 8;
/** `F_SEAL_FUTURE_WRITE` */
export const F_SEAL_FUTURE_WRITE = 16;
/** `F_SEAL_EXEC`, from Linux 6.3 */
export const F_SEAL_EXEC = 32;

/** The fields of `struct flock`. */
export const flock_fields = {
  l_type: "i16",
  l_whence: "i16",
  l_start: "i64",
  l_len: "i64",
  l_pid: "i32",
} as const;

/** `struct flock` of `<fcntl.h>` */
export const flock: Struct<typeof flock_fields> = lazyStruct(flock_fields);
