/**
 * `<sys/ipc.h>`: calls, constants and structs.
 *
 * @module
 */

import { lazyStruct } from "../struct/lazy.ts";
import { array, type ArrayType, type Struct } from "../struct/struct.ts";
import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, int, key_t } from "./_types.ts";

/** The symbol table of `<sys/ipc.h>`. */
export const sys_ipc_symbols = {
  /** `key_t ftok(const char *pathname, int proj_id);` */
  ftok: { parameters: [buffer, int], result: key_t },
} as const satisfies Entries;

/** Opens `<sys/ipc.h>` on first use and returns its calls. */
export const sys_ipc: () => Symbols<typeof sys_ipc_symbols> = table(
  sys_ipc_symbols,
);

/** `IPC_PRIVATE` */
export const IPC_PRIVATE = 0;
/** `IPC_CREAT` */
export const IPC_CREAT = 0o1000;
/** `IPC_EXCL` */
export const IPC_EXCL = 0o2000;
/** `IPC_NOWAIT` */
export const IPC_NOWAIT = 0o4000;
/** `IPC_RMID` */
export const IPC_RMID = 0;
/** `IPC_SET` */
export const IPC_SET = 1;
/** `IPC_STAT` */
export const IPC_STAT = 2;
/** `IPC_INFO` */
export const IPC_INFO = 3;

/** The fields of `struct ipc_perm`. */
export const ipc_perm_fields = {
  __key: "i32",
  uid: "u32",
  gid: "u32",
  cuid: "u32",
  cgid: "u32",
  mode: "u32",
  __seq: "u16",
  reserved: array("u64", 2) as ArrayType<"u64">,
} as const;

/** `struct ipc_perm` of `<sys/ipc.h>` */
export const ipc_perm: Struct<typeof ipc_perm_fields> = lazyStruct(
  ipc_perm_fields,
);
