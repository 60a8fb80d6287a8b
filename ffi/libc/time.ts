/**
 * `<time.h>`: calls, constants and structs.
 *
 * @module
 */

import { lazyStruct } from "../struct/lazy.ts";
import type { Struct } from "../struct/struct.ts";
import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, clockid_t, int, pointer } from "./_types.ts";

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
  timer_delete: { parameters: [pointer], result: int, once: true },
} as const satisfies Entries;

/** Opens `<time.h>` on first use and returns its calls. */
export const time: () => Symbols<typeof time_symbols> = table(time_symbols);

/** `CLOCK_REALTIME` */
export const CLOCK_REALTIME = 0;
/** `CLOCK_MONOTONIC` */
export const CLOCK_MONOTONIC = 1;
/** `TIMER_ABSTIME` */
export const TIMER_ABSTIME = 1;

/** The fields of `struct timespec`. */
export const timespec_fields = { tv_sec: "i64", tv_nsec: "i64" } as const;

/** `struct timespec` of `<time.h>` */
export const timespec: Struct<typeof timespec_fields> = lazyStruct(
  timespec_fields,
);

/** The fields of `struct itimerspec`. */
export const itimerspec_fields = {
  it_interval: timespec,
  it_value: timespec,
} as const;

/** `struct itimerspec` of `<time.h>` */
export const itimerspec: Struct<typeof itimerspec_fields> = lazyStruct(
  itimerspec_fields,
);
