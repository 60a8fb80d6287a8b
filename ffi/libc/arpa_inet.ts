/**
 * `<arpa/inet.h>`: calls.
 *
 * @module
 */

import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, int, pointer, uint } from "./_types.ts";

/** The symbol table of `<arpa/inet.h>`. */
export const arpa_inet_symbols = {
  /** `int inet_pton(int af, const char *src, void *dst);` which returns 1, or 0 when `src` is not an address */
  inet_pton: { parameters: [int, buffer, buffer], result: int },
  /** `const char *inet_ntop(int af, const void *src, char *dst, socklen_t size);` */
  inet_ntop: { parameters: [int, buffer, buffer, uint], result: pointer },
} as const satisfies Entries;

/** Opens `<arpa/inet.h>` on first use and returns its calls. */
export const arpa_inet: () => Symbols<typeof arpa_inet_symbols> = table(
  arpa_inet_symbols,
);
