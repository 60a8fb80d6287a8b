/**
 * `<netinet/in.h>`: constants and structs.
 *
 * @module
 */

import { lazyStruct } from "../struct/lazy.ts";
import { array, type ArrayType, type Struct } from "../struct/struct.ts";
/** `IPPROTO_IP` */
export const IPPROTO_IP = 0;
/** `IPPROTO_TCP` */
export const IPPROTO_TCP = 6;
/** `IPPROTO_IPV6` */
export const IPPROTO_IPV6 = 41;
/** `IPV6_V6ONLY` */
export const IPV6_V6ONLY = 26;

/** The fields of `struct in_addr`. */
export const in_addr_fields = { s_addr: "u32" } as const;

/** `struct in_addr` of `<netinet/in.h>`, in network order */
export const in_addr: Struct<typeof in_addr_fields> = lazyStruct(
  in_addr_fields,
);

/** The fields of `struct sockaddr_in`. */
export const sockaddr_in_fields = {
  sin_family: "u16",
  sin_port: "u16",
  sin_addr: in_addr,
  reserved: array("u8", 8) as ArrayType<"u8">,
} as const;

/** `struct sockaddr_in` of `<netinet/in.h>`: port and address are in network order */
export const sockaddr_in: Struct<typeof sockaddr_in_fields> = lazyStruct(
  sockaddr_in_fields,
);

/** The fields of `struct sockaddr_in6`. */
export const sockaddr_in6_fields = {
  sin6_family: "u16",
  sin6_port: "u16",
  sin6_flowinfo: "u32",
  sin6_addr: array("u8", 16) as ArrayType<"u8">,
  sin6_scope_id: "u32",
} as const;

/** `struct sockaddr_in6` of `<netinet/in.h>`: as `struct sockaddr_in` */
export const sockaddr_in6: Struct<typeof sockaddr_in6_fields> = lazyStruct(
  sockaddr_in6_fields,
);
