/**
 * `<dirent.h>`: calls and structs.
 *
 * @module
 */

import { lazyStruct } from "../struct/lazy.ts";
import { array, type ArrayType, type Struct } from "../struct/struct.ts";
import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, int, pointer } from "./_types.ts";

/** The symbol table of `<dirent.h>`. */
export const dirent_symbols = {
  /** `DIR *opendir(const char *name);` */
  opendir: { parameters: [buffer], result: pointer },
  /** `struct dirent *readdir(DIR *dirp);` */
  readdir: { parameters: [pointer], result: pointer },
  /** `int closedir(DIR *dirp);` */
  closedir: { parameters: [pointer], result: int, once: true },
} as const satisfies Entries;

/** Opens `<dirent.h>` on first use and returns its calls. */
export const dirent: () => Symbols<typeof dirent_symbols> = table(
  dirent_symbols,
);

/** The fields of `struct dirent`. */
export const struct_dirent_fields = {
  d_ino: "u64",
  d_off: "i64",
  d_reclen: "u16",
  d_type: "u8",
  d_name: array("u8", 256) as ArrayType<"u8">,
} as const;

/** `struct dirent` of `<dirent.h>`, NUL-terminated; `dirent` is the table */
export const struct_dirent: Struct<typeof struct_dirent_fields> = lazyStruct(
  struct_dirent_fields,
);
