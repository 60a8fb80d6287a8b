/**
 * Constructors of handles that `handles.ts` does not use (opening, adopting,
 * duplicating, accepting), and of objects that end with a scope.
 */

import {
  ERRNO,
  EventFd,
  type FdMessage,
  Fifo,
  ignore,
  inheritedFd,
  lockFile,
  lockFileSync,
  mapAnonymous,
  mapFile,
  Memfd,
  openLockFile,
  Pidfd,
  pipe,
  PipeReader,
  PipeWriter,
  PosixMessageQueue,
  PosixSemaphore,
  PosixSharedMemory,
  restoreDefault,
  sharedArrayBuffer,
  SignalQueue,
  Socket,
  spawn,
  SysvMessageQueue,
  SysvSemaphoreSet,
  SysvSharedMemory,
  tryLockFile,
  WaveClient,
  WaveControl,
  WaveDevice,
} from "@libc/ipc";
import { ipcError } from "@libc/ipc/errno";
import { checkInt, errno, fcntl } from "@libc/ipc/ffi";
import { uniqueName } from "../util.ts";

const F_DUPFD = 0;
const PAGE = 4096;

const path = (): string => `/tmp/${uniqueName()}`;

/** What a constructor makes. */
export type Made = Disposable | undefined;

/**
 * Makes the prerequisites of a constructor, which live as long as the stack,
 * and returns the constructor.
 */
export type Prepare = (stack: DisposableStack) => () => Made | Promise<Made>;

