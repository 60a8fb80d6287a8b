/**
 * Ways to come by a handle that `handles.ts` does not take: opening what is
 * there, adopting, duplicating, accepting.
 */

import {
  EventFd,
  type FdMessage,
  Fifo,
  lockFileSync,
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
  Socket,
  spawn,
  WaveControl,
  WaveDevice,
} from "@libc/ipc";
import { ERRNO, ipcError } from "../../ffi/core/errno.ts";
import { uniqueName } from "../util.ts";
import { moreConstructors } from "./more_constructors.ts";

const path = (): string => `/tmp/${uniqueName()}`;

/** What a constructor makes. */
export type Made = Disposable | undefined;

/**
 * Makes what a constructor needs, which lives as long as the stack, and gives
 * the constructor.
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
      // One that could not be accepted before may come first.
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
      // As others fail, so that it is tried with room for one of the two too.
      throw ipcError(ERRNO.EMFILE, "recvmsg", "receive", "descriptors");
    };
  };
}

/** The constructors; what each does is done with more and more descriptors. */
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
      // A file whose socket is closed; it is gone at the end of this scope.
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
  ...moreConstructors,
};
