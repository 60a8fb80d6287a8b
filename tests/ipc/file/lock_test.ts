import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import {
  conflictingLock,
  type FileLockOptions,
  lockFile,
  lockFileSync,
  openLockFile,
  tryLockFile,
} from "@libc/ipc/file-lock";
import { Memfd } from "@libc/ipc/memfd";
import { spawn } from "@libc/ipc/spawn";
import {
  denoArgs,
  hasCommand,
  later,
  openFds,
  scaled,
  spawnDeno,
  uniqueName,
  untilBlocked,
  watchdog,
} from "../../util.ts";
import { type LineChild, lineChild } from "../process/util.ts";

/** A temporary path that is removed with the scope. */
function temporary(): Disposable & { path: string } {
  const path = `/tmp/${uniqueName()}`;
  return {
    path,
    [Symbol.dispose]() {
      try {
        Deno.removeSync(path);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    },
  };
}

/** Another process that holds a lock until it is killed or told to go on. */
async function holder(path: string, options = "{}"): Promise<LineChild> {
  const child = lineChild(
    spawn(Deno.execPath(), {
      args: denoArgs(
        `
        import { lockFileSync, openLockFile } from "@libc/ipc/file-lock";
        using file = openLockFile(${JSON.stringify(path)});
        {
          using _lock = lockFileSync(file, ${options});
          console.log("locked");
          Deno.stdin.readSync(new Uint8Array(1));
        }
        console.log("released");
        Deno.stdin.readSync(new Uint8Array(1));`,
      ),
      fds: { 0: "pipe", 1: "pipe" },
      killSignal: "SIGKILL",
    }),
  );
  assertEquals(await child.line(), "locked");
  return child;
}

const kinds: [string, FileLockOptions][] = [
  ["flock", {}],
  ["fcntl", { range: {} }],
];

for (const [call, kind] of kinds) {
  Deno.test(`${call}: an exclusive lock keeps everybody else out`, () => {
    using file = temporary();
    using one = openLockFile(file.path);
    using two = openLockFile(file.path);
    {
      using lock = lockFileSync(one, kind);
      assertEquals([lock.shared, lock.closed], [false, false]);
      assertEquals(tryLockFile(two, kind), undefined);
      assertEquals(tryLockFile(two, { ...kind, shared: true }), undefined);
    }
    using lock = tryLockFile(two, kind);
    assertEquals(lock?.closed, false);
    lock?.close();
    lock?.close();
    assertEquals(lock?.closed, true);
    using again = tryLockFile(one, kind);
    assert(again !== undefined);
  });

  Deno.test(`${call}: shared locks go together, and with no exclusive one`, () => {
    using file = temporary();
    using one = openLockFile(file.path);
    using two = openLockFile(file.path);
    using three = openLockFile(file.path);
    using four = openLockFile(file.path);
    {
      using _first = lockFileSync(one, { ...kind, shared: true });
      using second = tryLockFile(two, { ...kind, shared: true });
      assertEquals(second?.shared, true);
      assertEquals(tryLockFile(three, kind), undefined);
      using third = tryLockFile(four, { ...kind, shared: true });
      assertEquals(third?.shared, true);
    }
    using exclusive = tryLockFile(three, kind);
    assertEquals(exclusive?.shared, false);
  });

  Deno.test(`${call}: waits until the lock is free`, async () => {
    using file = temporary();
    using one = openLockFile(file.path);
    using two = openLockFile(file.path);
    const first = lockFileSync(one, kind);
    const wait = lockFile(two, kind);
    await later(5);
    first.close();
    using second = await wait;
    assertEquals(second.closed, false);
    assertEquals(tryLockFile(one, kind), undefined);
  });

  Deno.test(`${call}: waits with a timeout or an AbortSignal, and holds nothing then`, async () => {
    using file = temporary();
    using one = openLockFile(file.path);
    using two = openLockFile(file.path);
    const first = lockFileSync(one, kind);
    const error = await assertRejects(
      () => lockFile(two, { ...kind, timeout: 10 }),
      IpcError,
      `Cannot lock file "${file.path}": ${call} timed out after 10 ms (ETIMEDOUT)`,
    );
    assertEquals([error.code, error.syscall], ["ETIMEDOUT", call]);
    const start = performance.now();
    assertThrows(
      () => lockFileSync(two, { ...kind, timeout: 30 }),
      IpcError,
      "ETIMEDOUT",
    );
    assert(performance.now() - start >= 30);
    const controller = new AbortController();
    const wait = lockFile(two, { ...kind, signal: controller.signal });
    controller.abort("enough");
    assertEquals(await wait.catch((reason) => reason), "enough");
    first.close();
    await later(30);
    using lock = tryLockFile(one, kind);
    assert(lock !== undefined);
  });

  Deno.test(`${call}: lockFileSync() sleeps until another process lets go`, async () => {
    using _dog = watchdog("lockFileSync()");
    using file = temporary();
    await using other = await holder(file.path, JSON.stringify(kind));
    await using waiting = lineChild(
      spawn(Deno.execPath(), {
        args: denoArgs(
          `
          import { lockFileSync, openLockFile } from "@libc/ipc/file-lock";
          using file = openLockFile(${JSON.stringify(file.path)});
          console.log("waits");
          using _lock = lockFileSync(file, { timeout: 60000, ...${
            JSON.stringify(kind)
          } });
          console.log("has it");`,
        ),
        fds: { 1: "pipe" },
      }),
    );
    assertEquals(await waiting.line(), "waits");
    await untilBlocked(waiting.pid, call === "flock" ? "lock" : "setlk");
    other.process.stdin?.writeSync("x");
    assertEquals(await other.line(), "released");
    assertEquals(await waiting.lines(), ["has it"]);
  });

  Deno.test(`${call}: the kernel releases the lock of a killed process`, async () => {
    using file = temporary();
    await using other = await holder(file.path, JSON.stringify(kind));
    using one = openLockFile(file.path);
    assertEquals(tryLockFile(one, kind), undefined);
    const wait = lockFile(one, kind);
    other.process.kill("SIGKILL");
    using lock = await wait;
    assertEquals(lock.closed, false);
  });

  Deno.test(`${call}: closing another descriptor of the file does not release the lock`, () => {
    using file = temporary();
    using one = openLockFile(file.path);
    using two = openLockFile(file.path);
    using _lock = lockFileSync(one, kind);
    openLockFile(file.path).close();
    // A duplicate of the same open file. Here, fcntl(F_SETLK) would lose its
    // locks.
    one.duplicate().close();
    assertEquals(tryLockFile(two, kind), undefined);
  });

  Deno.test(`${call}: a duplicate and a child hold the lock on`, async () => {
    using file = temporary();
    using two = openLockFile(file.path);
    const one = openLockFile(file.path);
    const lock = lockFileSync(one, kind);
    await using child = lineChild(
      spawn("sh", {
        args: ["-c", "echo ready; read x"],
        fds: { 0: "pipe", 1: "pipe", 3: one },
      }),
    );
    assertEquals(await child.line(), "ready");
    const copy = one.duplicate();
    one.close();
    assertEquals(lock.closed, true);
    assertEquals(tryLockFile(two, kind), undefined);
    copy.close();
    assertEquals(tryLockFile(two, kind), undefined);
    child.process.stdin?.close();
    await child.process.status;
    using own = tryLockFile(two, kind);
    assert(own !== undefined);
    // The number belongs to another file by now, which must not be unlocked.
    lock.close();
    assertEquals(own.closed, false);
  });

  Deno.test(`${call}: a second lock through one descriptor is refused`, async () => {
    using file = temporary();
    using one = openLockFile(file.path);
    using lock = lockFileSync(one, kind);
    for (const shared of [true, false]) {
      const options = { ...kind, shared };
      assertThrows(() => tryLockFile(one, options), TypeError, "twice");
      assertThrows(() => lockFileSync(one, options), TypeError, "twice");
      await assertRejects(() => lockFile(one, options), TypeError, "twice");
    }
    lock.close();
    using _next = lockFileSync(one, { ...kind, shared: true });
  });

  Deno.test(`${call}: refuses a closed descriptor, before and while it waits`, async () => {
    using file = temporary();
    using one = openLockFile(file.path);
    const two = openLockFile(file.path);
    using _lock = lockFileSync(one, kind);
    const wait = assertRejects(
      () => lockFile(two, kind),
      TypeError,
      "closed file",
    );
    await later(2);
    two.close();
    await wait;
    assertThrows(() => tryLockFile(two, kind), TypeError, "closed file");
    assertThrows(() => lockFileSync(two, kind), TypeError, "closed file");
    assertThrows(() => conflictingLock(two, kind), TypeError, "closed");
  });

  Deno.test(`${call}: many processes count without losing any`, async () => {
    using _dog = watchdog("many lockers");
    using file = temporary();
    using counter = temporary();
    await Deno.writeTextFile(counter.path, "0");
    const code = (wait: string) => `
      import { lockFile, lockFileSync, openLockFile } from "@libc/ipc/file-lock";
      using file = openLockFile(${JSON.stringify(file.path)});
      const path = ${JSON.stringify(counter.path)};
      for (let i = 0; i < 50; i++) {
        using _lock = ${wait}(file, ${JSON.stringify(kind)});
        const count = Number(Deno.readTextFileSync(path));
        Deno.writeTextFileSync(path, String(count + 1));
      }`;
    const children = ["await lockFile", "lockFileSync", "lockFileSync"].map(
      (wait) =>
        spawn(Deno.execPath(), {
          args: denoArgs(
            code(wait),
            "--allow-read",
            "--allow-write",
          ),
        }),
    );
    for (const child of children) assertEquals((await child.status).code, 0);
    assertEquals(await Deno.readTextFile(counter.path), "150");
  });
}

Deno.test("ranges of a file are locked on their own", () => {
  using file = temporary();
  using one = openLockFile(file.path);
  using two = openLockFile(file.path);
  const range = (offset: number, length: number) => ({
    range: { offset, length },
  });
  using _low = lockFileSync(one, range(0, 10));
  using _mid = lockFileSync(one, range(20, 10));
  assertThrows(() => tryLockFile(one, range(29, 1)), TypeError, "twice");
  assertEquals(tryLockFile(two, range(9, 1)), undefined);
  assertEquals(tryLockFile(two, range(5, 100)), undefined);
  assertEquals(tryLockFile(two, range(25, 0)), undefined);
  {
    using gap = tryLockFile(two, range(10, 10));
    using rest = tryLockFile(two, range(30, 0));
    assertEquals([gap?.closed, rest?.closed], [false, false]);
    assertEquals(tryLockFile(one, range(2 ** 40, 1)), undefined);
  }
  // A lock on another range does not release the others.
  using _far = lockFileSync(one, range(2 ** 50, 1));
  assertEquals(tryLockFile(two, range(0, 1)), undefined);
});

Deno.test("ranges that no file can have are refused", () => {
  using file = temporary();
  using one = openLockFile(file.path);
  for (
    const range of [{ offset: -1 }, { length: -1 }, { offset: 0.5 }, {
      offset: Number.MAX_SAFE_INTEGER,
      length: 1,
    }]
  ) {
    assertThrows(() => tryLockFile(one, { range }), RangeError, "must be");
  }
});

Deno.test("flock and fcntl know nothing of each other", () => {
  using file = temporary();
  using one = openLockFile(file.path);
  using two = openLockFile(file.path);
  using _whole = lockFileSync(one);
  using range = tryLockFile(two, { range: {} });
  assert(range !== undefined);
});

Deno.test("conflictingLock() shows what is in the way", () => {
  using file = temporary();
  using one = openLockFile(file.path);
  using two = openLockFile(file.path);
  assertEquals(conflictingLock(two), undefined);
  using _shared = lockFileSync(one, {
    shared: true,
    range: { offset: 5, length: 7 },
  });
  assertEquals(conflictingLock(two), { shared: true, offset: 5, length: 7 });
  assertEquals(conflictingLock(two, { shared: true }), undefined);
  assertEquals(conflictingLock(two, { range: { offset: 12 } }), undefined);
  assertEquals(conflictingLock(one), undefined);
  using _rest = lockFileSync(one, { range: { offset: 100 } });
  assertEquals(conflictingLock(two, { range: { offset: 50 } }), {
    shared: false,
    offset: 100,
    length: 0,
  });
});

Deno.test("a range lock needs a descriptor that is open for it", () => {
  using memory = Memfd.create("locked", { size: 1 });
  const { number: fd } = memory.fd;
  using reader = Memfd.open({ pid: Deno.pid, fd }, { readOnly: true });
  const error = assertThrows(
    () => tryLockFile(reader.fd, { range: {} }),
    IpcError,
    "it is not open for writing",
  );
  assertEquals([error.code, error.syscall], ["EBADF", "fcntl"]);
  using shared = tryLockFile(reader.fd, { shared: true, range: {} });
  using whole = tryLockFile(reader.fd);
  assertEquals([shared?.shared, whole?.shared], [true, false]);
});

Deno.test("openLockFile() makes a private file, and follows no link", () => {
  using file = temporary();
  using link = temporary();
  {
    using _one = openLockFile(file.path);
    assertEquals((Deno.statSync(file.path).mode ?? 0) & 0o777, 0o600);
    assertEquals(Deno.statSync(file.path).size, 0);
  }
  Deno.writeTextFileSync(file.path, "kept");
  openLockFile(new URL(`file://${file.path}`)).close();
  assertEquals(Deno.readTextFileSync(file.path), "kept");
  Deno.symlinkSync(file.path, link.path);
  const refused = (path: string) =>
    assertThrows(() => openLockFile(path), IpcError).code;
  assertEquals(refused(link.path), "ELOOP");
  assertEquals(refused("/none/x"), "ENOENT");
  assertEquals(refused("/tmp"), "EISDIR");
  assertThrows(() => openLockFile(""), TypeError, "path");
  assertThrows(() => openLockFile("a\0b"), TypeError, "NUL");
  assertThrows(() => openLockFile(file.path, { mode: 0o10000 }), RangeError);
});

Deno.test({
  name: `flock: excludes the flock command${
    hasCommand("flock") ? "" : " [skipped: no flock]"
  }`,
  ignore: !hasCommand("flock"),
  async fn() {
    using file = temporary();
    using one = openLockFile(file.path);
    const command = (...args: string[]) =>
      spawn("flock", { args: [...args, file.path, "true"] }).status;
    {
      using _lock = lockFileSync(one);
      assertEquals((await command("-n")).code, 1);
      assertEquals((await command("-n", "-s")).code, 1);
    }
    assertEquals((await command("-n")).code, 0);
    await using other = lineChild(
      spawn("flock", {
        args: [file.path, "sh", "-c", "echo ready; read x"],
        fds: { 0: "pipe", 1: "pipe" },
      }),
    );
    assertEquals(await other.line(), "ready");
    assertEquals(tryLockFile(one), undefined);
    const wait = lockFile(one);
    other.process.stdin?.close();
    (await wait).close();
  },
});

Deno.test({
  name: `flock and fcntl: exclude Python's locks of the same kind${
    hasCommand("python3") ? "" : " [skipped: no python3]"
  }`,
  ignore: !hasCommand("python3"),
  async fn() {
    using file = temporary();
    using one = openLockFile(file.path);
    const python = `
import fcntl, struct, sys
file = open(sys.argv[1], "r+")
whole = lambda how: fcntl.flock(file, how)
def ofd(how):
    kind = {fcntl.LOCK_EX: fcntl.F_WRLCK, fcntl.LOCK_SH: fcntl.F_RDLCK, fcntl.LOCK_UN: fcntl.F_UNLCK}[how & ~fcntl.LOCK_NB]
    fcntl.fcntl(file, 37, struct.pack("hhxxxxqqixxxx", kind, 0, 10, 5, 0))
lock = whole if sys.argv[2] == "flock" else ofd
for line in sys.stdin:
    try:
        lock({"ex": fcntl.LOCK_EX, "sh": fcntl.LOCK_SH, "un": fcntl.LOCK_UN}[line.strip()] | fcntl.LOCK_NB)
        print("done", flush=True)
    except OSError as error:
        print(error.errno, flush=True)
`;
    for (const [call, kind] of kinds) {
      await using peer = lineChild(
        spawn("python3", {
          args: ["-c", python, file.path, call],
          fds: { 0: "pipe", 1: "pipe" },
        }),
      );
      const ask = async (what: string) => {
        peer.process.stdin?.writeSync(`${what}\n`);
        return await peer.line();
      };
      {
        using _lock = lockFileSync(one, kind);
        assertEquals([await ask("ex"), await ask("sh")], ["11", "11"]);
      }
      assertEquals(await ask("sh"), "done");
      assertEquals(tryLockFile(one, kind), undefined);
      {
        using shared = tryLockFile(one, { ...kind, shared: true });
        assert(shared !== undefined);
        assertEquals(await ask("ex"), "11");
      }
      assertEquals(await ask("ex"), "done");
      assertEquals(tryLockFile(one, { ...kind, shared: true }), undefined);
      if (call === "fcntl") {
        assertEquals(conflictingLock(one), {
          shared: false,
          offset: 10,
          length: 5,
        });
        using beside = tryLockFile(one, { range: { offset: 15 } });
        assert(beside !== undefined);
      }
      const wait = lockFile(one, kind);
      peer.process.kill("SIGKILL");
      (await wait).close();
    }
  },
});

Deno.test("a wait for a lock keeps the process alive, unless unref", async () => {
  using file = temporary();
  using one = openLockFile(file.path);
  using lock = lockFileSync(one);
  const code = (options: string) => `
    import { lockFile, openLockFile } from "@libc/ipc/file-lock";
    const file = openLockFile(${JSON.stringify(file.path)});
    lockFile(file, ${options}).then(() => console.log("locked"));
    console.log("waits");`;
  await using careless = spawnDeno(code("{ unref: true }"));
  assertEquals((await careless.end()).stdout, "waits\n");
  await using careful = spawnDeno(code("{}"));
  assertEquals(await careful.line(), "waits");
  lock.close();
  assertEquals((await careful.end()).stdout, "locked\n");
});

Deno.test("locks leave nothing behind after many rounds", () => {
  using file = temporary();
  const round = () => {
    using fd = openLockFile(file.path);
    using _whole = lockFileSync(fd);
    using _range = tryLockFile(fd, { range: { offset: 1, length: 1 } });
  };
  for (let i = 0; i < scaled(2000, 10_000); i++) round();
  assertEquals(openFds(new RegExp(`^${file.path}$`)), []);
});

Deno.test("lockFile() takes an Fd only", async () => {
  const wrong = 3 as unknown as Parameters<typeof lockFile>[0];
  const message = "fd must be an Fd, got 3";
  await assertRejects(() => lockFile(wrong), TypeError, message);
  assertThrows(() => lockFileSync(wrong), TypeError, message);
  assertThrows(() => tryLockFile(wrong), TypeError, message);
  assertThrows(() => conflictingLock(wrong), TypeError, message);
});
