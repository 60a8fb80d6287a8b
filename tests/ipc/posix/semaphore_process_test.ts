// Several processes, their deaths, signals, planted files, other users, limits.

import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import { PosixSemaphore } from "@libc/ipc/posix-sem";
import { PosixSharedMemory } from "@libc/ipc/posix-shm";
import { isPrivileged } from "../../conformance/privileges.ts";
import {
  type Child,
  codeOf,
  scaled,
  sleeps,
  source,
  spawnDeno,
  spawnWorker,
  uniqueName,
  until,
  watchdog,
} from "../../util.ts";
import { removing, sharedFiles } from "../memory/process_state.ts";

const ALL = { permissions: ["--allow-all"] };
const PRIVILEGES = source("tests/conformance/privileges.ts");
const NOT_ROOT = isPrivileged()
  ? ""
  : " [skipped: needs CAP_SETUID and CAP_SYS_ADMIN]";

const PREAMBLE = `
  import { PosixSemaphore } from "@libc/ipc/posix-sem";
  const codeOf = (call) => {
    try {
      call();
      return "done";
    } catch (error) {
      return error.code ?? String(error);
    }
  };
`;

/** A child that has the semaphore of a name as `semaphore`. */
function spawnWith(name: string | null, code: string): Child {
  return spawnDeno(`${PREAMBLE}
    const semaphore = PosixSemaphore.open(${JSON.stringify(name)});
    ${code}`);
}

/** The file of a named semaphore. */
function fileOf(name: string | null): string {
  return `/dev/shm/sem.${name?.slice(1)}`;
}

/** The number of threads that are blocked on it in the C library. */
function waiting(name: string | null): number {
  const { buffer } = Deno.readFileSync(fileOf(name));
  return new DataView(buffer).getUint32(4, true);
}

Deno.test("PosixSemaphore.acquireSync() is woken by another process", async () => {
  using _dog = watchdog("wake");
  using made = PosixSemaphore.create();
  await using child = spawnWith(
    made.name,
    `semaphore.acquireSync();
    console.log("first");
    semaphore.acquireSync({ timeout: 60_000 });
    console.log("second");`,
  );
  for (const line of ["first", "second"]) {
    await until(() => waiting(made.name) === 1);
    made.release();
    assertEquals(await child.line(), line);
  }
  assertEquals((await child.end()).code, 0);
  assertEquals(made.value(), 0);
});

Deno.test("PosixSemaphore.acquireSync() gets the unit whose post has woken an acquire() of this thread", async () => {
  using _dog = watchdog("acquire and acquireSync");
  using made = PosixSemaphore.create();
  for (const options of [undefined, { timeout: 600_000 }]) {
    const stop = new AbortController();
    const acquiring = made.acquire({ signal: stop.signal });
    await until(() => waiting(made.name) === 1);
    await using child = spawnDeno(
      `${PREAMBLE}
      const semaphore = PosixSemaphore.open("${made.name}");
      const file = "${fileOf(made.name)}";
      const waiting = () =>
        new DataView(Deno.readFileSync(file).buffer).getUint32(4, true);
      while (waiting() < 2);
      semaphore.release();`,
      ALL,
    );
    made.acquireSync(options);
    assertEquals(made.value(), 0);
    stop.abort();
    await assertRejects(() => acquiring);
    await until(() => waiting(made.name) === 0);
    assertEquals((await child.end()).code, 0);
  }
});

Deno.test("PosixSemaphore.acquireSync() wakes a Worker of the same process", async () => {
  using _dog = watchdog("Worker");
  using made = PosixSemaphore.create();
  using worker = spawnWorker(`
    import { PosixSemaphore } from "@libc/ipc/posix-sem";
    using semaphore = PosixSemaphore.open("${made.name}");
    semaphore.acquireSync();
    postMessage("acquired");
  `);
  await until(() => waiting(made.name) === 1);
  made.release();
  assertEquals(await worker.next(), "acquired");
});

