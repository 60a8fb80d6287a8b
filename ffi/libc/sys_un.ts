/**
 * `<sys/un.h>`: structs.
 *
 * @module
 */

import { lazyStruct } from "../struct/lazy.ts";
import { array, type ArrayType, type Struct } from "../struct/struct.ts";

/** The fields of `struct sockaddr_un`. */
export const sockaddr_un_fields = {
  sun_family: "u16",
  sun_path: array("u8", 108) as ArrayType<"u8">,
} as const;

/** `struct sockaddr_un` of `<sys/un.h>` */
export const sockaddr_un: Struct<typeof sockaddr_un_fields> = lazyStruct(
  sockaddr_un_fields,
);
