/**
 * `<sys/sem.h>`: calls, constants and structs.
 *
 * @module
 */

import { lazyStruct } from "../struct/lazy.ts";
import { array, type ArrayType, type Struct } from "../struct/struct.ts";
import { X86 } from "./_arch.ts";
import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, int, key_t, size_t32 } from "./_types.ts";
import { ipc_perm } from "./sys_ipc.ts";

/** The symbol table of `<sys/sem.h>`. */
export const sys_sem_symbols = {
  /** `int semget(key_t key, int nsems, int semflg);` */
  semget: { parameters: [key_t, int, int], result: int },
  /** `int semop(int semid, struct sembuf *sops, size_t nsops);` */
  semop: { parameters: [int, buffer, size_t32], result: int, once: true },
  /** `int semtimedop(int semid, struct sembuf *sops, size_t nsops, const struct timespec *timeout);` */
  semtimedop: {
    parameters: [int, buffer, size_t32, buffer],
    result: int,
    once: true,
  },
  /** `int semctl(int semid, int semnum, int cmd);` for `GETVAL`, `GETPID`, `GETNCNT`, `GETZCNT`, `IPC_RMID` */
  semctl: { parameters: [int, int, int], result: int },
  /** `int semctl(int semid, int semnum, SETVAL, int val);` */
  semctl_val: {
    name: "semctl",
    parameters: [int, int, int, int],
    result: int,
  },
  /** `int semctl(int semid, int semnum, int cmd, void *arg);` for `IPC_STAT`, `IPC_SET`, `GETALL`, `SETALL`, `IPC_INFO`, `SEM_INFO`, `SEM_STAT`, `SEM_STAT_ANY` */
  semctl_buf: {
    name: "semctl",
    parameters: [int, int, int, buffer],
    result: int,
  },
} as const satisfies Entries;

/** Opens `<sys/sem.h>` on first use and returns its calls. */
export const sys_sem: () => Symbols<typeof sys_sem_symbols> = table(
  sys_sem_symbols,
);

/** `SEM_UNDO` */
export const SEM_UNDO = 0o10000;
/** `GETPID` */
export const GETPID = 11;
/** `GETVAL` */
export const GETVAL = 12;
/** `GETALL` */
export const GETALL = 13;
/** `GETNCNT` */
export const GETNCNT = 14;
/** `GETZCNT` */
export const GETZCNT = 15;
/** `SETVAL` */
export const SETVAL = 16;
/** `SETALL` */
export const SETALL = 17;
/** `SEM_STAT` */
export const SEM_STAT = 18;
/** `SEM_INFO` */
export const SEM_INFO = 19;
/** `SEM_STAT_ANY` */
export const SEM_STAT_ANY = 20;
/** `SEMVMX`: the greatest value of a System V semaphore */
export const SEMVMX = 32767;

/** The fields of `struct semid_ds` on x86_64, which has holes behind the times. */
export const semid_ds_x86_64_fields = {
  sem_perm: ipc_perm,
  sem_otime: "i64",
  reserved1: "u64",
  sem_ctime: "i64",
  reserved2: "u64",
  sem_nsems: "u64",
  reserved: array("u64", 2) as ArrayType<"u64">,
} as const;

/** The fields of `struct semid_ds` elsewhere. */
export const semid_ds_generic_fields = {
  sem_perm: ipc_perm,
  sem_otime: "i64",
  sem_ctime: "i64",
  sem_nsems: "u64",
  reserved: array("u64", 2) as ArrayType<"u64">,
} as const;

/** `struct semid_ds` of `<sys/sem.h>` */
export const semid_ds:
  | Struct<typeof semid_ds_x86_64_fields>
  | Struct<typeof semid_ds_generic_fields> = X86
    ? lazyStruct(semid_ds_x86_64_fields)
    : lazyStruct(semid_ds_generic_fields);

/** The fields of `struct seminfo`. */
export const seminfo_fields = {
  semmap: "i32",
  semmni: "i32",
  semmns: "i32",
  semmnu: "i32",
  semmsl: "i32",
  semopm: "i32",
  semume: "i32",
  semusz: "i32",
  semvmx: "i32",
  semaem: "i32",
} as const;

/** `struct seminfo` of `<sys/sem.h>`: `IPC_INFO` and `SEM_INFO` */
export const seminfo: Struct<typeof seminfo_fields> = lazyStruct(
  seminfo_fields,
);

/** The fields of `struct sembuf`. */
export const sembuf_fields = {
  sem_num: "u16",
  sem_op: "i16",
  sem_flg: "i16",
} as const;

/** `struct sembuf` of `<sys/sem.h>` */
export const sembuf: Struct<typeof sembuf_fields> = lazyStruct(sembuf_fields);
