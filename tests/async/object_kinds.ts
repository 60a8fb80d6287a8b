/** Waits on queues, semaphores, counters, processes and signals. */

import {
  type ChildProcess,
  EventFd,
  IPC_PRIVATE,
  IpcError,
  kill,
  mapAnonymous,
  onSignal,
  Pidfd,
  PosixMessageQueue,
  PosixSemaphore,
  SignalQueue,
  sigqueue,
  spawn,
  SysvMessageQueue,
  SysvSemaphoreSet,
} from "@libc/ipc";
import {
  cstring,
  fcntl,
  O_RDONLY,
  P_PID,
  siginfo_t,
  sys_wait,
  unistd,
  WEXITED,
} from "@libc/ipc/ffi";
import {
  exhaust,
  type Kind,
  putting,
  type Subject,
  taking,
} from "./subject.ts";

/** The signal that a process must block to use {@linkcode signalQueueKind}. */
export const QUEUED_SIGNAL = "SIGRTMIN+1";

function posixReceive(): Subject {
  const stack = new DisposableStack();
  const queue = stack.use(PosixMessageQueue.create(null, { messageSize: 64 }));
  const rest = stack.use(PosixMessageQueue.open(queue.name));
  return taking({
    wait: (options) => queue.receive(options),
    waitSync: (options) => queue.receiveSync(options),
    give: () => rest.sendSync("x"),
    left: () => exhaust(() => rest.tryReceive()),
    handle: queue,
    target: queue,
  }, stack);
}

function posixSend(): Subject {
  const stack = new DisposableStack();
  const queue = stack.use(
    PosixMessageQueue.create(null, { maxMessages: 2, messageSize: 8 }),
  );
  const rest = stack.use(PosixMessageQueue.open(queue.name));
  return putting({
    wait: (options) => queue.send("x", options),
    waitSync: (options) => queue.sendSync("x", options),
    initial: exhaust(() => queue.trySend("x")),
    take: () => Number(rest.tryReceive() !== undefined),
    left: () => exhaust(() => rest.tryReceive()),
    handle: queue,
  }, stack);
}

function posixAcquire(): Subject {
  const stack = new DisposableStack();
  const semaphore = stack.use(PosixSemaphore.create());
  const rest = stack.use(PosixSemaphore.open(semaphore.name ?? ""));
  return acquiring(semaphore, rest, stack);
}

function unnamedAcquire(): Subject {
  const stack = new DisposableStack();
  const mapping = stack.use(mapAnonymous(4096, { shared: true }));
  const semaphore = stack.use(PosixSemaphore.inMapping(mapping));
  const rest = stack.use(PosixSemaphore.at(mapping));
  return acquiring(semaphore, rest, stack);
}

function acquiring(
  semaphore: PosixSemaphore,
  rest: PosixSemaphore,
  stack: DisposableStack,
): Subject {
  return taking({
    wait: (options) => semaphore.acquire(options),
    waitSync: (options) => semaphore.acquireSync(options),
    give: () => rest.release(),
    left: () => exhaust(() => rest.tryAcquire()),
    handle: semaphore,
    target: semaphore,
  }, stack);
}

function sysvReceive(data: string, type?: number): Subject {
  const stack = new DisposableStack();
  const queue = stack.use(SysvMessageQueue.create(IPC_PRIVATE));
  const rest = stack.use(SysvMessageQueue.fromId(queue.id));
  const which = type === undefined ? {} : { type };
  // Must not be received, nor wake a wait.
  if (type !== undefined) rest.sendSync(type + 1, "other");
  return taking({
    wait: (options) => queue.receive({ ...options, ...which }),
    waitSync: (options) => queue.receiveSync({ ...options, ...which }),
    give: () => rest.sendSync(type ?? 1, data),
    left: () => exhaust(() => rest.tryReceive(which)),
    handle: queue,
    ...(type === undefined ? { target: queue } : {}),
  }, stack);
}

