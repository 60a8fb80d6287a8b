/**
 * `<unistd.h>`: calls and constants.
 *
 * @module
 */

import { type Entries, type Symbols, table } from "./_open.ts";
import {
  buffer,
  gid_t,
  int,
  long,
  off_t,
  pid_t,
  pointer,
  size_t32,
  ssize_t32,
  uid_t,
} from "./_types.ts";

/** The symbol table of `<unistd.h>`. */
export const unistd_symbols = {
  /** `int close(int fd);` */
  close: { parameters: [int], result: int, once: true },
  /** `ssize_t read(int fd, void *buf, size_t count);` */
  read: { parameters: [int, buffer, size_t32], result: ssize_t32, once: true },
  /** `ssize_t write(int fd, const void *buf, size_t count);` */
  write: { parameters: [int, buffer, size_t32], result: ssize_t32, once: true },
  /** `ssize_t pread(int fd, void *buf, size_t count, off_t offset);` */
  pread: { parameters: [int, buffer, size_t32, off_t], result: ssize_t32 },
  /** `ssize_t pwrite(int fd, const void *buf, size_t count, off_t offset);` */
  pwrite: { parameters: [int, buffer, size_t32, off_t], result: ssize_t32 },
  /** `int ftruncate(int fd, off_t length);` */
  ftruncate: { parameters: [int, off_t], result: int },
  /** `int fchown(int fd, uid_t owner, gid_t group);` */
  fchown: { parameters: [int, uid_t, gid_t], result: int },
  /** `int unlink(const char *pathname);` */
  unlink: { parameters: [buffer], result: int },
  /** `int pipe2(int pipefd[2], int flags);` */
  pipe2: { parameters: [buffer, int], result: int },
  /** `ssize_t readlink(const char *pathname, char *buf, size_t bufsiz);` */
  readlink: { parameters: [buffer, buffer, size_t32], result: ssize_t32 },
  /** `char *getcwd(char *buf, size_t size);` */
  getcwd: { parameters: [buffer, size_t32], result: pointer },
  /** `pid_t getpid(void);` */
  getpid: { parameters: [], result: pid_t },
  /** `pid_t gettid(void);` */
  gettid: { parameters: [], result: pid_t },
  /** `uid_t getuid(void);` */
  getuid: { parameters: [], result: uid_t },
  /** `uid_t geteuid(void);` */
  geteuid: { parameters: [], result: uid_t },
  /** `long sysconf(int name);` */
  sysconf: { parameters: [int], result: long },
} as const satisfies Entries;

/** Opens `<unistd.h>` on first use and returns its calls. */
export const unistd: () => Symbols<typeof unistd_symbols> = table(
  unistd_symbols,
);

/** `_SC_PAGESIZE` */
export const SC_PAGESIZE = 30;
/** `_SC_CLK_TCK` */
export const SC_CLK_TCK = 2;
/** `_SC_OPEN_MAX` */
export const SC_OPEN_MAX = 4;
