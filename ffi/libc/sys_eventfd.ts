/**
 * Raw calls of `<sys/eventfd.h>`.
 *
 * @module
 */

import { int, uint } from "./_types.ts";
import { type Symbols, table } from "./_open.ts";

/** The symbol table of `<sys/eventfd.h>`. */
export const sys_eventfd_symbols = {
  /** `int eventfd(unsigned int initval, int flags);` */
  eventfd: { parameters: [uint, int], result: int },
} as const satisfies Deno.ForeignLibraryInterface;

/** Opens `<sys/eventfd.h>` on first use and returns its calls. */
export const sys_eventfd: () => Symbols<typeof sys_eventfd_symbols> = table(
  sys_eventfd_symbols,
);