Deno.test("PosixSemaphore.inMapping() is for other processes too", async () => {
  using _dog = watchdog("in a mapping");
  using memory = PosixSharedMemory.create(null, { size: 4096 });
  using mapping = memory.map();
  using there = PosixSemaphore.inMapping(mapping, 128);
  using back = PosixSemaphore.inMapping(mapping, 192);
  await using child = spawnDeno(`
    import { PosixSemaphore } from "@libc/ipc/posix-sem";
    import { PosixSharedMemory } from "@libc/ipc/posix-shm";
    using memory = PosixSharedMemory.open("${memory.name}");
    using mapping = memory.map();
    using there = PosixSemaphore.at(mapping, 128);
    using back = PosixSemaphore.at(mapping, 192);
    console.log("ready");
    for (let i = 0; i < 1000; i++) {
      there.acquireSync();
      back.release();
    }
    console.log(there.value());
  `);
  assertEquals(await child.line(), "ready");
  for (let i = 0; i < 1000; i++) {
    there.release();
    back.acquireSync();
  }
  assertEquals(await child.line(), "0");
  assertEquals(back.value(), 0);
});

Deno.test("PosixSemaphore.openOrCreate() makes one for all who race", async () => {
  using _dog = watchdog("openOrCreate");
  const name = `/${uniqueName()}`;
  using _cleanup = removing(name.slice(1));
  await using stack = new AsyncDisposableStack();
  const children = Array.from(
    { length: 4 },
    () =>
      stack.use(spawnDeno(`${PREAMBLE}
      await Deno.stdin.read(new Uint8Array(1));
      const semaphore = PosixSemaphore.openOrCreate("${name}", { value: 4 });
      semaphore.acquireSync();
      console.log(semaphore.created);`)),
  );
  for (const child of children) await child.write("go");
  const lines = await Promise.all(children.map((child) => child.line()));
  assertEquals(lines.sort(), ["false", "false", "false", "true"]);
  using found = PosixSemaphore.open(name);
  assertEquals(found.value(), 0);
});

Deno.test("the death of a holder does not give its unit back", async () => {
  using _dog = watchdog("death");
  using made = PosixSemaphore.create(null, { value: 1 });
  await using child = spawnWith(
    made.name,
    `semaphore.acquireSync();
    console.log("held");
    setInterval(() => {}, 1000);`,
  );
  assertEquals(await child.line(), "held");
  child.kill("SIGKILL");
  await child.end();
  assertEquals(made.value(), 0);
  assertEquals(codeOf(() => made.acquireSync({ timeout: 10 })), "ETIMEDOUT");
});

Deno.test("the death of a waiter takes no unit", async () => {
  using _dog = watchdog("death of a waiter");
  using made = PosixSemaphore.create();
  await using child = spawnWith(made.name, "semaphore.acquireSync();");
  await until(() => waiting(made.name) === 1);
  child.kill("SIGKILL");
  await child.end();
  made.release();
  assertEquals(made.value(), 1);
});

Deno.test("PosixSemaphore.acquireSync() goes on waiting after signals", async () => {
  using _dog = watchdog("signals");
  using made = PosixSemaphore.create();
  // A handler without SA_RESTART: the kernel does not restart the wait.
  await using child = spawnWith(
    made.name,
    `import { dlfcn, sigaction, signal } from "@libc/ipc/ffi";
    const name = new TextEncoder().encode("abs\\0");
    const harmless = Deno.UnsafePointer.value(dlfcn().dlsym(null, name));
    const action = new Uint8Array(sigaction.size);
    sigaction.write(action, { sa_handler: harmless });
    if (signal().sigaction(12, action, null) !== 0) throw new Error("sigaction");
    console.log(codeOf(() => semaphore.acquireSync()));`,
  );
  await until(() => waiting(made.name) === 1);
  for (let i = 0; i < scaled(50, 10_000); i++) {
    const before = sleeps(child.pid);
    child.kill("SIGUSR2");
    await until(() => sleeps(child.pid) > before);
  }
  await until(() => waiting(made.name) === 1);
  made.release();
  assertEquals(await child.line(), "done");
  assertEquals(made.value(), 0);
});

Deno.test("PosixSemaphore.acquireSync() with a timeout ends in spite of signals", async () => {
  using _dog = watchdog("timeout and signals");
  using made = PosixSemaphore.create();
  await using child = spawnWith(
    made.name,
    `Deno.addSignalListener("SIGUSR2", () => {});
    const start = performance.now();
    const code = codeOf(() => semaphore.acquireSync({ timeout: 200 }));
    console.log(code, performance.now() - start >= 200);
    Deno.exit();`,
  );
  await until(() => waiting(made.name) === 1);
  let ended = false;
  const line = child.line().finally(() => ended = true);
  // If each signal restarted the whole wait, it would never end.
  await until(() => {
    child.kill("SIGUSR2");
    return ended;
  });
  assertEquals(await line, "ETIMEDOUT true");
});