function sysvSend(): Subject {
  const stack = new DisposableStack();
  const queue = stack.use(SysvMessageQueue.create(IPC_PRIVATE));
  queue.set({ maxBytes: 4 });
  const rest = stack.use(SysvMessageQueue.fromId(queue.id));
  return putting({
    wait: (options) => queue.send(1, "x", options),
    waitSync: (options) => queue.sendSync(1, "x", options),
    initial: exhaust(() => queue.trySend(1, "x")),
    take: () => Number(rest.tryReceive() !== undefined),
    left: () => exhaust(() => rest.tryReceive()),
    handle: queue,
  }, stack);
}

function sysvAcquire(): Subject {
  const stack = new DisposableStack();
  const set = stack.use(SysvSemaphoreSet.create(IPC_PRIVATE, [0]));
  const rest = stack.use(SysvSemaphoreSet.fromId(set.id));
  return taking({
    wait: (options) => set.acquire(0, { ...options, undo: false }),
    waitSync: (options) => set.acquireSync(0, { ...options, undo: false }),
    give: () => rest.release(0, 1, { undo: false }),
    left: () => exhaust(() => rest.tryAcquire(0, { undo: false })),
    handle: set,
    target: set,
  }, stack);
}

function sysvOperate(): Subject {
  const stack = new DisposableStack();
  const set = stack.use(SysvSemaphoreSet.create(IPC_PRIVATE, [0, 0]));
  const rest = stack.use(SysvSemaphoreSet.fromId(set.id));
  const operations = (delta: number) =>
    [0, 1].map((index) => ({ index, delta }));
  return taking({
    wait: (options) => set.operate(operations(-1), options),
    waitSync: (options) => set.operateSync(operations(-1), options),
    give: () => rest.operateSync(operations(1)),
    left() {
      const both = exhaust(() => rest.tryOperate(operations(-1)));
      return rest.values().some((value) => value !== 0) ? NaN : both;
    },
    handle: set,
  }, stack);
}

function sysvWaitZero(): Subject {
  const stack = new DisposableStack();
  const set = stack.use(SysvSemaphoreSet.create(IPC_PRIVATE, [1]));
  const rest = stack.use(SysvSemaphoreSet.fromId(set.id));
  return {
    wait: (options) => set.waitZero(0, options),
    waitSync: (options) => set.waitZeroSync(0, options),
    wake: () => rest.setValue(0, 0),
    close: () => set.close(),
    [Symbol.dispose]: () => stack.dispose(),
  };
}

function eventReceive(): Subject {
  const stack = new DisposableStack();
  const event = stack.use(EventFd.create({ semaphore: true }));
  const rest = stack.use(EventFd.fromFd(event.fd));
  return taking({
    wait: (options) => event.receive(options),
    waitSync: (options) => event.receiveSync(options),
    give: () => rest.post(),
    left: () => exhaust(() => rest.tryReceive()),
    handle: event,
    target: event,
  }, stack);
}

function eventAdd(): Subject {
  const stack = new DisposableStack();
  const event = stack.use(EventFd.create({ semaphore: true }));
  const rest = stack.use(EventFd.fromFd(event.fd));
  rest.post(2n ** 64n - 2n);
  // The rest is the unused capacity.
  return taking({
    wait: (options) => event.add(1, options),
    waitSync: (options) => event.addSync(1, options),
    give: () => void rest.tryReceive(),
    left: () => exhaust(() => rest.tryAdd()),
    handle: event,
  }, stack);
}

/** Kills a process that may just be ending. */
function end(pidfd: Pidfd): void {
  try {
    if (!pidfd.exited) pidfd.send("SIGKILL");
  } catch (error) {
    if (!(error instanceof IpcError && error.code === "ESRCH")) throw error;
  }
}

/** A process that ends with this one, if nothing has ended it before. */
function sleeper(stack: DisposableStack): ChildProcess {
  const child = stack.use(spawn("cat", { fds: { 0: "pipe" } }));
  const pidfd = stack.use(Pidfd.of(child));
  stack.defer(() => {
    end(pidfd);
    if (child.ended) return;
    // Not through the child, which may be closed: it would be reaped only while
    // the event loop runs, and so never after the last test of a file.
    const info = new Uint8Array(siginfo_t.size);
    sys_wait().waitid(P_PID, child.pid, info, WEXITED);
  });
  return child;
}

