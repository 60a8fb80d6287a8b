/**
 * Raw calls of `<sys/sem.h>`.
 *
 * @module
 */

import { buffer, int, key_t, size_t32 } from "./_types.ts";
import { type Symbols, table } from "./_open.ts";

/** The symbol table of `<sys/sem.h>`. */
export const sys_sem_symbols = {
  /** `int semget(key_t key, int nsems, int semflg);` */
  semget: { parameters: [key_t, int, int], result: int },
  /** `int semop(int semid, struct sembuf *sops, size_t nsops);` */
  semop: { parameters: [int, buffer, size_t32], result: int },
  /** `int semtimedop(int semid, struct sembuf *sops, size_t nsops, const struct timespec *timeout);` */
  semtimedop: { parameters: [int, buffer, size_t32, buffer], result: int },
  /** `int semctl(int semid, int semnum, int cmd);` for `GETVAL`, `GETPID`, `GETNCNT`, `GETZCNT`, `IPC_RMID` */
  semctl: { parameters: [int, int, int], result: int },
  /** `int semctl(int semid, int semnum, SETVAL, int val);` */
  semctl_val: {
    name: "semctl",
    parameters: [int, int, int, int],
    result: int,
  },
  /** `int semctl(int semid, int semnum, int cmd, void *arg);` for `IPC_STAT`, `IPC_SET`, `GETALL`, `SETALL`, `IPC_INFO`, `SEM_INFO`, `SEM_STAT_ANY` */
  semctl_buf: {
    name: "semctl",
    parameters: [int, int, int, buffer],
    result: int,
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** Opens `<sys/sem.h>` on first use and returns its calls. */
export const sys_sem: () => Symbols<typeof sys_sem_symbols> = table(
  sys_sem_symbols,
);
