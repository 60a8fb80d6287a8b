/**
 * `<sys/msg.h>`: calls, constants and structs.
 *
 * @module
 */

import { lazyStruct } from "../struct/lazy.ts";
import { array, type ArrayType, type Struct } from "../struct/struct.ts";
import { type Entries, type Symbols, table } from "./_open.ts";
import {
  buffer,
  int,
  key_t,
  long,
  pointer,
  size_t32,
  ssize_t32,
} from "./_types.ts";
import { ipc_perm } from "./sys_ipc.ts";

/** The symbol table of `<sys/msg.h>`. */
export const sys_msg_symbols = {
  /** `int msgget(key_t key, int msgflg);` */
  msgget: { parameters: [key_t, int], result: int },
  /** `int msgsnd(int msqid, const void *msgp, size_t msgsz, int msgflg);` */
  msgsnd: { parameters: [int, buffer, size_t32, int], result: int, once: true },
  /** `ssize_t msgrcv(int msqid, void *msgp, size_t msgsz, long msgtyp, int msgflg);` */
  msgrcv: {
    parameters: [int, buffer, size_t32, long, int],
    result: ssize_t32,
    once: true,
  },
  /** `int msgctl(int msqid, int cmd, struct msqid_ds *buf);` for `IPC_STAT`, `IPC_SET`, `IPC_INFO`, `MSG_INFO`, `MSG_STAT`, `MSG_STAT_ANY`; `IPC_…` are in `sys_ipc.ts` */
  msgctl_buf: { name: "msgctl", parameters: [int, int, buffer], result: int },
  /** `int msgctl(int msqid, IPC_RMID, NULL);` */
  msgctl: { parameters: [int, int, pointer], result: int },
} as const satisfies Entries;

/** Opens `<sys/msg.h>` on first use and returns its calls. */
export const sys_msg: () => Symbols<typeof sys_msg_symbols> = table(
  sys_msg_symbols,
);

/** `MSG_NOERROR` */
export const MSG_NOERROR = 0o10000;
/** `MSG_EXCEPT` */
export const MSG_EXCEPT = 0o20000;
/** `MSG_COPY` */
export const MSG_COPY = 0o40000;
/** `MSG_STAT` */
export const MSG_STAT = 11;
/** `MSG_INFO` */
export const MSG_INFO = 12;
/** `MSG_STAT_ANY` */
export const MSG_STAT_ANY = 13;

/** The fields of `struct msqid_ds`. */
export const msqid_ds_fields = {
  msg_perm: ipc_perm,
  msg_stime: "i64",
  msg_rtime: "i64",
  msg_ctime: "i64",
  __msg_cbytes: "u64",
  msg_qnum: "u64",
  msg_qbytes: "u64",
  msg_lspid: "i32",
  msg_lrpid: "i32",
  reserved: array("u64", 2) as ArrayType<"u64">,
} as const;

/** `struct msqid_ds` of `<sys/msg.h>` */
export const msqid_ds: Struct<typeof msqid_ds_fields> = lazyStruct(
  msqid_ds_fields,
);

/** The fields of `struct msginfo`. */
export const msginfo_fields = {
  msgpool: "i32",
  msgmap: "i32",
  msgmax: "i32",
  msgmnb: "i32",
  msgmni: "i32",
  msgssz: "i32",
  msgtql: "i32",
  msgseg: "u16",
} as const;

/** `struct msginfo` of `<sys/msg.h>`: `IPC_INFO` and `MSG_INFO` */
export const msginfo: Struct<typeof msginfo_fields> = lazyStruct(
  msginfo_fields,
);

/** The fields of `struct msgbuf`. */
export const msgbuf_fields = {
  mtype: "i64",
  mtext: array("u8", 1) as ArrayType<"u8">,
} as const;

/** `struct msgbuf` of `<sys/msg.h>`. The call gives the length of its text; a view needs a buffer of at least the size of the struct. */
export const msgbuf: Struct<typeof msgbuf_fields> = lazyStruct(msgbuf_fields);
