/**
 * `<sys/stat.h>`: calls, constants and structs.
 *
 * @module
 */

import { lazyStruct } from "../struct/lazy.ts";
import { array, type ArrayType, type Struct } from "../struct/struct.ts";
import { X86 } from "./_arch.ts";
import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, dev_t, int, mode_t } from "./_types.ts";
import { timespec } from "./time.ts";

/** The symbol table of `<sys/stat.h>`. */
export const sys_stat_symbols = {
  /** `int stat(const char *pathname, struct stat *statbuf);` */
  stat: { parameters: [buffer, buffer], result: int },
  /** `int lstat(const char *pathname, struct stat *statbuf);` */
  lstat: { parameters: [buffer, buffer], result: int },
  /** `int fstat(int fd, struct stat *statbuf);` */
  fstat: { parameters: [int, buffer], result: int },
  /** `int chmod(const char *pathname, mode_t mode);` */
  chmod: { parameters: [buffer, mode_t], result: int },
  /** `int fchmod(int fd, mode_t mode);` */
  fchmod: { parameters: [int, mode_t], result: int },
  /** `int mkfifo(const char *pathname, mode_t mode);` */
  mkfifo: { parameters: [buffer, mode_t], result: int },
  /** `int mknod(const char *pathname, mode_t mode, dev_t dev);` */
  mknod: { parameters: [buffer, mode_t, dev_t], result: int },
} as const satisfies Entries;

/** Opens `<sys/stat.h>` on first use and returns its calls. */
export const sys_stat: () => Symbols<typeof sys_stat_symbols> = table(
  sys_stat_symbols,
);

/** `S_IFMT` */
export const S_IFMT = 0o170000;
/** `S_IFDIR` */
export const S_IFDIR = 0o40000;
/** `S_IFCHR` */
export const S_IFCHR = 0o20000;
/** `S_IFBLK` */
export const S_IFBLK = 0o60000;
/** `S_IFREG` */
export const S_IFREG = 0o100000;
/** `S_IFIFO` */
export const S_IFIFO = 0o10000;
/** `S_IFLNK` */
export const S_IFLNK = 0o120000;
/** `S_IFSOCK` */
export const S_IFSOCK = 0o140000;

/** The fields of `struct stat` on x86_64. */
export const stat_x86_64_fields = {
  st_dev: "u64",
  st_ino: "u64",
  st_nlink: "u64",
  st_mode: "u32",
  st_uid: "u32",
  st_gid: "u32",
  st_rdev: "u64",
  st_size: "i64",
  st_blksize: "i64",
  st_blocks: "i64",
  st_atim: timespec,
  st_mtim: timespec,
  st_ctim: timespec,
  reserved: array("u64", 3) as ArrayType<"u64">,
} as const;

/** The fields of `struct stat` elsewhere. */
export const stat_generic_fields = {
  st_dev: "u64",
  st_ino: "u64",
  st_mode: "u32",
  st_nlink: "u32",
  st_uid: "u32",
  st_gid: "u32",
  st_rdev: "u64",
  reserved1: "u64",
  st_size: "i64",
  st_blksize: "i32",
  st_blocks: "i64",
  st_atim: timespec,
  st_mtim: timespec,
  st_ctim: timespec,
  reserved: array("u32", 2) as ArrayType<"u32">,
} as const;

/** `struct stat` of `<sys/stat.h>` */
export const stat:
  | Struct<typeof stat_x86_64_fields>
  | Struct<typeof stat_generic_fields> = X86
    ? lazyStruct(stat_x86_64_fields)
    : lazyStruct(stat_generic_fields);
