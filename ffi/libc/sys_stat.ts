/**
 * Raw calls of `<sys/stat.h>`.
 *
 * @module
 */

import { buffer, dev_t, int, mode_t } from "./_types.ts";
import { type Symbols, table } from "./_open.ts";

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
} as const satisfies Deno.ForeignLibraryInterface;

/** Opens `<sys/stat.h>` on first use and returns its calls. */
export const sys_stat: () => Symbols<typeof sys_stat_symbols> = table(
  sys_stat_symbols,
);
