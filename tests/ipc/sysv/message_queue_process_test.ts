import { assertEquals } from "@std/assert";
import { IPC_PRIVATE } from "@libc/ipc/sysv-key";
import { SysvMessageQueue } from "@libc/ipc/sysv-msg";
import {
  type Child,
  EMULATED,
  hasCommand,
  later,
  notEmulated,
  scaled,
  sleeps,
  spawnCommand,
  spawnDeno,
  spawnWorker,
  uniqueKey,
  until,
  untilBlocked,
  watchdog,
} from "../../util.ts";

const NO_UNSHARE = Deno.uid() === 0 && hasCommand("unshare")
  ? ""
  : " [skipped: needs root and unshare]";

/** A child that has the queue of an id as `queue`, and may use `attempt`. */
function spawnWith(queue: { id: number }, code: string): Child {
  return spawnDeno(`
    import { IpcError } from "@libc/ipc/errno";
    import { SysvMessageQueue } from "@libc/ipc/sysv-msg";
    const queue = SysvMessageQueue.fromId(${queue.id});
    const text = ({ data }) => new TextDecoder().decode(data);
    const attempt = (call) => {
      try {
        return call() ?? "done";
      } catch (error) {
        if (!(error instanceof IpcError)) throw error;
        return error.code;
      }
    };
    ${code}
  `);
}

Deno.test("SysvMessageQueue.receiveSync() of another process is woken by a message", async () => {
  using _dog = watchdog("receiveSync");
  using queue = SysvMessageQueue.create(uniqueKey());
  await using child = spawnWith(
    queue,
    `
    console.log(attempt(() => text(queue.receiveSync({ type: 2 }))));
    console.log(attempt(() => text(queue.receiveSync({ timeout: 1e300 }))));
  `,
  );
  await untilBlocked(child.pid, "msgrcv");
  queue.sendSync(1, "not for this wait");
  queue.sendSync(2, "hello");
  assertEquals(await child.line(), "hello");
  assertEquals(await child.line(), "not for this wait");
  // An emulator does not set it.
  if (!EMULATED) assertEquals(queue.stat().lastReceivePid, child.pid);
});

Deno.test("SysvMessageQueue.sendSync() of another process waits for room", async () => {
  using _dog = watchdog("sendSync");
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  queue.set({ maxBytes: 4 });
  queue.sendSync(1, "full");
  await using child = spawnWith(
    queue,
    `
    console.log(attempt(() => queue.sendSync(1, "next")));
    console.log(attempt(() => queue.sendSync(1, "last", { timeout: 1e9 })));
  `,
  );
  for (const text of ["full", "next", "last"]) {
    await until(() => queue.stat().messages === 1);
    if (text !== "last") await untilBlocked(child.pid, "msgsnd");
    assertEquals(new TextDecoder().decode(queue.receiveSync().data), text);
    if (text !== "last") assertEquals(await child.line(), "done");
  }
});

Deno.test("SysvMessageQueue.receiveSync() with a timeout sleeps through: it does not poll", async () => {
  using _dog = watchdog("timed receiveSync");
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  await using child = spawnWith(
    queue,
    "console.log(attempt(() => text(queue.receiveSync({ timeout: 1e6 }))));",
  );
  await untilBlocked(child.pid, "msgrcv");
  const before = sleeps(child.pid);
  await later(200);
  assertEquals(sleeps(child.pid), before);
  queue.sendSync(1, "woken");
  assertEquals(await child.line(), "woken");
});

Deno.test("SysvMessageQueue.remove() ends the waits of other processes with EIDRM", async () => {
  using _dog = watchdog("remove");
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  queue.set({ maxBytes: 1 });
  queue.sendSync(1, "x");
  await using receiving = spawnWith(
    queue,
    "console.log(attempt(() => queue.receiveSync({ type: 2 })));",
  );
  await using timed = spawnWith(
    queue,
    "console.log(attempt(() => queue.receiveSync({ type: 2, timeout: 1e9 })));",
  );
  await using sending = spawnWith(
    queue,
    'console.log(attempt(() => queue.sendSync(1, "y")));',
  );
  await untilBlocked(receiving.pid, "msgrcv");
  await untilBlocked(timed.pid, "msgrcv");
  await untilBlocked(sending.pid, "msgsnd");
  queue.remove();
  assertEquals(await receiving.line(), "EIDRM");
  assertEquals(await timed.line(), "EIDRM");
  assertEquals(await sending.line(), "EIDRM");
});

