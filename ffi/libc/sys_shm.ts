/**
 * Raw calls of `<sys/shm.h>`.
 *
 * @module
 */

import { buffer, int, key_t, pointer, size_t } from "./_types.ts";
import { type Symbols, table } from "./_open.ts";

/** The symbol table of `<sys/shm.h>`. */
export const sys_shm_symbols = {
  /** `int shmget(key_t key, size_t size, int shmflg);` */
  shmget: { parameters: [key_t, size_t, int], result: int },
  /** `void *shmat(int shmid, const void *shmaddr, int shmflg);` */
  shmat: { parameters: [int, pointer, int], result: pointer },
  /** `int shmdt(const void *shmaddr);` */
  shmdt: { parameters: [pointer], result: int },
  /** `int shmctl(int shmid, int cmd, struct shmid_ds *buf);` to read or write `buf` */
  shmctl_buf: { name: "shmctl", parameters: [int, int, buffer], result: int },
  /** `int shmctl(int shmid, int cmd, NULL);` for `IPC_RMID`, `SHM_LOCK`, `SHM_UNLOCK` */
  shmctl: { parameters: [int, int, pointer], result: int },
} as const satisfies Deno.ForeignLibraryInterface;

/** Opens `<sys/shm.h>` on first use and returns its calls. */
export const sys_shm: () => Symbols<typeof sys_shm_symbols> = table(
  sys_shm_symbols,
);
