import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  IpcError,
  mapAnonymous,
  type Mapping,
  PosixSharedMemory,
  waitAny,
} from "@libc/ipc";
import { PosixSemaphore } from "@libc/ipc/posix-sem";
import { SEM_VALUE_MAX, semaphore } from "@libc/ipc/ffi";
import {
  codeOf,
  later,
  openFds,
  rejection,
  scaled,
  spawnWorker,
  uniqueName,
  until,
  watchdog,
} from "../../util.ts";
import { mappings, sharedFiles } from "../memory/process_state.ts";

const name = () => `/${uniqueName()}`;

/** How many threads wait for the semaphore at the beginning of a mapping. */
function waitersIn(memory: Mapping): number {
  return new DataView(memory.read(0, 8).buffer).getUint32(4, true);
}

/** How many threads wait for a named semaphore. */
function waitersOf(name: string | null): number {
  const { buffer } = Deno.readFileSync(`/dev/shm/sem.${name?.slice(1)}`);
  return new DataView(buffer).getUint32(4, true);
}

Deno.test("PosixSemaphore.create() gives it its value, under its name and for its owner only", () => {
  using made = PosixSemaphore.create(name(), { value: 3 });
  assertEquals(made.value(), 3);
  assertEquals(made.created, true);
  assertEquals(made.closed, false);
  const file = Deno.statSync(`/dev/shm/sem.${made.name?.slice(1)}`);
  assertEquals(file.size, PosixSemaphore.byteLength);
  assertEquals((file.mode ?? 0) & 0o777, 0o600);
});

Deno.test("PosixSemaphore.create() without a name finds one, and begins with 0", () => {
  using one = PosixSemaphore.create();
  using two = PosixSemaphore.create(null, { value: 2 });
  assertMatch(one.name ?? "", /^\/[^/]+$/);
  assertNotEquals(one.name, two.name);
  assertEquals([one.value(), two.value()], [0, 2]);
});

Deno.test("PosixSemaphore.create() throws EEXIST when the name is taken, and changes nothing", () => {
  using made = PosixSemaphore.create(name(), { value: 5 });
  const error = assertThrows(
    () => PosixSemaphore.create(made.name, { value: 1 }),
    IpcError,
    `Cannot create semaphore "${made.name}": sem_open failed with EEXIST (File exists)`,
  );
  assertEquals(error.code, "EEXIST");
  assertEquals(error.syscall, "sem_open");
  assertEquals(made.value(), 5);
});

Deno.test("PosixSemaphore refuses wrong arguments before any call", () => {
  for (const value of [-1, 0.5, NaN, SEM_VALUE_MAX + 1]) {
    assertThrows(
      () => PosixSemaphore.create(null, { value }),
      RangeError,
      `value must be an integer from 0 to 2147483647, got ${value}`,
    );
  }
  const long = `/${"x".repeat(252)}`;
  for (const wrong of ["", "x", "/", "/a/b", "/a\0b", "/..", long]) {
    for (
      const call of [
        () => PosixSemaphore.create(wrong),
        () => PosixSemaphore.open(wrong),
        () => PosixSemaphore.openOrCreate(wrong),
        () => PosixSemaphore.unlink(wrong),
      ]
    ) assertThrows(call, TypeError, "name must");
  }
  assertThrows(
    () => PosixSemaphore.create(null, { mode: 0o10000 }),
    RangeError,
    "0o10000",
  );
  using made = PosixSemaphore.create();
  for (const count of [0, -1, 1.5, 2 ** 31]) {
    assertThrows(() => made.release(count), RangeError, `got ${count}`);
  }
  for (const timeout of [-1, NaN]) {
    assertThrows(() => made.acquireSync({ timeout }), RangeError, "timeout");
  }
  assertEquals(made.value(), 0);
});

Deno.test("PosixSemaphore.create() takes the longest name that its file can have", () => {
  const longest = `/${uniqueName()}`.padEnd(252, "x");
  using made = PosixSemaphore.create(longest, { value: 1 });
  using same = PosixSemaphore.open(longest);
  assertEquals(same.value(), 1);
  assertEquals(made.name, longest);
});

Deno.test("PosixSemaphore.open() needs it to exist", () => {
  const missing = name();
  const error = assertThrows(
    () => PosixSemaphore.open(missing),
    IpcError,
    `Cannot open semaphore "${missing}": sem_open failed with ENOENT`,
  );
  assertEquals(error.code, "ENOENT");
  assertEquals(codeOf(() => PosixSemaphore.unlink(missing)), "ENOENT");
});

