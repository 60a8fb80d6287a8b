// The same tests for three semaphores: a System V set, a named POSIX semaphore,
// and a POSIX semaphore in a mapping.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  IpcError,
  Memfd,
  PosixSemaphore,
  SysvSemaphoreSet,
  type WaitOptions,
} from "@libc/ipc";
import {
  later,
  scaled,
  spawnDeno,
  uniqueKey,
  until,
  watchdog,
} from "../util.ts";

/** The operations that all of them have. */
interface Semaphore extends Disposable {
  acquire(options?: WaitOptions): Promise<void>;
  acquireSync(options?: { timeout?: number }): void;
  tryAcquire(): boolean;
  release(count?: number): void;
  value(): number;
  /** An expression that opens it in another process. */
  elsewhere: string;
  /** Its greatest value. */
  greatest: number;
  /** The error code for a release above that value. */
  overflow: string;
}

/** Code for children that gives an index of a set the API of a semaphore. */
const UNIFORM = `
  const alike = (set) => ({
    acquireSync: () => set.acquireSync(0, { undo: false }),
    release: (count) => set.release(0, count, { undo: false }),
  });`;

const POSIX = { greatest: 0x7fff_ffff, overflow: "EOVERFLOW" };

const KINDS: Record<string, (value: number) => Semaphore> = {
  SysvSemaphoreSet(value) {
    const key = uniqueKey();
    const set = SysvSemaphoreSet.create(key, [value]);
    return {
      acquire: (options) => set.acquire(0, { ...options, undo: false }),
      acquireSync: (options) => set.acquireSync(0, { ...options, undo: false }),
      tryAcquire: () => set.tryAcquire(0, { undo: false }),
      release: (count = 1) => set.release(0, count, { undo: false }),
      value: () => set.value(),
      elsewhere: `alike(ipc.SysvSemaphoreSet.open(${key}))`,
      greatest: 32767,
      overflow: "ERANGE",
      [Symbol.dispose]: () => set[Symbol.dispose](),
    };
  },
  PosixSemaphore(value) {
    const made = PosixSemaphore.create(null, { value });
    const elsewhere = `ipc.PosixSemaphore.open("${made.name}")`;
    return Object.assign(made, { elsewhere, ...POSIX });
  },
  "PosixSemaphore in a mapping"(value) {
    using stack = new DisposableStack();
    const memory = stack.use(Memfd.create("semaphore", {
      size: PosixSemaphore.byteLength,
    }));
    const mapping = stack.use(memory.map());
    const made = stack.use(PosixSemaphore.inMapping(mapping, 0, { value }));
    const kept = stack.move();
    const there = `{ pid: ${Deno.pid}, fd: ${memory.fd.number} }`;
    return Object.assign(made, {
      elsewhere: `ipc.PosixSemaphore.at(ipc.Memfd.open(${there}).map())`,
      ...POSIX,
      [Symbol.dispose]: () => kept.dispose(),
    });
  },
};

/** Takes units until none is left; returns their number. */
function units(semaphore: Semaphore): number {
  let count = 0;
  while (semaphore.tryAcquire()) count++;
  return count;
}

