/**
 * `<sys/ioctl.h>`: calls and constants.
 *
 * @module
 */

import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, int, ulong } from "./_types.ts";

/** The symbol table of `<sys/ioctl.h>`. */
export const sys_ioctl_symbols = {
  /** `int ioctl(int fd, unsigned long op, void *argp);` */
  ioctl: { parameters: [int, ulong, buffer], result: int },
} as const satisfies Entries;

/** Opens `<sys/ioctl.h>` on first use and returns its calls. */
export const sys_ioctl: () => Symbols<typeof sys_ioctl_symbols> = table(
  sys_ioctl_symbols,
);

/** `FIONREAD` */
export const FIONREAD = 0x541b;
