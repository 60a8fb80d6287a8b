/**
 * Raw calls of `<sys/vfs.h>`.
 *
 * @module
 */

import { buffer, int } from "./_types.ts";
import { type Symbols, table } from "./_open.ts";

/** The symbol table of `<sys/vfs.h>`. */
export const sys_vfs_symbols = {
  /** `int fstatfs(int fd, struct statfs *buf);` */
  fstatfs: { parameters: [int, buffer], result: int },
} as const satisfies Deno.ForeignLibraryInterface;

/** Opens `<sys/vfs.h>` on first use and returns its calls. */
export const sys_vfs: () => Symbols<typeof sys_vfs_symbols> = table(
  sys_vfs_symbols,
);
