/**
 * `<sys/resource.h>`: calls, constants and structs.
 *
 * @module
 */

import { lazyStruct } from "../struct/lazy.ts";
import type { Struct } from "../struct/struct.ts";
import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, int } from "./_types.ts";

/** The symbol table of `<sys/resource.h>`. */
export const sys_resource_symbols = {
  /** `int getrlimit(int resource, struct rlimit *rlim);` */
  getrlimit: { parameters: [int, buffer], result: int },
  /** `int setrlimit(int resource, const struct rlimit *rlim);` */
  setrlimit: { parameters: [int, buffer], result: int },
} as const satisfies Entries;

/** Opens `<sys/resource.h>` on first use and returns its calls. */
export const sys_resource: () => Symbols<typeof sys_resource_symbols> = table(
  sys_resource_symbols,
);

/** `RLIMIT_FSIZE` */
export const RLIMIT_FSIZE = 1;
/** `RLIMIT_MSGQUEUE` */
export const RLIMIT_MSGQUEUE = 12;

/** The fields of `struct rlimit`. */
export const rlimit_fields = {
  rlim_cur: "u64",
  rlim_max: "u64",
} as const;

/** `struct rlimit` of `<sys/resource.h>` */
export const rlimit: Struct<typeof rlimit_fields> = lazyStruct(rlimit_fields);
