/**
 * Raw calls of `<semaphore.h>`.
 *
 * @module
 */

import { int, pointer, uint } from "./_types.ts";
import { type Symbols, table } from "./_open.ts";

/** The symbol table of `<semaphore.h>`. */
export const semaphore_symbols = {
  /** `int sem_init(sem_t *sem, int pshared, unsigned int value);` */
  sem_init: { parameters: [pointer, int, uint], result: int },
  /** `int sem_post(sem_t *sem);` */
  sem_post: { parameters: [pointer], result: int },
} as const satisfies Deno.ForeignLibraryInterface;

/** Opens `<semaphore.h>` on first use and returns its calls. */
export const semaphore: () => Symbols<typeof semaphore_symbols> = table(
  semaphore_symbols,
);
