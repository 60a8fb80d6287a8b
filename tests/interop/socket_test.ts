// Unix sockets with C, Python and Perl on the other side.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { pipe, PipeReader } from "@libc/ipc/pipe";
import { Socket } from "@libc/ipc/socket";
import { spawn } from "@libc/ipc/spawn";
import {
  abstractName,
  bytes,
  folder,
  NO_PYTHON,
  textOf,
} from "../ipc/socket/util.ts";
import { spawnCommand, watchdog } from "../util.ts";
import { compiled, NO_CC, NO_PERL } from "./_peers.ts";

/** Returns an abstract name, and the C peer's spelling of it. */
function names(): { name: string; spelled: string } {
  const name = abstractName();
  return { name, spelled: `@${name.slice(1)}` };
}

Deno.test({
  name:
    `Socket.listen() takes connections of C, by path and abstract name, of both types${NO_CC}`,
  ignore: NO_CC !== "",
  async fn() {
    using _dog = watchdog("C connects");
    const peer = await compiled("socket_peer");
    using dir = folder();
    const { name, spelled } = names();
    for (const type of ["stream", "seqpacket"] as const) {
      const places = [[name, spelled], [`${dir.path}/s`, `${dir.path}/s`]];
      for (const [ours = "", theirs = ""] of places) {
        using server = Socket.listen(ours, { type });
        await using child = spawnCommand(peer, {
          args: ["echo", type, theirs],
        });
        using connection = await server.accept();
        assertEquals(connection.peerCredentials().pid, child.pid);
        for (const text of ["to C", "and back"]) {
          await connection.send(text);
          assertEquals(textOf(await connection.receive()), text);
        }
        connection.close();
        assertEquals((await child.end()).code, 0);
      }
    }
  },
});

Deno.test({
  name:
    `Socket.connect() finds C, by path and abstract name, of both types${NO_CC}`,
  ignore: NO_CC !== "",
  async fn() {
    using _dog = watchdog("we connect to C");
    const peer = await compiled("socket_peer");
    using dir = folder();
    const { name, spelled } = names();
    for (const type of ["stream", "seqpacket"] as const) {
      const path = `${dir.path}/${type}`;
      for (const [ours = "", theirs = ""] of [[name, spelled], [path, path]]) {
        await using child = spawnCommand(peer, {
          args: ["serve", type, theirs],
        });
        assertEquals(await child.line(), "ready");
        using client = await Socket.connect(ours, { type });
        assertEquals(client.peerCredentials().pid, child.pid);
        await client.send("hello C");
        assertEquals(textOf(await client.receive()), "hello C");
        client.close();
        assertEquals((await child.end()).code, 0);
      }
    }
  },
});

Deno.test({
  name: `Socket receives datagrams of C${NO_CC}`,
  ignore: NO_CC !== "",
  async fn() {
    const peer = await compiled("socket_peer");
    const { name, spelled } = names();
    using socket = Socket.open("unix", "datagram");
    socket.bind(name);
    for (const text of ["from C", ""]) {
      await using child = spawnCommand(peer, {
        args: ["send", "dgram", spelled, text],
      });
      const { data, address } = await socket.receiveFrom();
      assertEquals([textOf(data), address], [text, null]);
      assertEquals((await child.end()).code, 0);
    }
  },
});

Deno.test({
  name: `Socket takes descriptors of C and passes some, up to 253${NO_CC}`,
  ignore: NO_CC !== "",
  async fn() {
    using _dog = watchdog("descriptors of C");
    const peer = await compiled("socket_peer");
    const { name, spelled } = names();
    using server = Socket.listen(name, { type: "seqpacket" });
    for (const count of [1, 2, 253]) {
      await using child = spawnCommand(peer, {
        args: ["pass", spelled, String(count)],
      });
      using connection = await server.accept();
      const message = await connection.receiveFds();
      assertEquals(textOf(message?.data), "from C");
      assertEquals([message?.fds.length, message?.fdsLost], [count, false]);
      assertEquals((await child.end()).code, 0);
      const [first, ...others] = message?.fds ?? [];
      assert(first !== undefined);
      for (const fd of others) fd.close();
      using reader = PipeReader.fromFd(first, { takeOver: true });
      const buffer = new Uint8Array(99);
      const length = reader.readSync(buffer) ?? 0;
      assertEquals(textOf(buffer.subarray(0, length)), "through the pipe");
    }
    for (const count of [1, 253]) {
      await using child = spawnCommand(peer, { args: ["take", spelled] });
      using connection = await server.accept();
      using ends = pipe();
      await connection.sendFds(
        Array.from({ length: count }, () => ends.writer),
        "take it",
      );
      assertEquals(await child.line(), `${count} take it`);
      const buffer = new Uint8Array(99);
      assertEquals(await ends.reader.read(buffer), 6);
      assertEquals(textOf(buffer.subarray(0, 6)), "from C");
    }
  },
});