Deno.test("PosixSemaphore.openOrCreate() says which, and keeps the value that is there", () => {
  const shared = name();
  using first = PosixSemaphore.openOrCreate(shared, { value: 2, owner: true });
  using second = PosixSemaphore.openOrCreate(shared, { value: 7 });
  assertEquals([first.created, second.created], [true, false]);
  assertEquals(second.value(), 2);
  second.release();
  assertEquals(first.value(), 3);
});

Deno.test("PosixSemaphore.openOrCreate() owns nothing unless told to", () => {
  const shared = name();
  {
    using made = PosixSemaphore.openOrCreate(shared);
    assertEquals(made.created, true);
  }
  using left = PosixSemaphore.open(shared);
  left.unlink();
  assertEquals(codeOf(() => PosixSemaphore.open(shared)), "ENOENT");
});

Deno.test("PosixSemaphore.release() throws EOVERFLOW above the greatest value, which stays", () => {
  using made = PosixSemaphore.create(null, { value: SEM_VALUE_MAX });
  const error = assertThrows(
    () => made.release(),
    IpcError,
    `Cannot release semaphore "${made.name}": sem_post failed with EOVERFLOW`,
  );
  assertEquals(error.code, "EOVERFLOW");
  assertEquals(made.value(), SEM_VALUE_MAX);
  made.acquireSync();
  assertEquals(codeOf(() => made.release(2)), "EOVERFLOW");
  assertEquals(made.value(), SEM_VALUE_MAX - 1);
});

Deno.test("PosixSemaphore.acquireSync() times out, not before its time", () => {
  using made = PosixSemaphore.create();
  for (const timeout of [0, 0.5, 30]) {
    const start = performance.now();
    const error = assertThrows(
      () => made.acquireSync({ timeout }),
      IpcError,
      `Cannot acquire semaphore "${made.name}": sem_clockwait timed out after ${timeout} ms (ETIMEDOUT)`,
    );
    assertEquals(error.code, "ETIMEDOUT");
    assertGreaterOrEqual(performance.now() - start, timeout);
  }
  made.release();
  assertEquals(made.tryAcquire(), true);
});

Deno.test("PosixSemaphore.acquire() resolves when another handle releases", async () => {
  using _dog = watchdog("acquire");
  using made = PosixSemaphore.create();
  using other = PosixSemaphore.open(made.name ?? "");
  const waiting = made.acquire();
  let done = false;
  waiting.then(() => done = true);
  await later();
  assertEquals(done, false);
  other.release();
  await waiting;
  assertEquals(made.value(), 0);
});

Deno.test("PosixSemaphore.close() rejects who waits, and leaves the semaphore", async () => {
  using _dog = watchdog("close");
  using made = PosixSemaphore.create();
  const handle = PosixSemaphore.open(made.name ?? "");
  const waiting = [handle.acquire(), handle.acquire({ timeout: 60_000 })];
  await until(() => waitersOf(made.name) === 2);
  handle.close();
  for (const wait of waiting) {
    await assertRejects(
      () => wait,
      TypeError,
      `Cannot acquire a closed semaphore "${made.name}"`,
    );
  }
  made.release();
  assertEquals(made.value(), 1);
  // The memory is unmapped when the last thread is done with it.
  await until(() => mappings(`sem.${made.name?.slice(1)}`).length === 0);
  assertEquals(waitersOf(made.name), 0);
});

Deno.test("PosixSemaphore is removed by dispose of its owner, not by close()", () => {
  const made = PosixSemaphore.create(name());
  const file = `sem.${made.name?.slice(1)}`;
  made.close();
  assertEquals(sharedFiles(file), [file]);
  made[Symbol.dispose]();
  assertEquals(sharedFiles(file), []);
});

Deno.test("PosixSemaphore handles of one name are closed one by one", () => {
  const shared = name();
  using made = PosixSemaphore.create(shared);
  const handles = Array.from({ length: 3 }, () => PosixSemaphore.open(shared));
  made.close();
  handles[0]?.close();
  handles[0]?.close();
  handles[1]?.release();
  assertEquals(handles[2]?.value(), 1);
  handles[1]?.close();
  assertEquals(handles[2]?.tryAcquire(), true);
  handles[2]?.close();
  assertEquals(mappings(shared.slice(1)), []);
});

Deno.test("PosixSemaphore.unlink() removes the name and nothing else", () => {
  using made = PosixSemaphore.create(name(), { value: 1 });
  const old = made.name ?? "";
  made.unlink();
  assertEquals(codeOf(() => PosixSemaphore.open(old)), "ENOENT");
  assertEquals(made.tryAcquire(), true);
  assertEquals(codeOf(() => made.unlink()), "ENOENT");
  // A semaphore that another process creates under the name is not ours.
  using next = PosixSemaphore.create(old, { value: 9 });
  made[Symbol.dispose]();
  assertEquals(next.value(), 9);
  using same = PosixSemaphore.open(old);
  assertEquals(same.value(), 9);
});

