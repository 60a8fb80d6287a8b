/**
 * `<pthread.h>`: calls. They return the error number.
 *
 * @module
 */

import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, int, pointer, ulong } from "./_types.ts";

/** The symbol table of `<pthread.h>`. */
export const pthread_symbols = {
  /** `int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start_routine)(void *), void *arg);` */
  pthread_create: {
    parameters: [buffer, pointer, pointer, pointer],
    result: int,
  },
  /** `int pthread_detach(pthread_t thread);` */
  pthread_detach: { parameters: [ulong], result: int },
  /** `int pthread_kill(pthread_t thread, int sig);` */
  pthread_kill: { parameters: [ulong, int], result: int },
} as const satisfies Entries;

/** Opens `<pthread.h>` on first use and returns its calls. */
export const pthread: () => Symbols<typeof pthread_symbols> = table(
  pthread_symbols,
);
