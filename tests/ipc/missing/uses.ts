/** Small uses of this module that need system calls. */

import {
  EventFd,
  Fifo,
  IPC_PRIVATE,
  IpcError,
  lockFileSync,
  mapAnonymous,
  Memfd,
  openLockFile,
  Pidfd,
  pipe,
  PosixMessageQueue,
  PosixSemaphore,
  PosixSharedMemory,
  SignalQueue,
  sigqueue,
  Socket,
  spawn,
  SysvMessageQueue,
  SysvSemaphoreSet,
  SysvSharedMemory,
} from "@libc/ipc";
import { uniqueName } from "../../util.ts";

function locked(range?: { length: number }): string {
  const path = Deno.makeTempFileSync();
  try {
    using fd = openLockFile(path);
    using _lock = lockFileSync(fd, range === undefined ? {} : { range });
    return "locked";
  } finally {
    Deno.removeSync(path);
  }
}

/** Each gives what it found out, or fails. */
export const uses = {
  memfd() {
    using memory = Memfd.create("use", { size: 4096 });
    return memory.seals.length;
  },
  executableMemfd() {
    using memory = Memfd.create("use", { size: 4096, executable: false });
    return memory.stat().mode & 0o111;
  },
  hugeMemfd() {
    using _memory = Memfd.create("use", { size: 0, hugePages: true });
    return "made";
  },
  pidfd() {
    using pidfd = Pidfd.open(Deno.pid);
    return pidfd.exited;
  },
  pidfdSend() {
    using pidfd = Pidfd.open(Deno.pid);
    pidfd.send(0);
    return "sent";
  },
  pidfdGetFd() {
    using pidfd = Pidfd.open(Deno.pid);
    using fd = pidfd.getFd(0);
    return fd.closed;
  },
  async spawn() {
    // Ends with its input, whatever becomes of this program.
    using child = spawn("cat", { fds: { 0: "pipe" } });
    try {
      const { signal } = await meanwhile(
        child.wait({ unref: true }),
        () => child.kill("SIGKILL"),
      );
      return signal;
    } finally {
      child.stdin?.close();
      child.waitSync();
    }
  },
  spawnSync() {
    using child = spawn("sh", { args: ["-c", "exit 3"] });
    return child.waitSync().code;
  },
  readInto() {
    using mapping = mapAnonymous(4096);
    const target = new Uint8Array(1);
    return mapping.readInto(target);
  },
  lockMemory() {
    using mapping = mapAnonymous(4096);
    mapping.lock();
    return "locked";
  },
  sysvMemory() {
    using segment = SysvSharedMemory.create(IPC_PRIVATE, 4096);
    using mapping = segment.attach();
    return mapping.size;
  },
  sysvMemoryList() {
    using segment = SysvSharedMemory.create(IPC_PRIVATE, 4096);
    return SysvSharedMemory.list().find(({ id }) => id === segment.id)?.size;
  },
  sysvSemaphore() {
    using set = SysvSemaphoreSet.create(IPC_PRIVATE, [2]);
    set.acquireSync();
    return set.value();
  },
  sysvSemaphoreTimeout() {
    using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0]);
    return answer(() => set.acquireSync(0, { timeout: 5 }));
  },
  sysvSemaphoreList() {
    using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0, 0]);
    return SysvSemaphoreSet.list().find(({ id }) => id === set.id)?.length;
  },
  sysvQueue() {
    using queue = SysvMessageQueue.create(IPC_PRIVATE);
    queue.sendSync(1, "a");
    return queue.receiveSync().data.length;
  },
  sysvQueueTimeout() {
    using queue = SysvMessageQueue.create(IPC_PRIVATE);
    return answer(() => queue.receiveSync({ timeout: 5 }));
  },
  async sysvQueueWait() {
    using queue = SysvMessageQueue.create(IPC_PRIVATE);
    const { data } = await meanwhile(
      queue.receive({ unref: true }),
      () => queue.sendSync(1, "a"),
    );
    return data.length;
  },
  sysvQueueList() {
    using queue = SysvMessageQueue.create(IPC_PRIVATE);
    return SysvMessageQueue.list().find(({ id }) => id === queue.id)?.messages;
  },
  sysvPeek() {
    using queue = SysvMessageQueue.create(IPC_PRIVATE);
    queue.sendSync(1, "a");
    return queue.peek()?.data.length;
  },
  posixMemory() {
    using memory = PosixSharedMemory.create(`/${uniqueName()}`, { size: 4096 });
    return memory.size;
  },
  posixSemaphore() {
    using semaphore = PosixSemaphore.create(`/${uniqueName()}`, { value: 1 });
    semaphore.acquireSync();
    return semaphore.value();
  },
  posixQueue() {
    using queue = PosixMessageQueue.create(`/${uniqueName()}`);
    queue.sendSync("a");
    return queue.receiveSync().data.length;
  },
  posixQueueUnlink() {
    return answer(() => PosixMessageQueue.unlink(`/${uniqueName()}`));
  },
  async posixQueueWait() {
    using queue = PosixMessageQueue.create(`/${uniqueName()}`);
    const { data } = await meanwhile(
      queue.receive({ unref: true }),
      () => queue.sendSync("a"),
    );
    return data.length;
  },
  eventfd() {
    using event = EventFd.create({ value: 2 });
    return event.receiveSync();
  },
  async eventfdWait() {
    using event = EventFd.create();
    return await meanwhile(
      event.receive({ unref: true }),
      () => event.post(),
    );
  },
  signalQueue() {
    using queue = SignalQueue.open("SIGRTMIN+1");
    return queue.tryReceive() ?? null;
  },
  sigqueue() {
    sigqueue(Deno.pid, 0);
    return "sent";
  },
  pipe() {
    using ends = pipe();
    ends.writer.writeSync(new Uint8Array(3));
    return ends.reader.readSync(new Uint8Array(9));
  },
  async pipeWait() {
    using ends = pipe();
    return await meanwhile(
      ends.reader.read(new Uint8Array(9), { unref: true }),
      () => ends.writer.writeSync(new Uint8Array(3)),
    );
  },
  splice() {
    using from = pipe();
    using to = pipe();
    from.writer.writeSync(new Uint8Array(3));
    return from.reader.spliceSync(to.writer);
  },
  fifo() {
    const path = `${Deno.makeTempDirSync()}/fifo`;
    try {
      using fifo = Fifo.create(path);
      return fifo.path === path;
    } finally {
      Deno.removeSync(path.slice(0, -"/fifo".length), { recursive: true });
    }
  },
  socket() {
    const [a, b] = Socket.pair("seqpacket");
    using here = a;
    using there = b;
    here.sendSync("abc");
    return there.receiveSync()?.length;
  },
  socketFds() {
    const [a, b] = Socket.pair("seqpacket");
    using here = a;
    using there = b;
    using ends = pipe();
    here.sendFdsSync([ends.reader], "x");
    const message = there.receiveFdsSync();
    for (const fd of message?.fds ?? []) fd.close();
    return message?.fds.length;
  },
  socket6() {
    using _socket = Socket.open("inet6");
    return "made";
  },
  fileLock: () => locked(),
  rangeLock: () => locked({ length: 4 }),
} satisfies Record<string, () => unknown>;

/** A thing to do. */
export type Use = keyof typeof uses;

/**
 * The result of a wait while `act` wakes it. The wait is `unref`, and so sleeps
 * at once without trying again first.
 */
async function meanwhile<T>(wait: Promise<T>, act: () => unknown): Promise<T> {
  const alive = setInterval(() => {}, 1000);
  try {
    const acted = Promise.resolve().then(act);
    return (await Promise.all([wait, acted]))[0];
  } finally {
    clearInterval(alive);
  }
}

/** The kernel's answer to a call that exists but is not permitted. */
function answer(call: () => void): string {
  try {
    call();
  } catch (error) {
    if (!(error instanceof IpcError)) throw error;
    if (error.code === "ETIMEDOUT" || error.code === "ENOENT") {
      return error.code;
    }
    throw error;
  }
  throw new Error("no error");
}