Deno.test("SysvMessageQueue.remove() ends the wait of a Worker of the same process with EIDRM", async () => {
  using _dog = watchdog("Worker remove");
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  using worker = spawnWorker(`
    import { SysvMessageQueue } from "@libc/ipc/sysv-msg";
    const queue = SysvMessageQueue.fromId(${queue.id});
    const { unistd } = await import("@libc/ipc/ffi");
    postMessage(unistd().gettid());
    try {
      queue.receiveSync();
      postMessage("received");
    } catch (error) {
      postMessage(error.code);
    }
  `);
  const tid = await worker.next();
  await untilBlocked(`${Deno.pid}/task/${tid}`, "msgrcv");
  queue.remove();
  assertEquals(await worker.next(), "EIDRM");
});

Deno.test("SysvMessageQueue.receiveSync() goes on waiting after signals, and loses no message", async () => {
  using _dog = watchdog("signals");
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  await using child = spawnWith(
    queue,
    `
    Deno.addSignalListener("SIGUSR2", () => {});
    console.log(text(queue.receiveSync()));
    console.log(text(queue.receiveSync({ timeout: 1e6 })));
    Deno.exit();
  `,
  );
  for (const message of ["untimed", "timed"]) {
    await untilBlocked(child.pid, "msgrcv");
    for (let i = 0; i < scaled(20, 10_000); i++) {
      // It wakes, gets EINTR and goes to sleep again.
      const before = sleeps(child.pid);
      child.kill("SIGUSR2");
      await until(() => sleeps(child.pid) > before);
    }
    queue.sendSync(1, message);
    assertEquals(await child.line(), message);
  }
  assertEquals(queue.stat().messages, 0);
});

Deno.test("SysvMessageQueue.sendSync() goes on waiting after signals, and sends once", async () => {
  using _dog = watchdog("signals");
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  queue.set({ maxBytes: 4 });
  queue.sendSync(1, "full");
  await using child = spawnWith(
    queue,
    `
    Deno.addSignalListener("SIGUSR2", () => {});
    queue.sendSync(2, "one");
    queue.sendSync(3, "two", { timeout: 1e6 });
    console.log("sent");
    Deno.exit();
  `,
  );
  for (let type = 1; type <= 2; type++) {
    await untilBlocked(child.pid, "msgsnd");
    for (let i = 0; i < scaled(20, 10_000); i++) {
      const before = sleeps(child.pid);
      child.kill("SIGUSR2");
      await until(() => sleeps(child.pid) > before);
    }
    assertEquals(queue.stat().messages, 1);
    assertEquals(queue.receiveSync().type, type);
    await until(() => queue.stat().messages === 1);
  }
  assertEquals(await child.line(), "sent");
  assertEquals(queue.receiveSync().type, 3);
  assertEquals(queue.stat().messages, 0);
});

