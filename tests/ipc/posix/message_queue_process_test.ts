// Several processes, their deaths, signals, limits, other users.

import { assertEquals } from "@std/assert";
import { PosixMessageQueue } from "@libc/ipc/posix-mq";
import { isPrivileged } from "../../conformance/privileges.ts";
import {
  type Child,
  EMULATED,
  hasCommand,
  scaled,
  sleeps,
  source,
  spawnCommand,
  spawnDeno,
  spawnWorker,
  uniqueName,
  until,
  untilBlocked,
  watchdog,
} from "../../util.ts";

const ALL = { permissions: ["--allow-all"] };
const PRIVILEGES = source("tests/conformance/privileges.ts");
const NOT_ROOT = isPrivileged()
  ? ""
  : " [skipped: needs CAP_SETUID and CAP_SYS_ADMIN]";

/** Whether limits apply to this process: CAP_SYS_RESOURCE overrides them. */
function isLimited(): boolean {
  const status = Deno.readTextFileSync("/proc/self/status");
  const effective = BigInt(`0x${/^CapEff:\s*(\w+)$/m.exec(status)?.[1]}`);
  return (effective >> 24n & 1n) === 0n;
}

/** The reason why a process without /proc cannot be tested. */
function withoutProc(): string {
  if (EMULATED) return " [skipped: the emulator needs /proc]";
  const hidden = hasCommand("unshare") &&
    new Deno.Command("unshare", {
      args: ["-m", "-i", "mount", "-t", "tmpfs", "tmpfs", "/proc"],
      stderr: "null",
    }).outputSync().success;
  return hidden ? "" : " [skipped: needs root and unshare -m]";
}

const NO_HIDING = withoutProc();

const UNLIMITED = NOT_ROOT ||
  (isLimited() ? "" : " [skipped: CAP_SYS_RESOURCE goes beyond limits]");

const text = (message?: { data: Uint8Array }) =>
  message === undefined ? undefined : new TextDecoder().decode(message.data);

/**
 * A queue for a few short messages: the bytes in queues are limited per user.
 */
function small(maxMessages = 4, messageSize = 32): PosixMessageQueue {
  return PosixMessageQueue.create(null, { maxMessages, messageSize });
}

const PREAMBLE = `
  import { PosixMessageQueue } from "@libc/ipc/posix-mq";
  const text = (message) => new TextDecoder().decode(message.data);
  const codeOf = (call) => {
    try {
      call();
      return "done";
    } catch (error) {
      return error.code ?? String(error);
    }
  };
  const messageOf = (call) => {
    try {
      call();
    } catch (error) {
      return error.message;
    }
  };
`;

/** A child that has the queue of a name as `queue`. */
function spawnWith(queue: { name: string }, code: string): Child {
  return spawnDeno(`${PREAMBLE}
    const queue = PosixMessageQueue.open(${JSON.stringify(queue.name)});
    ${code}`);
}

Deno.test("PosixMessageQueue.receiveSync() and sendSync() are woken by another process", async () => {
  using _dog = watchdog("wake");
  using queue = small(1);
  await using child = spawnWith(
    queue,
    `console.log(text(queue.receiveSync()));
    console.log(text(queue.receiveSync({ timeout: 60_000 })));
    queue.sendSync("one");
    queue.sendSync("two");
    console.log("sent");`,
  );
  for (const message of ["a", "b"]) {
    await untilBlocked(child.pid, "poll");
    queue.sendSync(message);
    assertEquals(await child.line(), message);
  }
  await untilBlocked(child.pid, "poll");
  assertEquals(text(queue.receiveSync()), "one");
  assertEquals(await child.line(), "sent");
  assertEquals(text(queue.receiveSync()), "two");
});

Deno.test("PosixMessageQueue.receive() in a Worker has its own reactor", async () => {
  using _dog = watchdog("Worker");
  using queue = small();
  using worker = spawnWorker(`
    import { PosixMessageQueue } from "@libc/ipc/posix-mq";
    using queue = PosixMessageQueue.open("${queue.name}");
    postMessage("ready");
    const { data } = await queue.receive();
    postMessage(new TextDecoder().decode(data));
  `);
  assertEquals(await worker.next(), "ready");
  queue.sendSync("hello");
  assertEquals(await worker.next(), "hello");
});

