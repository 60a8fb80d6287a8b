/**
 * Raw calls of `<sys/file.h>`.
 *
 * @module
 */

import { int } from "./_types.ts";
import { type Symbols, table } from "./_open.ts";

/** The symbol table of `<sys/file.h>`. */
export const sys_file_symbols = {
  /** `int flock(int fd, int operation);` */
  flock: { parameters: [int, int], result: int },
} as const satisfies Deno.ForeignLibraryInterface;

/** Opens `<sys/file.h>` on first use and returns its calls. */
export const sys_file: () => Symbols<typeof sys_file_symbols> = table(
  sys_file_symbols,
);
