/**
 * Raw calls of `<sys/socket.h>`.
 *
 * @module
 */

import { buffer, int, pointer, size_t32, ssize_t32, uint } from "./_types.ts";
import { type Symbols, table } from "./_open.ts";

/** The symbol table of `<sys/socket.h>`. */
export const sys_socket_symbols = {
  /** `int socket(int domain, int type, int protocol);` */
  socket: { parameters: [int, int, int], result: int },
  /** `int socketpair(int domain, int type, int protocol, int sv[2]);` */
  socketpair: { parameters: [int, int, int, buffer], result: int },
  /** `int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen);` */
  bind: { parameters: [int, buffer, uint], result: int },
  /** `int listen(int sockfd, int backlog);` */
  listen: { parameters: [int, int], result: int },
  /** `int accept4(int sockfd, struct sockaddr *addr, socklen_t *addrlen, int flags);` without the address */
  accept4: { parameters: [int, pointer, pointer, int], result: int },
  /** `int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen);` */
  connect: { parameters: [int, buffer, uint], result: int },
  /** `int getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen);` */
  getsockname: { parameters: [int, buffer, buffer], result: int },
  /** `int getpeername(int sockfd, struct sockaddr *addr, socklen_t *addrlen);` */
  getpeername: { parameters: [int, buffer, buffer], result: int },
  /** `int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen);` */
  getsockopt: { parameters: [int, int, int, buffer, buffer], result: int },
  /** `int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen);` */
  setsockopt: { parameters: [int, int, int, buffer, uint], result: int },
  /** `int shutdown(int sockfd, int how);` */
  shutdown: { parameters: [int, int], result: int },
  /** `ssize_t send(int sockfd, const void *buf, size_t len, int flags);` */
  send: { parameters: [int, buffer, size_t32, int], result: ssize_t32 },
  /** `ssize_t recv(int sockfd, void *buf, size_t len, int flags);` */
  recv: { parameters: [int, buffer, size_t32, int], result: ssize_t32 },
  /** `ssize_t sendto(int sockfd, const void *buf, size_t len, int flags, const struct sockaddr *dest_addr, socklen_t addrlen);` */
  sendto: {
    parameters: [int, buffer, size_t32, int, buffer, uint],
    result: ssize_t32,
  },
  /** `ssize_t recvfrom(int sockfd, void *buf, size_t len, int flags, struct sockaddr *src_addr, socklen_t *addrlen);` */
  recvfrom: {
    parameters: [int, buffer, size_t32, int, buffer, buffer],
    result: ssize_t32,
  },
  /** `ssize_t sendmsg(int sockfd, const struct msghdr *msg, int flags);` */
  sendmsg: { parameters: [int, buffer, int], result: ssize_t32 },
  /** `ssize_t recvmsg(int sockfd, struct msghdr *msg, int flags);` */
  recvmsg: { parameters: [int, buffer, int], result: ssize_t32 },
} as const satisfies Deno.ForeignLibraryInterface;

/** Opens `<sys/socket.h>` on first use and returns its calls. */
export const sys_socket: () => Symbols<typeof sys_socket_symbols> = table(
  sys_socket_symbols,
);
