/** Drivers of the rows about signals, eventfds, file locks and pidfds. */

import { EventFd } from "@libc/ipc/eventfd";
import { lockFileSync, openLockFile } from "@libc/ipc/file-lock";
import { Pidfd } from "@libc/ipc/pidfd";
import { disposition, ignore, kill, sigqueue } from "@libc/ipc/signal";
import { spawn } from "@libc/ipc/spawn";
import { limit, RLIMIT } from "./privileges.ts";
import type { Defer, Drivers } from "./rows.ts";
import { before, INTERRUPTED, stranger } from "./situations.ts";

const RLIMIT_SIGPENDING = 11;

/** A handle of the same lock file, opened anew. */
function lockFile(defer: Defer): () => ReturnType<typeof openLockFile> {
  const path = Deno.makeTempFileSync({ prefix: "libc_ipc_" });
  defer(() => Deno.removeSync(path));
  return () => {
    const fd = openLockFile(path);
    defer(() => fd.close());
    return fd;
  };
}

const EIGHT_BYTES = { why: "the wrapper reads and writes eight bytes, always" };

const NO_SIGTIMEDWAIT = {
  why: "SignalQueue waits by signalfd, see its tests for timeout and storm",
};

/** The drivers. */
export const drivers: Drivers = {
  "kill: signal number out of range": {
    run: () => kill(Deno.pid, 2000),
    instead: before("a number that is no signal"),
  },
  "kill: not permitted": stranger(() => 1, (pid) => kill(pid, 0)),
  "sigqueue: no such process": {
    run() {
      const child = spawn("true");
      child.waitSync();
      sigqueue(child.pid, "SIGUSR2");
    },
  },
  "sigqueue: queue limit reached": {
    child: "common",
    run(defer) {
      defer(limit(RLIMIT_SIGPENDING, 4));
      const child = spawn("sleep", { args: ["60"], signalMask: "SIGRTMIN" });
      defer(() => {
        child.kill("SIGKILL");
        child.waitSync();
      });
      for (let i = 0; i < 5; i++) sigqueue(child.pid, "SIGRTMIN");
    },
  },
  "sigaction: signal number out of range": {
    run: () => disposition(65),
    instead: before("a number that is no signal"),
  },
  "sigaction: catching SIGKILL": { run: () => ignore("SIGKILL") },
  "sigtimedwait: no signal before the timeout": NO_SIGTIMEDWAIT,
  "sigtimedwait: handler of another signal runs": NO_SIGTIMEDWAIT,
  "poll: signal while waiting, even with SA_RESTART": INTERRUPTED,
  "epoll_ctl: same descriptor added twice": {
    why: "the reactor knows what it has added, and changes it then",
  },
  "eventfd: descriptor limit": {
    child: "common",
    run(defer) {
      // The table is opened before.
      EventFd.create().close();
      defer(limit(RLIMIT.NOFILE, 3));
      EventFd.create();
    },
  },
  "read (eventfd): counter zero, EFD_NONBLOCK": {
    run(defer) {
      const event = EventFd.create();
      defer(() => event.close());
      if (event.tryReceive() === undefined) event.receiveSync({ timeout: 0 });
    },
    instead: {
      expect: "ETIMEDOUT",
      because: "zero is waited for, and undefined for tryReceive",
    },
  },
  "read (eventfd): buffer shorter than 8 bytes": EIGHT_BYTES,
  "write (eventfd): buffer shorter than 8 bytes": EIGHT_BYTES,
  "write (eventfd): value 2^64-1": {
    run(defer) {
      const event = EventFd.create();
      defer(() => event.close());
      event.post(2n ** 64n - 1n);
    },
    instead: before("a count that no counter holds"),
  },
  "flock: held through another open description": {
    run(defer) {
      const open = lockFile(defer);
      lockFileSync(open());
      lockFileSync(open(), { timeout: 0 });
    },
    instead: {
      expect: "ETIMEDOUT",
      because: "a held lock is waited for, and undefined for tryLockFile",
    },
  },
  "pidfd_open: pid not positive": {
    run: () => Pidfd.open(0),
    instead: before("a pid that is not positive"),
  },
};
