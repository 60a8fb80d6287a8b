/** Waits on pipes, FIFOs and sockets. */

import {
  type FdReader,
  Fifo,
  pipe,
  type PipeEnds,
  PipeReader,
  Socket,
} from "@libc/ipc";
import { openFds, uniqueName } from "../util.ts";
import {
  exhaust,
  type Kind,
  putting,
  type Subject,
  taking,
} from "./subject.ts";

const byte = new Uint8Array([7]);
/** The capacity of the smallest pipe. */
const PAGE = new Uint8Array(4096);

/** Reads all bytes there are. */
function drain(reader: FdReader): number {
  const buffer = new Uint8Array(65536);
  let sum = 0;
  for (let count; (count = reader.tryRead(buffer));) sum += count;
  return sum;
}

function pipeRead(): Subject {
  const stack = new DisposableStack();
  const { reader, writer } = stack.use(pipe());
  return readingEnd(reader, writer, stack);
}

function fifoRead(): Subject {
  const stack = new DisposableStack();
  const fifo = stack.use(Fifo.create(`/tmp/${uniqueName()}`));
  const reader = stack.use(fifo.openReader());
  const writer = stack.use(fifo.openWriterSync());
  return readingEnd(reader, writer, stack);
}

function readingEnd(
  reader: PipeReader,
  writer: PipeEnds["writer"],
  stack: DisposableStack,
): Subject {
  const rest = stack.use(PipeReader.fromFd(reader.fd));
  return taking({
    wait: (options) => reader.read(new Uint8Array(1), options),
    waitSync: (options) => reader.readSync(new Uint8Array(1), options),
    give: () => writer.writeSync(byte),
    left: () => drain(rest),
    handle: reader,
    target: reader,
    other: writer,
  }, stack);
}

function pipeWrite(): Subject {
  const stack = new DisposableStack();
  const { reader, writer } = stack.use(pipe({ capacity: PAGE.length }));
  return writingEnd(reader, writer, stack);
}

function fifoWrite(): Subject {
  const stack = new DisposableStack();
  const fifo = stack.use(Fifo.create(`/tmp/${uniqueName()}`));
  const { reader, writer } = stack.use(fifo.openReadWrite());
  writer.resize(PAGE.length);
  return writingEnd(reader, writer, stack);
}

function writingEnd(
  reader: PipeReader,
  writer: PipeEnds["writer"],
  stack: DisposableStack,
): Subject {
  const buffer = new Uint8Array(PAGE.length);
  return putting({
    wait: (options) => writer.write(PAGE, options),
    waitSync: (options) => writer.writeSync(PAGE, options),
    initial: exhaust(() => writer.tryWrite(PAGE)),
    take: () => (reader.tryRead(buffer) ?? 0) / PAGE.length,
    left: () => drain(reader) / PAGE.length,
    handle: writer,
    other: reader,
  }, stack);
}

function splice(): Subject {
  const stack = new DisposableStack();
  const from = stack.use(pipe());
  const to = stack.use(pipe());
  const rest = stack.use(PipeReader.fromFd(from.reader.fd));
  return taking({
    wait: (options) => from.reader.splice(to.writer, { ...options, length: 1 }),
    waitSync: (options) =>
      from.reader.spliceSync(to.writer, { ...options, length: 1 }),
    give() {
      // Each byte takes one of the few pipe buffers there.
      drain(to.reader);
      from.writer.writeSync(byte);
    },
    left: () => drain(rest),
    handle: from.reader,
    other: from.writer,
  }, stack);
}

function socketRead(): Subject {
  const stack = new DisposableStack();
  const [a, b] = Socket.pair().map((socket) => stack.use(socket)) as Pair;
  const rest = stack.use(Socket.fromFd(a.fd));
  return taking({
    wait: (options) => a.reader.read(new Uint8Array(1), options),
    waitSync: (options) => a.reader.readSync(new Uint8Array(1), options),
    give: () => b.sendSync(byte),
    left: () => drain(rest.reader),
    handle: a,
    target: a.reader,
    other: b,
  }, stack);
}

