/**
 * `<semaphore.h>`: calls and structs.
 *
 * @module
 */

import { lazyStruct } from "../struct/lazy.ts";
import { array, type ArrayType, type Struct } from "../struct/struct.ts";
import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, clockid_t, int, mode_t, pointer, uint } from "./_types.ts";

/** The symbol table of `<semaphore.h>`. */
export const semaphore_symbols = {
  /** `sem_t *sem_open(const char *name, int oflag);` */
  sem_open: { parameters: [buffer, int], result: pointer },
  /** `sem_t *sem_open(const char *name, int oflag, mode_t mode, unsigned int value);` for `O_CREAT` */
  sem_open_create: {
    name: "sem_open",
    parameters: [buffer, int, mode_t, uint],
    result: pointer,
  },
  /** `int sem_close(sem_t *sem);` */
  sem_close: { parameters: [pointer], result: int, once: true },
  /** `int sem_unlink(const char *name);` */
  sem_unlink: { parameters: [buffer], result: int },
  /** `int sem_init(sem_t *sem, int pshared, unsigned int value);` */
  sem_init: { parameters: [pointer, int, uint], result: int },
  /** `int sem_post(sem_t *sem);` */
  sem_post: { parameters: [pointer], result: int },
  /** `int sem_wait(sem_t *sem);` */
  sem_wait: { parameters: [pointer], result: int, once: true },
  /** `int sem_trywait(sem_t *sem);` */
  sem_trywait: { parameters: [pointer], result: int, once: true },
  /** `int sem_clockwait(sem_t *sem, clockid_t clockid, const struct timespec *abs_timeout);` */
  sem_clockwait: {
    parameters: [pointer, clockid_t, buffer],
    result: int,
    once: true,
  },
  /** `int sem_getvalue(sem_t *sem, int *sval);` */
  sem_getvalue: { parameters: [pointer, buffer], result: int },
} as const satisfies Entries;

/** Opens `<semaphore.h>` on first use and returns its calls. */
export const semaphore: () => Symbols<typeof semaphore_symbols> = table(
  semaphore_symbols,
);

/** The fields of `sem_t`. */
export const sem_t_fields = {
  // The value in the low half, the number of waiting threads in the high half.
  reserved_value: "u64",
  reserved_private: "i32",
  reserved: array("u32", 5) as ArrayType<"u32">,
} as const;

/** `sem_t` of `<semaphore.h>`, as glibc uses it since 2.21 */
export const sem_t: Struct<typeof sem_t_fields> = lazyStruct(sem_t_fields);
