/**
 * `<sched.h>`: calls.
 *
 * @module
 */

import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, int, pid_t, size_t32 } from "./_types.ts";

/** The symbol table of `<sched.h>`. */
export const sched_symbols = {
  /** `int sched_getaffinity(pid_t pid, size_t cpusetsize, cpu_set_t *mask);` */
  sched_getaffinity: { parameters: [pid_t, size_t32, buffer], result: int },
} as const satisfies Entries;

/** Opens `<sched.h>` on first use and returns its calls. */
export const sched: () => Symbols<typeof sched_symbols> = table(sched_symbols);