type Pair = [Socket, Socket];

function socketReceive(type: "stream" | "datagram" | "seqpacket"): Subject {
  const stack = new DisposableStack();
  const [a, b] = Socket.pair(type).map((socket) => stack.use(socket)) as Pair;
  const rest = stack.use(Socket.fromFd(a.fd));
  return taking({
    wait: (options) => a.receive({ ...options, maxSize: 1 }),
    waitSync: (options) => a.receiveSync({ ...options, maxSize: 1 }),
    give: () => b.sendSync(byte),
    left: () => exhaust(() => rest.tryReceive({ maxSize: 1 })),
    handle: a,
    target: a,
    other: b,
  }, stack);
}

function socketReceiveFrom(): Subject {
  const stack = new DisposableStack();
  const name = `\0${uniqueName()}`;
  const socket = stack.use(Socket.open("unix", "datagram"));
  socket.bind(name);
  const rest = stack.use(Socket.fromFd(socket.fd));
  const sender = stack.use(Socket.open("unix", "datagram"));
  return taking({
    wait: (options) => socket.receiveFrom(options),
    waitSync: (options) => socket.receiveFromSync(options),
    give: () => sender.sendToSync(byte, name),
    left: () => exhaust(() => rest.tryReceiveFrom()),
    handle: socket,
    target: socket,
  }, stack);
}

function socketReceiveFds(): Subject {
  const stack = new DisposableStack();
  const [a, b] = Socket.pair().map((socket) => stack.use(socket)) as Pair;
  const rest = stack.use(Socket.fromFd(a.fd));
  const release = (result: unknown) => {
    if (result === null) return;
    const { fds } = result as { fds: Disposable[] };
    for (const fd of fds) fd[Symbol.dispose]();
    return fds.length === 1;
  };
  return taking({
    wait: (options) => a.receiveFds({ ...options, maxSize: 1 }),
    release,
    waitSync: (options) => a.receiveFdsSync({ ...options, maxSize: 1 }),
    give: () => b.sendFdsSync([b]),
    left: () =>
      exhaust(() => {
        const found = rest.tryReceiveFds({ maxSize: 1 });
        return found && release(found);
      }),
    handle: a,
    target: a,
    other: b,
  }, stack);
}

function socketSend(type: "datagram" | "seqpacket"): Subject {
  const stack = new DisposableStack();
  const [a, b] = Socket.pair(type).map((socket) => stack.use(socket)) as Pair;
  const left = () => exhaust(() => b.tryReceive());
  return putting({
    wait: (options) => a.send(PAGE, options),
    waitSync: (options) => a.sendSync(PAGE, options),
    initial: exhaust(() => a.trySend(PAGE)),
    // It is writable only when most of its buffer is free.
    take: left,
    left,
    handle: a,
    other: b,
  }, stack);
}

function socketSendTo(): Subject {
  const stack = new DisposableStack();
  const name = `\0${uniqueName()}`;
  const receiver = stack.use(Socket.open("unix", "datagram"));
  receiver.bind(name);
  const socket = stack.use(Socket.open("unix", "datagram"));
  const left = () => exhaust(() => receiver.tryReceive());
  return putting({
    wait: (options) => socket.sendTo(byte, name, options),
    waitSync: (options) => socket.sendToSync(byte, name, options),
    initial: exhaust(() => socket.trySendTo(byte, name)),
    take: left,
    left,
    handle: socket,
    other: receiver,
  }, stack);
}

function socketAccept(): Subject {
  const stack = new DisposableStack();
  const name = `\0${uniqueName()}`;
  const listener = stack.use(Socket.listen(name));
  const rest = stack.use(Socket.fromFd(listener.fd));
  const release = (socket: unknown) => (socket as Socket).close();
  return taking({
    wait: (options) => listener.accept(options),
    release,
    waitSync: (options) => listener.acceptSync(options),
    give() {
      using client = Socket.open("unix");
      client.connectSync(name);
    },
    left: () =>
      exhaust(() => {
        using socket = rest.tryAccept();
        return socket;
      }),
    handle: listener,
    target: listener,
  }, stack);
}

