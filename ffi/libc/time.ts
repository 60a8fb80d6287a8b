/**
 * Raw calls of `<time.h>`.
 *
 * @module
 */

import { buffer, clockid_t, int, pointer } from "./_types.ts";
import { type Symbols, table } from "./_open.ts";

/** The symbol table of `<time.h>`. */
export const time_symbols = {
  /** `int clock_gettime(clockid_t clockid, struct timespec *tp);` */
  clock_gettime: { parameters: [clockid_t, buffer], result: int },
  /** `int clock_nanosleep(clockid_t clockid, int flags, const struct timespec *t, struct timespec *remain);` which returns the error number */
  clock_nanosleep: {
    parameters: [clockid_t, int, buffer, buffer],
    result: int,
  },
  /** `int timer_create(clockid_t clockid, struct sigevent *sevp, timer_t *timerid);` */
  timer_create: { parameters: [clockid_t, buffer, buffer], result: int },
  /** `int timer_settime(timer_t timerid, int flags, const struct itimerspec *new_value, struct itimerspec *old_value);` */
  timer_settime: { parameters: [pointer, int, buffer, buffer], result: int },
  /** `int timer_delete(timer_t timerid);` */
  timer_delete: { parameters: [pointer], result: int },
} as const satisfies Deno.ForeignLibraryInterface;

/** Opens `<time.h>` on first use and returns its calls. */
export const time: () => Symbols<typeof time_symbols> = table(time_symbols);
