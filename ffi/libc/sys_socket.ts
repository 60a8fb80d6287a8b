/**
 * `<sys/socket.h>`: calls, constants and structs.
 *
 * @module
 */

import { lazyStruct } from "../struct/lazy.ts";
import { array, type ArrayType, type Struct } from "../struct/struct.ts";
import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, int, pointer, size_t32, ssize_t32, uint } from "./_types.ts";

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
  accept4: {
    parameters: [int, pointer, pointer, int],
    result: int,
    once: true,
  },
  /** `int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen);` */
  connect: { parameters: [int, buffer, uint], result: int, once: true },
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
  send: {
    parameters: [int, buffer, size_t32, int],
    result: ssize_t32,
    once: true,
  },
  /** `ssize_t recv(int sockfd, void *buf, size_t len, int flags);` */
  recv: {
    parameters: [int, buffer, size_t32, int],
    result: ssize_t32,
    once: true,
  },
  /** `ssize_t sendto(int sockfd, const void *buf, size_t len, int flags, const struct sockaddr *dest_addr, socklen_t addrlen);` */
  sendto: {
    parameters: [int, buffer, size_t32, int, buffer, uint],
    result: ssize_t32,
    once: true,
  },
  /** `ssize_t recvfrom(int sockfd, void *buf, size_t len, int flags, struct sockaddr *src_addr, socklen_t *addrlen);` */
  recvfrom: {
    parameters: [int, buffer, size_t32, int, buffer, buffer],
    result: ssize_t32,
    once: true,
  },
  /** `ssize_t sendmsg(int sockfd, const struct msghdr *msg, int flags);` */
  sendmsg: { parameters: [int, buffer, int], result: ssize_t32, once: true },
  /** `ssize_t recvmsg(int sockfd, struct msghdr *msg, int flags);` */
  recvmsg: { parameters: [int, buffer, int], result: ssize_t32, once: true },
} as const satisfies Entries;

/** Opens `<sys/socket.h>` on first use and returns its calls. */
export const sys_socket: () => Symbols<typeof sys_socket_symbols> = table(
  sys_socket_symbols,
);

/** `AF_UNSPEC` */
export const AF_UNSPEC = 0;
/** `AF_UNIX` */
export const AF_UNIX = 1;
/** `AF_INET` */
export const AF_INET = 2;
/** `AF_INET6` */
export const AF_INET6 = 10;
/** `SOCK_STREAM` */
export const SOCK_STREAM = 1;
/** `SOCK_DGRAM` */
export const SOCK_DGRAM = 2;
/** `SOCK_SEQPACKET` */
export const SOCK_SEQPACKET = 5;
/** `SOCK_CLOEXEC` */
export const SOCK_CLOEXEC = 0o2000000;
/** `SOCK_NONBLOCK` */
export const SOCK_NONBLOCK = 0o4000;
/** `SOL_SOCKET` */
export const SOL_SOCKET = 1;
/** `SO_REUSEADDR` */
export const SO_REUSEADDR = 2;
/** `SO_TYPE` */
export const SO_TYPE = 3;
/** `SO_ERROR` */
export const SO_ERROR = 4;
/** `SO_BROADCAST` */
export const SO_BROADCAST = 6;
/** `SO_SNDBUF` */
export const SO_SNDBUF = 7;
/** `SO_RCVBUF` */
export const SO_RCVBUF = 8;
/** `SO_KEEPALIVE` */
export const SO_KEEPALIVE = 9;
/** `SO_LINGER` */
export const SO_LINGER = 13;
/** `SO_REUSEPORT` */
export const SO_REUSEPORT = 15;
/** `SO_PASSCRED` */
export const SO_PASSCRED = 16;
/** `SO_PEERCRED` */
export const SO_PEERCRED = 17;
/** `SO_RCVTIMEO` */
export const SO_RCVTIMEO = 20;
/** `SO_SNDTIMEO` */
export const SO_SNDTIMEO = 21;
/** `SO_ATTACH_FILTER` */
export const SO_ATTACH_FILTER = 26;
/** `SO_ACCEPTCONN` */
export const SO_ACCEPTCONN = 30;
/** `SO_DOMAIN` */
export const SO_DOMAIN = 39;
/** `SO_PEEK_OFF` */
export const SO_PEEK_OFF = 42;
/** `SO_ATTACH_REUSEPORT_CBPF` */
export const SO_ATTACH_REUSEPORT_CBPF = 51;
/** `SO_RCVTIMEO_NEW` */
export const SO_RCVTIMEO_NEW = 66;
/** `SO_SNDTIMEO_NEW` */
export const SO_SNDTIMEO_NEW = 67;
/** `SCM_RIGHTS` */
export const SCM_RIGHTS = 1;
/** `SCM_CREDENTIALS` */
export const SCM_CREDENTIALS = 2;
/** `MSG_PEEK` */
export const MSG_PEEK = 0x2;
/** `MSG_CTRUNC` */
export const MSG_CTRUNC = 0x8;
/** `MSG_TRUNC` */
export const MSG_TRUNC = 0x20;
/** `MSG_DONTWAIT` */
export const MSG_DONTWAIT = 0x40;
/** `MSG_NOSIGNAL` */
export const MSG_NOSIGNAL = 0x4000;
/** `MSG_CMSG_CLOEXEC` */
export const MSG_CMSG_CLOEXEC = 0x4000_0000;
/** `SHUT_RD` */
export const SHUT_RD = 0;
/** `SHUT_WR` */
export const SHUT_WR = 1;
/** `SHUT_RDWR` */
export const SHUT_RDWR = 2;
/** `SCM_PIDFD`, from Linux 6.5 */
export const SCM_PIDFD = 4;

/** The fields of `struct sockaddr_storage`. */
export const sockaddr_storage_fields = {
  ss_family: "u16",
  reserved: array("u64", 15) as ArrayType<"u64">,
} as const;

/** `struct sockaddr_storage` of `<sys/socket.h>`: fits any address */
export const sockaddr_storage: Struct<typeof sockaddr_storage_fields> =
  lazyStruct(
    sockaddr_storage_fields,
  );

/** The fields of `struct msghdr`. */
export const msghdr_fields = {
  msg_name: "u64",
  msg_namelen: "u32",
  msg_iov: "u64",
  msg_iovlen: "u64",
  msg_control: "u64",
  msg_controllen: "u64",
  msg_flags: "i32",
} as const;

/** `struct msghdr` of `<sys/socket.h>` */
export const msghdr: Struct<typeof msghdr_fields> = lazyStruct(msghdr_fields);

/** The fields of `struct cmsghdr`. */
export const cmsghdr_fields = {
  cmsg_len: "u64",
  cmsg_level: "i32",
  cmsg_type: "i32",
} as const;

/** `struct cmsghdr` of `<sys/socket.h>`, followed by its data */
export const cmsghdr: Struct<typeof cmsghdr_fields> = lazyStruct(
  cmsghdr_fields,
);

/** The fields of `struct ucred`. */
export const ucred_fields = {
  pid: "i32",
  uid: "u32",
  gid: "u32",
} as const;

/** `struct ucred` of `<sys/socket.h>` */
export const ucred: Struct<typeof ucred_fields> = lazyStruct(ucred_fields);

/** The fields of `struct linger`. */
export const linger_fields = {
  l_onoff: "i32",
  l_linger: "i32",
} as const;

/** `struct linger` of `<sys/socket.h>` */
export const linger: Struct<typeof linger_fields> = lazyStruct(linger_fields);