Deno.test("PosixMessageQueue loses and doubles nothing between many processes", async () => {
  using _dog = watchdog("many");
  using queue = small(8, 16);
  const each = scaled(1500, 1_000_000);
  await using stack = new AsyncDisposableStack();
  const senders = Array.from({ length: 3 }, (_, id) =>
    stack.use(spawnWith(
      queue,
      `for (let i = 0; i < ${each}; i++) {
        const message = "${id}:" + i;
        if (i % 3 === 0) queue.sendSync(message);
        else if (i % 3 === 1) await queue.send(message);
        else if (!queue.trySend(message)) queue.sendSync(message);
      }`,
    )));
  const receivers = Array.from({ length: 2 }, (_, id) =>
    stack.use(spawnWith(
      queue,
      `const seen = [];
      for (;;) {
        const message = text(seen.length % 2 === ${id} ? queue.receiveSync() : await queue.receive());
        if (message === "end") break;
        seen.push(message);
      }
      console.log(JSON.stringify(seen));`,
    )));
  const codes = await Promise.all(senders.map((child) => child.end()));
  assertEquals(codes.map(({ code }) => code), [0, 0, 0]);
  for (const _ of receivers) await queue.send("end");
  const seen: string[][] = await Promise.all(
    receivers.map(async (child) => JSON.parse(await child.line())),
  );
  for (const child of receivers) assertEquals((await child.end()).code, 0);
  const all = seen.flat();
  assertEquals(all.length, 3 * each);
  assertEquals(new Set(all).size, 3 * each);
  // A receiver gets the messages of each sender in the order sent.
  for (const list of seen) {
    for (const id of [0, 1, 2]) {
      const numbers = list.filter((entry) => entry.startsWith(`${id}:`))
        .map((entry) => Number(entry.slice(2)));
      assertEquals(numbers, numbers.toSorted((a, b) => a - b));
    }
  }
  assertEquals(queue.attributes().messages, 0);
});

Deno.test("the death of a receiver of a PosixMessageQueue takes no message", async () => {
  using _dog = watchdog("death");
  using queue = small();
  await using sync = spawnWith(
    queue,
    `console.log("waits");
    queue.receiveSync();`,
  );
  await using async = spawnWith(
    queue,
    `queue.receive();
    setTimeout(() => console.log("waits"), 5);`,
  );
  assertEquals(await sync.line(), "waits");
  await untilBlocked(sync.pid, "poll");
  assertEquals(await async.line(), "waits");
  for (const child of [sync, async]) {
    child.kill("SIGKILL");
    await child.end();
  }
  queue.sendSync("kept");
  assertEquals(text(queue.receiveSync({ timeout: 60_000 })), "kept");
});

Deno.test("PosixMessageQueue.receiveSync() goes on waiting after signals", async () => {
  using _dog = watchdog("signals");
  using queue = small();
  await using child = spawnWith(
    queue,
    `Deno.addSignalListener("SIGUSR2", () => {});
    console.log("ready");
    console.log(text(queue.receiveSync()));
    Deno.exit();`,
  );
  assertEquals(await child.line(), "ready");
  await untilBlocked(child.pid, "poll");
  for (let i = 0; i < scaled(50, 10_000); i++) {
    const before = sleeps(child.pid);
    child.kill("SIGUSR2");
    await until(() => sleeps(child.pid) > before);
  }
  queue.sendSync("x");
  assertEquals(await child.line(), "x");
});

Deno.test("PosixMessageQueue.sendSync() with a timeout ends in spite of signals", async () => {
  using _dog = watchdog("timeout and signals");
  using queue = small(1);
  queue.sendSync("full");
  await using child = spawnWith(
    queue,
    `Deno.addSignalListener("SIGUSR2", () => {});
    console.log("ready");
    const start = performance.now();
    const code = codeOf(() => queue.sendSync("x", { timeout: 200 }));
    console.log(code, performance.now() - start >= 200);
    Deno.exit();`,
  );
  assertEquals(await child.line(), "ready");
  let ended = false;
  const line = child.line().finally(() => ended = true);
  // If each signal restarted the whole wait, it would never end.
  await until(() => {
    child.kill("SIGUSR2");
    return ended;
  });
  assertEquals(await line, "ETIMEDOUT true");
});

