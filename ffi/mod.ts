/**
 * The raw layer: calls, constants and structs of the C library by their C
 * names, one table of calls per header, and the checkers that throw when a call
 * fails.
 *
 * Nothing here is safe: a wrong pointer or length ends the process. Use it for
 * calls that the wrappers do not cover; both can be mixed freely.
 *
 * ```ts
 * import { checkInt, errno, unistd } from "@libc/ipc/ffi";
 *
 * const { getpid } = unistd();
 * const pid = checkInt(getpid(), errno[0], "getpid", "ask for", "the process id");
 * console.log(pid === Deno.pid);
 * ```
 *
 * @module
 */

export { type Entries, type Entry, type Symbols, table } from "./libc/_open.ts";
export * from "./libc/arpa_inet.ts";
export * from "./libc/dirent.ts";
export * from "./libc/dlfcn.ts";
export * from "./libc/errno.ts";
export * from "./libc/fcntl.ts";
export * from "./libc/limits.ts";
export * from "./libc/linux_futex.ts";
export * from "./libc/linux_magic.ts";
export * from "./libc/linux_memfd.ts";
export * from "./libc/mqueue.ts";
export * from "./libc/netinet_in.ts";
export * from "./libc/netinet_tcp.ts";
export * from "./libc/poll.ts";
export * from "./libc/pthread.ts";
export * from "./libc/sched.ts";
export * from "./libc/semaphore.ts";
export * from "./libc/signal.ts";
export * from "./libc/spawn.ts";
export * from "./libc/string.ts";
export * from "./libc/sys_epoll.ts";
export * from "./libc/sys_eventfd.ts";
export * from "./libc/sys_file.ts";
export * from "./libc/sys_ioctl.ts";
export * from "./libc/sys_ipc.ts";
export * from "./libc/sys_mman.ts";
export * from "./libc/sys_msg.ts";
export * from "./libc/sys_pidfd.ts";
export * from "./libc/sys_resource.ts";
export * from "./libc/sys_sem.ts";
export * from "./libc/sys_shm.ts";
export * from "./libc/sys_signalfd.ts";
export * from "./libc/sys_socket.ts";
export * from "./libc/sys_stat.ts";
export * from "./libc/sys_syscall.ts";
export * from "./libc/sys_uio.ts";
export * from "./libc/sys_un.ts";
export * from "./libc/sys_vfs.ts";
export * from "./libc/sys_wait.ts";
export * from "./libc/time.ts";
export * from "./libc/ucontext.ts";
export * from "./libc/unistd.ts";
export { cpath, cstring } from "./cstring.ts";
export { maskOf, sigset } from "./sigset.ts";
export { writeTimespec } from "./timespec.ts";
export {
  check0,
  checkInt,
  checkPtr,
  checkRc,
  checkSize,
  errnoOf,
} from "./errno.ts";
