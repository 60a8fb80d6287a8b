/**
 * Raw calls of `<sys/epoll.h>`.
 *
 * @module
 */

import { buffer, int } from "./_types.ts";
import { type Symbols, table } from "./_open.ts";

/** The symbol table of `<sys/epoll.h>`. */
export const sys_epoll_symbols = {
  /** `int epoll_create1(int flags);` */
  epoll_create1: { parameters: [int], result: int },
  /** `int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);` */
  epoll_ctl: { parameters: [int, int, int, buffer], result: int },
  /** `int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout);` with a timeout of 0 */
  epoll_wait: { parameters: [int, buffer, int, int], result: int },
  /** `int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout);` on a thread of the pool */
  epoll_wait_pool: {
    name: "epoll_wait",
    parameters: [int, buffer, int, int],
    result: int,
    nonblocking: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** Opens `<sys/epoll.h>` on first use and returns its calls. */
export const sys_epoll: () => Symbols<typeof sys_epoll_symbols> = table(
  sys_epoll_symbols,
);
