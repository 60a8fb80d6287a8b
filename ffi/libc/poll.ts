/**
 * `<poll.h>`: calls, constants and structs.
 *
 * @module
 */

import { lazyStruct } from "../struct/lazy.ts";
import type { Struct } from "../struct/struct.ts";
import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, int, size_t32 } from "./_types.ts";

/** The symbol table of `<poll.h>`. */
export const poll_symbols = {
  /** `int poll(struct pollfd *fds, nfds_t nfds, int timeout);` */
  poll: { parameters: [buffer, size_t32, int], result: int, once: true },
} as const satisfies Entries;

/** Opens `<poll.h>` on first use and returns its calls. */
export const poll: () => Symbols<typeof poll_symbols> = table(poll_symbols);

/** `POLLIN` */
export const POLLIN = 0x1;
/** `POLLOUT` */
export const POLLOUT = 0x4;
/** `POLLERR` */
export const POLLERR = 0x8;
/** `POLLHUP` */
export const POLLHUP = 0x10;
/** `POLLNVAL` */
export const POLLNVAL = 0x20;
/** `POLLRDHUP` */
export const POLLRDHUP = 0x2000;

/** The fields of `struct pollfd`. */
export const pollfd_fields = {
  fd: "i32",
  events: "i16",
  revents: "i16",
} as const;

/** `struct pollfd` of `<poll.h>` */
export const pollfd: Struct<typeof pollfd_fields> = lazyStruct(pollfd_fields);
