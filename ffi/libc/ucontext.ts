/**
 * `<ucontext.h>`: calls and structs.
 *
 * @module
 */

import { lazyStruct } from "../struct/lazy.ts";
import { array, type ArrayType, type Struct } from "../struct/struct.ts";
import { X86 } from "./_arch.ts";
import { type Entries, type Symbols, table } from "./_open.ts";
import { int, pointer, ulong, void_ } from "./_types.ts";
import { stack_t } from "./signal.ts";

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
} as const satisfies Entries;

/** Opens `<ucontext.h>` on first use and returns its calls. */
export const ucontext: () => Symbols<typeof ucontext_symbols> = table(
  ucontext_symbols,
);

/** The fields of `ucontext_t` on x86_64. */
export const ucontext_t_x86_64_fields = {
  uc_flags: "u64",
  uc_link: "u64",
  uc_stack: stack_t,
  reserved1: array("u64", 32) as ArrayType<"u64">,
  uc_sigmask: array("u64", 16) as ArrayType<"u64">,
  reserved: array("u64", 68) as ArrayType<"u64">,
} as const;

/** The fields of `ucontext_t` elsewhere. */
export const ucontext_t_generic_fields = {
  uc_flags: "u64",
  uc_link: "u64",
  uc_stack: stack_t,
  uc_sigmask: array("u64", 16) as ArrayType<"u64">,
  reserved: array("u64", 549) as ArrayType<"u64">,
} as const;

/** `ucontext_t` of `<ucontext.h>`, which C aligns to 16 bytes on aarch64 */
export const ucontext_t:
  | Struct<typeof ucontext_t_x86_64_fields>
  | Struct<typeof ucontext_t_generic_fields> = X86
    ? lazyStruct(ucontext_t_x86_64_fields)
    : lazyStruct(ucontext_t_generic_fields);
