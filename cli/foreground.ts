/**
 * Two things of job control that Deno does not offer, by raw calls.
 *
 * @module
 */

import { checkFd, signal, table } from "@libc/ipc/ffi";

const STDIN = 0;
const SIGSTOP = 19;

const groups = table({
  /** `pid_t tcgetpgrp(int fd);` */
  tcgetpgrp: { parameters: ["i32"], result: "i32" },
  /** `pid_t getpgrp(void);` */
  getpgrp: { parameters: [], result: "i32" },
});

/**
 * Whether standard input is a terminal whose keys are for this process. A
 * process in the background that reads from its terminal is stopped.
 */
export function hasKeyboard(): boolean {
  if (!Deno.stdin.isTerminal()) return false;
  try {
    const reader = checkFd(
      groups().tcgetpgrp(STDIN),
      "tcgetpgrp",
      "find",
      "the foreground process",
    );
    return reader === groups().getpgrp();
  } catch {
    // A terminal that does not control this process stops nobody.
    return true;
  }
}

/** Stops this process, as Ctrl-Z does, until something continues it. */
export function stopSelf(): void {
  signal().raise(SIGSTOP);
}
