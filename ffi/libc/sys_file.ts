/**
 * `<sys/file.h>`: calls and constants.
 *
 * @module
 */

import { type Entries, type Symbols, table } from "./_open.ts";
import { int } from "./_types.ts";

/** The symbol table of `<sys/file.h>`. */
export const sys_file_symbols = {
  /** `int flock(int fd, int operation);` */
  flock: { parameters: [int, int], result: int, once: true },
} as const satisfies Entries;

/** Opens `<sys/file.h>` on first use and returns its calls. */
export const sys_file: () => Symbols<typeof sys_file_symbols> = table(
  sys_file_symbols,
);

/** `LOCK_SH` */
export const LOCK_SH = 1;
/** `LOCK_EX` */
export const LOCK_EX = 2;
/** `LOCK_NB` */
export const LOCK_NB = 4;
/** `LOCK_UN` */
export const LOCK_UN = 8;