Deno.test("PosixSemaphore.acquire() with unref lets the process end", async () => {
  using _dog = watchdog("unref");
  using made = PosixSemaphore.create();
  await using child = spawnWith(
    made.name,
    `semaphore.acquire({ unref: true });
    console.log("at the end");`,
  );
  const { code, stdout } = await child.end();
  assertEquals([code, stdout], [0, "at the end\n"]);
});

Deno.test("PosixSemaphore.open() refuses planted files before they are used", () => {
  const name = `/${uniqueName()}`;
  const path = fileOf(name);
  using _cleanup = removing(name.slice(1));
  for (const size of [0, 16, 31, 33, 4096]) {
    Deno.writeFileSync(path, new Uint8Array(size));
    const error = assertThrows(
      () => PosixSemaphore.open(name),
      IpcError,
      `Cannot open semaphore "${name}": it has ${size} bytes, not the 32 of a semaphore (EBADMSG)`,
    );
    assertEquals(error.code, "EBADMSG");
    assertEquals(codeOf(() => PosixSemaphore.openOrCreate(name)), "EBADMSG");
  }
  Deno.writeFileSync(path, new Uint8Array(32));
  assertEquals(codeOf(() => PosixSemaphore.open(name)), "EBADMSG");
  assertEquals(codeOf(() => PosixSemaphore.create(name)), "EEXIST");
  PosixSemaphore.unlink(name);
  using made = PosixSemaphore.create(name, { value: 1 });
  assertEquals(made.value(), 1);
});

Deno.test("PosixSemaphore.open() refuses links, FIFOs and directories, and does not wait", async () => {
  using _dog = watchdog("planted");
  const name = `/${uniqueName()}`;
  using _cleanup = removing(name.slice(1));
  using target = PosixSemaphore.create(null, { value: 1 });
  Deno.symlinkSync(fileOf(target.name), fileOf(name));
  const error = assertThrows(() => PosixSemaphore.open(name), IpcError);
  assertEquals(error.code, "ELOOP");
  assertMatch(error.message, /it is a symbolic link$/);
  assertEquals(codeOf(() => PosixSemaphore.create(name)), "EEXIST");
  Deno.removeSync(fileOf(name));
  Deno.mkdirSync(fileOf(name));
  assertEquals(codeOf(() => PosixSemaphore.open(name)), "EISDIR");
  Deno.removeSync(fileOf(name));
  await new Deno.Command("mkfifo", { args: [fileOf(name)] }).output();
  assertEquals(codeOf(() => PosixSemaphore.open(name)), "ENODEV");
});

Deno.test("PosixSemaphore.open() uses the file that it has looked at, whoever swaps it", async () => {
  using _dog = watchdog("swapping");
  const shared = uniqueName();
  using _cleanup = removing(shared);
  // One process puts a semaphore and an empty file under the name in turn. A
  // check before sem_open would sometimes see the first and map the second, and
  // using that kills the process.
  await using swapper = spawnDeno(
    `${PREAMBLE}
    const good = PosixSemaphore.create("/${shared}-good", { value: 1, owner: false });
    const path = (name) => "/dev/shm/sem.${shared}" + name;
    Deno.writeFileSync(path("-bad"), new Uint8Array(0));
    console.log("swapping");
    for (;;) {
      for (const kind of ["-good", "-bad"]) {
        Deno.linkSync(path(kind), path("-next"));
        Deno.renameSync(path("-next"), path(""));
        if (kind === "-bad") Deno.removeSync(path(""));
      }
    }`,
    ALL,
  );
  assertEquals(await swapper.line(), "swapping");
  await using child = spawnDeno(`${PREAMBLE}
    const seen = {};
    for (let i = 0; i < ${
    scaled(20_000, 100_000)
  } || seen.done === undefined; i++) {
      const result = codeOf(() => {
        using semaphore = PosixSemaphore.open("/${shared}");
        if (semaphore.tryAcquire()) semaphore.release();
      });
      seen[result] = (seen[result] ?? 0) + 1;
    }
    console.log(Object.keys(seen).filter((code) => !["done", "EBADMSG", "ENOENT"].includes(code)).join());`);
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stdout], [0, "\n"], stderr);
});

