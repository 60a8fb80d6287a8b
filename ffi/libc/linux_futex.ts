/**
 * `<linux/futex.h>`: calls and constants.
 *
 * @module
 */

import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, int, long, pointer, uint } from "./_types.ts";

/** The symbol table of `<linux/futex.h>`. */
export const linux_futex_symbols = {
  /** `long syscall(SYS_futex, uint32_t *uaddr, int op, uint32_t val, const struct timespec *timeout, uint32_t *uaddr2, uint32_t val3);` */
  futex: {
    name: "syscall",
    parameters: [long, pointer, int, uint, buffer, pointer, uint],
    result: long,
    once: true,
  },
} as const satisfies Entries;

/** Opens `<linux/futex.h>` on first use and returns its calls. */
export const linux_futex: () => Symbols<typeof linux_futex_symbols> = table(
  linux_futex_symbols,
);

/** `FUTEX_WAIT` */
export const FUTEX_WAIT = 0;
/** `FUTEX_WAKE` */
export const FUTEX_WAKE = 1;
/** `FUTEX_PRIVATE_FLAG` */
export const FUTEX_PRIVATE_FLAG = 128;