Deno.test("SysvMessageQueue.receiveSync() with a timeout ends in spite of signals, and not before its time", async () => {
  using _dog = watchdog("timeout and signals");
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  await using child = spawnWith(
    queue,
    `
    Deno.addSignalListener("SIGUSR2", () => {});
    console.log("ready");
    const start = performance.now();
    const code = attempt(() => queue.receiveSync({ timeout: 200 }));
    console.log(code, performance.now() - start >= 200);
    Deno.exit();
  `,
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

Deno.test("messages of several senders all arrive once, in each one's order", async () => {
  using _dog = watchdog("senders");
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  queue.set({ maxBytes: 64 });
  const each = scaled(500, 1_000_000);
  await using stack = new AsyncDisposableStack();
  for (const type of [1, 2, 3]) {
    stack.use(spawnWith(
      queue,
      `
      const count = new Uint32Array(1);
      const data = new Uint8Array(count.buffer);
      for (; count[0] < ${each}; count[0]++) {
        if (count[0] % 2) queue.sendSync(${type}, data);
        else await queue.send(${type}, data);
      }
    `,
    ));
  }
  const next = [0, 0, 0, 0];
  for (let i = 0; i < 3 * each; i++) {
    const { type, data } = i % 3 ? queue.receiveSync() : await queue.receive({
      timeout: Infinity,
    });
    const [count] = new Uint32Array(data.buffer);
    assertEquals(count, next[type]);
    next[type] = (count ?? 0) + 1;
  }
  assertEquals(next, [0, each, each, each]);
  assertEquals(queue.tryReceive(), undefined);
});

Deno.test("a killed receiver takes no message of a SysvMessageQueue with it", async () => {
  using _dog = watchdog("killed receiver");
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  await using child = spawnWith(queue, "queue.receiveSync();");
  await untilBlocked(child.pid, "msgrcv");
  child.kill("SIGKILL");
  await child.end();
  queue.sendSync(1, "kept");
  assertEquals(new TextDecoder().decode(queue.receiveSync().data), "kept");
});

Deno.test(`messages longer than any before are received whole${NO_UNSHARE}`, {
  // A separate namespace may raise MSGMAX without affecting others.
  ignore: NO_UNSHARE !== "",
}, async () => {
  // The sender is a thread with its own buffer: the buffer here stays small.
  const sender = `
    import { SysvMessageQueue } from "@libc/ipc/sysv-msg";
    onmessage = ({ data: [id, size] }) => {
      const queue = SysvMessageQueue.fromId(id);
      queue.sendSync(1, new Uint8Array(size).map((_, i) => i));
      queue.sendSync(2, "behind");
      postMessage("sent");
    };
    postMessage("ready");
  `;
  const code = `
    import { SysvMessageQueue } from "@libc/ipc/sysv-msg";
    const url = "data:application/javascript," + encodeURIComponent(${
    JSON.stringify(sender)
  });
    const worker = new Worker(url, { type: "module" });
    const posted = () => new Promise((resolve) => worker.onmessage = resolve);
    await posted();
    using queue = SysvMessageQueue.create(0);
    worker.postMessage([queue.id, 8193]);
    await posted();
    const whole = queue.receiveSync({ maxSize: 1e6, truncate: true });
    console.log(whole.data.length, queue.receiveSync().type);
    for (const size of [100_000, 50_000, 300_001]) {
      worker.postMessage([queue.id, size]);
      await posted();
      const peeked = size === 50_000 ? queue.peek() : undefined;
      const received = queue.receiveSync();
      const equal = [peeked ?? received, received].every(({ data }) =>
        data.length === size && data.every((byte, i) => byte === (i & 255))
      );
      console.log(size, equal, queue.receiveSync({ maxSize: 2e5 }).type);
    }
    worker.postMessage([queue.id, 400_000]);
    await posted();
    console.log(queue.peek().data.length);
    worker.terminate();
  `;
  const config = new URL("../../../deno.json", import.meta.url).pathname;
  await using child = spawnCommand("unshare", {
    args: [
      "--ipc",
      "sh",
      "-c",
      'cd /proc/sys/kernel; echo 1000000 | tee msgmax > msgmnb; exec "$@"',
      "sh",
      Deno.execPath(),
      "run",
      "--quiet",
      `--config=${config}`,
      "--allow-ffi",
      "--allow-read",
      `data:application/typescript,${encodeURIComponent(code)}`,
    ],
  });
  const { code: exit, stdout, stderr } = await child.end();
  assertEquals(exit, 0, stderr);
  assertEquals(stdout.trim().split("\n"), [
    "8193 2",
    "100000 true 2",
    "50000 true 2",
    "300001 true 2",
    "400000",
  ]);
});

Deno.test("SysvMessageQueue.receiveSync() after an abort gets what comes, also an empty message", async () => {
  using _dog = watchdog("receiveSync() after an abort");
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  await using child = spawnDeno(`
    import { SysvMessageQueue } from "@libc/ipc";
    const queue = SysvMessageQueue.fromId(${queue.id});
    for await (const _ of Deno.stdin.readable) queue.sendSync(1, "");`);
  for (let i = 0; i < scaled(200, 10_000); i++) {
    const controller = new AbortController();
    const wait = queue.receive(controller).catch(() => "aborted");
    for (let turn = 0; turn <= i % 3; turn++) {
      await later(0);
    }
    controller.abort();
    await child.write("");
    assertEquals(queue.receiveSync().data.length, 0);
    assertEquals(await wait, "aborted");
  }
  assertEquals((await child.end()).code, 0);
});

Deno.test(
  notEmulated(
    "a process that ends while it waits takes no empty message along",
    "waits in no thread",
  ),
  async () => {
    using _dog = watchdog("an end with a wait");
    await Promise.all(([
      [
        'queue.receive({ unref: true }).then(() => console.log("has it"));',
        "",
      ],
      ["queue.receive();", "Deno.exit();"],
      ["waitAny([queue]);", "Deno.exit();"],
    ] as const).map(async ([wait, end]) => {
      using queue = SysvMessageQueue.create(IPC_PRIVATE);
      await using child = spawnDeno(`
      import { SysvMessageQueue, waitAny } from "@libc/ipc";
      const queue = SysvMessageQueue.fromId(${queue.id});
      ${wait}
      setTimeout(() => {
        console.log("waits");
        // Nothing is looked at until a thread has taken it, if one waits by now.
        const end = performance.now() + 1000;
        let stat;
        do stat = queue.stat();
        while (
          (stat.messages > 0 || stat.sendTime === null) &&
          performance.now() < end
        );
        ${end}
      }, 30);`);
      assertEquals(await child.line(), "waits");
      queue.sendSync(7, "");
      const { code, stdout } = await child.end();
      assertEquals(code, 0);
      const message = queue.tryReceive();
      // A process that ends by itself may still get it before.
      if (stdout === "has it\n") assertEquals(message, undefined);
      else assertEquals([message?.type, message?.data.length], [7, 0], wait);
    }));
  },
);
