/**
 * Job control that Deno does not offer, through raw calls.
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
 * Whether standard input is a terminal whose keys go to this process. In the
 * background they do not, and a read stops the process or fails.
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
    // A terminal that does not control this process stops no reads.
    return true;
  }
}

/**
 * Makes a read in the background fail instead of stopping this process, until
 * disposed. A stop would leave `deno task` running, and a shell that sees it
 * running does not continue us at `fg`.
 */
export function runInBackground(): Disposable {
  return ignore("SIGTTIN");
}

/** Waits until the keys of the terminal go to this process. */
export async function untilKeyboard(): Promise<void> {
  // Polls, because no signal tells: a shell continues only jobs that have
  // stopped.
  while (Deno.stdin.isTerminal() && !hasKeyboard()) {
    await new Promise((resolve) => {
      Deno.unrefTimer(setTimeout(resolve, LOOK_MS));
    });
  }
}

/** Reads standard input; a terminal only in the foreground. */
export async function readInput(buffer: Uint8Array): Promise<number | null> {
  for (let again = false;; again = true) {
    try {
      return await Deno.stdin.read(buffer);
    } catch (error) {
      // Try once more: this process may have come to the foreground since.
      if (!Deno.stdin.isTerminal() || again && hasKeyboard()) throw error;
    }
    await untilKeyboard();
  }
}

/** Registers what to do before Ctrl-Z stops this process, until disposed. */
export function beforeStop(prepare: () => void): Disposable {
  preparations.add(prepare);
  return { [Symbol.dispose]: () => void preparations.delete(prepare) };
}

/** Whether this process is part of a job that its parent began: `deno task`. */
function isTask(): boolean {
  return groups().getpgid(Deno.ppid) === groups().getpgrp();
}

/** Whether Ctrl-Z at the terminal, if there is one, goes to this process. */
function isForeground(): boolean {
  const readers = TERMINALS.map((fd) => groups().tcgetpgrp(fd))
    .filter((group) => group > 0);
  return readers.length === 0 || readers.includes(groups().getpgrp());
}

/**
 * Makes Ctrl-Z stop the whole process group and not only this process, until
 * disposed: `deno task` ignores Ctrl-Z, and would keep the terminal while its
 * child is stopped.
 */
export function stopTogether(): Disposable {
  let continued = -Infinity;
  const stop = () => {
    // Without a shell with job control, nothing could continue us.
    if (groups().getpgrp() === groups().getsid(0)) return;
    // `deno task` forwards the same Ctrl-Z again when it is continued, on a
    // busy machine long after that. Ignore a second one soon after, or in the
    // background.
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
