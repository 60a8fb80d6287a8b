/**
 * Descriptors that this process was started with.
 *
 * @module
 */

import { check0, checkInt } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import { F_GETFD, F_SETFD, fcntl, FD_CLOEXEC } from "../../ffi/libc/fcntl.ts";
import { integer } from "../core/convert/argument.ts";
import { Fd } from "../core/handle/fd.ts";
import { INTERNAL } from "../core/handle/internal.ts";

/**
 * `fcntl(F_SETFD)`: takes ownership of a descriptor that the parent process
 * passed on, as `spawn()` does with `fds`. Children do not inherit it any more.
 *
 * Only inherited descriptors can be taken, and only once: those that this
 * process opened itself are close-on-exec and already have an owner.
 *
 * See [fcntl(2)](https://man7.org/linux/man-pages/man2/fcntl.2.html).
 *
 * @param fd Its number, at least 3.
 * @throws {IpcError} `EBADF` when there is no such descriptor.
 * @throws {TypeError} When it was not inherited, or was taken before.
 *
 * @example In a program that spawn() gave a descriptor 3
 * ```ts ignore
 * import { EventFd } from "@libc/ipc/eventfd";
 * import { inheritedFd } from "@libc/ipc/spawn";
 *
 * using event = EventFd.fromFd(inheritedFd(3), { takeOver: true });
 * ```
 */
export function inheritedFd(fd: number): Fd {
  integer(fd, "fd", 3, 0x7fff_ffff);
  const label = `inherited descriptor ${fd}`;
  const flags = checkInt(
    fcntl().fcntl(fd, F_GETFD),
    errno[0],
    "fcntl",
    "take",
    label,
  );
  if ((flags & FD_CLOEXEC) !== 0) {
    throw new TypeError(
      `Cannot take descriptor ${fd}: it was not inherited, or was taken before`,
    );
  }
  const result = fcntl().fcntl_int(fd, F_SETFD, flags | FD_CLOEXEC);
  check0(result, errno[0], "fcntl", "take", label);
  return new Fd(INTERNAL, fd, label);
}
