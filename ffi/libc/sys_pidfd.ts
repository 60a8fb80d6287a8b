/**
 * `<sys/pidfd.h>`: calls. glibc has them from 2.36 on, so they are made through
 * `syscall`, with the system call number as the first argument.
 *
 * @module
 */

import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, int, long, pid_t, uint } from "./_types.ts";

/** The symbol table of `<sys/pidfd.h>`. */
export const sys_pidfd_symbols = {
  /** `int syscall(SYS_pidfd_open, pid_t pid, unsigned int flags);` */
  pidfd_open: {
    name: "syscall",
    parameters: [long, pid_t, uint],
    result: int,
  },
  /** `int syscall(SYS_pidfd_getfd, int pidfd, int targetfd, unsigned int flags);` */
  pidfd_getfd: {
    name: "syscall",
    parameters: [long, int, int, uint],
    result: int,
  },
  /** `int syscall(SYS_pidfd_send_signal, int pidfd, int sig, siginfo_t *info, unsigned int flags);` */
  pidfd_send_signal: {
    name: "syscall",
    parameters: [long, int, int, buffer, uint],
    result: int,
  },
} as const satisfies Entries;

/** Opens `<sys/pidfd.h>` on first use and returns its calls. */
export const sys_pidfd: () => Symbols<typeof sys_pidfd_symbols> = table(
  sys_pidfd_symbols,
);
