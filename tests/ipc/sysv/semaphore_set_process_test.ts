import { assertEquals, assertRejects } from "@std/assert";
import { IPC_PRIVATE } from "@libc/ipc/sysv-key";
import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
import { IPC_CREAT, IPC_EXCL, IPC_RMID, SETVAL, sys_sem } from "@libc/ipc/ffi";
import {
  type Child,
  scaled,
  sleeps,
  spawnDeno,
  spawnWorker,
  uniqueKey,
  until,
  untilBlocked,
  watchdog,
} from "../../util.ts";

/** A child that has the set of an id as `set`, and may use `attempt`. */
function spawnWith(set: { id: number }, code: string): Child {
  return spawnDeno(`
    import { IpcError } from "@libc/ipc/errno";
    import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
    const set = SysvSemaphoreSet.fromId(${set.id});
    const attempt = (call) => {
      try {
        call();
        return "done";
      } catch (error) {
        if (!(error instanceof IpcError)) throw error;
        return error.code;
      }
    };
    ${code}
  `);
}

/**
 * Lets another process open a set that gets its value only once that process
 * waits. Returns the value it sees, or undefined if the machine was too slow:
 * after a second the process takes the set for finished.
 */
async function openUnfinished(): Promise<string | undefined> {
  const key = uniqueKey();
  await using child = spawnDeno(`
    import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
    console.log("ready");
    await Deno.stdin.read(new Uint8Array(1));
    const start = performance.now();
    const value = SysvSemaphoreSet.open(${key}).value();
    console.log(performance.now() - start < 1000 ? value : "gave up");
  `);
  assertEquals(await child.line(), "ready");
  // A creator that has got only this far.
  const id = sys_sem().semget(key, 1, IPC_CREAT | IPC_EXCL | 0o600);
  try {
    await child.write("go");
    const line = child.line();
    await Promise.race([line, untilBlocked(child.pid, "nanosleep")])
      // The process has ended in the meantime.
      .catch(() => {});
    sys_sem().semctl_val(id, 0, SETVAL, 5);
    const seen = await line;
    return seen === "gave up" ? undefined : seen;
  } finally {
    sys_sem().semctl(id, 0, IPC_RMID);
  }
}

Deno.test("SysvSemaphoreSet.open() sees no value before its creator has set it", async () => {
  using _dog = watchdog("open");
  let seen: string | undefined;
  while (seen === undefined) seen = await openUnfinished();
  assertEquals(seen, "5");
});

Deno.test("SysvSemaphoreSet.openOrCreate() gives all processes the same initialized set", async () => {
  using _dog = watchdog("openOrCreate");
  const key = uniqueKey();
  const children = Array.from({ length: 4 }, () =>
    spawnDeno(`
      import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
      await Deno.stdin.read(new Uint8Array(1));
      const set = SysvSemaphoreSet.openOrCreate(${key}, [0, 4]);
      // With a set that had no values yet, this would wait for ever.
      set.acquireSync(1, { undo: false });
      console.log(set.created, set.id);
    `));
  try {
    for (const child of children) await child.write("go");
    const lines = await Promise.all(children.map((child) => child.line()));
    assertEquals(lines.filter((line) => line.startsWith("true")).length, 1);
    assertEquals(new Set(lines.map((line) => line.split(" ")[1])).size, 1);
    assertEquals(SysvSemaphoreSet.open(key).values(), [0, 0]);
  } finally {
    for (const child of children) await child[Symbol.asyncDispose]();
    SysvSemaphoreSet.open(key).remove();
  }
});

Deno.test("SysvSemaphoreSet.acquireSync() of another process is counted as waiting and woken by release()", async () => {
  using _dog = watchdog("acquireSync");
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0, 1]);
  await using child = spawnWith(
    set,
    `
    console.log(attempt(() => set.acquireSync()));
    console.log(attempt(() => set.waitZeroSync(1)));
  `,
  );
  await until(() => set.waitingForIncrease() === 1);
  assertEquals(set.waitingForZero(1), 0);
  set.release();
  assertEquals(await child.line(), "done");
  assertEquals(set.lastPid(0), child.pid);
  await until(() => set.waitingForZero(1) === 1);
  assertEquals(set.waitingForIncrease(0), 0);
  set.acquireSync(1);
  assertEquals(await child.line(), "done");
});

