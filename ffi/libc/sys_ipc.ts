/**
 * Raw calls of `<sys/ipc.h>`.
 *
 * @module
 */

import { buffer, int, key_t } from "./_types.ts";
import { type Symbols, table } from "./_open.ts";

/** The symbol table of `<sys/ipc.h>`. */
export const sys_ipc_symbols = {
  /** `key_t ftok(const char *pathname, int proj_id);` */
  ftok: { parameters: [buffer, int], result: key_t },
} as const satisfies Deno.ForeignLibraryInterface;

/** Opens `<sys/ipc.h>` on first use and returns its calls. */
export const sys_ipc: () => Symbols<typeof sys_ipc_symbols> = table(
  sys_ipc_symbols,
);
