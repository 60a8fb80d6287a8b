/**
 * Makes a failing call of each kind, many times, and reports each wrong code:
 * `<round> <call>: <code>`.
 *
 * The arguments are the number of rounds and which calls, see `KINDS`. With
 * `listen` as a third one it listens to SIGUSR2, and says when.
 */

import {
  EventFd,
  Fifo,
  ftok,
  ignore,
  IpcError,
  kill,
  killProcessGroup,
  mapAnonymous,
  mapFile,
  Memfd,
  Pidfd,
  pipe,
  PosixMessageQueue,
  PosixSemaphore,
  PosixSharedMemory,
  sigqueue,
  Socket,
  SysvMessageQueue,
  SysvSemaphoreSet,
  SysvSharedMemory,
} from "@libc/ipc";
import { uniqueKey, uniqueName } from "../util.ts";

type Failure = [call: () => unknown, code: string];

const name = `/${uniqueName()}`;
const key = uniqueKey();
const NO_ID = 0x7fff_fff0;
const NO_PID = 2 ** 31 - 1;
const NO_FD = 2 ** 30;
const byte = new Uint8Array(1);

const sealed = Memfd.create("sealed", { size: 4096 });
sealed.seal("seal");
const self = Pidfd.open(Deno.pid);
const full = PosixSemaphore.create(null, { value: 2 ** 31 - 1 });
full.unlink();
const queue = SysvMessageQueue.create(0);
queue.remove();
const set = SysvSemaphoreSet.create(0, [0]);
set.remove();
const { reader, writer } = pipe();
reader.close();
const [left, right] = Socket.pair();
right.close();
const idle = Socket.open("unix");
const unconnected = Socket.open("inet");

/** Calls that fail with an integer, and whose manual knows no `EAGAIN`. */
const plain: Record<string, Failure> = {
  shm_open: [() => PosixSharedMemory.open(name), "ENOENT"],
  shm_unlink: [() => PosixSharedMemory.unlink(name), "ENOENT"],
  sem_open: [() => PosixSemaphore.open(name), "ENOENT"],
  sem_unlink: [() => PosixSemaphore.unlink(name), "ENOENT"],
  sem_post: [() => full.release(), "EOVERFLOW"],
  mq_open: [() => PosixMessageQueue.open(name), "ENOENT"],
  mq_unlink: [() => PosixMessageQueue.unlink(name), "ENOENT"],
  shmget: [() => SysvSharedMemory.open(key), "ENOENT"],
  "shmget(IPC_CREAT)": [
    () => SysvSharedMemory.create(0, 2 ** 52),
    "EINVAL|ENOSPC|ENOMEM",
  ],
  semget: [() => SysvSemaphoreSet.open(key), "ENOENT"],
  msgget: [() => SysvMessageQueue.open(key), "ENOENT"],
  shmctl: [() => SysvSharedMemory.fromId(NO_ID), "EINVAL"],
  semctl: [() => SysvSemaphoreSet.fromId(NO_ID), "EINVAL"],
  "semctl(GETALL)": [() => set.values(), "EINVAL|EIDRM"],
  msgctl: [() => SysvMessageQueue.fromId(NO_ID), "EINVAL"],
  ftok: [() => ftok(name, 1), "ENOENT"],
  open: [() => mapFile(name), "ENOENT"],
  "open(O_PATH)": [() => Fifo.open(name), "ENOENT"],
  mkfifo: [() => Fifo.create("/dev/null"), "EEXIST"],
  mknod: [() => Fifo.createNode("/dev/null"), "EEXIST"],
  kill: [() => kill(NO_PID, 0), "ESRCH"],
  killpg: [() => killProcessGroup(NO_PID, 0), "ESRCH"],
  sigqueue: [() => sigqueue(NO_PID, 0), "ESRCH"],
  sigaction: [() => ignore("SIGKILL"), "EINVAL"],
  pidfd_open: [() => Pidfd.open(NO_PID), "ESRCH"],
  pidfd_getfd: [() => self.getFd(NO_FD), "EBADF"],
  "fcntl(F_DUPFD_CLOEXEC)": [() => EventFd.fromFd(NO_FD), "EBADF"],
  "fcntl(F_ADD_SEALS)": [() => sealed.seal("write"), "EPERM"],
  socket: [() => Socket.open("inet", "seqpacket"), "ESOCKTNOSUPPORT"],
  bind: [() => idle.bind("/dev/null/x"), "ENOTDIR"],
  shutdown: [() => unconnected.shutdown("both"), "ENOTCONN"],
};

/** Calls that fail with a pointer. */
const pointers: Record<string, Failure> = {
  mmap: [() => mapAnonymous(2 ** 52), "ENOMEM"],
};

/** Waits that a failure ends. An `EAGAIN` in its place means: not yet. */
const waits: Record<string, Failure> = {
  write: [() => writer.write(byte), "EPIPE"],
  writeSync: [() => writer.writeSync(byte), "EPIPE"],
  send: [() => left.writer.write(byte), "EPIPE"],
  msgsnd: [() => queue.send(1, byte), "EINVAL|EIDRM"],
  msgrcv: [() => queue.receive(), "EINVAL|EIDRM"],
  msgrcvSync: [() => queue.receiveSync(), "EINVAL|EIDRM"],
  semop: [() => set.acquire(), "EINVAL|EIDRM"],
  semopSync: [() => set.acquireSync(), "EINVAL|EIDRM"],
  "semop(IPC_NOWAIT)": [
    () => set.operateSync([{ index: 0, delta: -1, noWait: true }]),
    "EINVAL|EIDRM",
  ],
  semtimedop: [() => set.acquireSync(0, { timeout: 1e6 }), "EINVAL|EIDRM"],
  accept4: [() => idle.accept(), "EINVAL"],
  connect: [() => Socket.connect(`\0${name}`), "ECONNREFUSED"],
};

/** One try of what may have to wait: undefined or false means that it would. */
const tries: Record<string, Failure> = {
  tryWrite: [() => writer.tryWrite(byte), "EPIPE"],
  trySend: [() => queue.trySend(1, byte), "EINVAL|EIDRM"],
  tryReceive: [() => queue.tryReceive(), "EINVAL|EIDRM"],
  tryAcquire: [() => set.tryAcquire(), "EINVAL|EIDRM"],
  tryAccept: [() => idle.tryAccept(), "EINVAL"],
};

const KINDS: Record<string, Record<string, Failure>> = {
  plain,
  all: { ...plain, ...pointers, ...waits },
  tries,
};

const [rounds, kind = "", listening] = Deno.args;
const calls = Object.entries(KINDS[kind] ?? {});
if (listening === "listen") {
  Deno.addSignalListener("SIGUSR2", () => {});
  console.log("ready");
}

for (let round = 0; round < Number(rounds); round++) {
  for (const [what, [call, code]] of calls) {
    try {
      // In this turn, unless it is a promise: a turn takes longer than a call.
      let result = call();
      if (result instanceof Promise) result = await result;
      if (kind !== "tries" || result) console.log(`${round} ${what}: success`);
    } catch (error) {
      if (!(error instanceof IpcError)) throw error;
      if (!code.split("|").includes(error.code)) {
        console.log(`${round} ${what}: ${error.code}`);
      }
    }
  }
  // Signals are delivered between two turns.
  if (round % 100 === 0) await new Promise((resolve) => setTimeout(resolve));
}
console.log("done");
Deno.exit();
