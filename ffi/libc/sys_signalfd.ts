/**
 * `<sys/signalfd.h>`: calls, constants and structs.
 *
 * @module
 */

import { lazyStruct } from "../struct/lazy.ts";
import { array, type ArrayType, type Struct } from "../struct/struct.ts";
import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, int } from "./_types.ts";

/** The symbol table of `<sys/signalfd.h>`. */
export const sys_signalfd_symbols = {
  /** `int signalfd(int fd, const sigset_t *mask, int flags);` */
  signalfd: { parameters: [int, buffer, int], result: int },
} as const satisfies Entries;

/** Opens `<sys/signalfd.h>` on first use and returns its calls. */
export const sys_signalfd: () => Symbols<typeof sys_signalfd_symbols> = table(
  sys_signalfd_symbols,
);

/** `SFD_CLOEXEC` */
export const SFD_CLOEXEC = 0o2000000;
/** `SFD_NONBLOCK` */
export const SFD_NONBLOCK = 0o4000;

/** The fields of `struct signalfd_siginfo`. */
export const signalfd_siginfo_fields = {
  ssi_signo: "u32",
  ssi_errno: "i32",
  ssi_code: "i32",
  ssi_pid: "u32",
  ssi_uid: "u32",
  ssi_fd: "i32",
  ssi_tid: "u32",
  ssi_band: "u32",
  ssi_overrun: "u32",
  ssi_trapno: "u32",
  ssi_status: "i32",
  ssi_int: "i32",
  ssi_ptr: "u64",
  ssi_utime: "u64",
  ssi_stime: "u64",
  ssi_addr: "u64",
  ssi_addr_lsb: "u16",
  reserved: array("u8", 46) as ArrayType<"u8">,
} as const;

/** `struct signalfd_siginfo` of `<sys/signalfd.h>` */
export const signalfd_siginfo: Struct<typeof signalfd_siginfo_fields> =
  lazyStruct(
    signalfd_siginfo_fields,
  );
