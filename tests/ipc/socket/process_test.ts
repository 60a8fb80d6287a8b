// Sockets among several processes and users, under signals, and at the limits
// of a process.

import { Socket } from "@libc/ipc";
import {
  assert,
  assertEquals,
  assertMatch,
  assertStrictEquals,
} from "@std/assert";
import { isPrivileged } from "../../conformance/privileges.ts";
import {
  source,
  spawnCommand,
  spawnDeno,
  spawnWorker,
  STORM,
  watchdog,
} from "../../util.ts";
import { abstractName, folder, isPending, textOf } from "./util.ts";

const PRIVILEGED = isPrivileged();
const NO_PRIVILEGE = PRIVILEGED ? "" : " [skipped: needs CAP_SETUID]";

Deno.test("200 connections at once are all served", async () => {
  using _dog = watchdog("200 connections");
  const name = abstractName();
  using server = Socket.listen(name, { backlog: 16 });
  let served = 0;
  const serve = async (connection: Socket) => {
    using _connection = connection;
    for await (const data of connection) {
      await connection.send(`${textOf(data)}!`);
    }
    served++;
  };
  const serving = (async () => {
    const all: Promise<void>[] = [];
    for await (const one of server.connections()) all.push(serve(one));
    await Promise.all(all);
  })();
  await using child = spawnDeno(
    `import { Socket } from "@libc/ipc/socket";
    const name = ${JSON.stringify(name)};
    const talk = async (_, i) => {
      using socket = await Socket.connect(name);
      for (let round = 0; round < 3; round++) {
        await socket.send(\`\${i}.\${round}\`);
        const answer = new TextDecoder().decode(await socket.receive());
        if (answer !== \`\${i}.\${round}!\`) throw new Error(answer);
      }
    };
    await Promise.all(Array.from({ length: 200 }, talk));
    console.log("done");`,
  );
  assertEquals(await child.line(), "done");
  await child.end();
  server.close();
  await serving;
  assertEquals(served, 200);
});

Deno.test("a killed peer is the end for who receives, EPIPE for who sends", async () => {
  using _dog = watchdog("a killed peer");
  const name = abstractName();
  using server = Socket.listen(name);
  await using child = spawnDeno(
    `import { Socket } from "@libc/ipc/socket";
    using socket = await Socket.connect(${JSON.stringify(name)});
    await socket.send("last words");
    await new Promise(() => setInterval(() => {}, 1000));`,
  );
  using connection = await server.accept();
  assertEquals(textOf(await connection.receive()), "last words");
  const receiving = connection.receive();
  const sending = connection.send(new Uint8Array(1 << 22));
  const refused = sending.then(() => "sent", (error) => error.code);
  assert(await isPending(receiving));
  child.kill();
  await child.end();
  assertEquals(await refused, "EPIPE");
  const last = await receiving.catch((error) => error.code);
  assert(last === null || last === "ECONNRESET", last);
});

Deno.test("a file that a killed server has left is stale, and is replaced", async () => {
  using _dog = watchdog("a killed server");
  using dir = folder();
  const path = `${dir.path}/s`;
  await using child = spawnDeno(
    `import { Socket } from "@libc/ipc/socket";
    using server = Socket.listen(${JSON.stringify(path)});
    console.log("listening");
    await server.accept();`,
  );
  assertEquals(await child.line(), "listening");
  const message = (options = {}) => {
    try {
      using _server = Socket.listen(path, options);
      return "listening";
    } catch (error) {
      return (error as Error).message;
    }
  };
  assertMatch(message({ replaceStale: true }), /EADDRINUSE.*somebody has that/);
  child.kill();
  await child.end();
  assertMatch(message(), /EADDRINUSE.*nobody answers there: replaceStale/);
  assertEquals(message({ replaceStale: true }), "listening");
});

// Signals

Deno.test("blocking calls wait their whole time under a storm of signals", async () => {
  using _dog = watchdog("a storm of signals");
  await using child = spawnDeno(`
    import { Socket } from "@libc/ipc/socket";
    let caught = 0;
    Deno.addSignalListener("SIGUSR2", () => caught++);
    const [_a, b] = Socket.pair("seqpacket");
    while (b.trySend(new Uint8Array(8192)));
    const [c] = Socket.pair();
    const name = "\\0" + crypto.randomUUID();
    using server = Socket.listen(name, { backlog: 0 });
    using full = Socket.listen(name + "2", { backlog: 0 });
    using first = await Socket.connect(name + "2");
    using client = Socket.open("unix");
    using receiver = Socket.open("unix", "datagram");
    receiver.bind(name + "3");
    using sender = Socket.open("unix", "datagram");
    while (sender.trySendTo("x", name + "3"));
    console.log("ready");
    await Deno.stdin.read(new Uint8Array(9));
    const timeout = 150;
    for (const call of [
      () => b.sendSync("x", { timeout }),
      () => c.receiveSync({ timeout }),
      () => server.acceptSync({ timeout }),
      () => client.connectSync(name + "2", { timeout }),
      () => sender.sendToSync("x", name + "3", { timeout }),
      () => receiver.receiveFdsSync({ timeout }),
    ]) {
      const start = performance.now();
      try {
        call();
        console.log("done");
      } catch (error) {
        console.log(error.code, performance.now() - start >= timeout);
      }
    }
    while (caught === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    console.log("caught");
    Deno.exit();`);
  assertEquals(await child.line(), "ready");
  await using storm = spawnCommand("perl", {
    args: ["-e", `$| = 1; print qq(on\\n); ${STORM}`, `${child.pid}`],
  });
  assertEquals(await storm.line(), "on");
  await child.write("go");
  for (let i = 0; i < 5; i++) {
    assertEquals(await child.line(), "ETIMEDOUT true", `call ${i}`);
  }
  assertEquals(await child.line(), "done", "there was a message");
  assertEquals(await child.line(), "caught");
});

