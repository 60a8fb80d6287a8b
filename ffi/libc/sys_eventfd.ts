/**
 * `<sys/eventfd.h>`: calls and constants.
 *
 * @module
 */

import { type Entries, type Symbols, table } from "./_open.ts";
import { int, uint } from "./_types.ts";

/** The symbol table of `<sys/eventfd.h>`. */
export const sys_eventfd_symbols = {
  /** `int eventfd(unsigned int initval, int flags);` */
  eventfd: { parameters: [uint, int], result: int },
} as const satisfies Entries;

/** Opens `<sys/eventfd.h>` on first use and returns its calls. */
export const sys_eventfd: () => Symbols<typeof sys_eventfd_symbols> = table(
  sys_eventfd_symbols,
);

/** `EFD_CLOEXEC` */
export const EFD_CLOEXEC = 0o2000000;
/** `EFD_NONBLOCK` */
export const EFD_NONBLOCK = 0o4000;
/** `EFD_SEMAPHORE` */
export const EFD_SEMAPHORE = 1;