Deno.test("PosixSemaphore dispose leaves what somebody else has put under the name", () => {
  const shared = name();
  const first = PosixSemaphore.create(shared, { value: 1 });
  PosixSemaphore.unlink(shared);
  using _second = PosixSemaphore.create(shared, { value: 2 });
  first[Symbol.dispose]();
  using found = PosixSemaphore.open(shared);
  assertEquals(found.value(), 2);
});

Deno.test("PosixSemaphore dispose with owner false leaves the semaphore", () => {
  const shared = name();
  {
    using _made = PosixSemaphore.create(shared, { value: 4, owner: false });
    using _opened = PosixSemaphore.open(shared);
  }
  using found = PosixSemaphore.open(shared);
  assertEquals(found.value(), 4);
  found.unlink();
});

Deno.test("PosixSemaphore.inMapping() and at() share a semaphore in memory", async () => {
  using _dog = watchdog("in a mapping");
  using memory = PosixSharedMemory.create(null, { size: 4096 });
  using one = memory.map();
  using two = memory.map();
  using made = PosixSemaphore.inMapping(one, 64, { value: 1 });
  using same = PosixSemaphore.at(two, 64);
  assertEquals([made.created, same.created], [true, false]);
  assertEquals([made.name, same.name], [null, null]);
  same.acquireSync({ timeout: 0 });
  assertEquals(made.value(), 0);
  const waiting = same.acquire();
  made.release();
  await waiting;
  assertEquals(made.tryAcquire(), false);
});

Deno.test("PosixSemaphore.at() refuses memory in which no semaphore was made", () => {
  using memory = mapAnonymous(4096);
  const error = assertThrows(
    () => PosixSemaphore.at(memory, 8),
    IpcError,
    "Cannot use semaphore at 8 of a mapping: its content is not that of a semaphore (EBADMSG)",
  );
  assertEquals(error.code, "EBADMSG");
  // A semaphore that is private to one process would wake nobody else.
  semaphore().sem_init(memory.pointer(8), 0, 1);
  assertEquals(codeOf(() => PosixSemaphore.at(memory, 8)), "EBADMSG");
  semaphore().sem_init(memory.pointer(8), 1, 1);
  using found = PosixSemaphore.at(memory, 8);
  assertEquals(found.value(), 1);
});

Deno.test("PosixSemaphore.inMapping() checks bounds, alignment and protection", () => {
  using memory = mapAnonymous(100);
  for (const offset of [69, 4, 1]) {
    assertThrows(
      () => PosixSemaphore.inMapping(memory, offset),
      RangeError,
      `offset must be a multiple of 8, got ${offset}`,
    );
  }
  for (const offset of [-8, 72, 96, 2 ** 40, 0.5, NaN]) {
    assertThrows(() => PosixSemaphore.inMapping(memory, offset), RangeError);
    assertThrows(() => PosixSemaphore.at(memory, offset), RangeError);
  }
  assertEquals(memory.read(), new Uint8Array(100));
  using last = PosixSemaphore.inMapping(memory, 64);
  memory.protect({ readOnly: true });
  assertThrows(
    () => last.release(),
    TypeError,
    "Cannot release a semaphore at 64 of a mapping: it is read-only",
  );
  assertThrows(() => PosixSemaphore.inMapping(memory), TypeError, "read-only");
  assertThrows(() => PosixSemaphore.at(memory, 64), TypeError, "read-only");
  memory.protect({ readOnly: false });
  last.release();
  assertEquals(last.value(), 1);
});

Deno.test("PosixSemaphore in a mapping has no name to unlink", () => {
  using memory = mapAnonymous(100);
  using made = PosixSemaphore.inMapping(memory);
  assertThrows(() => made.unlink(), TypeError, "it has no name");
});

Deno.test("PosixSemaphore in a mapping ends with the mapping, waits included", async () => {
  using _dog = watchdog("close of a mapping");
  const memory = mapAnonymous(100);
  using made = PosixSemaphore.inMapping(memory);
  const waiting = Array.from({ length: 3 }, () => made.acquire());
  const ended = Promise.allSettled(waiting);
  await until(() => waitersIn(memory) === 3);
  memory.close();
  assertEquals(made.closed, true);
  for (const result of await ended) {
    assert(result.status === "rejected");
    assertInstanceOf(result.reason, TypeError);
    assertMatch(result.reason.message, /^Cannot acquire a closed semaphore/);
  }
  const uses = [
    () => made.acquireSync(),
    () => made.tryAcquire(),
    () => made.release(),
    () => made.value(),
  ];
  for (const use of uses) assertThrows(use, TypeError, "a closed semaphore");
  assertThrows(() => PosixSemaphore.at(memory), TypeError, "closed mapping");
  // Wait until the threads are done with the memory, and it is released.
  await until(() => !memory.pinned);
});

