/**
 * Raw calls of `<poll.h>`.
 *
 * @module
 */

import { buffer, int, size_t32 } from "./_types.ts";
import { type Symbols, table } from "./_open.ts";

/** The symbol table of `<poll.h>`. */
export const poll_symbols = {
  /** `int poll(struct pollfd *fds, nfds_t nfds, int timeout);` */
  poll: { parameters: [buffer, size_t32, int], result: int },
} as const satisfies Deno.ForeignLibraryInterface;

/** Opens `<poll.h>` on first use and returns its calls. */
export const poll: () => Symbols<typeof poll_symbols> = table(poll_symbols);
