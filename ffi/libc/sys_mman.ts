/**
 * Raw calls of `<sys/mman.h>`.
 *
 * @module
 */

import { buffer, int, off_t, pointer, size_t, uint } from "./_types.ts";
import { type Symbols, table } from "./_open.ts";

/** The symbol table of `<sys/mman.h>`. */
export const sys_mman_symbols = {
  /** `void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset);` */
  mmap: {
    parameters: [pointer, size_t, int, int, int, off_t],
    result: pointer,
  },
  /** `int munmap(void *addr, size_t length);` */
  munmap: { parameters: [pointer, size_t], result: int },
  /** `int mprotect(void *addr, size_t len, int prot);` */
  mprotect: { parameters: [pointer, size_t, int], result: int },
  /** `int msync(void *addr, size_t length, int flags);` */
  msync: { parameters: [pointer, size_t, int], result: int },
  /** `int madvise(void *addr, size_t length, int advice);` */
  madvise: { parameters: [pointer, size_t, int], result: int },
  /** `int mlock(const void *addr, size_t len);` */
  mlock: { parameters: [pointer, size_t], result: int },
  /** `int munlock(const void *addr, size_t len);` */
  munlock: { parameters: [pointer, size_t], result: int },
  /** `int shm_open(const char *name, int oflag, mode_t mode);` */
  shm_open: { parameters: [buffer, int, uint], result: int },
  /** `int shm_unlink(const char *name);` */
  shm_unlink: { parameters: [buffer], result: int },
  /** `int memfd_create(const char *name, unsigned int flags);` */
  memfd_create: { parameters: [buffer, uint], result: int },
} as const satisfies Deno.ForeignLibraryInterface;

/** Opens `<sys/mman.h>` on first use and returns its calls. */
export const sys_mman: () => Symbols<typeof sys_mman_symbols> = table(
  sys_mman_symbols,
);
