/** Processes, signals, counters and file locks, for the table of all handles. */

import { EventFd } from "@libc/ipc/eventfd";
import { type FileLock, lockFileSync, openLockFile } from "@libc/ipc/file-lock";
import { Pidfd } from "@libc/ipc/pidfd";
import { onSignal, type SignalListener, SignalQueue } from "@libc/ipc/signal";
import { type ChildProcess, spawn } from "@libc/ipc/spawn";
import { Fd } from "@libc/ipc/fd";
import {
  checkInt,
  errno,
  SFD_CLOEXEC,
  SFD_NONBLOCK,
  sigset,
  sys_signalfd,
} from "@libc/ipc/ffi";
import { INTERNAL } from "../../ipc/core/handle/internal.ts";
import { define, type HandleCase } from "./handle_case.ts";

/** A child that ends by itself once it is closed. */
function child(): ChildProcess {
  return spawn("cat", { fds: { 0: "pipe" } });
}

/** The processes of the pidfds below. */
const targets = new WeakMap<Pidfd, ChildProcess>();

let lockFile: Fd | undefined;

/** An unnamed file to lock, open as long as this process lives. */
function file(): Fd {
  if (lockFile === undefined) {
    const path = Deno.makeTempFileSync();
    lockFile = openLockFile(path);
    Deno.removeSync(path);
  }
  return lockFile;
}

/** The classes of processes and signals. */
export const processHandles: Record<string, HandleCase> = {
  ChildProcess: define<ChildProcess>({
    make: child,
    async use(child) {
      child.stdin?.close();
      await child.wait();
    },
    uses: [
      (child) => child.status,
      (child) => child.wait(),
      (child) => child.waitSync(),
      (child) => child.tryWait(),
      (child) => child.kill("SIGKILL"),
    ],
    rounds: 200,
  }),
  Pidfd: define<Pidfd>({
    make() {
      const target = child();
      const pidfd = Pidfd.of(target);
      targets.set(pidfd, target);
      return pidfd;
    },
    async use(pidfd) {
      targets.get(pidfd)?.stdin?.close();
      await pidfd.wait();
      await targets.get(pidfd)?.wait();
    },
    uses: [
      (pidfd) => pidfd.fd,
      (pidfd) => pidfd.exited,
      (pidfd) => pidfd.send(0),
      (pidfd) => pidfd.wait(),
      (pidfd) => pidfd.waitSync(),
      (pidfd) => pidfd.getFd(0),
    ],
    rounds: 200,
  }),
  EventFd: define<EventFd>({
    make: () => EventFd.create(),
    use(event) {
      event.post();
      event.receiveSync();
    },
    uses: [
      (event) => event.fd,
      (event) => event.value,
      (event) => event.post(),
      (event) => event.tryAdd(),
      (event) => event.add(),
      (event) => event.addSync(),
      (event) => event.receive(),
      (event) => event.receiveSync(),
      (event) => event.tryReceive(),
    ],
  }),
  SignalListener: define<SignalListener>({
    make: () => onSignal("SIGURG"),
    use: (listener) => listener.tryReceive(),
    uses: [
      (listener) => listener.receive(),
      (listener) => listener.tryReceive(),
    ],
    rounds: 500,
  }),
  SignalQueue: define<SignalQueue>({
    // By hand, since this process does not block the signal.
    make() {
      const fd = sys_signalfd()
        .signalfd(-1, sigset([64]), SFD_CLOEXEC | SFD_NONBLOCK);
      const label = "signal queue";
      checkInt(fd, errno[0], "signalfd", "open", label);
      const handle = new Fd(INTERNAL, fd, label);
      return new SignalQueue(INTERNAL, handle, ["SIGRTMAX"]);
    },
    use: (queue) => queue.tryReceive(),
    uses: [
      (queue) => queue.fd,
      (queue) => queue.receive(),
      (queue) => queue.receiveSync(),
      (queue) => queue.tryReceive(),
    ],
  }),
  FileLock: define<FileLock>({
    make: () => lockFileSync(file()),
    use: (lock) => lock.shared,
    uses: [],
  }),
};
