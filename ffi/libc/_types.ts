/**
 * Named C types, so that a table reads like the prototype beside it.
 *
 * A parameter declared `usize` or `i64` takes a bigint on a fast path and a
 * number only on a slow one (about 45 ns more). The `…32` names below are for
 * values that always fit 32 bits (a count, a buffer length, a flag word): both
 * supported architectures pass integers in full registers.
 *
 * @module
 */

/** `int` */
export const int = "i32" as const;
/** `unsigned int` */
export const uint = "u32" as const;
/** `long`, as bigint */
export const long = "i64" as const;
/** `unsigned long`, as bigint */
export const ulong = "u64" as const;
/** `size_t`, best given as bigint */
export const size_t = "usize" as const;
/** A `size_t` that always fits 32 bits, as number */
export const size_t32 = "u32" as const;
/** `ssize_t`, as bigint */
export const ssize_t = "isize" as const;
/** A `ssize_t` result that always fits 32 bits, as number */
export const ssize_t32 = "i32" as const;
/** `off_t`, as bigint */
export const off_t = "i64" as const;
/** `key_t` */
export const key_t = "i32" as const;
/** `mode_t` */
export const mode_t = "u32" as const;
/** `pid_t` */
export const pid_t = "i32" as const;
/** `uid_t` */
export const uid_t = "u32" as const;
/** `gid_t` */
export const gid_t = "u32" as const;
/** `dev_t`, as bigint */
export const dev_t = "u64" as const;
/** `clockid_t` */
export const clockid_t = "i32" as const;
/** A pointer that C returned */
export const pointer = "pointer" as const;
/** A pointer to JavaScript memory: a `Uint8Array` or another typed array */
export const buffer = "buffer" as const;
/** `void` */
export const void_ = "void" as const;
