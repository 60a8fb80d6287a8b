/**
 * Raw calls of `<sys/signalfd.h>`.
 *
 * @module
 */

import { buffer, int } from "./_types.ts";
import { type Symbols, table } from "./_open.ts";

/** The symbol table of `<sys/signalfd.h>`. */
export const sys_signalfd_symbols = {
  /** `int signalfd(int fd, const sigset_t *mask, int flags);` */
  signalfd: { parameters: [int, buffer, int], result: int },
} as const satisfies Deno.ForeignLibraryInterface;

/** Opens `<sys/signalfd.h>` on first use and returns its calls. */
export const sys_signalfd: () => Symbols<typeof sys_signalfd_symbols> = table(
  sys_signalfd_symbols,
);
