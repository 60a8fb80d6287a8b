// Sockets at the limits of a process, and what they leave behind.

import { assertEquals } from "@std/assert";
import { type Child, spawnCommand, watchdog } from "../../util.ts";
import { folder } from "./util.ts";

/** Runs a program with a limited number of descriptors. */
function spawnLimited(code: string, limit = 200): Child {
  return spawnCommand("sh", {
    args: [
      "-c",
      `ulimit -n ${limit}; exec "$@"`,
      "sh",
      Deno.execPath(),
      "run",
      "--quiet",
      "--no-lock",
      `--config=${new URL("../../../deno.json", import.meta.url).pathname}`,
      "--allow-all",
      `data:application/typescript,${encodeURIComponent(code)}`,
    ],
  });
}

/** The beginning of the programs with few descriptors. */
const LIMITED = `
  import { Socket } from "@libc/ipc/socket";
  import { fcntl, unistd } from "@libc/ipc/ffi";
  const duplicate = () => fcntl().fcntl_int(0, 0x406, 0);
  /** How many descriptors are left; leaves them so. */
  const left = () => {
    const taken = [];
    for (let fd; (fd = duplicate()) >= 0;) taken.push(fd);
    for (const fd of taken) unistd().close(fd);
    return taken.length;
  };
  /** Takes all but so many; the result gives them back. */
  const keep = (count) => {
    const taken = [];
    for (let fd; (fd = duplicate()) >= 0;) taken.push(fd);
    for (let i = 0; i < count; i++) unistd().close(taken.pop());
    return { [Symbol.dispose]() { for (const fd of taken) unistd().close(fd); } };
  };
  // What is opened once for good: by Deno for signals, by us for the reactor.
  Deno.addSignalListener("SIGWINCH", left);
  Deno.removeSignalListener("SIGWINCH", left);
  {
    const name = "\\0" + crypto.randomUUID();
    using server = Socket.listen(name);
    const accepted = server.accept();
    await new Promise((resolve) => setTimeout(resolve, 5));
    using client = await Socket.connect(name);
    (await accepted).close();
    fcntl();
    unistd();
  }
`;

Deno.test("every way to make a socket is EMFILE without descriptors, and leaks none", async () => {
  using _dog = watchdog("EMFILE");
  using dir = folder();
  await using child = spawnLimited(`${LIMITED}
    const path = ${JSON.stringify(`${dir.path}/s`)};
    const live = ${JSON.stringify(`${dir.path}/live`)};
    using server = Socket.listen(live);
    using datagrams = Socket.open("unix", "datagram");
    const stale = () => {
      using socket = Socket.open("unix");
      socket.bind(path, { owner: false });
    };
    stale();
    const ways = {
      open: () => [Socket.open("inet6")],
      pair: () => Socket.pair("seqpacket"),
      listen: () => [Socket.listen("\\0" + crypto.randomUUID())],
      replace: () => [Socket.listen(path, { replaceStale: true })],
      mode: () => [Socket.listen(path + "2", { ignoreUmask: true })],
      connect: async () => [await Socket.connect(live)],
      fromFd: () => [Socket.fromFd(datagrams.fd)],
    };
    for (const [name, make] of Object.entries(ways)) {
      const codes = [];
      for (let count = 0; codes.at(-1) !== "made"; count++) {
        {
          using _limit = keep(count);
          try {
            for (const socket of await make()) socket[Symbol.dispose]();
            codes.push("made");
          } catch (error) {
            codes.push(error.code);
          }
          if (left() !== count) codes.push("leaks");
        }
        server.tryAccept()?.close();
      }
      console.log(name, codes.join());
    }`);
  const { stdout, stderr } = await child.end();
  assertEquals(stderr, "");
  assertEquals(stdout.trim().split("\n"), [
    "open EMFILE,made",
    "pair EMFILE,EMFILE,made",
    "listen EMFILE,made",
    "replace EMFILE,EMFILE,EMFILE,made",
    "mode EMFILE,EMFILE,made",
    "connect EMFILE,made",
    "fromFd EMFILE,made",
  ]);
});

Deno.test("accept() without descriptors is EMFILE, and the connection goes on waiting", async () => {
  using _dog = watchdog("accept() and EMFILE");
  await using child = spawnLimited(`${LIMITED}
    const name = "\\0" + crypto.randomUUID();
    using server = Socket.listen(name);
    using client = await Socket.connect(name);
    client.sendSync("patient");
    const before = left();
    {
      using _limit = keep(0);
      for (const accept of [
        () => server.accept(),
        async () => server.acceptSync({ timeout: 1000 }),
        async () => server.tryAccept(),
      ]) {
        await accept().then(() => console.log("accepted"), (error) =>
          console.log(error.code, error.syscall));
      }
    }
    console.log(left() === before);
    using connection = await server.accept();
    console.log(new TextDecoder().decode(await connection.receive()));`);
  const { stdout, stderr } = await child.end();
  assertEquals(stderr, "");
  assertEquals(
    stdout,
    "EMFILE accept4\nEMFILE accept4\nEMFILE accept4\ntrue\npatient\n",
  );
});

