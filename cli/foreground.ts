/**
 * Three things of job control that Deno does not offer, by raw calls.
 *
 * @module
 */

import { checkInt, errno, signal, table } from "@libc/ipc/ffi";
import { ignore } from "@libc/ipc/signal";

const STDIN = 0;
const OWN_GROUP = 0;
const SIGSTOP = 19;
const PASSED_ON_MS = 2000;
const TERMINALS = [0, 1, 2];
const LOOK_MS = 200;

const groups = table({
  /** `pid_t tcgetpgrp(int fd);` */
  tcgetpgrp: { parameters: ["i32"], result: "i32" },
  /** `pid_t getpgrp(void);` */
  getpgrp: { parameters: [], result: "i32" },
  /** `pid_t getpgid(pid_t pid);` */
  getpgid: { parameters: ["i32"], result: "i32" },
  /** `pid_t getsid(pid_t pid);` */
  getsid: { parameters: ["i32"], result: "i32" },
});

const preparations = new Set<() => void>();

/**
 * Whether standard input is a terminal whose keys are for this process. They
 * are not in the background, where a read stops a process or fails.
 */
export function hasKeyboard(): boolean {
  if (!Deno.stdin.isTerminal()) return false;
  try {
    const reader = checkInt(
      groups().tcgetpgrp(STDIN),
      errno[0],
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

/**
 * Lets a read in the background fail, until it is disposed, instead of stopping
 * this process: `deno task` would not stop with it, and a shell that sees that
 * run does not continue us at `fg`.
 */
export function runInBackground(): Disposable {
  return ignore("SIGTTIN");
}

/** Waits until the keys of the terminal are for this process. */
export async function untilKeyboard(): Promise<void> {
  // No signal tells: a shell continues only what it has seen stop.
  while (Deno.stdin.isTerminal() && !hasKeyboard()) {
    await new Promise((resolve) => {
      Deno.unrefTimer(setTimeout(resolve, LOOK_MS));
    });
  }
}

/** Reads from standard input; from a terminal only in the foreground. */
export async function readInput(buffer: Uint8Array): Promise<number | null> {
  for (let again = false;; again = true) {
    try {
      return await Deno.stdin.read(buffer);
    } catch (error) {
      // Once more, as it may have come to the foreground since it failed.
      if (!Deno.stdin.isTerminal() || again && hasKeyboard()) throw error;
    }
    await untilKeyboard();
  }
}

/** What happens before Ctrl-Z stops this process, until it is disposed. */
export function beforeStop(prepare: () => void): Disposable {
  preparations.add(prepare);
  return { [Symbol.dispose]: () => void preparations.delete(prepare) };
}

/** Whether this process is part of a job that another one began: `deno task`. */
function isTask(): boolean {
  return groups().getpgid(Deno.ppid) === groups().getpgrp();
}

/** Whether Ctrl-Z at the terminal, if there is one, is for this process. */
function isForeground(): boolean {
  const readers = TERMINALS.map((fd) => groups().tcgetpgrp(fd))
    .filter((group) => group > 0);
  return readers.length === 0 || readers.includes(groups().getpgrp());
}

/**
 * Lets Ctrl-Z stop the whole process group and not only this process, until it
 * is disposed: `deno task` ignores Ctrl-Z, and would keep the terminal while
 * its child is stopped.
 */
export function stopTogether(): Disposable {
  let continued = -Infinity;
  const stop = () => {
    // Without a shell that controls jobs, nobody could continue us.
    if (groups().getpgrp() === groups().getsid(0)) return;
    // `deno task` passes the same Ctrl-Z on once more, when it is continued: on
    // a busy machine long after that. A second one in the background is that.
    const isRecent = performance.now() - continued < PASSED_ON_MS;
    if (isTask() && (isRecent || !isForeground())) return;
    for (const prepare of preparations) prepare();
    signal().kill(OWN_GROUP, SIGSTOP);
    continued = performance.now();
  };
  Deno.addSignalListener("SIGTSTP", stop);
  return {
    [Symbol.dispose]: () => Deno.removeSignalListener("SIGTSTP", stop),
  };
}
