/**
 * `<dlfcn.h>`: calls.
 *
 * @module
 */

import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, pointer } from "./_types.ts";

/** The symbol table of `<dlfcn.h>`. */
export const dlfcn_symbols = {
  /** `void *dlsym(void *handle, const char *symbol);` */
  dlsym: { parameters: [pointer, buffer], result: pointer },
} as const satisfies Entries;

/** Opens `<dlfcn.h>` on first use and returns its calls. */
export const dlfcn: () => Symbols<typeof dlfcn_symbols> = table(dlfcn_symbols);
