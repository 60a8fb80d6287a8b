/**
 * `<sys/vfs.h>`: calls and structs.
 *
 * @module
 */

import { lazyStruct } from "../struct/lazy.ts";
import { array, type ArrayType, type Struct } from "../struct/struct.ts";
import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, int } from "./_types.ts";

/** The symbol table of `<sys/vfs.h>`. */
export const sys_vfs_symbols = {
  /** `int fstatfs(int fd, struct statfs *buf);` */
  fstatfs: { parameters: [int, buffer], result: int },
} as const satisfies Entries;

/** Opens `<sys/vfs.h>` on first use and returns its calls. */
export const sys_vfs: () => Symbols<typeof sys_vfs_symbols> = table(
  sys_vfs_symbols,
);

/** The fields of `struct statfs`. */
export const statfs_fields = {
  f_type: "i64",
  f_bsize: "i64",
  f_blocks: "u64",
  f_bfree: "u64",
  f_bavail: "u64",
  f_files: "u64",
  f_ffree: "u64",
  f_fsid: array("i32", 2) as ArrayType<"i32">,
  f_namelen: "i64",
  f_frsize: "i64",
  f_flags: "i64",
  reserved: array("i64", 4) as ArrayType<"i64">,
} as const;

/** `struct statfs` of `<sys/vfs.h>` */
export const statfs: Struct<typeof statfs_fields> = lazyStruct(statfs_fields);
