/**
 * Raw calls of `<sys/msg.h>`.
 *
 * @module
 */

import {
  buffer,
  int,
  key_t,
  long,
  pointer,
  size_t32,
  ssize_t32,
} from "./_types.ts";
import { type Symbols, table } from "./_open.ts";

/** The symbol table of `<sys/msg.h>`. */
export const sys_msg_symbols = {
  /** `int msgget(key_t key, int msgflg);` */
  msgget: { parameters: [key_t, int], result: int },
  /** `int msgsnd(int msqid, const void *msgp, size_t msgsz, int msgflg);` */
  msgsnd: { parameters: [int, buffer, size_t32, int], result: int },
  /** `ssize_t msgrcv(int msqid, void *msgp, size_t msgsz, long msgtyp, int msgflg);` */
  msgrcv: { parameters: [int, buffer, size_t32, long, int], result: ssize_t32 },
  /** `int msgctl(int msqid, int cmd, struct msqid_ds *buf);` to read or write `buf` */
  msgctl_buf: { name: "msgctl", parameters: [int, int, buffer], result: int },
  /** `int msgctl(int msqid, IPC_RMID, NULL);` */
  msgctl: { parameters: [int, int, pointer], result: int },
} as const satisfies Deno.ForeignLibraryInterface;

/** Opens `<sys/msg.h>` on first use and returns its calls. */
export const sys_msg: () => Symbols<typeof sys_msg_symbols> = table(
  sys_msg_symbols,
);
