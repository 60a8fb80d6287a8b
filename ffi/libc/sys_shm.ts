/**
 * `<sys/shm.h>`: calls, constants and structs.
 *
 * @module
 */

import { lazyStruct } from "../struct/lazy.ts";
import { array, type ArrayType, type Struct } from "../struct/struct.ts";
import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, int, key_t, pointer, size_t } from "./_types.ts";
import { ipc_perm } from "./sys_ipc.ts";

/** The symbol table of `<sys/shm.h>`. */
export const sys_shm_symbols = {
  /** `int shmget(key_t key, size_t size, int shmflg);` */
  shmget: { parameters: [key_t, size_t, int], result: int },
  /** `void *shmat(int shmid, const void *shmaddr, int shmflg);` */
  shmat: { parameters: [int, pointer, int], result: pointer },
  /** `int shmdt(const void *shmaddr);` */
  shmdt: { parameters: [pointer], result: int, once: true },
  /** `int shmctl(int shmid, int cmd, struct shmid_ds *buf);` for `IPC_STAT`, `IPC_SET`, `IPC_INFO`, `SHM_INFO`, `SHM_STAT`, `SHM_STAT_ANY`; `IPC_…` are in `sys_ipc.ts` */
  shmctl_buf: { name: "shmctl", parameters: [int, int, buffer], result: int },
  /** `int shmctl(int shmid, int cmd, NULL);` for `IPC_RMID`, `SHM_LOCK`, `SHM_UNLOCK` */
  shmctl: { parameters: [int, int, pointer], result: int },
} as const satisfies Entries;

/** Opens `<sys/shm.h>` on first use and returns its calls. */
export const sys_shm: () => Symbols<typeof sys_shm_symbols> = table(
  sys_shm_symbols,
);

/** `SHM_RDONLY` */
export const SHM_RDONLY = 0o10000;
/** `SHM_RND` */
export const SHM_RND = 0o20000;
/** `SHM_REMAP` */
export const SHM_REMAP = 0o40000;
/** `SHM_EXEC` */
export const SHM_EXEC = 0o100000;
/** `SHM_LOCK` */
export const SHM_LOCK = 11;
/** `SHM_UNLOCK` */
export const SHM_UNLOCK = 12;
/** `SHM_INFO` */
export const SHM_INFO = 14;
/** `SHM_STAT` */
export const SHM_STAT = 13;
/** `SHM_STAT_ANY` */
export const SHM_STAT_ANY = 15;
/** `SHM_DEST` */
export const SHM_DEST = 0o1000;
/** `SHM_LOCKED` */
export const SHM_LOCKED = 0o2000;
/** `SHM_HUGETLB` */
export const SHM_HUGETLB = 0o4000;
/** `SHM_NORESERVE` */
export const SHM_NORESERVE = 0o10000;

/** The fields of `struct shmid_ds`. */
export const shmid_ds_fields = {
  shm_perm: ipc_perm,
  shm_segsz: "u64",
  shm_atime: "i64",
  shm_dtime: "i64",
  shm_ctime: "i64",
  shm_cpid: "i32",
  shm_lpid: "i32",
  shm_nattch: "u64",
  reserved: array("u64", 2) as ArrayType<"u64">,
} as const;

/** `struct shmid_ds` of `<sys/shm.h>` */
export const shmid_ds: Struct<typeof shmid_ds_fields> = lazyStruct(
  shmid_ds_fields,
);

/** The fields of `struct shminfo`. */
export const shminfo_fields = {
  shmmax: "u64",
  shmmin: "u64",
  shmmni: "u64",
  shmseg: "u64",
  shmall: "u64",
  reserved: array("u64", 4) as ArrayType<"u64">,
} as const;

/** `struct shminfo` of `<sys/shm.h>`: `IPC_INFO` */
export const shminfo: Struct<typeof shminfo_fields> = lazyStruct(
  shminfo_fields,
);

/** The fields of `struct shm_info`. */
export const shm_info_fields = {
  used_ids: "i32",
  shm_tot: "u64",
  shm_rss: "u64",
  shm_swp: "u64",
  swap_attempts: "u64",
  swap_successes: "u64",
} as const;

/** `struct shm_info` of `<sys/shm.h>`: `SHM_INFO` */
export const shm_info: Struct<typeof shm_info_fields> = lazyStruct(
  shm_info_fields,
);