/** Removes a file at the end, if it is there. */
function removing(stack: DisposableStack): string {
  const file = path();
  stack.defer(() => {
    try {
      Deno.removeSync(file);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  });
  return file;
}

function device(transport: "posix" | "memfd"): Prepare {
  return (stack) => {
    const folder = Deno.makeTempDirSync();
    stack.defer(() => Deno.removeSync(folder));
    return () =>
      WaveDevice.create({
        waveform: "SIN",
        period: 1,
        path: folder,
        transport,
      });
  };
}

/** Two connected sockets. */
function socketPair(stack: DisposableStack): [Socket, Socket] {
  const [a, b] = Socket.pair();
  return [stack.use(a), stack.use(b)];
}

/** Takes a connection that waits. */
function accepting(
  accept: (server: Socket) => Made | Promise<Made>,
): Prepare {
  return (stack) => {
    const name = `\0${uniqueName()}`;
    const server = stack.use(Socket.listen(name));
    return () => {
      using client = Socket.open("unix");
      client.connectSync(name);
      // A connection that could not be accepted before may come first.
      return accept(server);
    };
  };
}

/** Takes a message with two descriptors. */
function receiving(
  receive: (
    socket: Socket,
  ) => Promise<FdMessage | null> | FdMessage | null | undefined,
): Prepare {
  return (stack) => {
    const [a, b] = socketPair(stack);
    return async () => {
      a.sendFdsSync([a, b]);
      const message = await receive(b);
      const fds = new DisposableStack();
      for (const fd of message?.fds ?? []) fds.use(fd);
      if (!message?.fdsLost) return fds;
      // Fail as others do, so that it is tried with space for one of the two
      // too.
      throw ipcError(ERRNO.EMFILE, "recvmsg", "receive", "descriptors");
    };
  };
}

/** An unused key. */
function freeKey(): number {
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
  // 0 is IPC_PRIVATE.
  return 1 + random % 0x7fff_ffff;
}

/** A file of one page, removed at the end. */
function file(stack: DisposableStack): string {
  const path = Deno.makeTempFileSync();
  stack.defer(() => Deno.removeSync(path));
  Deno.truncateSync(path, PAGE);
  return path;
}

/** A program that ends as soon as its standard input does. */
function cat(stack: DisposableStack, fds: Record<number, Memfd> = {}) {
  return stack.use(spawn("cat", { fds: { ...fds, 0: "pipe" } }));
}

/** A device that runs, and where. */
function running(stack: DisposableStack): { path: string } {
  const path = Deno.makeTempDirSync();
  stack.defer(() => Deno.removeSync(path));
  stack.use(WaveDevice.create({ waveform: "SIN", period: 1, path })).start();
  return { path };
}

/** The constructors; each is tried with an increasing number of descriptors. */
export const constructors: Record<string, Prepare> = {
  "PosixSharedMemory.open()"(stack) {
    const { name } = stack.use(PosixSharedMemory.create(null, { size: 4096 }));
    return () => PosixSharedMemory.open(name);
  },
  "PosixSharedMemory.openOrCreate()": () => () =>
    PosixSharedMemory.openOrCreate(`/${uniqueName()}`, {
      size: 4096,
      owner: true,
    }),
  "PosixSemaphore.open()"(stack) {
    const { name } = stack.use(PosixSemaphore.create());
    return () => PosixSemaphore.open(name ?? "");
  },
  "PosixSemaphore.openOrCreate()": () => () =>
    PosixSemaphore.openOrCreate(`/${uniqueName()}`, { owner: true }),
  "PosixMessageQueue.open()"(stack) {
    const { name } = stack.use(PosixMessageQueue.create());
    return () => PosixMessageQueue.open(name);
  },
  "PosixMessageQueue.openOrCreate()": () => () =>
    PosixMessageQueue.openOrCreate(`/${uniqueName()}`, { owner: true }),
  "Memfd.create() that is reserved": () => () =>
    Memfd.create("full", { size: 4096, reserve: true, executable: false }),
  "Memfd.open()"(stack) {
    const memory = stack.use(Memfd.create("theirs", { size: 4096 }));
    const fd = memory.fd.number;
    return () => Memfd.open({ pid: Deno.pid, fd });
  },
  "Memfd.fromFd()"(stack) {
    const { fd } = stack.use(Memfd.create("theirs", { size: 4096 }));
    return () => Memfd.fromFd(fd);
  },
  "mapFile() of a new file"(stack) {
    const file = removing(stack);
    return () => {
      const made = new DisposableStack();
      made.use(mapFile(file, { createNew: true, size: 4096 }));
      made.defer(() => Deno.removeSync(file));
      return made;
    };
  },
  "pipe() with a capacity": () => () => pipe({ capacity: 4096 }),
  "PipeReader.fromFd()"(stack) {
    const { reader } = stack.use(pipe());
    return () => PipeReader.fromFd(reader.fd);
  },
  "PipeWriter.fromFd()"(stack) {
    const { writer } = stack.use(pipe());
    return () => PipeWriter.fromFd(writer.fd);
  },
  "FdEnd.inheritable()"(stack) {
    const { reader } = stack.use(pipe());
    return () => reader.inheritable();
  },
  "SocketReader.inheritable()": (stack) => {
    const { reader } = socketPair(stack)[0];
    return () => reader.inheritable();
  },
  "SocketWriter.inheritable()": (stack) => {
    const { writer } = socketPair(stack)[0];
    return () => writer.inheritable();
  },
  "Fifo.createNode()": () => () => Fifo.createNode(path()),
  "Fifo.open()"(stack) {
    const made = stack.use(Fifo.create(path()));
    return () => Fifo.open(made.path);
  },
  "Fifo.openOrCreate() of what is there"(stack) {
    const made = stack.use(Fifo.create(path()));
    return () => Fifo.openOrCreate(made.path);
  },
  "Fifo.openOrCreate() of a new one": () => () =>
    Fifo.openOrCreate(path(), { owner: true }),
  "Fifo.openReader()"(stack) {
    const made = stack.use(Fifo.create(path()));
    return () => made.openReader();
  },
  "Fifo.openWriter()"(stack) {
    const made = stack.use(Fifo.create(path()));
    stack.use(made.openReader());
    return () => made.openWriter();
  },
  "Fifo.openWriterSync()"(stack) {
    const made = stack.use(Fifo.create(path()));
    stack.use(made.openReader());
    return () => made.openWriterSync();
  },
  "Fifo.tryOpenWriter()"(stack) {
    const made = stack.use(Fifo.create(path()));
    stack.use(made.openReader());
    return () => made.tryOpenWriter();
  },
  "Fifo.openReadWrite()"(stack) {
    const made = stack.use(Fifo.create(path()));
    return () => made.openReadWrite();
  },
  "Socket.open()": () => () => Socket.open("inet", "datagram"),
  "Socket.pair()": () => () => {
    const stack = new DisposableStack();
    for (const each of Socket.pair()) stack.use(each);
    return stack;
  },
  "Socket.listen()"(stack) {
    const file = removing(stack);
    return () => Socket.listen(file);
  },
  "Socket.listen() over a stale file"(stack) {
    const file = removing(stack);
    return () => {
      // A stale file, which is gone at the end of this scope.
      using before = Socket.open("unix");
      before.bind(file);
      before.close();
      return Socket.listen(file, { replaceStale: true });
    };
  },
  "Socket.connect()"(stack) {
    const name = `\0${uniqueName()}`;
    stack.use(Socket.listen(name));
    return () => Socket.connect(name);
  },
  "Socket.accept()": accepting((server) => server.accept()),
  "Socket.acceptSync()": accepting((server) => server.acceptSync()),
  "Socket.tryAccept()": accepting((server) => server.tryAccept()),
  "Socket.connections()": accepting(async (server) => {
    for await (const connection of server.connections()) return connection;
    return undefined;
  }),
  "Socket.fromFd()"(stack) {
    const socket = stack.use(Socket.open("unix"));
    return () => Socket.fromFd(socket.fd);
  },
  "SocketMessages.receiveFds()": receiving((socket) => socket.receiveFds()),
  "SocketMessages.receiveFdsSync()": receiving((socket) =>
    socket.receiveFdsSync()
  ),
  "SocketMessages.tryReceiveFds()": receiving((socket) =>
    socket.tryReceiveFds()
  ),
  "EventFd.fromFd()"(stack) {
    const { fd } = stack.use(EventFd.create());
    return () => EventFd.fromFd(fd);
  },
  "Pidfd.open()": () => () => Pidfd.open(Deno.pid),
  "Pidfd.fromFd()"(stack) {
    const { fd } = stack.use(Pidfd.open(Deno.pid));
    return () => Pidfd.fromFd(fd);
  },
  "Pidfd.getFd()"(stack) {
    const own = stack.use(Pidfd.open(Deno.pid));
    return () => own.getFd(0);
  },
  "openLockFile()"(stack) {
    const file = removing(stack);
    return () => openLockFile(file);
  },
  "lockFileSync()"(stack) {
    const file = stack.use(openLockFile(removing(stack)));
    return () => lockFileSync(file);
  },
  "spawn() with three pipes": () => () =>
    spawn("cat", { fds: { 0: "pipe", 1: "pipe", 2: "pipe" } }),
  "spawn() with a descriptor"(stack) {
    const { reader } = stack.use(pipe());
    return () => spawn("true", { fds: { 3: reader } });
  },
  "WaveDevice.create() in POSIX memory": device("posix"),
  "WaveDevice.create() in a memfd": device("memfd"),
  "WaveControl.open()"(stack) {
    const folder = Deno.makeTempDirSync();
    stack.defer(() => Deno.removeSync(folder));
    const address = { path: folder };
    stack.use(
      WaveDevice.create({ waveform: "SIN", period: 1, ...address }),
    );
    return () => WaveControl.open(address);
  },
  "Fd.duplicate()"(stack) {
    const { fd } = stack.use(EventFd.create());
    return () => fd.duplicate();
  },
  "inheritedFd()": () => () => {
    // As a parent passes it: not close-on-exec.
    const fd = checkInt(
      fcntl().fcntl_int(0, F_DUPFD, 3),
      errno[0],
      "fcntl",
      "duplicate",
      "descriptor 0",
    );
    return inheritedFd(fd);
  },

  // Memory

  "PosixSharedMemory.map()"(stack) {
    const memory = stack.use(PosixSharedMemory.create(null, { size: PAGE }));
    return () => memory.map();
  },
  "Memfd.map()"(stack) {
    const memory = stack.use(Memfd.create("theirs", { size: PAGE }));
    return () => memory.map();
  },
  "Memfd.open() of another process"(stack) {
    using memory = Memfd.create("theirs", { size: PAGE });
    const { pid } = cat(stack, { 3: memory });
    return () => Memfd.open({ pid, fd: 3 });
  },
  "mapFile() of a file that is there"(stack) {
    const path = file(stack);
    return () => mapFile(path);
  },
  "mapFile() for reading"(stack) {
    const path = file(stack);
    return () => mapFile(path, { readOnly: true });
  },
  "mapAnonymous()": () => () => mapAnonymous(PAGE),
  "Mapping.pin()"(stack) {
    const memory = stack.use(Memfd.create("pinned", { size: PAGE }));
    return () => {
      using mapping = memory.map();
      return mapping.pin();
    };
  },
  "sharedArrayBuffer()"(stack) {
    const memory = stack.use(Memfd.create("shared", { size: 65536 }));
    return () => {
      // Nothing holds it: it is garbage-collected.
      new Uint8Array(sharedArrayBuffer(memory))[0] = 1;
      return undefined;
    };
  },

  // System V

  "SysvSharedMemory.open()"(stack) {
    const { key } = stack.use(SysvSharedMemory.create(freeKey(), PAGE));
    return () => SysvSharedMemory.open(key);
  },
  "SysvSharedMemory.openOrCreate()": () => () =>
    SysvSharedMemory.openOrCreate(freeKey(), PAGE, { owner: true }),
  "SysvSharedMemory.fromId()"(stack) {
    const { id } = stack.use(SysvSharedMemory.create(freeKey(), PAGE));
    return () => SysvSharedMemory.fromId(id);
  },
  "SysvSharedMemory.attach()"(stack) {
    const memory = stack.use(SysvSharedMemory.create(freeKey(), PAGE));
    return () => memory.attach();
  },
  "SysvSemaphoreSet.open()"(stack) {
    const { key } = stack.use(SysvSemaphoreSet.create(freeKey(), [1]));
    return () => SysvSemaphoreSet.open(key);
  },
  "SysvSemaphoreSet.openOrCreate()": () => () =>
    SysvSemaphoreSet.openOrCreate(freeKey(), [1], { owner: true }),
  "SysvSemaphoreSet.fromId()"(stack) {
    const { id } = stack.use(SysvSemaphoreSet.create(freeKey(), [1]));
    return () => SysvSemaphoreSet.fromId(id);
  },
  "SysvMessageQueue.open()"(stack) {
    const { key } = stack.use(SysvMessageQueue.create(freeKey()));
    return () => SysvMessageQueue.open(key);
  },
  "SysvMessageQueue.openOrCreate()": () => () =>
    SysvMessageQueue.openOrCreate(freeKey(), { owner: true }),
  "SysvMessageQueue.fromId()"(stack) {
    const { id } = stack.use(SysvMessageQueue.create(freeKey()));
    return () => SysvMessageQueue.fromId(id);
  },

  // Semaphores and queues

  "PosixSemaphore.inMapping()"(stack) {
    const mapping = stack.use(mapAnonymous(PAGE));
    return () => PosixSemaphore.inMapping(mapping);
  },
  "PosixSemaphore.at()"(stack) {
    const mapping = stack.use(mapAnonymous(PAGE));
    stack.use(PosixSemaphore.inMapping(mapping));
    return () => PosixSemaphore.at(mapping);
  },
  "PosixMessageQueue.onMessage()"(stack) {
    const queue = stack.use(PosixMessageQueue.create());
    return () => queue.onMessage(() => {});
  },

  // Processes, signals, locks

  "Pidfd.of()"(stack) {
    const child = cat(stack);
    return () => Pidfd.of(child);
  },
  "SignalQueue.open()": () => () => SignalQueue.open("SIGRTMAX"),
  "ignore()": () => () => ignore("SIGHUP"),
  "restoreDefault()": () => () => restoreDefault("SIGHUP"),
  "lockFile()"(stack) {
    const fd = stack.use(openLockFile(file(stack)));
    return () => lockFile(fd);
  },
  "tryLockFile()"(stack) {
    const fd = stack.use(openLockFile(file(stack)));
    return () => tryLockFile(fd);
  },

  // The device

  "WaveClient.wait()"(stack) {
    const address = running(stack);
    return () => WaveClient.wait(address);
  },
  "WaveClient.follow()"(stack) {
    const client = stack.use(WaveClient.open(running(stack)));
    return () => {
      const samples = client.follow();
      return { [Symbol.dispose]: () => void samples.return?.() };
    };
  },
  "WaveDevice.beginConfiguration()"(stack) {
    const path = Deno.makeTempDirSync();
    stack.defer(() => Deno.removeSync(path));
    const device = stack.use(
      WaveDevice.create({ waveform: "SIN", period: 1, path }),
    );
    return () => device.beginConfiguration();
  },
};
