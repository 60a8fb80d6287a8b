/**
 * `<mqueue.h>`: calls and structs.
 *
 * @module
 */

import { lazyStruct } from "../struct/lazy.ts";
import { array, type ArrayType, type Struct } from "../struct/struct.ts";
import { type Entries, type Symbols, table } from "./_open.ts";
import {
  buffer,
  int,
  mode_t,
  pointer,
  size_t32,
  ssize_t32,
  uint,
} from "./_types.ts";

/** The symbol table of `<mqueue.h>`. */
export const mqueue_symbols = {
  /** `mqd_t mq_open(const char *name, int oflag);` */
  mq_open: { parameters: [buffer, int], result: int },
  /** `mqd_t mq_open(const char *name, int oflag, mode_t mode, struct mq_attr *attr);` for `O_CREAT` */
  mq_open_create: {
    name: "mq_open",
    parameters: [buffer, int, mode_t, buffer],
    result: int,
  },
  /** `int mq_close(mqd_t mqdes);` */
  mq_close: { parameters: [int], result: int, once: true },
  /** `int mq_unlink(const char *name);` */
  mq_unlink: { parameters: [buffer], result: int },
  /** `int mq_getattr(mqd_t mqdes, struct mq_attr *attr);` */
  mq_getattr: { parameters: [int, buffer], result: int },
  /** `int mq_setattr(mqd_t mqdes, const struct mq_attr *newattr, struct mq_attr *oldattr);` */
  mq_setattr: { parameters: [int, buffer, buffer], result: int },
  /** `int mq_send(mqd_t mqdes, const char *msg_ptr, size_t msg_len, unsigned int msg_prio);` */
  mq_send: {
    parameters: [int, buffer, size_t32, uint],
    result: int,
    once: true,
  },
  /** `int mq_timedsend(mqd_t mqdes, const char *msg_ptr, size_t msg_len, unsigned int msg_prio, const struct timespec *abs_timeout);` */
  mq_timedsend: {
    parameters: [int, buffer, size_t32, uint, pointer],
    result: int,
    once: true,
  },
  /** `ssize_t mq_receive(mqd_t mqdes, char *msg_ptr, size_t msg_len, unsigned int *msg_prio);` */
  mq_receive: {
    parameters: [int, buffer, size_t32, buffer],
    result: ssize_t32,
    once: true,
  },
  /** `ssize_t mq_timedreceive(mqd_t mqdes, char *msg_ptr, size_t msg_len, unsigned int *msg_prio, const struct timespec *abs_timeout);` */
  mq_timedreceive: {
    parameters: [int, buffer, size_t32, buffer, pointer],
    result: ssize_t32,
    once: true,
  },
  /** `int mq_notify(mqd_t mqdes, const struct sigevent *sevp);` */
  mq_notify: { parameters: [int, buffer], result: int },
} as const satisfies Entries;

/** Opens `<mqueue.h>` on first use and returns its calls. */
export const mqueue: () => Symbols<typeof mqueue_symbols> = table(
  mqueue_symbols,
);

/** The fields of `struct mq_attr`. */
export const mq_attr_fields = {
  mq_flags: "i64",
  mq_maxmsg: "i64",
  mq_msgsize: "i64",
  mq_curmsgs: "i64",
  reserved: array("i64", 4) as ArrayType<"i64">,
} as const;

/** `struct mq_attr` of `<mqueue.h>` */
export const mq_attr: Struct<typeof mq_attr_fields> = lazyStruct(
  mq_attr_fields,
);
