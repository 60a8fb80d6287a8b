/**
 * `<sys/mman.h>`: calls and constants.
 *
 * @module
 */

import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, int, off_t, pointer, size_t, uint } from "./_types.ts";

/** The symbol table of `<sys/mman.h>`. */
export const sys_mman_symbols = {
  /** `void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset);` */
  mmap: {
    parameters: [pointer, size_t, int, int, int, off_t],
    result: pointer,
  },
  /** `int munmap(void *addr, size_t length);` */
  munmap: { parameters: [pointer, size_t], result: int, once: true },
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
} as const satisfies Entries;

/** Opens `<sys/mman.h>` on first use and returns its calls. */
export const sys_mman: () => Symbols<typeof sys_mman_symbols> = table(
  sys_mman_symbols,
);

/** `PROT_NONE` */
export const PROT_NONE = 0;
/** `PROT_READ` */
export const PROT_READ = 1;
/** `PROT_WRITE` */
export const PROT_WRITE = 2;
/** `PROT_EXEC` */
export const PROT_EXEC = 4;
/** `MAP_SHARED` */
export const MAP_SHARED = 1;
/** `MAP_PRIVATE` */
export const MAP_PRIVATE = 2;
/** `MAP_FIXED` */
export const MAP_FIXED = 16;
/** `MAP_ANONYMOUS` */
export const MAP_ANONYMOUS = 32;
/** `MAP_POPULATE` */
export const MAP_POPULATE = 0x8000;
/** `MAP_FIXED_NOREPLACE` */
export const MAP_FIXED_NOREPLACE = 0x100000;
/** `MS_ASYNC` */
export const MS_ASYNC = 1;
/** `MS_INVALIDATE` */
export const MS_INVALIDATE = 2;
/** `MS_SYNC` */
export const MS_SYNC = 4;
/** `MFD_CLOEXEC` */
export const MFD_CLOEXEC = 1;
/** `MFD_ALLOW_SEALING` */
export const MFD_ALLOW_SEALING = 2;
/** `MFD_HUGETLB` */
export const MFD_HUGETLB = 4;
/** `MADV_*` of `<sys/mman.h>` by their names in lower case. */
export const ADVICE = {
  normal: 0,
  random: 1,
  sequential: 2,
  willneed: 3,
  dontneed: 4,
  free: 8,
  remove: 9,
  mergeable: 12,
  unmergeable: 13,
  hugepage: 14,
  nohugepage: 15,
  dontdump: 16,
  dodump: 17,
  cold: 20,
  pageout: 21,
  populate_read: 22,
  populate_write: 23,
} as const;
