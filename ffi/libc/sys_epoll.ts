/**
 * `<sys/epoll.h>`: calls, constants and structs.
 *
 * @module
 */

import { lazyStruct } from "../struct/lazy.ts";
import type { Struct } from "../struct/struct.ts";
import { X86 } from "./_arch.ts";
import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, int } from "./_types.ts";

/** The symbol table of `<sys/epoll.h>`. */
export const sys_epoll_symbols = {
  /** `int epoll_create1(int flags);` */
  epoll_create1: { parameters: [int], result: int },
  /** `int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);` */
  epoll_ctl: { parameters: [int, int, int, buffer], result: int },
  /** `int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout);` with a timeout of 0 */
  epoll_wait: { parameters: [int, buffer, int, int], result: int, once: true },
  /** `int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout);` on a thread of the pool */
  epoll_wait_pool: {
    name: "epoll_wait",
    parameters: [int, buffer, int, int],
    result: int,
    nonblocking: true,
  },
} as const satisfies Entries;

/** Opens `<sys/epoll.h>` on first use and returns its calls. */
export const sys_epoll: () => Symbols<typeof sys_epoll_symbols> = table(
  sys_epoll_symbols,
);

/** `EPOLL_CTL_ADD` */
export const EPOLL_CTL_ADD = 1;
/** `EPOLL_CTL_DEL` */
export const EPOLL_CTL_DEL = 2;
/** `EPOLL_CTL_MOD` */
export const EPOLL_CTL_MOD = 3;
/** `EPOLLIN` */
export const EPOLLIN = 0x1;
/** `EPOLLOUT` */
export const EPOLLOUT = 0x4;
/** `EPOLLERR` */
export const EPOLLERR = 0x8;
/** `EPOLLHUP` */
export const EPOLLHUP = 0x10;
/** `EPOLLRDHUP` */
export const EPOLLRDHUP = 0x2000;
/** `EPOLLONESHOT` */
export const EPOLLONESHOT = 0x4000_0000;
/** `EPOLL_CLOEXEC` */
export const EPOLL_CLOEXEC = 0o2000000;

/** The fields of `struct epoll_event`. */
export const epoll_event_fields = { events: "u32", data: "u64" } as const;

/** `struct epoll_event` of `<sys/epoll.h>`, which x86_64 packs */
export const epoll_event: Struct<typeof epoll_event_fields> = X86
  ? lazyStruct(epoll_event_fields).packed()
  : lazyStruct(epoll_event_fields);