Deno.test("PosixSemaphore.create() lets the umask take bits away, unless told not to", async () => {
  const shared = uniqueName();
  using _cleanup = removing(shared);
  await using child = spawnDeno(
    `${PREAMBLE}
    Deno.umask(0o027);
    PosixSemaphore.create("/${shared}-a", { mode: 0o666, owner: false });
    PosixSemaphore.create("/${shared}-b", { mode: 0o666, ignoreUmask: true, owner: false });
    PosixSemaphore.create("/${shared}-c", { mode: 0o044, ignoreUmask: true, owner: false });`,
    ALL,
  );
  assertEquals((await child.end()).code, 0);
  const modes = ["a", "b", "c"].map((end) =>
    (Deno.statSync(`/dev/shm/sem.${shared}-${end}`).mode ?? 0) & 0o777
  );
  assertEquals(modes, [0o640, 0o666, 0o044]);
});

Deno.test({
  name: `PosixSemaphore tells one user from another${NOT_ROOT}`,
  ignore: NOT_ROOT !== "",
  async fn() {
    const shared = uniqueName();
    using _cleanup = removing(shared);
    await using child = spawnDeno(
      `${PREAMBLE}
      import { becomeNobody, becomeRoot } from "${PRIVILEGES}";
      const name = (kind) => "/${shared}-" + kind;
      const found = [];
      using _own = PosixSemaphore.create(name("root"));
      using open = PosixSemaphore.create(name("open"), { mode: 0o666, ignoreUmask: true });
      becomeNobody();
      found.push(codeOf(() => PosixSemaphore.open(name("root"))));
      found.push(codeOf(() => PosixSemaphore.unlink(name("open"))));
      // Root's is as good as one's own.
      PosixSemaphore.open(name("open"), { foreign: false }).release();
      PosixSemaphore.create(name("nobody"), { owner: false });
      PosixSemaphore.open(name("nobody"), { foreign: false }).close();
      becomeRoot();
      found.push(open.value());
      const foreign = () => PosixSemaphore.open(name("nobody"), { foreign: false });
      found.push(codeOf(foreign));
      let message = "";
      try { foreign(); } catch (error) { message = error.message; }
      found.push(message.slice(message.indexOf(": ")));
      PosixSemaphore.open(name("nobody")).unlink();
      console.log(JSON.stringify(found));`,
      ALL,
    );
    assertEquals(JSON.parse(await child.line()), [
      "EACCES",
      "EACCES",
      1,
      "EPERM",
      ": it belongs to user 65534 (EPERM)",
    ]);
    assertEquals((await child.end()).code, 0);
    assertEquals(sharedFiles(shared), []);
  },
});

Deno.test("PosixSemaphore without descriptors is EMFILE and leaves nothing behind", async () => {
  using _dog = watchdog("EMFILE");
  const shared = uniqueName();
  using _cleanup = removing(shared);
  await using child = spawnDeno(
    `${PREAMBLE}
    import { openFds } from "${source("tests/util.ts")}";
    import { FILES, mappings, sharedFiles, withFewDescriptors } from "${
      source("tests/ipc/memory/process_state.ts")
    }";
    const known = PosixSemaphore.create("/${shared}-known");
    const before = JSON.stringify([openFds(FILES), mappings("/dev/shm/")]);
    const codes = [
      withFewDescriptors(() => PosixSemaphore.create("/${shared}-a")[Symbol.dispose]()),
      withFewDescriptors(() => PosixSemaphore.create("/${shared}-b", { ignoreUmask: true })[Symbol.dispose]()),
      withFewDescriptors(() => PosixSemaphore.open("/${shared}-known").close()),
    ];
    const after = JSON.stringify([openFds(FILES), mappings("/dev/shm/")]);
    console.log(JSON.stringify([codes, after === before, sharedFiles("${shared}").length]));
    known[Symbol.dispose]();`,
    ALL,
  );
  assertEquals(JSON.parse(await child.line()), [
    [["EMFILE"], ["EMFILE"], ["EMFILE"]],
    true,
    1,
  ]);
  assertEquals((await child.end()).code, 0);
});
