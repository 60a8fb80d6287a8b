/**
 * Raw calls of `<signal.h>`.
 *
 * @module
 */

import { buffer, int, long, pid_t } from "./_types.ts";
import { type Symbols, table } from "./_open.ts";

/** The symbol table of `<signal.h>`. */
export const signal_symbols = {
  /** `int kill(pid_t pid, int sig);` */
  kill: { parameters: [pid_t, int], result: int },
  /** `int killpg(pid_t pgrp, int sig);` */
  killpg: { parameters: [pid_t, int], result: int },
  /** `int raise(int sig);` */
  raise: { parameters: [int], result: int },
  /** `int sigqueue(pid_t pid, int sig, const union sigval value);` whose union is passed as its 64 bits */
  sigqueue: { parameters: [pid_t, int, long], result: int },
  /** `int sigaction(int signum, const struct sigaction *act, struct sigaction *oldact);` */
  sigaction: { parameters: [int, buffer, buffer], result: int },
  /** `int pthread_sigmask(int how, const sigset_t *set, sigset_t *oldset);` which returns the error number */
  pthread_sigmask: { parameters: [int, buffer, buffer], result: int },
  /** `int tgkill(pid_t tgid, pid_t tid, int sig);` */
  tgkill: { parameters: [pid_t, pid_t, int], result: int },
} as const satisfies Deno.ForeignLibraryInterface;

/** Opens `<signal.h>` on first use and returns its calls. */
export const signal: () => Symbols<typeof signal_symbols> = table(
  signal_symbols,
);