for (const [name, make] of Object.entries(KINDS)) {
  const test = (
    what: string,
    value: number,
    body: (semaphore: Semaphore) => unknown,
  ): void =>
    Deno.test(`${name}: ${what}`, async () => {
      using _dog = watchdog(`${name}: ${what}`);
      using semaphore = make(value);
      await body(semaphore);
    });

  test(
    "has its first value, and a unit less after each acquire",
    3,
    async (semaphore) => {
      assertEquals(semaphore.value(), 3);
      semaphore.acquireSync();
      await semaphore.acquire();
      assertEquals(semaphore.value(), 1);
      assertEquals(semaphore.tryAcquire(), true);
      assertEquals(semaphore.tryAcquire(), false);
      assertEquals(semaphore.value(), 0);
    },
  );

  test("gives as many units as were released", 0, (semaphore) => {
    semaphore.release();
    semaphore.release(4);
    assertEquals(semaphore.value(), 5);
    assertEquals(units(semaphore), 5);
  });

  test(
    "takes what is there whatever the timeout, and times out without",
    1,
    async (semaphore) => {
      semaphore.acquireSync({ timeout: 0 });
      semaphore.release();
      await semaphore.acquire({ timeout: 0 });
      for (const timeout of [0, 20]) {
        const start = performance.now();
        const sync = assertThrows(
          () => semaphore.acquireSync({ timeout }),
          IpcError,
        );
        const async = await assertRejects(
          () => semaphore.acquire({ timeout }),
          IpcError,
        );
        assertEquals([sync.code, async.code], ["ETIMEDOUT", "ETIMEDOUT"]);
        assert(performance.now() - start >= 2 * timeout);
      }
      assertEquals(semaphore.value(), 0);
    },
  );

  test("an acquire that waits is woken by a release", 0, async (semaphore) => {
    const wait = semaphore.acquire();
    await later();
    semaphore.release();
    await wait;
    assertEquals(semaphore.value(), 0);
  });

  test("50 who wait get one unit each, and no more", 0, async (semaphore) => {
    let served = 0;
    const waits = Array.from({ length: 50 }, async () => {
      await semaphore.acquire();
      served++;
    });
    await later();
    semaphore.release(20);
    await until(() => served === 20);
    assertEquals(semaphore.value(), 0);
    for (let i = 0; i < 32; i++) semaphore.release();
    await Promise.all(waits);
    assertEquals([served, semaphore.value()], [50, 2]);
  });

  test("above its greatest value it stays as it is", 0, (semaphore) => {
    const { greatest, overflow } = semaphore;
    using full = make(greatest);
    const error = assertThrows(() => full.release(), IpcError);
    assertEquals([error.code, full.value()], [overflow, greatest]);
    assertEquals(full.tryAcquire(), true);
    full.release();
    assertEquals(full.value(), greatest);
  });

  test("counts that are none are refused", 1, (semaphore) => {
    for (const count of [0, -1, 0.5, NaN]) {
      assertThrows(() => semaphore.release(count), RangeError);
    }
    assertThrows(() => make(-1), RangeError);
    assertThrows(() => make(0.5), RangeError);
    assertEquals(semaphore.value(), 1);
  });

  test("another process waits for it and releases it", 0, async (semaphore) => {
    await using child = spawnDeno(
      `
      import * as ipc from "@libc/ipc";
      ${UNIFORM}
      const semaphore = ${semaphore.elsewhere};
      console.log("waiting");
      semaphore.acquireSync();
      console.log("got it");
      semaphore.release(2);`,
      { permissions: ["--allow-all"] },
    );
    assertEquals(await child.line(), "waiting");
    semaphore.release();
    assertEquals(await child.line(), "got it");
    semaphore.acquireSync();
    await semaphore.acquire();
    assertEquals((await child.end()).code, 0);
    assertEquals(semaphore.value(), 0);
  });

  test("as a lock it lets one process in at a time", 1, async (semaphore) => {
    const rounds = scaled(300, 1_000_000);
    using memory = Memfd.create("counter", { size: 4 });
    using mapping = memory.map();
    const there = `{ pid: ${Deno.pid}, fd: ${memory.fd.number} }`;
    await using stack = new AsyncDisposableStack();
    const children = Array.from({ length: 3 }, () =>
      stack.use(spawnDeno(
        `
        import * as ipc from "@libc/ipc";
        ${UNIFORM}
        const semaphore = ${semaphore.elsewhere};
        const { bytes } = ipc.Memfd.open(${there}).map();
        const words = new Uint32Array(bytes.buffer, 0, 1);
        for (let i = 0; i < ${rounds}; i++) {
          semaphore.acquireSync();
          const before = words[0];
          for (let pause = 0; pause < 50; pause++) Math.sqrt(pause);
          words[0] = before + 1;
          semaphore.release();
        }`,
        { permissions: ["--allow-all"] },
      )));
    for (const child of children) {
      const { code, stderr } = await child.end();
      assertEquals(code, 0, stderr);
    }
    assertEquals(new Uint32Array(mapping.buffer, 0, 1)[0], 3 * rounds);
    assertEquals(semaphore.value(), 1);
  });
}