Deno.test({
  name:
    `Socket talks with Perl in lines, over a socket file and loopback${NO_PERL}`,
  ignore: NO_PERL !== "",
  async fn() {
    using _dog = watchdog("Perl");
    using dir = folder();
    const path = `${dir.path}/s`;
    const serve = async (server: Socket) => {
      using connection = await server.accept();
      let text = "";
      for await (const data of connection) {
        text += textOf(data);
        while (text.includes("\n")) {
          const end = text.indexOf("\n") + 1;
          await connection.send(text.slice(0, end).toUpperCase());
          text = text.slice(end);
        }
      }
    };
    using unix = Socket.listen(path);
    using inet = Socket.listen({
      family: "inet",
      address: "127.0.0.1",
      port: 0,
    });
    const address = inet.localAddress();
    assert(address?.family === "inet");
    const code = `use IO::Socket::UNIX; use IO::Socket::INET;
      my $s = $ARGV[0] =~ /^\\d+$/
        ? IO::Socket::INET->new(PeerAddr => "127.0.0.1:$ARGV[0]")
        : IO::Socket::UNIX->new(Peer => $ARGV[0]);
      $s or die $!;
      for (1 .. 3) { print $s "line $_\\n"; print scalar <$s> }`;
    for (
      const [server, where] of [
        [unix, path],
        [inet, String(address.port)],
      ] as const
    ) {
      const served = serve(server);
      await using child = spawnCommand("perl", { args: ["-e", code, where] });
      for (const line of ["LINE 1", "LINE 2", "LINE 3"]) {
        assertEquals(await child.line(), line);
      }
      assertEquals((await child.end()).code, 0);
      await served;
    }
  },
});

Deno.test({
  name: `Socket talks with Python in datagrams and packets${NO_PYTHON}`,
  ignore: NO_PYTHON !== "",
  async fn() {
    using _dog = watchdog("Python");
    const name = abstractName();
    const code = `import socket, sys
name = "\\0" + sys.argv[1]
d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
d.bind(name + "d")
q = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
q.bind(name + "q")
q.listen()
print("ready", flush=True)
for _ in range(3):
    data, sender = d.recvfrom(100)
    d.sendto(data.upper(), sender)
c, _ = q.accept()
while data := c.recv(100):
    c.send(data[::-1])
c.close()`;
    await using child = spawnCommand("python3", {
      args: ["-c", code, name.slice(1)],
    });
    assertEquals(await child.line(), "ready");
    using datagrams = Socket.open("unix", "datagram");
    datagrams.bind("");
    for (const text of ["one", "two", "three"]) {
      await datagrams.sendTo(text, `${name}d`);
      const { data, address } = await datagrams.receiveFrom();
      assertEquals(textOf(data), text.toUpperCase());
      assertEquals(address, { family: "unix", path: `${name}d` });
    }
    using packets = await Socket.connect(`${name}q`, { type: "seqpacket" });
    packets.sendSync("abc");
    packets.sendSync("xyz");
    assertEquals(textOf(await packets.receive()), "cba");
    assertEquals(textOf(packets.receiveSync()), "zyx");
    packets.shutdown("write");
    assertStrictEquals(await packets.receive(), null);
    assertEquals((await child.end()).code, 0);
  },
});

Deno.test("Socket is the standard input and output of a child, and blocks there", async () => {
  using _dog = watchdog("a child with a socket");
  const [here, there] = Socket.pair();
  using _here = here;
  // Using it here first must not make it non-blocking for the child.
  there.sendSync("before\n");
  assertEquals(textOf(here.receiveSync()), "before\n");
  await using child = spawn("sh", {
    args: ["-c", 'while read -r line; do echo "$line!"; done'],
    fds: { 0: there, 1: there },
  });
  there.close();
  for (const text of ["one", "two"]) {
    await here.send(bytes(`${text}\n`));
    assertEquals(textOf(await here.receive()), `${text}!\n`);
  }
  here.writer.close();
  assertStrictEquals(await here.receive(), null);
  assertEquals((await child.wait()).code, 0);
});