Deno.test("PosixSemaphore.acquire() waits in the kernel, and leaves no trace there", async () => {
  using _dog = watchdog("in the kernel");
  using memory = mapAnonymous(100);
  using made = PosixSemaphore.inMapping(memory);
  for (let i = 0; i < 10; i++) {
    const stop = new AbortController();
    const waiting = [
      made.acquire(),
      made.acquire({ signal: stop.signal }).catch(() => {}),
      made.acquire({ timeout: 60_000 }),
    ];
    await until(() => waitersIn(memory) === 3);
    stop.abort();
    await until(() => waitersIn(memory) === 2);
    made.release(2);
    await Promise.all(waiting);
    await until(() => waitersIn(memory) === 0);
    assertEquals(made.value(), 0);
  }
  assertEquals(memory.pinned, false);
});

Deno.test("PosixSemaphore.acquire() given up at the moment of a release wakes another one", async () => {
  using _dog = watchdog("handing a wake on");
  using made = PosixSemaphore.create();
  const rounds = 200;
  using worker = spawnWorker(`
    import { PosixSemaphore } from "@libc/ipc/posix-sem";
    {
      using semaphore = PosixSemaphore.open("${made.name}");
      for (let i = 0; i < ${rounds}; i++) {
        semaphore.acquireSync();
        postMessage("acquired");
      }
    }
    postMessage("done");
  `);
  // The waiter that is woken may be the one that has just given up.
  for (let i = 0; i < rounds; i++) {
    const stop = new AbortController();
    const waiting = made.acquire({ signal: stop.signal })
      .then(() => made.release(), () => {});
    await until(() => waitersOf(made.name) === 2);
    made.release();
    stop.abort();
    await waiting;
    assertEquals(await worker.next(), "acquired");
  }
  assertEquals(await worker.next(), "done");
  assertEquals(made.value(), 0);
});

Deno.test("PosixSemaphore.acquire() survives that its memory becomes read-only", async () => {
  using _dog = watchdog("read-only");
  using memory = mapAnonymous(100);
  using made = PosixSemaphore.inMapping(memory);
  const stop = new AbortController();
  const waiting = made.acquire({ signal: stop.signal });
  await until(() => waitersIn(memory) === 1);
  memory.protect({ readOnly: true });
  stop.abort(new Error("enough"));
  await assertRejects(() => waiting, Error, "enough");
  await until(() => !memory.pinned);
  memory.protect({ readOnly: false });
  assertEquals(made.value(), 0);
});

Deno.test("PosixSemaphore.value() throws EBADMSG of what cannot be a value", () => {
  using memory = mapAnonymous(100);
  using made = PosixSemaphore.inMapping(memory);
  new DataView(memory.buffer).setUint32(0, 0xffff_fff0, true);
  const error = assertThrows(() => made.value(), IpcError, "it holds -16");
  assertEquals(error.code, "EBADMSG");
});

Deno.test("waitAny() tells which semaphore has a unit and takes none", async () => {
  using _dog = watchdog("waitAny");
  using one = PosixSemaphore.create();
  using two = PosixSemaphore.create();
  const waiting = waitAny([one, two]);
  two.release();
  assertEquals(await waiting, two);
  assertEquals([one.value(), two.value()], [0, 1]);
  assertEquals(
    await rejection(waitAny([one], { timeout: 5 })),
    "ETIMEDOUT",
  );
});

Deno.test("PosixSemaphore leaves no descriptor, mapping or file behind", () => {
  const shared = uniqueName();
  const files = new Set<string>();
  for (let i = 0; i < scaled(500, 10_000); i++) {
    using made = PosixSemaphore.create(`/${shared}`, { value: 1 });
    files.add(`${Deno.statSync(`/dev/shm/sem.${shared}`).ino}`);
    using same = PosixSemaphore.open(`/${shared}`);
    same.acquireSync();
    assertThrows(() => PosixSemaphore.create(`/${shared}`), IpcError);
    assertThrows(() => made.acquireSync({ timeout: 0 }), IpcError);
  }
  assertEquals(openFds(new RegExp(shared)), []);
  // If glibc creates a semaphore, it maps it under another name.
  const left = mappings("/dev/shm/sem.")
    .filter((line) => files.has(line.split(/\s+/)[4] ?? ""));
  assertEquals(left, []);
  assertEquals(sharedFiles(shared), []);
});
