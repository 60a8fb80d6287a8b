/** Drivers of the rows about sockets. */

import { pipe, Socket, type SocketType } from "@libc/ipc";
import { assertEquals, assertStrictEquals } from "@std/assert";
import { uniqueName } from "../util.ts";
import { limit, RLIMIT } from "./privileges.ts";
import type { Defer, Driven, Drivers } from "./rows.ts";
import { before, INTERRUPTED, NO_POINTERS, stranger } from "./situations.ts";

const NO_FLAGS = { why: "flags are options: there is no unknown one" };
const NO_PROTOCOL = {
  why: "the protocol is always 0, the one that the type has",
};
const NO_LENGTHS = {
  why: "addresses are made here, of the length that their family has",
};
const NO_VECTORS = { why: "data is one piece of memory: the vector has one" };
const NO_CONTROL = {
  why: "control data is made here, of as many descriptors as there are",
};
const LOOPBACK = { family: "inet", address: "127.0.0.1", port: 0 } as const;
/** The answer of a call that would have to wait. */
const WAITS = {
  expect: "ETIMEDOUT",
  because: "would-block is undefined or false, or the end of the time",
};

/** A temporary folder. */
function folder(defer: Defer): string {
  const path = Deno.makeTempDirSync({ prefix: "libc_ipc_" });
  defer(() => Deno.removeSync(path, { recursive: true }));
  return path;
}

function open(
  defer: Defer,
  domain: "unix" | "inet" = "unix",
  type: SocketType = "stream",
): Socket {
  const made = Socket.open(domain, type);
  defer(() => made[Symbol.dispose]());
  return made;
}

function pair(defer: Defer, type: SocketType = "stream"): [Socket, Socket] {
  const made = Socket.pair(type);
  defer(() => made.forEach((socket) => socket.close()));
  return made;
}

/** A stale socket file. */
function stale(defer: Defer, type: SocketType): string {
  const path = `${folder(defer)}/stale`;
  const dead = Socket.open("unix", type);
  dead.bind(path, { owner: false });
  dead.close();
  return path;
}

/** A descriptor that is not a socket. */
const notASocket: Driven = {
  run(defer) {
    const ends = pipe();
    defer(() => ends[Symbol.dispose]());
    return Socket.fromFd(ends.reader.fd);
  },
};
const badDescriptor: Driven = { run: () => Socket.fromFd(2 ** 31 - 1) };

const making: Drivers = {
  "socket: unknown domain": {
    // deno-lint-ignore no-explicit-any -- wrong on purpose
    run: () => Socket.open("unspecified" as any),
    instead: before("an unknown domain", "TypeError"),
  },
  "socket: TCP protocol on a datagram socket": NO_PROTOCOL,
  "socket: AF_UNIX with a foreign protocol": NO_PROTOCOL,
  "socket: raw socket without CAP_NET_RAW": {
    why: "raw sockets are no means of communication within a machine",
  },
  "socket: descriptor limit": {
    child: "common",
    run(defer) {
      defer(limit(RLIMIT.NOFILE, 0));
      return Socket.open("unix");
    },
  },
  "socketpair: AF_INET": {
    why: "pair() makes Unix sockets, the only ones that come in pairs",
  },
  "socketpair: unknown domain": {
    why: "pair() makes Unix sockets, the only ones that come in pairs",
  },
};

const binding: Drivers = {
  "bind: length too short": NO_LENGTHS,
  "bind: not a socket": notASocket,
  "bind: bad descriptor": badDescriptor,
  "bind: unix address on an inet socket": {
    run: (defer) => open(defer, "inet").bind(`\0${uniqueName()}`),
  },
  "bind: non-local inet address": {
    run: (defer) =>
      open(defer, "inet").bind({ ...LOOPBACK, address: "198.51.100.1" }),
  },
  "bind: path in an unwritable directory": stranger(
    (defer) => {
      const path = folder(defer);
      Deno.chmodSync(path, 0o555);
      return { path, socket: open(defer) };
    },
    ({ path, socket }) => socket.bind(`${path}/s`),
  ),
  "bind: path already exists (even a stale socket of a dead process)": {
    run: (defer) => open(defer).bind(stale(defer, "stream")),
  },
  "bind: privileged port without CAP_NET_BIND_SERVICE": stranger(
    (defer) => open(defer, "inet"),
    (socket) => socket.bind({ ...LOOPBACK, port: 463 }),
  ),
  "bind: address pointer unmapped": NO_POINTERS,
  "listen: datagram socket": {
    run(defer) {
      const socket = open(defer, "unix", "datagram");
      socket.bind(`\0${uniqueName()}`);
      socket.listen();
    },
  },
  "listen: unbound unix stream socket": {
    run: (defer) => open(defer).listen(),
  },
};

