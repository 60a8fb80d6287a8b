/**
 * `<sys/uio.h>`: calls and structs.
 *
 * @module
 */

import { lazyStruct } from "../struct/lazy.ts";
import type { Struct } from "../struct/struct.ts";
import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, pid_t, ssize_t32, ulong } from "./_types.ts";

/** The symbol table of `<sys/uio.h>`. */
export const sys_uio_symbols = {
  /** `ssize_t process_vm_readv(pid_t pid, const struct iovec *local_iov, unsigned long liovcnt, const struct iovec *remote_iov, unsigned long riovcnt, unsigned long flags);` */
  process_vm_readv: {
    parameters: [pid_t, buffer, ulong, buffer, ulong, ulong],
    result: ssize_t32,
  },
} as const satisfies Entries;

/** Opens `<sys/uio.h>` on first use and returns its calls. */
export const sys_uio: () => Symbols<typeof sys_uio_symbols> = table(
  sys_uio_symbols,
);

/** The fields of `struct iovec`. */
export const iovec_fields = {
  iov_base: "u64",
  iov_len: "u64",
} as const;

/** `struct iovec` of `<sys/uio.h>` */
export const iovec: Struct<typeof iovec_fields> = lazyStruct(iovec_fields);