Deno.test("PosixMessageQueue lets the process end while only unref'd waits are left", async () => {
  using _dog = watchdog("unref");
  using queue = small();
  await using child = spawnWith(
    queue,
    `queue.receive({ unref: true });
    queue.onMessage(() => {}, { unref: true });
    console.log("at the end");`,
  );
  const { code, stdout } = await child.end();
  assertEquals([code, stdout], [0, "at the end\n"]);
});

Deno.test("PosixMessageQueue.create() lets the umask take bits away, unless told not to", async () => {
  await using child = spawnDeno(
    `${PREAMBLE}
    Deno.umask(0o027);
    using one = PosixMessageQueue.create(null, { mode: 0o666, messageSize: 8 });
    using two = PosixMessageQueue.create(null, { mode: 0o666, messageSize: 8, ignoreUmask: true });
    console.log(one.stat().mode.toString(8), two.stat().mode.toString(8));`,
    ALL,
  );
  assertEquals(await child.line(), "640 666");
  assertEquals((await child.end()).code, 0);
});

Deno.test("PosixMessageQueue.create() explains RLIMIT_MSGQUEUE", async () => {
  await using child = spawnDeno(
    `${PREAMBLE}
    import { limit, RLIMIT } from "${PRIVILEGES}";
    limit(RLIMIT.MSGQUEUE, 4096);
    const create = () => PosixMessageQueue.create(null, { maxMessages: 10, messageSize: 1000 });
    console.log(codeOf(create));
    const message = messageOf(create);
    console.log(message.slice(message.indexOf(": ") + 2));
    console.log(PosixMessageQueue.limits().maxBytes);`,
    ALL,
  );
  assertEquals(await child.line(), "EMFILE");
  assertEquals(
    await child.line(),
    "mq_open failed with EMFILE (Too many open files): it would take 10960 bytes, and RLIMIT_MSGQUEUE allows all queues of the user 4096",
  );
  assertEquals(await child.line(), "4096");
  assertEquals((await child.end()).code, 0);
});

Deno.test("PosixMessageQueue without descriptors is EMFILE, says so, and leaves nothing behind", async () => {
  using _dog = watchdog("EMFILE");
  const shared = uniqueName();
  await using child = spawnDeno(
    `${PREAMBLE}
    import { openFds } from "${source("tests/util.ts")}";
    import { FILES, withFewDescriptors } from "${
      source("tests/ipc/memory/process_state.ts")
    }";
    using known = PosixMessageQueue.create("/${shared}", { messageSize: 8 });
    const before = JSON.stringify(openFds(FILES));
    const messages = [];
    const make = () => {
      try {
        PosixMessageQueue.create("/${shared}-a", { messageSize: 8 })[Symbol.dispose]();
      } catch (error) {
        messages.push(error.message.split(": ").at(-1));
        throw error;
      }
    };
    const codes = [
      withFewDescriptors(make),
      withFewDescriptors(() => PosixMessageQueue.open("/${shared}").close()),
    ];
    const left = codeOf(() => PosixMessageQueue.open("/${shared}-a"));
    console.log(JSON.stringify([codes, messages, left, JSON.stringify(openFds(FILES)) === before]));`,
    ALL,
  );
  assertEquals(JSON.parse(await child.line()), [
    [["EMFILE"], ["EMFILE"]],
    ["the process has no descriptor left (RLIMIT_NOFILE)"],
    "ENOENT",
    true,
  ]);
  assertEquals((await child.end()).code, 0);
});