Deno.test("a killed process gives back what it acquired, and only with undo", async () => {
  using _dog = watchdog("undo");
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [1, 1, 5]);
  await using child = spawnWith(
    set,
    `
    set.acquireSync(0);
    set.acquireSync(1, { undo: false });
    set.operateSync([{ index: 2, delta: -3, undo: true }]);
    console.log("held");
    setInterval(() => {}, 1000);
  `,
  );
  assertEquals(await child.line(), "held");
  assertEquals(set.values(), [0, 0, 2]);
  child.kill("SIGKILL");
  assertEquals((await child.end()).signal, "SIGKILL");
  // This blocks until the kernel has undone the acquire of the child.
  set.acquireSync(0);
  assertEquals(set.values(), [0, 0, 5]);
});

Deno.test("a killed process with several units and releases leaves the sum as it was", async () => {
  using _dog = watchdog("undo sum");
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [10]);
  await using child = spawnWith(
    set,
    `
    set.acquireSync(0, { count: 7 });
    set.release(0, 3);
    console.log(set.value());
    setInterval(() => {}, 1000);
  `,
  );
  assertEquals(await child.line(), "6");
  child.kill("SIGKILL");
  await child.end();
  await until(() => set.value() !== 6);
  assertEquals(set.value(), 10);
});

Deno.test("a process that ends takes back its release(), unless undo is false", async () => {
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0, 0]);
  await using child = spawnWith(
    set,
    `
    set.release(0);
    set.release(1, 1, { undo: false });
    console.log(set.values().join());
  `,
  );
  assertEquals(await child.line(), "1,1");
  assertEquals((await child.end()).code, 0);
  await until(() => set.value(0) === 0);
  assertEquals(set.values(), [0, 1]);
});

Deno.test("SysvSemaphoreSet.setValue() makes the kernel forget what it would undo", async () => {
  using _dog = watchdog("setValue");
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [1, 1]);
  await using child = spawnWith(
    set,
    `
    set.operateSync([
      { index: 0, delta: -1, undo: true },
      { index: 1, delta: -1, undo: true },
    ]);
    console.log("held");
    setInterval(() => {}, 1000);
  `,
  );
  assertEquals(await child.line(), "held");
  set.setValue(0, 5);
  child.kill("SIGKILL");
  await child.end();
  // The second semaphore shows that the kernel has finished undoing.
  await until(() => set.value(1) === 1);
  assertEquals(set.value(0), 5);
});

Deno.test("undo belongs to the process: the end of a Worker takes nothing back", async () => {
  using _dog = watchdog("Worker undo");
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [1, 1]);
  await using child = spawnDeno(
    `
    import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
    const code = ${
      JSON.stringify(
        `import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
       import { unistd } from "@libc/ipc/ffi";
       SysvSemaphoreSet.fromId(${set.id}).acquireSync();
       postMessage(unistd().gettid());`,
      )
    };
    const lives = (thread) =>
      [...Deno.readDirSync("/proc/self/task")].some(({ name }) => name === thread);
    const url = "data:application/typescript," + encodeURIComponent(code);
    const worker = new Worker(url, { type: "module" });
    const { data } = await new Promise((resolve) => worker.onmessage = resolve);
    worker.terminate();
    while (lives(String(data))) await new Promise((r) => setTimeout(r, 2));
    console.log(SysvSemaphoreSet.fromId(${set.id}).value());
  `,
    { permissions: ["--allow-all"] },
  );
  assertEquals(await child.line(), "0");
  assertEquals((await child.end()).code, 0);
  await until(() => set.value() === 1);
  assertEquals(set.value(), 1);
});

Deno.test("SysvSemaphoreSet.remove() ends the waits of other processes with EIDRM", async () => {
  using _dog = watchdog("remove");
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0, 1]);
  await using one = spawnWith(
    set,
    "console.log(attempt(() => set.acquireSync()));",
  );
  await using two = spawnWith(
    set,
    "console.log(attempt(() => set.waitZeroSync(1, { timeout: 1e9 })));",
  );
  await until(() => set.waitingForIncrease() + set.waitingForZero(1) === 2);
  set.remove();
  assertEquals(await one.line(), "EIDRM");
  assertEquals(await two.line(), "EIDRM");
});