function pidfdWait(): Subject {
  const stack = new DisposableStack();
  const child = sleeper(stack);
  const pidfd = stack.use(Pidfd.of(child));
  return {
    wait: (options) => pidfd.wait(options),
    waitSync: (options) => pidfd.waitSync(options),
    wake() {
      end(pidfd);
    },
    close: () => pidfd.close(),
    target: pidfd,
    [Symbol.dispose]: () => stack.dispose(),
  };
}

function childWait(): Subject {
  const stack = new DisposableStack();
  const child = sleeper(stack);
  const pidfd = stack.use(Pidfd.of(child));
  return {
    wait: (options) => child.wait(options),
    waitSync: (options) => child.waitSync(options),
    wake() {
      end(pidfd);
    },
    close: () => child.close(),
    target: child,
    [Symbol.dispose]: () => stack.dispose(),
  };
}

// A signal after the last listener is closed would kill the process.
Deno.addSignalListener("SIGUSR2", () => {});
const SIGUSR2 = 1n << 11n;

/** Whether a signal to this process is still pending. */
function isPending(bit: bigint): boolean {
  // Through libc: children have no other permission.
  const { close, read } = unistd();
  const path = cstring("/proc/self/status", "path");
  const fd = fcntl().open(path, O_RDONLY, 0);
  const bytes = new Uint8Array(8192);
  const length = read(fd, bytes, bytes.length);
  close(fd);
  const status = new TextDecoder().decode(bytes.subarray(0, length));
  const [, mask] = /^ShdPnd:\s*(\w+)/m.exec(status) ?? [];
  return (BigInt(`0x${mask}`) & bit) !== 0n;
}

function listenerReceive(): Subject {
  const stack = new DisposableStack();
  const listener = stack.use(onSignal("SIGUSR2"));
  return {
    wait: (options) => listener.receive(options),
    wake() {
      kill(Deno.pid, "SIGUSR2");
      // The program may end next, after its listeners.
      while (isPending(SIGUSR2));
    },
    close: () => listener.close(),
    target: listener,
    [Symbol.dispose]: () => stack.dispose(),
  };
}

function signalReceive(): Subject {
  const stack = new DisposableStack();
  const queue = stack.use(SignalQueue.open(QUEUED_SIGNAL));
  const rest = stack.use(SignalQueue.open(QUEUED_SIGNAL));
  return taking({
    wait: (options) => queue.receive(options),
    waitSync: (options) => queue.receiveSync(options),
    give: () => sigqueue(Deno.pid, QUEUED_SIGNAL, { value: 1 }),
    left: () => exhaust(() => rest.tryReceive()),
    handle: queue,
    target: queue,
  }, stack);
}

/** The kind that needs a process of its own, which blocks the signal. */
export const signalQueueKind: Kind = {
  name: "SignalQueue.receive",
  make: signalReceive,
};

/** The table. */
export const objectKinds: Kind[] = [
  { name: "PosixMessageQueue.receive", make: posixReceive },
  { name: "PosixMessageQueue.send", make: posixSend },
  { name: "PosixSemaphore.acquire", make: posixAcquire },
  { name: "PosixSemaphore.acquire in a mapping", make: unnamedAcquire },
  { name: "SysvMessageQueue.receive", make: () => sysvReceive("x") },
  {
    name: "SysvMessageQueue.receive of empty messages",
    delayed: true,
    make: () => sysvReceive(""),
  },
  {
    name: "SysvMessageQueue.receive of a type",
    make: () => sysvReceive("x", 5),
  },
  { name: "SysvMessageQueue.send", slow: true, ordered: true, make: sysvSend },
  { name: "SysvSemaphoreSet.acquire", make: sysvAcquire },
  { name: "SysvSemaphoreSet.operate", make: sysvOperate },
  { name: "SysvSemaphoreSet.waitZero", once: true, make: sysvWaitZero },
  { name: "EventFd.receive", make: eventReceive },
  { name: "EventFd.add", make: eventAdd },
  { name: "Pidfd.wait", once: true, make: pidfdWait },
  { name: "ChildProcess.wait", once: true, make: childWait },
  { name: "SignalListener.receive", broadcast: true, make: listenerReceive },
];
