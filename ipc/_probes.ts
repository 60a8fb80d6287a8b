/**
 * Probes for calls and features of this machine. They leave nothing behind.
 *
 * A probe asks for something that cannot be granted, or gives up at once what
 * it was granted, so nothing remains whenever this process ends.
 *
 * @module
 */

import { cstring } from "../ffi/cstring.ts";
import { ERRNO, errnoOf, ipcError } from "../ffi/errno.ts";
import { iovecOf, memoryAddress } from "../ffi/iovec.ts";
import { errno } from "../ffi/libc/errno.ts";
import {
  F_ADD_SEALS,
  F_OFD_GETLK,
  fcntl,
  flock,
  O_CLOEXEC,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
} from "../ffi/libc/fcntl.ts";
import { mqueue } from "../ffi/libc/mqueue.ts";
import { IPC_NOWAIT, IPC_PRIVATE } from "../ffi/libc/sys_ipc.ts";
import { MFD_CLOEXEC, sys_mman } from "../ffi/libc/sys_mman.ts";
import { MSG_COPY, sys_msg } from "../ffi/libc/sys_msg.ts";
import { sys_pidfd } from "../ffi/libc/sys_pidfd.ts";
import { sys_sem } from "../ffi/libc/sys_sem.ts";
import { sys_shm } from "../ffi/libc/sys_shm.ts";
import { SFD_CLOEXEC, sys_signalfd } from "../ffi/libc/sys_signalfd.ts";
import {
  SOCK_CLOEXEC,
  SOCK_STREAM,
  sys_socket,
} from "../ffi/libc/sys_socket.ts";
import { SYS_pidfd_getfd, SYS_pidfd_open } from "../ffi/libc/sys_syscall.ts";
import { sys_uio } from "../ffi/libc/sys_uio.ts";
import { unistd } from "../ffi/libc/unistd.ts";
import { sigset } from "../ffi/sigset.ts";
import { isExhausted } from "./core/file/read_file.ts";
import { closeFd } from "./core/handle/close_fd.ts";

/** A System V key and id that hardly anything has. */
const NOBODYS = 0x7fff_ffff;

/**
 * Returns the errno of a call. Throws when descriptors or memory are exhausted:
 * the call was then not really tried.
 */
function tried(result: number, errno: number, syscall: string): number {
  const error = errnoOf(result, errno);
  if (isExhausted(error)) {
    throw ipcError(error, syscall, "try", "what this machine can do");
  }
  return error;
}

/** Whether a call returns a descriptor, which is closed again. */
function opens(fd: number, errno: number, syscall: string): boolean {
  if (tried(fd, errno, syscall) !== 0) return false;
  closeFd(fd, "probe");
  return true;
}

/** Whether a call exists, whatever its result. */
function exists(result: number, errno: number, syscall: string): boolean {
  const error = tried(result, errno, syscall);
  return error !== ERRNO.ENOSYS && error !== ERRNO.EPERM;
}

/** Whether a memfd can be created with these flags and given these seals. */
export function memfdWith(flags: number, seals: number): boolean {
  const name = cstring("libc-ipc-probe", "name");
  const fd = sys_mman().memfd_create(name, MFD_CLOEXEC | flags);
  if (tried(fd, errno[0], "memfd_create") !== 0) return false;
  const sealed =
    errnoOf(fcntl().fcntl_int(fd, F_ADD_SEALS, seals), errno[0]) === 0;
  closeFd(fd, "probe");
  return sealed || seals === 0;
}

/**
 * Whether this process can open a pidfd of itself, and get a descriptor by it.
 */
export function pidfdWorks(getfd: boolean): boolean {
  const calls = sys_pidfd();
  const pidfd = calls.pidfd_open(SYS_pidfd_open, unistd().getpid(), 0);
  if (tried(pidfd, errno[0], "pidfd_open") !== 0) return false;
  try {
    return !getfd ||
      opens(
        calls.pidfd_getfd(SYS_pidfd_getfd, pidfd, pidfd, 0),
        errno[0],
        "pidfd_getfd",
      );
  } finally {
    closeFd(pidfd, "probe");
  }
}

/** Whether this process may read its own memory with a system call. */
export function readsItself(): boolean {
  const source = new Uint8Array([1]);
  const target = new Uint8Array(1);
  const count = sys_uio().process_vm_readv(
    unistd().getpid(),
    iovecOf(memoryAddress(target), 1),
    1n,
    iovecOf(memoryAddress(source), 1),
    1n,
    0n,
  );
  return errnoOf(count, errno[0]) === 0 && target[0] === 1;
}

/** Whether there are System V segments, semaphores and queues. */
export function speaksSysv(): boolean {
  // An empty segment and an empty set are invalid, so nothing is created.
  return exists(sys_shm().shmget(IPC_PRIVATE, 0n, 0), errno[0], "shmget") &&
    exists(sys_sem().semget(IPC_PRIVATE, 0, 0), errno[0], "semget") &&
    exists(sys_msg().msgget(NOBODYS, 0), errno[0], "msgget");
}

/** Whether messages can be copied out of a System V queue. */
export function copiesMessages(): boolean {
  const flags = MSG_COPY | IPC_NOWAIT;
  // The kernel checks for support before it looks for the queue.
  return exists(
    sys_msg().msgrcv(NOBODYS, new Uint8Array(8), 0, 0n, flags),
    errno[0],
    "msgrcv",
  );
}

/** Whether there are POSIX message queues. */
export function speaksPosixQueues(): boolean {
  const name = cstring("/libc-ipc-probe", "name");
  const queue = mqueue().mq_open(name, O_RDONLY | O_CLOEXEC);
  const error = errnoOf(queue, errno[0]);
  if (!exists(queue, error, "mq_open")) return false;
  if (error === 0) mqueue().mq_close(queue);
  return true;
}

/** Whether files can be created in `/dev/shm`, tried with an unnamed one. */
export function makesPosixFiles(): boolean {
  const folder = cstring("/dev/shm", "path");
  const fd = fcntl().open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0o600);
  const error = tried(fd, errno[0], "open");
  if (error === 0) closeFd(fd, "probe");
  // The last two errors mean that it is full, or has no unnamed files. The
  // kernel checks for write permission before both.
  return error === 0 || error === ERRNO.ENOSPC || error === ERRNO.EOPNOTSUPP;
}

/** Whether signals can be read from a descriptor. */
export function makesSignalfd(): boolean {
  return opens(
    sys_signalfd().signalfd(-1, sigset([]), SFD_CLOEXEC),
    errno[0],
    "signalfd",
  );
}

/** Whether there are locks of open files, tried on a pipe. */
export function locksDescriptors(): boolean {
  const ends = new Int32Array(2);
  const error = tried(
    unistd().pipe2(new Uint8Array(ends.buffer), O_CLOEXEC),
    errno[0],
    "pipe2",
  );
  if (error !== 0) return false;
  const [reader = 0, writer = 0] = ends;
  // All zeros ask about a read lock on the whole file.
  const request = new Uint8Array(flock.size);
  const answer = errnoOf(
    fcntl().fcntl_getlk(reader, F_OFD_GETLK, request),
    errno[0],
  );
  closeFd(reader, "probe");
  closeFd(writer, "probe");
  return answer === 0;
}

/** Whether there are sockets of a family. */
export function hasSocketsOf(family: number): boolean {
  return opens(
    sys_socket().socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0),
    errno[0],
    "socket",
  );
}
