/**
 * `<sys/wait.h>`: calls and constants.
 *
 * @module
 */

import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, int, uint } from "./_types.ts";

/** The symbol table of `<sys/wait.h>`. */
export const sys_wait_symbols = {
  /** `int waitid(idtype_t idtype, id_t id, siginfo_t *infop, int options);` */
  waitid: { parameters: [int, uint, buffer, int], result: int, once: true },
} as const satisfies Entries;

/** Opens `<sys/wait.h>` on first use and returns its calls. */
export const sys_wait: () => Symbols<typeof sys_wait_symbols> = table(
  sys_wait_symbols,
);

/** `P_PID` */
export const P_PID = 1;
/** `P_PIDFD` */
export const P_PIDFD = 3;
/** `WNOHANG` */
export const WNOHANG = 1;
/** `WEXITED` */
export const WEXITED = 4;
/** `CLD_EXITED` */
export const CLD_EXITED = 1;
/** `CLD_DUMPED` */
export const CLD_DUMPED = 3;
