/** POSIX handles, memfds and sockets, for the table of all handles. */

import {
  type Fd,
  Memfd,
  PosixMessageQueue,
  PosixSemaphore,
  PosixSharedMemory,
  Socket,
} from "@libc/ipc";
import { define, type HandleCase } from "./handle_case.ts";

const byte = new Uint8Array(1);

/** The classes of POSIX objects, memfds and sockets. */
export const posixHandles: Record<string, HandleCase> = {
  PosixSharedMemory: define<PosixSharedMemory>({
    make: () => PosixSharedMemory.create(null, { size: 4096 }),
    use(memory) {
      using mapping = memory.map();
      mapping.bytes[0] = 1;
    },
    uses: [
      (memory) => memory.fd,
      (memory) => memory.map(),
      (memory) => memory.pread(byte),
      (memory) => memory.pwrite(byte),
      (memory) => memory.resize(8192),
      (memory) => memory.stat(),
      (memory) => memory.set({ mode: 0o600 }),
      (memory) => memory.size,
      (memory) => memory.unlink(),
    ],
    rounds: 2000,
  }),
  Fd: define<Fd>({
    make() {
      using memfd = Memfd.create("test", { size: 1 });
      return memfd.fd.duplicate();
    },
    use: (fd) => fd.duplicate().close(),
    uses: [(fd) => fd.number, (fd) => fd.duplicate()],
  }),
  Memfd: define<Memfd>({
    make: () => Memfd.create("test", { size: 4096 }),
    use(memfd) {
      using mapping = memfd.map();
      mapping.bytes[0] = 1;
    },
    uses: [
      (memfd) => memfd.fd,
      (memfd) => memfd.size,
      (memfd) => memfd.seals,
      (memfd) => memfd.seal("seal"),
      (memfd) => memfd.map(),
      (memfd) => memfd.pread(byte),
      (memfd) => memfd.pwrite(byte),
      (memfd) => memfd.resize(8192),
      (memfd) => memfd.stat(),
      (memfd) => memfd.set({ mode: 0o600 }),
    ],
  }),
  PosixSemaphore: define<PosixSemaphore>({
    make: () => PosixSemaphore.create(null, { value: 1 }),
    use(semaphore) {
      semaphore.acquireSync();
      semaphore.release();
    },
    uses: [
      (semaphore) => semaphore.acquire(),
      (semaphore) => semaphore.acquireSync(),
      (semaphore) => semaphore.tryAcquire(),
      (semaphore) => semaphore.release(),
      (semaphore) => semaphore.value(),
      (semaphore) => semaphore.unlink(),
    ],
    rounds: 2000,
  }),
  PosixMessageQueue: define<PosixMessageQueue>({
    make: () => PosixMessageQueue.create(null, { messageSize: 64 }),
    use(queue) {
      queue.sendSync("x");
      queue.receiveSync();
    },
    uses: [
      (queue) => queue.fd,
      (queue) => queue.send(byte),
      (queue) => queue.sendSync(byte),
      (queue) => queue.trySend(byte),
      (queue) => queue.receive(),
      (queue) => queue.receiveSync(),
      (queue) => queue.tryReceive(),
      (queue) => queue.messages().next(),
      (queue) => queue.onMessage(() => {}),
      (queue) => queue.unlink(),
      (queue) => queue.attributes(),
      (queue) => queue.setNonBlocking(false),
      (queue) => queue.stat(),
      (queue) => queue.set({ mode: 0o600 }),
    ],
    rounds: 2000,
  }),
  Socket: define<Socket>({
    make() {
      const [socket, other] = Socket.pair("datagram");
      other.close();
      return socket;
    },
    use: (socket) => socket.setOption("passCredentials", true),
    uses: [
      (socket) => socket.fd,
      (socket) => socket.bind("\0never"),
      (socket) => socket.listen(),
      (socket) => socket.accept(),
      (socket) => socket.acceptSync(),
      (socket) => socket.tryAccept(),
      (socket) => socket.connect("\0never"),
      (socket) => socket.connectSync("\0never"),
      (socket) => socket.send(byte),
      (socket) => socket.sendSync(byte),
      (socket) => socket.trySend(byte),
      (socket) => socket.receive(),
      (socket) => socket.receiveSync(),
      (socket) => socket.tryReceive(),
      (socket) => socket.sendTo(byte, "\0never"),
      (socket) => socket.sendToSync(byte, "\0never"),
      (socket) => socket.trySendTo(byte, "\0never"),
      (socket) => socket.receiveFrom(),
      (socket) => socket.receiveFromSync(),
      (socket) => socket.tryReceiveFrom(),
      (socket) => socket.tryConnect("\0never"),
      (socket) => socket.remove(),
      (socket) => socket.sendFds([socket]),
      (socket) => socket.sendFdsSync([socket]),
      (socket) => socket[Symbol.asyncIterator]().next(),
      (socket) => socket.receiveFds(),
      (socket) => socket.receiveFdsSync(),
      (socket) => socket.tryReceiveFds(),
      (socket) => socket.shutdown(),
      (socket) => socket.getOption("error"),
      (socket) => socket.getOption({ level: 1, name: 4 }),
      (socket) => socket.getOption({ level: 1, name: 4 }, 4),
      (socket) => socket.setOption("passCredentials", true),
      (socket) => socket.setOption({ level: 1, name: 16 }, 1),
      (socket) => socket.localAddress(),
      (socket) => socket.peerAddress(),
      (socket) => socket.peerCredentials(),
    ],
  }),
};
