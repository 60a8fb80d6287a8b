/**
 * Raw calls of `<sys/resource.h>`.
 *
 * @module
 */

import { buffer, int } from "./_types.ts";
import { type Symbols, table } from "./_open.ts";

/** The symbol table of `<sys/resource.h>`. */
export const sys_resource_symbols = {
  /** `int getrlimit(int resource, struct rlimit *rlim);` */
  getrlimit: { parameters: [int, buffer], result: int },
  /** `int setrlimit(int resource, const struct rlimit *rlim);` */
  setrlimit: { parameters: [int, buffer], result: int },
} as const satisfies Deno.ForeignLibraryInterface;

/** Opens `<sys/resource.h>` on first use and returns its calls. */
export const sys_resource: () => Symbols<typeof sys_resource_symbols> = table(
  sys_resource_symbols,
);