Deno.test("receiveFds() without descriptors for all keeps none, and has the data", async () => {
  using _dog = watchdog("receiveFds() and EMFILE");
  await using child = spawnLimited(`${LIMITED}
    for (const type of ["stream", "seqpacket", "datagram"]) {
      const [a, b] = Socket.pair(type);
      const before = left();
      for (const room of [0, 1, 9, 10]) {
        using _limit = keep(room);
        a.sendFdsSync(Array.from({ length: 10 }, () => a), "data");
        const message = await b.receiveFds();
        const text = new TextDecoder().decode(message.data);
        console.log(type, room, text, message.fds.length, message.fdsLost);
        for (const fd of message.fds) fd.close();
      }
      if (left() !== before) console.log("leaks");
      a.close();
      b.close();
    }`);
  const { stdout, stderr } = await child.end();
  assertEquals(stderr, "");
  const lines = ["stream", "seqpacket", "datagram"].flatMap((type) => [
    `${type} 0 data 0 true`,
    `${type} 1 data 0 true`,
    `${type} 9 data 0 true`,
    `${type} 10 data 10 false`,
  ]);
  assertEquals(stdout.trim().split("\n"), lines);
});

Deno.test("sendTo() waits for room also without a descriptor for that", async () => {
  using _dog = watchdog("sendTo() and EMFILE");
  await using child = spawnLimited(`${LIMITED}
    using receiver = Socket.open("unix", "datagram");
    receiver.bind("");
    const to = receiver.localAddress();
    using sender = Socket.open("unix", "datagram");
    let count = 0;
    while (sender.trySendTo("x", to)) count++;
    using _limit = keep(0);
    const sent = [1, 2].map((i) => sender.sendTo("last " + i, to));
    setTimeout(() => {
      for (let i = 0; i < count; i++) receiver.receiveSync();
    }, 10);
    await Promise.all(sent);
    for (let data; (data = receiver.tryReceive());) {
      console.log(new TextDecoder().decode(data));
    }`);
  const { stdout, stderr } = await child.end();
  assertEquals([stdout, stderr], ["last 1\nlast 2\n", ""]);
});

Deno.test("thousands of sockets, used in every way and failing, leave no descriptor", async () => {
  using _dog = watchdog("leaks of sockets");
  using dir = folder();
  await using child = spawnLimited(
    `${LIMITED}
    const path = ${JSON.stringify(`${dir.path}/s`)};
    const name = "\\0" + crypto.randomUUID();
    const refused = "\\0" + crypto.randomUUID();
    const round = async (i) => {
      using server = Socket.listen(i % 2 ? path : name);
      const accepted = server.accept();
      using client = await Socket.connect(i % 2 ? path : name);
      using connection = await accepted;
      await client.sendFds([client, connection], "x");
      for (const fd of (await connection.receiveFds()).fds) fd.close();
      const waiting = [connection.receive(), server.accept()];
      await Socket.connect(refused).catch(() => {});
      try { Socket.listen(i % 2 ? path : name, { replaceStale: true }); } catch {}
      const dead = Socket.listen(path + "2", { owner: false });
      dead.close();
      try { Socket.listen(path + "2"); } catch {}
      using _next = Socket.listen(path + "2", { replaceStale: true });
      if (i % 3 === 0) await client.writable.close();
      if (i % 3 === 1) client.close();
      if (i % 3 === 2) connection.close();
      server.close();
      await Promise.allSettled(waiting);
      using receiver = Socket.open("unix", "datagram");
      receiver.bind("");
      using sender = Socket.open("unix", "datagram");
      while (sender.trySendTo("x", receiver.localAddress()));
      const sent = sender.sendTo("y", receiver.localAddress(), { timeout: 1 });
      if (i % 2) sender.close();
      await sent.catch(() => {});
      if (i % 4 === 0) throw new Error("in the middle");
    };
    for (let i = 0; i < 50; i++) await round(i).catch(() => {});
    const before = left();
    for (let i = 0; i < 1000; i++) await round(i).catch(() => {});
    console.log(before - left());`,
    100,
  );
  const { stdout, stderr } = await child.end();
  assertEquals([stdout, stderr], ["0\n", ""]);
  assertEquals([...Deno.readDirSync(dir.path)], []);
});
