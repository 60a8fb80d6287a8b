// Sockets of another user, planted sockets, and received descriptors of the
// wrong kind.

import { assertEquals } from "@std/assert";
import {
  EventFd,
  Memfd,
  Pidfd,
  pipe,
  PipeReader,
  PipeWriter,
  Socket,
} from "@libc/ipc";
import type { Fd } from "@libc/ipc/memfd";
import { abstractName, pair } from "../ipc/socket/util.ts";
import { openedSince, openFds, spawnDeno, watchdog } from "../util.ts";
import { outcome, play, withStranger } from "./stage.ts";

Deno.test({
  ...withStranger("sockets of another user in a sticky folder"),
  async fn() {
    assertEquals(await play("stranger at sockets"), {
      "connect": "EACCES",
      "connect to packets": "EACCES",
      "connect to a stale one": "EACCES",
      "connect by a link": "EACCES",
      "sendTo": "EACCES",
      "sendTo what is public": "done",
      "bind over a live one": "EADDRINUSE",
      "bind over datagrams": "EADDRINUSE",
      "bind over a stale one": "EADDRINUSE",
      "bind over a link": "EADDRINUSE",
      "listen over a live one": "EADDRINUSE",
      "what is there": "datagrams,link,listening,packets,public,stale",
    });
  },
});

Deno.test({
  ...withStranger("sockets that another user has put into a sticky folder"),
  async fn() {
    assertEquals(await play("planted sockets"), {
      "who listens": "65534",
      "listen over a live one": "EADDRINUSE",
      "listen over a stale one": "EADDRINUSE",
      "in its place, when told to": "done",
    });
  },
});

/** Functions that make a handle from a descriptor that a peer has sent. */
const TAKERS: Record<string, (fd: Fd) => Disposable> = {
  Memfd: (fd) => Memfd.fromFd(fd),
  sealed: (fd) => Memfd.fromFd(fd, { requireSeals: ["shrink"] }),
  PipeReader: (fd) => PipeReader.fromFd(fd),
  PipeWriter: (fd) => PipeWriter.fromFd(fd),
  Socket: (fd) => Socket.fromFd(fd),
  EventFd: (fd) => EventFd.fromFd(fd),
  Pidfd: (fd) => Pidfd.fromFd(fd),
};

Deno.test("a descriptor that a peer sends is taken for nothing else", async () => {
  using _dog = watchdog("descriptors of every kind");
  using both = pair("seqpacket");
  using ends = pipe();
  using memory = Memfd.create("weak", { size: 1, seals: [] });
  using event = EventFd.create();
  using process = Pidfd.open(Deno.pid);
  const sent: Record<string, Fd> = {
    memory: memory.fd,
    reader: ends.reader.fd,
    writer: ends.writer.fd,
    socket: both.a.fd,
    event: event.fd,
    process: process.fd,
  };
  const before = openFds();
  const found: Record<string, string> = {};
  for (const [what, fd] of Object.entries(sent)) {
    await both.a.sendFds([fd]);
    const message = await both.b.receiveFds();
    const [received] = message?.fds ?? [];
    if (received === undefined) throw new TypeError("nothing was received");
    const codes: string[] = [];
    for (const [name, take] of Object.entries(TAKERS)) {
      const code = await outcome(() => take(received));
      if (code === "done") codes.push(name);
      else if (
        !["EINVAL", "ENODEV", "ENOTSOCK", "EBADF", "EPERM"].includes(code)
      ) {
        codes.push(`${name} ${code}`);
      }
    }
    received.close();
    found[what] = codes.join();
  }
  assertEquals(found, {
    memory: "Memfd",
    reader: "PipeReader",
    writer: "PipeWriter",
    socket: "Socket",
    event: "EventFd",
    process: "Pidfd",
  });
  assertEquals(openedSince(before), []);
});

Deno.test("peers that connect and go at once are gone, and nothing else", async () => {
  using _dog = watchdog("peers that go at once");
  for (const type of ["stream", "seqpacket"] as const) {
    const name = abstractName();
    using server = Socket.listen(name, { type });
    await using child = spawnDeno(`
      import { Socket } from "@libc/ipc/socket";
      const name = ${JSON.stringify(name)};
      for (let i = 0; i < 300; i++) {
        using socket = await Socket.connect(name, { type: "${type}" });
        if (i % 3 === 0) socket.sendSync("half of a");
        if (i % 3 === 1) socket.shutdown("write");
      }`);
    const ends: Record<string, number> = {};
    for (let i = 0; i < 300; i++) {
      using connection = await server.accept();
      let end = "";
      for (;;) {
        const message = await outcome(async () =>
          await connection.receive() === null ? "end" : "data"
        );
        end += message;
        if (message !== "data") break;
      }
      ends[end] = (ends[end] ?? 0) + 1;
    }
    assertEquals(ends, { dataend: 100, end: 200 });
    assertEquals((await child.end()).code, 0);
  }
});