Deno.test("SysvSemaphoreSet.remove() ends the wait of a Worker of the same process with EIDRM", async () => {
  using _dog = watchdog("Worker remove");
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0]);
  using worker = spawnWorker(`
    import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
    try {
      SysvSemaphoreSet.fromId(${set.id}).acquireSync();
      postMessage("acquired");
    } catch (error) {
      postMessage(error.code);
    }
  `);
  await until(() => set.waitingForIncrease() === 1);
  set.remove();
  assertEquals(await worker.next(), "EIDRM");
});

Deno.test("SysvSemaphoreSet.acquireSync() goes on waiting after signals", async () => {
  using _dog = watchdog("signals");
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0]);
  await using child = spawnWith(
    set,
    `
    const { promise, resolve } = Promise.withResolvers();
    Deno.addSignalListener("SIGUSR2", resolve);
    console.log(attempt(() => set.acquireSync(0, { undo: false })));
    await promise;
    console.log("listener called");
    Deno.exit();
  `,
  );
  await until(() => set.waitingForIncrease() === 1);
  for (let i = 0; i < scaled(50, 10_000); i++) {
    // It wakes, gets EINTR and goes to sleep again.
    const before = sleeps(child.pid);
    child.kill("SIGUSR2");
    await until(() => sleeps(child.pid) > before);
  }
  await until(() => set.waitingForIncrease() === 1);
  set.release(0, 1, { undo: false });
  assertEquals(await child.line(), "done");
  assertEquals(await child.line(), "listener called");
  assertEquals(set.value(), 0);
});

Deno.test("SysvSemaphoreSet.acquireSync() with a timeout ends in spite of signals, and not before its time", async () => {
  using _dog = watchdog("timeout and signals");
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0]);
  await using child = spawnWith(
    set,
    `
    Deno.addSignalListener("SIGUSR2", () => {});
    const start = performance.now();
    const code = attempt(() => set.acquireSync(0, { timeout: 200 }));
    console.log(code, performance.now() - start >= 200);
    Deno.exit();
  `,
  );
  await until(() => set.waitingForIncrease() === 1);
  let ended = false;
  const line = child.line().finally(() => ended = true);
  // If each signal restarted the whole wait, it would never end.
  await until(() => {
    child.kill("SIGUSR2");
    return ended;
  });
  assertEquals(await line, "ETIMEDOUT true");
});

Deno.test("a lock of several processes lets nobody in twice", async () => {
  using _dog = watchdog("lock");
  const file = await Deno.makeTempFile({ prefix: "libc-ipc-" });
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [1]);
  const rounds = scaled(100, 10_000);
  const program = `
    for (let i = 0; i < ${rounds}; i++) {
      if (i % 2) set.acquireSync(); else await set.acquire();
      try {
        const count = Number(Deno.readTextFileSync(${JSON.stringify(file)}));
        Deno.writeTextFileSync(${JSON.stringify(file)}, String(count + 1));
      } finally {
        set.release();
      }
    }
    console.log("end");
  `;
  try {
    await using stack = new AsyncDisposableStack();
    const children = [1, 2, 3].map(() =>
      stack.use(spawnDeno(
        `import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
         const set = SysvSemaphoreSet.fromId(${set.id});${program}`,
        { permissions: ["--allow-all"] },
      ))
    );
    for (const child of children) assertEquals(await child.line(), "end");
    assertEquals(Deno.readTextFileSync(file), `${3 * rounds}`);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("a program without --allow-ffi is told which flag to add", async () => {
  await using child = spawnDeno(
    `import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
     SysvSemaphoreSet.create(0, 1);`,
    { permissions: ["--no-prompt"] },
  );
  const { code, stderr } = await child.end();
  assertEquals(code, 1);
  assertEquals(stderr.includes("--allow-ffi"), true, stderr);
  await assertRejects(() => child.line());
});
