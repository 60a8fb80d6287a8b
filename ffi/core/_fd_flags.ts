/**
 * Flags of descriptors and of the open files behind them.
 *
 * @module
 */

import { fcntl } from "../libc/fcntl.ts";
import { INTERNAL } from "./_internal.ts";
import { cstring } from "./cstring.ts";
import { check0, checkFd } from "./errno.ts";
import { closeFd, Fd } from "./fd.ts";
import {
  F_GETFL,
  F_SETFL,
  O_ACCMODE,
  O_CLOEXEC,
  O_NONBLOCK,
} from "./platform.ts";

/** `fcntl(F_SETFL)`: makes an open file non-blocking, or blocking again. */
export function setNonBlocking(fd: number, label: string, on = true): void {
  const flags = checkFd(fcntl().fcntl(fd, F_GETFL), "fcntl", "set up", label);
  const wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (wanted === flags) return;
  check0(fcntl().fcntl_int(fd, F_SETFL, wanted), "fcntl", "set up", label);
}

/**
 * `open("/proc/self/fd/…")`: the pipe or FIFO of a descriptor, opened a second
 * time, with flags of its own, and blocking.
 */
export function inheritableFd(fd: number, label: string): Fd {
  const flags = checkFd(
    fcntl().fcntl(fd, F_GETFL),
    "fcntl",
    "duplicate",
    label,
  );
  const second = checkFd(
    fcntl().open(
      cstring(`/proc/self/fd/${fd}`, "path"),
      // Non-blocking, or a FIFO would wait for its other end.
      (flags & O_ACCMODE) | O_NONBLOCK | O_CLOEXEC,
      0,
    ),
    "open",
    "duplicate",
    label,
  );
  try {
    setNonBlocking(second, label, false);
  } catch (error) {
    closeFd(second, label);
    throw error;
  }
  return new Fd(INTERNAL, second, label);
}