Deno.test("no message is lost or doubled under a storm of signals", async () => {
  using _dog = watchdog("messages under signals");
  const name = abstractName();
  using server = Socket.listen(name, { type: "seqpacket" });
  await using child = spawnDeno(
    `import { Socket } from "@libc/ipc/socket";
    Deno.addSignalListener("SIGUSR2", () => {});
    using socket = await Socket.connect(${JSON.stringify(name)}, {
      type: "seqpacket",
    });
    console.log("ready");
    for (let data; (data = socket.receiveSync());) socket.sendSync(data);
    Deno.exit();`,
  );
  using connection = await server.accept();
  assertEquals(await child.line(), "ready");
  await using _storm = spawnCommand("perl", {
    args: ["-e", STORM, `${child.pid}`],
  });
  for (let i = 0; i < 2000; i++) {
    await connection.send(String(i));
    assertEquals(textOf(await connection.receive()), String(i));
  }
  assertStrictEquals(connection.tryReceive(), undefined);
});

// The life of a process, threads

Deno.test("sockets work in a Worker, each with a reactor of its own", async () => {
  using _dog = watchdog("sockets in a Worker");
  const name = abstractName();
  using worker = spawnWorker(`
    import { Socket } from "@libc/ipc/socket";
    const server = Socket.listen(${JSON.stringify(name)});
    postMessage("listening");
    const connection = await server.accept();
    const data = await connection.receive();
    await connection.send(data.reverse());
    connection.close();
    server.close();
    postMessage("done");`);
  assertEquals(await worker.next(), "listening");
  using client = await Socket.connect(name);
  await client.send("abc");
  assertEquals(textOf(await client.receive()), "cba");
  assertEquals(await worker.next(), "done");
});

// Other users

Deno.test({
  name: `a stranger reaches what the mode allows, and is known${NO_PRIVILEGE}`,
  ignore: !PRIVILEGED,
  async fn() {
    using _dog = watchdog("a stranger");
    using dir = folder();
    Deno.chmodSync(dir.path, 0o777);
    const name = abstractName();
    using _closed = Socket.listen(`${dir.path}/closed`);
    using open = Socket.listen(`${dir.path}/open`, {
      mode: 0o666,
      ignoreUmask: true,
    });
    using abstract = Socket.listen(name);
    await using child = spawnDeno(
      `import { Socket } from "@libc/ipc/socket";
      import { becomeNobody } from "${
        source("tests/conformance/privileges.ts")
      }";
      const dir = ${JSON.stringify(dir.path)};
      using made = Socket.open("unix");
      becomeNobody();
      const attempt = async (connect) => {
        try {
          using _socket = await connect();
          console.log("connected");
        } catch (error) {
          console.log(error.code);
        }
      };
      await attempt(() => Socket.connect(dir + "/closed"));
      await attempt(() => Socket.connect(dir + "/open"));
      await attempt(() => Socket.connect(${JSON.stringify(name)}));
      // What belongs to another can be neither replaced nor asked.
      await attempt(() => Socket.listen(dir + "/closed", { replaceStale: true }));
      using mine = Socket.listen(dir + "/mine");
      // Whose mode before is not this user's to set.
      made.bind(dir + "/made", { mode: 0o600 });
      console.log("mine");
      await Deno.stdin.read(new Uint8Array(9));`,
      { permissions: ["--allow-all"] },
    );
    assertEquals(await child.line(), "EACCES");
    assertEquals(await child.line(), "connected");
    assertEquals(await child.line(), "connected");
    assertEquals(await child.line(), "EADDRINUSE");
    for (const server of [open, abstract]) {
      using connection = await server.accept();
      const { uid, gid, pid } = connection.peerCredentials();
      assertEquals([uid, gid, pid], [65534, 65534, child.pid]);
    }
    assertEquals(await child.line(), "mine");
    assertEquals((Deno.statSync(`${dir.path}/made`).mode ?? 0) & 0o777, 0o600);
    using client = await Socket.connect(`${dir.path}/mine`);
    assertEquals(client.peerCredentials().uid, 65534);
    await child.write("end");
    await child.end();
  },
});
