/**
 * Flags of descriptors and of the open files behind them.
 *
 * @module
 */

import { cstring } from "../../../ffi/cstring.ts";
import { check0, checkInt } from "../../../ffi/errno.ts";
import { errno } from "../../../ffi/libc/errno.ts";
import {
  F_GETFL,
  F_SETFL,
  fcntl,
  O_ACCMODE,
  O_CLOEXEC,
  O_NONBLOCK,
} from "../../../ffi/libc/fcntl.ts";
import { closingOnError } from "./close_fd.ts";
import { Fd } from "./fd.ts";
import { INTERNAL } from "./internal.ts";

/** `fcntl(F_GETFL)`: returns the flags of an open file. */
export function flagsOf(fd: number, action: string, label: string): number {
  const flags = fcntl().fcntl(fd, F_GETFL);
  return checkInt(flags, errno[0], "fcntl", action, label);
}

/** `fcntl(F_SETFL)`: makes an open file non-blocking, or blocking again. */
export function setNonBlocking(fd: number, label: string, on = true): void {
  const flags = flagsOf(fd, "set up", label);
  const wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (wanted === flags) return;
  const result = fcntl().fcntl_int(fd, F_SETFL, wanted);
  check0(result, errno[0], "fcntl", "set up", label);
}

/**
 * `open("/proc/self/fd/…")`: opens the pipe or FIFO of a descriptor a second
 * time, blocking and with its own flags.
 */
export function inheritableFd(fd: number, label: string): Fd {
  return reopenPipe(fd, label, { nonBlocking: false });
}

/** `open("/proc/self/fd/…")`: as {@linkcode inheritableFd}, blocking or not. */
export function reopenPipe(
  fd: number,
  label: string,
  options: { nonBlocking: boolean },
): Fd {
  const action = "duplicate";
  const flags = flagsOf(fd, action, label);
  const second = checkInt(
    fcntl().open(
      cstring(`/proc/self/fd/${fd}`, "path"),
      // Without O_NONBLOCK, open would wait for the other end of a FIFO.
      (flags & O_ACCMODE) | O_NONBLOCK | O_CLOEXEC,
      0,
    ),
    errno[0],
    "open",
    action,
    label,
  );
  return closingOnError(second, label, () => {
    // open does not accept all flags: that of packet mode has to be set later.
    const wanted = options.nonBlocking
      ? flags | O_NONBLOCK
      : flags & ~O_NONBLOCK;
    const result = fcntl().fcntl_int(second, F_SETFL, wanted);
    check0(result, errno[0], "fcntl", action, label);
    return new Fd(INTERNAL, second, label);
  });
}