function socketConnect(): Subject {
  const stack = new DisposableStack();
  const name = `\0${uniqueName()}`;
  const listener = stack.use(Socket.open("unix"));
  listener.bind(name);
  listener.listen(0);
  const sockets: Socket[] = [];
  let closed = false;
  const accept = () => {
    using socket = listener.tryAccept();
    return socket;
  };
  const initial = exhaust(() => {
    using socket = Socket.open("unix");
    return socket.tryConnect(name);
  });
  return putting({
    wait(options) {
      // A socket connects once.
      const socket = stack.use(Socket.open("unix"));
      sockets.push(socket);
      if (closed) socket.close();
      return socket.connect(name, options);
    },
    initial,
    take: () => Number(accept() !== undefined),
    left: () => exhaust(accept),
    handle: {
      close() {
        closed = true;
        for (const socket of sockets) socket.close();
      },
    },
    other: listener,
  }, stack);
}

function fifoOpenWriter(): Subject {
  const stack = new DisposableStack();
  const fifo = stack.use(Fifo.create(`/tmp/${uniqueName()}`));
  const { path } = fifo;
  return {
    wait: (options) => fifo.openWriter(options),
    release: (end) => stack.use(end as PipeEnds["writer"]),
    waitSync: (options) => stack.use(fifo.openWriterSync(options)),
    wake: () => void stack.use(fifo.openReader()),
    effects: () => writersOf(path),
    close: () => fifo.close(),
    [Symbol.dispose]: () => stack.dispose(),
  };
}

let writers: Map<string, number> | undefined;

/** The number of write-only descriptors of this process for a file. */
function writersOf(path: string): number {
  if (writers === undefined) {
    writers = countWriters();
    // One count serves all calls in a row.
    queueMicrotask(() => writers = undefined);
  }
  return writers.get(path) ?? 0;
}

/** The same for all FIFOs of the tests. */
function countWriters(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const fd of openFds(/^\/tmp\/libc-ipc-test-/)) {
    const [number = "", path = ""] = fd.split(" ");
    const info = Deno.readTextFileSync(`/proc/self/fdinfo/${number}`);
    const flags = parseInt(/^flags:\s*([0-7]+)$/m.exec(info)?.[1] ?? "", 8);
    if ((flags & 3) === 1) counts.set(path, (counts.get(path) ?? 0) + 1);
  }
  return counts;
}

/** The table. */
export const streamKinds: Kind[] = [
  { name: "PipeReader.read", ordered: true, make: pipeRead },
  { name: "PipeWriter.write", ordered: true, make: pipeWrite },
  { name: "PipeReader.splice", make: splice },
  { name: "Fifo reader.read", ordered: true, make: fifoRead },
  { name: "Fifo writer.write", ordered: true, make: fifoWrite },
  { name: "Fifo.openWriter", once: true, slow: true, make: fifoOpenWriter },
  { name: "Socket.reader.read", ordered: true, make: socketRead },
  { name: "Socket.receive of a stream", make: () => socketReceive("stream") },
  {
    name: "Socket.receive of datagrams",
    make: () => socketReceive("datagram"),
  },
  {
    name: "Socket.receive of packets",
    make: () => socketReceive("seqpacket"),
  },
  { name: "Socket.receiveFrom", make: socketReceiveFrom },
  { name: "Socket.receiveFds", make: socketReceiveFds },
  { name: "Socket.send of datagrams", make: () => socketSend("datagram") },
  { name: "Socket.send of packets", make: () => socketSend("seqpacket") },
  { name: "Socket.sendTo", make: socketSendTo },
  { name: "Socket.accept", make: socketAccept },
  { name: "Socket.connect", slow: true, make: socketConnect },
];
