/**
 * `<string.h>`: calls.
 *
 * @module
 */

import { type Entries, type Symbols, table } from "./_open.ts";
import { int, pointer } from "./_types.ts";

/** The symbol table of `<string.h>`. */
export const string_symbols = {
  /** `char *strerror(int errnum);` */
  strerror: { parameters: [int], result: pointer },
} as const satisfies Entries;

/** Opens `<string.h>` on first use and returns its calls. */
export const string: () => Symbols<typeof string_symbols> = table(
  string_symbols,
);
