/** The streams of bytes, for the table of all handles. */

import {
  type FdReader,
  type FdWriter,
  Fifo,
  pipe,
  PipeReader,
  type PipeWriter,
} from "@libc/ipc";
import { define, type HandleCase } from "./handle_case.ts";

const byte = new Uint8Array(1);

const readerUses: ((reader: FdReader) => unknown)[] = [
  (reader) => reader.fd,
  (reader) => reader.inheritable(),
  (reader) => reader.read(byte),
  (reader) => reader.readSync(byte),
  (reader) => reader.tryRead(byte),
  (reader) => reader[Symbol.asyncIterator]().next(),
  (reader) => reader.readable.getReader().read(),
];

const writerUses: ((writer: FdWriter) => unknown)[] = [
  (writer) => writer.fd,
  (writer) => writer.inheritable(),
  (writer) => writer.write(byte),
  (writer) => writer.writeSync(byte),
  (writer) => writer.tryWrite(byte),
  (writer) => writer.writable.getWriter().write(byte),
];

const reader: HandleCase<PipeReader> = {
  make() {
    using ends = pipe();
    ends.writer.writeSync("hello");
    return PipeReader.fromFd(ends.reader.fd);
  },
  use: (reader) => reader.readSync(byte),
  uses: [
    ...readerUses,
    (reader) => reader.capacity,
    (reader) => reader.resize(4096),
    (reader) => reader.splice(1),
    (reader) => reader.spliceSync(1),
    (reader) => reader.trySplice(1),
  ],
};

/** Reading ends of the pipes of the writers below. */
const others = new WeakMap<PipeWriter, PipeReader>();
const writer: HandleCase<PipeWriter> = {
  make() {
    const ends = pipe();
    others.set(ends.writer, ends.reader);
    return ends.writer;
  },
  use(writer) {
    writer.writeSync("hello");
    others.get(writer)?.close();
  },
  uses: [
    ...writerUses,
    (writer) => writer.capacity,
    (writer) => writer.resize(4096),
  ],
};

/** The table's part, by the names that `mod.ts` exports. */
export const streamHandles: Record<string, HandleCase> = {
  FdReader: define({ ...reader, uses: readerUses }),
  FdWriter: define({ ...writer, uses: writerUses }),
  PipeReader: define(reader),
  PipeWriter: define(writer),
  Fifo: define<Fifo>({
    make: () => Fifo.create(`/tmp/libc-ipc-${crypto.randomUUID()}.fifo`),
    use(fifo) {
      using reader = fifo.openReader();
      using writer = fifo.openWriterSync();
      writer.writeSync("hello");
      reader.readSync(byte);
    },
    uses: [
      (fifo) => fifo.openReader(),
      (fifo) => fifo.openWriter(),
      (fifo) => fifo.openWriterSync(),
      (fifo) => fifo.tryOpenWriter(),
      (fifo) => fifo.openReadWrite(),
      (fifo) => fifo.stat(),
      (fifo) => fifo.remove(),
    ],
  }),
};
