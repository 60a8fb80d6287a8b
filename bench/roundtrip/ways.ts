/**
 * The transports between two processes, and both ends of each.
 *
 * @module
 */

import {
  inheritedFd,
  pipe,
  PipeReader,
  PipeWriter,
  Socket,
  spawn,
} from "@libc/ipc";

/** One end of a transport. */
export interface End extends AsyncDisposable {
  /** Sends all of a message. */
  send(data: Uint8Array): Promise<unknown>;
  /** Receives one into a buffer; false at the end. */
  receive(buffer: Uint8Array): Promise<boolean>;
}

/** The role of the peer process. */
export type Role = "echo" | "sink";

/** A transport between two processes. */
export interface Way {
  /** Its name, which the peer process gets too. */
  name: string;
  /** Starts the peer process and returns our end. */
  start(folder: string, role: Role): Promise<End>;
  /** Opens the end in the peer process. */
  join(place: string): Promise<End>;
}

const PEER = new URL("peer.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** Fills a buffer by reads that return a number of bytes. */
async function fill(
  buffer: Uint8Array,
  read: (rest: Uint8Array) => Promise<number | null>,
): Promise<boolean> {
  for (let offset = 0; offset < buffer.length;) {
    const rest = offset === 0 ? buffer : buffer.subarray(offset);
    const count = await read(rest);
    if (count === null) return false;
    offset += count;
  }
  return true;
}

/** Starts the peer process, with extra descriptors if needed. */
function peer(
  name: string,
  place: string,
  role: Role,
  fds: Record<number, { fd: PipeReader["fd"] }> = {},
): ReturnType<typeof spawn> {
  return spawn(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-lock",
      `--config=${CONFIG}`,
      "--allow-all",
      PEER,
      name,
      place,
      role,
    ],
    fds,
  });
}

function socketEnd(socket: Socket, dispose: () => Promise<unknown>): End {
  const { reader } = socket;
  return {
    send: (data) => socket.send(data),
    receive: (buffer) => fill(buffer, (rest) => reader.read(rest)),
    async [Symbol.asyncDispose]() {
      socket.close();
      await dispose();
    },
  };
}

function pipeEnd(
  reader: PipeReader,
  writer: PipeWriter,
  dispose: () => Promise<unknown>,
): End {
  return {
    send: (data) => writer.write(data),
    receive: (buffer) => fill(buffer, (rest) => reader.read(rest)),
    async [Symbol.asyncDispose]() {
      writer.close();
      reader.close();
      await dispose();
    },
  };
}

function denoEnd(connection: Deno.Conn, dispose: () => Promise<unknown>): End {
  return {
    async send(data) {
      // One write may take a part of it.
      let sent = await connection.write(data);
      while (sent < data.length) {
        sent += await connection.write(data.subarray(sent));
      }
    },
    receive: (buffer) => fill(buffer, (rest) => connection.read(rest)),
    async [Symbol.asyncDispose]() {
      connection.close();
      await dispose();
    },
  };
}

const nothing = () => Promise.resolve();

/** All transports. */
export const ways: Way[] = [
  {
    name: "unix stream",
    async start(folder, role) {
      const path = `${folder}/ours-${role}`;
      using server = Socket.listen(path);
      const child = peer(this.name, path, role);
      return socketEnd(await server.accept(), () => child.wait());
    },
    join: async (place) => socketEnd(await Socket.connect(place), nothing),
  },
  {
    name: "pipes",
    start(_folder, role) {
      const there = pipe();
      const back = pipe();
      const fds = { 3: there.reader, 4: back.writer };
      const child = peer(this.name, "-", role, fds);
      there.reader.close();
      back.writer.close();
      const end = pipeEnd(back.reader, there.writer, () => child.wait());
      return Promise.resolve(end);
    },
    join() {
      const options = { takeOver: true };
      const reader = PipeReader.fromFd(inheritedFd(3), options);
      const writer = PipeWriter.fromFd(inheritedFd(4), options);
      return Promise.resolve(pipeEnd(reader, writer, nothing));
    },
  },
  {
    name: "Deno.connect",
    async start(folder, role) {
      const path = `${folder}/deno-${role}`;
      using listener = Deno.listen({ transport: "unix", path });
      const child = peer(this.name, path, role);
      return denoEnd(await listener.accept(), () => child.wait());
    },
    join: async (path) =>
      denoEnd(await Deno.connect({ transport: "unix", path }), nothing),
  },
];
