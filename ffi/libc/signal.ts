/**
 * `<signal.h>`: calls, constants and structs.
 *
 * @module
 */

import { lazyStruct } from "../struct/lazy.ts";
import { array, type ArrayType, type Struct } from "../struct/struct.ts";
import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, int, long, pid_t } from "./_types.ts";

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
} as const satisfies Entries;

/** Opens `<signal.h>` on first use and returns its calls. */
export const signal: () => Symbols<typeof signal_symbols> = table(
  signal_symbols,
);

/** `SA_SIGINFO` */
export const SA_SIGINFO = 4;
/** `SA_RESTART` */
export const SA_RESTART = 0x10000000;
/** `SIGEV_THREAD_ID` of `<signal.h>` */
export const SIGEV_THREAD_ID = 4;
/** `SI_USER` */
export const SI_USER = 0;
/** `SI_KERNEL` */
export const SI_KERNEL = 128;
/** `SI_QUEUE` */
export const SI_QUEUE: number = -1;
/** `SI_TIMER` */
export const SI_TIMER: number = -2;
/** `SI_MESGQ` */
export const SI_MESGQ: number = -3;
/** `SI_ASYNCIO` */
export const SI_ASYNCIO: number = -4;
/** `SI_TKILL` */
export const SI_TKILL: number = -6;
/** `SIG_DFL`, as an address */
export const SIG_DFL = 0n;
/** `SIG_IGN`, as an address */
export const SIG_IGN = 1n;
/** `SIG_BLOCK` */
export const SIG_BLOCK = 0;

/** The fields of `struct sigevent`. */
export const sigevent_fields = {
  sigev_value: "u64",
  sigev_signo: "i32",
  sigev_notify: "i32",
  sigev_notify_thread_id: "i32",
  reserved: array("u8", 44) as ArrayType<"u8">,
} as const;

/** `struct sigevent` of `<signal.h>`, with its thread id */
export const sigevent: Struct<typeof sigevent_fields> = lazyStruct(
  sigevent_fields,
);

/** The fields of `struct sigaction`. */
export const sigaction_fields = {
  sa_handler: "u64",
  sa_mask: array("u64", 16) as ArrayType<"u64">,
  sa_flags: "i32",
  sa_restorer: "u64",
} as const;

/** `struct sigaction` of `<signal.h>` */
export const sigaction: Struct<typeof sigaction_fields> = lazyStruct(
  sigaction_fields,
);

/** The fields of `siginfo_t`. */
export const siginfo_t_fields = {
  si_signo: "i32",
  si_errno: "i32",
  si_code: "i32",
  reserved1: "i32",
  si_pid: "i32",
  si_uid: "u32",
  // A union: `waitid` puts `si_status` into its first half.
  si_value: "u64",
  reserved: array("u64", 12) as ArrayType<"u64">,
} as const;

/** `siginfo_t` of `<signal.h>`, with the fields of `waitid` and `sigqueue` */
export const siginfo_t: Struct<typeof siginfo_t_fields> = lazyStruct(
  siginfo_t_fields,
);

/** The fields of `stack_t`. */
export const stack_t_fields = {
  ss_sp: "u64",
  ss_flags: "i32",
  ss_size: "u64",
} as const;

/** `stack_t` of `<signal.h>` */
export const stack_t: Struct<typeof stack_t_fields> = lazyStruct(
  stack_t_fields,
);
