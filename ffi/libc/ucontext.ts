/**
 * Raw calls of `<ucontext.h>`.
 *
 * @module
 */

import { int, pointer, ulong, void_ } from "./_types.ts";
import { type Symbols, table } from "./_open.ts";

/** The symbol table of `<ucontext.h>`. */
export const ucontext_symbols = {
  /** `int getcontext(ucontext_t *ucp);` */
  getcontext: { parameters: [pointer], result: int, optional: true },
  /** `void makecontext(ucontext_t *ucp, void (*func)(void), int argc, ...);` with five arguments */
  makecontext: {
    parameters: [pointer, pointer, int, ulong, ulong, ulong, ulong, ulong],
    result: void_,
    optional: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** Opens `<ucontext.h>` on first use and returns its calls. */
export const ucontext: () => Symbols<typeof ucontext_symbols> = table(
  ucontext_symbols,
);