Deno.test({
  name:
    `PosixMessageQueue.create() names the limits of the machine${UNLIMITED}`,
  ignore: UNLIMITED !== "",
  async fn() {
    await using child = spawnDeno(
      `${PREAMBLE}
      import { sysctl, unshareIpc } from "${PRIVILEGES}";
      unshareIpc();
      sysctl("fs/mqueue/msg_max", "5");
      sysctl("fs/mqueue/msgsize_max", "200");
      sysctl("fs/mqueue/msg_default", "3");
      sysctl("fs/mqueue/msgsize_default", "150");
      sysctl("fs/mqueue/queues_max", "2");
      const found = [];
      const last = (call) => found.push(messageOf(call).split(": ").at(-1));
      const limits = PosixMessageQueue.limits();
      found.push([limits.maxMessages, limits.maxMessageSize, limits.maxQueues]);
      using one = PosixMessageQueue.create(null, { maxMessages: 4 });
      using two = PosixMessageQueue.create();
      found.push([one.maxMessages, one.messageSize, two.maxMessages, two.messageSize]);
      last(() => PosixMessageQueue.create());
      two[Symbol.dispose]();
      last(() => PosixMessageQueue.create(null, { maxMessages: 6 }));
      last(() => PosixMessageQueue.create(null, { messageSize: 201 }));
      console.log(JSON.stringify(found));`,
      ALL,
    );
    assertEquals(JSON.parse(await child.line()), [
      [5, 200, 2],
      [4, 150, 3, 150],
      "queues_max is 2 (/proc/sys/fs/mqueue)",
      "6 messages of 150 bytes are asked for; without CAP_SYS_RESOURCE msg_max is 5 and msgsize_max 200 (/proc/sys/fs/mqueue)",
      "3 messages of 201 bytes are asked for; without CAP_SYS_RESOURCE msg_max is 5 and msgsize_max 200 (/proc/sys/fs/mqueue)",
    ]);
    assertEquals((await child.end()).code, 0);
  },
});

Deno.test({
  name: `PosixMessageQueue tells one user from another${NOT_ROOT}`,
  ignore: NOT_ROOT !== "",
  async fn() {
    const shared = uniqueName();
    await using child = spawnDeno(
      `${PREAMBLE}
      import { becomeNobody, becomeRoot } from "${PRIVILEGES}";
      const name = (kind) => "/${shared}-" + kind;
      const size = { maxMessages: 2, messageSize: 8 };
      const found = [];
      using _own = PosixMessageQueue.create(name("root"), size);
      using inbox = PosixMessageQueue.create(name("inbox"), { ...size, mode: 0o622, ignoreUmask: true });
      becomeNobody();
      found.push(codeOf(() => PosixMessageQueue.open(name("root"))));
      found.push(codeOf(() => PosixMessageQueue.open(name("inbox"))));
      found.push(codeOf(() => PosixMessageQueue.unlink(name("inbox"))));
      // Root's is as good as one's own.
      PosixMessageQueue.open(name("inbox"), { writeOnly: true, foreign: false }).sendSync("hello");
      const own = PosixMessageQueue.create(name("nobody"), { ...size, owner: false });
      PosixMessageQueue.open(name("nobody"), { foreign: false }).close();
      found.push(own.stat().uid);
      becomeRoot();
      found.push(text(inbox.receiveSync()));
      found.push(messageOf(() => PosixMessageQueue.open(name("nobody"), { foreign: false })));
      PosixMessageQueue.open(name("nobody")).unlink();
      console.log(JSON.stringify(found));`,
      ALL,
    );
    assertEquals(JSON.parse(await child.line()), [
      "EACCES",
      "EACCES",
      "EACCES",
      65534,
      "hello",
      `Cannot open message queue "/${shared}-nobody": it belongs to user 65534 (EPERM)`,
    ]);
    assertEquals((await child.end()).code, 0);
  },
});

Deno.test({
  name:
    `PosixMessageQueue.create() has the size of Linux for what is not said, without /proc${NO_HIDING}`,
  ignore: NO_HIDING !== "",
  async fn() {
    const code = `
      import { PosixMessageQueue } from "@libc/ipc/posix-mq";
      using one = PosixMessageQueue.create(null, { messageSize: 64 });
      using two = PosixMessageQueue.create(null, { maxMessages: 3 });
      console.log(one.maxMessages, two.messageSize);`;
    const config = new URL("../../../deno.json", import.meta.url).pathname;
    await using child = spawnCommand("unshare", {
      args: [
        ...["-m", "-i", "sh", "-c"],
        'mount -t tmpfs tmpfs /proc && exec "$@"',
        ...["sh", Deno.execPath(), "run", "--quiet", "--no-lock"],
        ...[`--config=${config}`, "--allow-ffi"],
        `data:application/typescript,${encodeURIComponent(code)}`,
      ],
    });
    const { stdout, stderr } = await child.end();
    assertEquals([stdout, stderr], ["10 8192\n", ""]);
  },
});
