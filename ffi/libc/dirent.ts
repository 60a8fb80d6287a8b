/**
 * Raw calls of `<dirent.h>`.
 *
 * @module
 */

import { buffer, int, pointer } from "./_types.ts";
import { type Symbols, table } from "./_open.ts";

/** The symbol table of `<dirent.h>`. */
export const dirent_symbols = {
  /** `DIR *opendir(const char *name);` */
  opendir: { parameters: [buffer], result: pointer },
  /** `struct dirent *readdir(DIR *dirp);` */
  readdir: { parameters: [pointer], result: pointer },
  /** `int closedir(DIR *dirp);` */
  closedir: { parameters: [pointer], result: int },
} as const satisfies Deno.ForeignLibraryInterface;

/** Opens `<dirent.h>` on first use and returns its calls. */
export const dirent: () => Symbols<typeof dirent_symbols> = table(
  dirent_symbols,
);