const connecting: Drivers = {
  "accept: not a socket": notASocket,
  "accept: not listening": {
    run(defer) {
      const socket = open(defer);
      socket.bind(`\0${uniqueName()}`);
      return socket.accept();
    },
  },
  "accept: datagram socket": {
    run: (defer) => open(defer, "unix", "datagram").acceptSync(),
  },
  "accept4: unknown flag": NO_FLAGS,
  "accept: signal while blocked": INTERRUPTED,
  "connect: not a socket": notASocket,
  "connect: length too short": NO_LENGTHS,
  "connect: nobody listens (inet)": {
    async run(defer) {
      // Bound, so that no other socket takes the port.
      const silent = open(defer, "inet");
      silent.bind(LOOPBACK);
      await open(defer, "inet").connect(silent.localAddress() ?? LOOPBACK);
    },
  },
  "connect: socket path missing": {
    run: (defer) => Socket.connect(`${folder(defer)}/nope`),
  },
  "connect: path is a regular file": {
    run(defer) {
      const path = `${folder(defer)}/file`;
      Deno.writeTextFileSync(path, "");
      return Socket.connect(path);
    },
  },
  "connect: wrong address family": {
    run: (defer) => open(defer, "inet").connectSync(`\0${uniqueName()}`),
  },
  "connect: type mismatch (stream to datagram socket)": {
    run(defer) {
      const path = `${folder(defer)}/s`;
      open(defer, "unix", "datagram").bind(path);
      return Socket.connect(path);
    },
  },
  "connect: no write permission on the socket file": stranger(
    (defer) => {
      const path = folder(defer);
      Deno.chmodSync(path, 0o755);
      open(defer).bind(`${path}/s`, { mode: 0o600 });
      return { path: `${path}/s`, socket: open(defer) };
    },
    ({ path, socket }) => socket.connectSync(path),
  ),
  "connect: inet nonblocking, handshake pending": {
    async run(defer) {
      const server = Socket.listen(LOOPBACK, { backlog: 0 });
      defer(() => server.close());
      const address = server.localAddress() ?? LOOPBACK;
      // The kernel accepts one more than the backlog, then nothing answers.
      for (let i = 0; i < 20; i++) {
        const socket = open(defer, "inet");
        if (i > 3) assertStrictEquals(socket.tryConnect(address), false);
        await socket.connect(address, { timeout: 50 });
      }
    },
    instead: WAITS,
  },
};

const sending: Drivers = {
  "sendmsg: bad descriptor": badDescriptor,
  "sendmsg: peer closed, MSG_NOSIGNAL": {
    async run(defer) {
      const [a, b] = pair(defer);
      b.close();
      await a.sendFds([a]);
    },
  },
  "sendmsg: local write side shut down": {
    run(defer) {
      const [a] = pair(defer, "seqpacket");
      a.shutdown("write");
      a.sendFdsSync([a]);
    },
  },
  "sendmsg: msghdr pointer unmapped": NO_POINTERS,
  "sendmsg: iovec count above UIO_MAXIOV (1024)": NO_VECTORS,
  "sendmsg: MSG_OOB on a unix datagram socket": NO_FLAGS,
  "sendmsg: socket buffer full, non-blocking": {
    run(defer) {
      const [a] = pair(defer, "seqpacket");
      while (a.trySend(new Uint8Array(8192)));
      a.sendFdsSync([a], "x", { timeout: 0 });
    },
    instead: WAITS,
  },
  "sendmsg: unconnected datagram without destination": {
    run(defer) {
      const socket = open(defer, "unix", "datagram");
      return socket.sendFds([socket]);
    },
  },
  "sendmsg: destination given on a connected unix stream": {
    run: (defer) => pair(defer)[0].sendTo("x", `\0${uniqueName()}`),
    instead: before("an address for a stream", "TypeError"),
  },
  "sendmsg: datagram destination path missing": {
    run: (defer) =>
      open(defer, "unix", "datagram").sendTo("x", `${folder(defer)}/nope`),
  },
  "sendmsg: datagram destination dead (stale file)": {
    run: (defer) =>
      open(defer, "unix", "datagram")
        .sendToSync("x", stale(defer, "datagram")),
  },
  "sendmsg (SCM_RIGHTS): closed descriptor in the list": {
    run(defer) {
      const [a, b] = pair(defer);
      const { fd } = b;
      b.close();
      return a.sendFds([fd]);
    },
    instead: before("a closed descriptor", "TypeError"),
  },
  "sendmsg (SCM_RIGHTS): more than SCM_MAX_FD (253) descriptors": {
    run(defer) {
      const [a] = pair(defer);
      a.sendFdsSync(Array.from({ length: 254 }, () => a));
    },
    instead: before("more than 253 descriptors"),
  },
  "sendmsg (control): control header length below the header size": NO_CONTROL,
  "sendmsg (control): control header length beyond the buffer": NO_CONTROL,
  "sendmsg (SCM_CREDENTIALS): claimed uid is not one of the sender's, unprivileged":
    { why: "credentials are those that the kernel fills in, never claimed" },
};

const receiving: Drivers = {
  "recvmsg: not a socket": notASocket,
  "recvmsg: iovec count above 1024": NO_VECTORS,
  "recvmsg: no data, MSG_DONTWAIT": {
    run(defer) {
      const [a] = pair(defer);
      assertEquals(a.tryReceiveFds(), undefined);
      a.receiveFdsSync({ timeout: 0 });
    },
    instead: WAITS,
  },
  "recvmsg: unconnected unix stream": {
    run: (defer) => open(defer).receiveFds(),
  },
  "recvmsg: unconnected inet stream": {
    run: (defer) => open(defer, "inet").receive(),
  },
  "recvmsg: signal while blocked": INTERRUPTED,
  "recvmsg: SO_RCVTIMEO elapses": {
    run: (defer) => pair(defer)[0].receiveSync({ timeout: 20 }),
    instead: {
      expect: "ETIMEDOUT",
      because: "time limits are ours, and every timeout has one code",
    },
  },
};

/** The drivers of sockets. */
export const drivers: Drivers = {
  ...making,
  ...binding,
  ...connecting,
  ...sending,
  ...receiving,
};
