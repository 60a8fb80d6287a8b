/**
 * Raw calls of `<sys/wait.h>`.
 *
 * @module
 */

import { buffer, int, uint } from "./_types.ts";
import { type Symbols, table } from "./_open.ts";

/** The symbol table of `<sys/wait.h>`. */
export const sys_wait_symbols = {
  /** `int waitid(idtype_t idtype, id_t id, siginfo_t *infop, int options);` */
  waitid: { parameters: [int, uint, buffer, int], result: int },
} as const satisfies Deno.ForeignLibraryInterface;

/** Opens `<sys/wait.h>` on first use and returns its calls. */
export const sys_wait: () => Symbols<typeof sys_wait_symbols> = table(
  sys_wait_symbols,
);
