import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertLess,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import { IPC_PRIVATE } from "@libc/ipc/sysv-key";
import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
import {
  codeOf,
  later,
  rejection,
  sleeps,
  uniqueKey,
  watchdog,
} from "../../util.ts";
import { procRow } from "./proc.ts";
import { isRecent } from "../memory/process_state.ts";
import { waitAny } from "@libc/ipc/wait";
import { IPC_CREAT, IPC_EXCL, SETVAL, sys_sem, unistd } from "@libc/ipc/ffi";

/** This thread. It is not the main thread in a test run. */
function thisThread(): string {
  return `${Deno.pid}/task/${unistd().gettid()}`;
}

/** A set as created by a program that does not use this library. */
function foreignSet(key: number, length: number): SysvSemaphoreSet & {
  [Symbol.dispose](): void;
} {
  const id = sys_sem().semget(key, length, IPC_CREAT | IPC_EXCL | 0o600);
  assertGreaterOrEqual(id, 0);
  const set = SysvSemaphoreSet.fromId(id);
  return Object.assign(set, { [Symbol.dispose]: () => set.remove() });
}

Deno.test("SysvSemaphoreSet.create() gives each semaphore its value", () => {
  const key = uniqueKey();
  using set = SysvSemaphoreSet.create(key, [3, 0, 32767]);
  assertEquals(set.values(), [3, 0, 32767]);
  assertEquals(set.length, 3);
  assertEquals(set.key, key);
  assertEquals(set.created, true);
});

Deno.test("SysvSemaphoreSet.create() with a count makes zeros", () => {
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, 4);
  assertEquals(set.values(), [0, 0, 0, 0]);
});

Deno.test("SysvSemaphoreSet.create() keeps the mode, even one that forbids its own use", () => {
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [2], { mode: 0o044 });
  const listed = SysvSemaphoreSet.list().find(({ id }) => id === set.id);
  assertEquals(listed?.mode, 0o044);
  // Root may use it anyway.
  if (Deno.uid() === 0) assertEquals(set.value(), 2);
  else assertThrows(() => set.value(), IpcError, "EACCES");
});

Deno.test("SysvSemaphoreSet.create() throws EEXIST when the key is taken", () => {
  using set = SysvSemaphoreSet.create(uniqueKey(), [1]);
  const error = assertThrows(
    () => SysvSemaphoreSet.create(set.key, [1]),
    IpcError,
    `Cannot create System V semaphore set with key 0x${set.key.toString(16)}`,
  );
  assertEquals(error.code, "EEXIST");
  assertEquals(error.syscall, "semget");
  assertEquals(set.value(), 1);
});

Deno.test("SysvSemaphoreSet.create() refuses wrong arguments before any call", () => {
  const key = uniqueKey();
  for (const count of [0, -1, 1.5, 65536, NaN]) {
    assertThrows(
      () => SysvSemaphoreSet.create(key, count),
      RangeError,
      `${count}`,
    );
  }
  for (const value of [-1, 32768, 0.5, NaN]) {
    assertThrows(
      () => SysvSemaphoreSet.create(key, [1, value]),
      RangeError,
      `semaphores[1] must be an integer from 0 to 32767, got ${value}`,
    );
  }
  assertThrows(() => SysvSemaphoreSet.create(key, []), RangeError, "0");
  // @ts-expect-error text is no count
  assertThrows(() => SysvSemaphoreSet.create(key, "1"), TypeError, '"1"');
  assertThrows(
    () => SysvSemaphoreSet.create(key, 1, { mode: 0o1000 }),
    RangeError,
    "0o1000",
  );
  assertThrows(() => SysvSemaphoreSet.create(2 ** 33, 1), RangeError, "key");
  assertEquals(codeOf(() => SysvSemaphoreSet.open(key)), "ENOENT");
});

Deno.test("SysvSemaphoreSet.open() finds the set, and refuses what cannot be", () => {
  using set = SysvSemaphoreSet.create(uniqueKey(), [7, 8]);
  using same = SysvSemaphoreSet.open(set.key, { count: 2, mode: 0o600 });
  assertEquals(same.id, set.id);
  assertEquals(same.length, 2);
  assertEquals(same.created, false);
  assertEquals(same.values(), [7, 8]);
  assertEquals(
    codeOf(() => SysvSemaphoreSet.open(set.key, { count: 3 })),
    "EINVAL",
  );
  assertThrows(() => SysvSemaphoreSet.open(IPC_PRIVATE), RangeError, "fromId");
  assertThrows(
    // @ts-expect-error not one of the two words
    () => SysvSemaphoreSet.open(set.key, { initialized: "maybe" }),
    TypeError,
    "maybe",
  );
});

Deno.test("SysvSemaphoreSet.open() takes the set of a program that never uses it, when told to", () => {
  const key = uniqueKey();
  using _foreign = foreignSet(key, 2);
  const before = sleeps(thisThread());
  using set = SysvSemaphoreSet.open(key, { initialized: "any" });
  assertEquals(set.values(), [0, 0]);
  // Waiting would have taken thousands of sleeps.
  assertLess(sleeps(thisThread()) - before, 100);
});

Deno.test("SysvSemaphoreSet.open() takes a set that a program gave values at once", () => {
  const key = uniqueKey();
  using foreign = foreignSet(key, 2);
  sys_sem().semctl_val(foreign.id, 0, SETVAL, 0);
  sys_sem().semctl_val(foreign.id, 1, SETVAL, 4);
  const before = sleeps(thisThread());
  using set = SysvSemaphoreSet.open(key);
  assertEquals(set.values(), [0, 4]);
  assertLess(sleeps(thisThread()) - before, 100);
});

Deno.test("SysvSemaphoreSet.open() waits for values, but not for ever", () => {
  const key = uniqueKey();
  using _foreign = foreignSet(key, 1);
  const start = performance.now();
  using set = SysvSemaphoreSet.open(key);
  assertEquals(set.value(), 0);
  assertGreaterOrEqual(performance.now() - start, 1000);
});

Deno.test("SysvSemaphoreSet.openOrCreate() says which, and sets no values of an existing set", () => {
  const key = uniqueKey();
  using first = SysvSemaphoreSet.openOrCreate(key, [5], { owner: true });
  assertEquals(first.created, true);
  {
    using second = SysvSemaphoreSet.openOrCreate(key, [1]);
    assertEquals(second.created, false);
    assertEquals(second.value(), 5);
    second.acquireSync();
  }
  assertEquals(first.value(), 4);
  assertEquals(
    codeOf(() => SysvSemaphoreSet.openOrCreate(key, [1, 1])),
    "EINVAL",
  );
});

Deno.test("SysvSemaphoreSet.fromId() finds a set without a key, and throws EINVAL for none", () => {
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [9, 9]);
  using same = SysvSemaphoreSet.fromId(set.id);
  assertEquals(same.length, 2);
  assertEquals(same.key, IPC_PRIVATE);
  set.remove();
  assertEquals(codeOf(() => SysvSemaphoreSet.fromId(set.id)), "EINVAL");
});

Deno.test("SysvSemaphoreSet.tryAcquire() and release() count, also several units at once", () => {
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0, 2]);
  assertEquals(set.tryAcquire(), false);
  assertEquals(set.tryAcquire(1, { count: 3 }), false);
  assertEquals(set.tryAcquire(1, { count: 2 }), true);
  assertEquals(set.value(1), 0);
  set.release(1, 2);
  set.release();
  assertEquals(set.values(), [1, 2]);
});

Deno.test("SysvSemaphoreSet.acquireSync() throws ETIMEDOUT not before its time", () => {
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0]);
  for (const timeout of [0, 0.5, 30]) {
    const start = performance.now();
    const error = assertThrows(
      () => set.acquireSync(0, { timeout }),
      IpcError,
      `Cannot acquire System V semaphore set ${set.id} (key 0x00000000): semtimedop timed out after ${timeout} ms (ETIMEDOUT)`,
    );
    assertEquals(error.code, "ETIMEDOUT");
    assertGreaterOrEqual(performance.now() - start, timeout);
  }
});

Deno.test("SysvSemaphoreSet.acquire() waits for release() without blocking the event loop", async () => {
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0]);
  const order: string[] = [];
  const acquired = set.acquire().then(() => order.push("acquired"));
  await later(0);
  order.push("turn");
  set.release();
  await acquired;
  assertEquals(order, ["turn", "acquired"]);
  assertEquals(set.value(), 0);
});

Deno.test("the three forms refuse the same arguments", async () => {
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [1, 1]);
  for (const index of [2, -1, 0.5, NaN]) {
    const message = `index must be an integer from 0 to 1, got ${index}`;
    assertThrows(() => set.acquireSync(index), RangeError, message);
    assertThrows(() => set.tryAcquire(index), RangeError, message);
    await assertRejects(() => set.acquire(index), RangeError, message);
    assertThrows(() => set.release(index), RangeError, message);
    assertThrows(() => set.tryWaitZero(index), RangeError, message);
  }
  for (const count of [0, -1, 32768, 1.5]) {
    assertThrows(() => set.acquireSync(0, { count }), RangeError, "count");
    await assertRejects(() => set.acquire(0, { count }), RangeError, "count");
    assertThrows(() => set.release(0, count), RangeError, "count");
  }
  for (const timeout of [-1, NaN]) {
    assertThrows(() => set.acquireSync(0, { timeout }), RangeError, "timeout");
    await assertRejects(
      () => set.acquire(0, { timeout }),
      RangeError,
      "timeout",
    );
  }
  assertEquals(set.values(), [1, 1]);
});

Deno.test("SysvSemaphoreSet.release() throws ERANGE beyond 32767 and changes nothing", () => {
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [32767]);
  const error = assertThrows(() => set.release(), IpcError, "ERANGE");
  assertEquals(error.code, "ERANGE");
  assertEquals(set.value(), 32767);
});

Deno.test("SysvSemaphoreSet.waitZero(), waitZeroSync() and tryWaitZero() wait for zero and take nothing", async () => {
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0, 1]);
  assertEquals(set.tryWaitZero(), true);
  assertEquals(set.tryWaitZero(1), false);
  set.waitZeroSync();
  assertEquals(codeOf(() => set.waitZeroSync(1, { timeout: 5 })), "ETIMEDOUT");
  assertEquals(await rejection(set.waitZero(1, { timeout: 5 })), "ETIMEDOUT");
  const zero = set.waitZero(1);
  set.acquireSync(1);
  await zero;
  assertEquals(set.values(), [0, 0]);
});

Deno.test("SysvSemaphoreSet.operateSync() does all operations or none", () => {
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [1, 1, 0]);
  set.operateSync([
    { index: 0, delta: -1 },
    { index: 1, delta: -1 },
    { index: 2, delta: 0 },
    { index: 2, delta: 5 },
  ]);
  assertEquals(set.values(), [0, 0, 5]);
  const tooMuch = [{ index: 2, delta: -4 }, { index: 1, delta: -1 }];
  assertEquals(set.tryOperate(tooMuch), false);
  assertEquals(
    codeOf(() => set.operateSync(tooMuch, { timeout: 5 })),
    "ETIMEDOUT",
  );
  assertEquals(set.values(), [0, 0, 5]);
});

Deno.test("SysvSemaphoreSet.operate() does them in order: a value may be raised before it is lowered", async () => {
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0]);
  const raised = [{ index: 0, delta: 2 }, { index: 0, delta: -2 }];
  assertEquals(set.tryOperate(raised), true);
  assertEquals(set.tryOperate(raised.toReversed()), false);
  await set.operate(raised);
  assertEquals(set.value(), 0);
});

Deno.test("SysvSemaphoreSet.operate() keeps the operations as they were when it was called", async () => {
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0, 0]);
  const operation = { index: 0, delta: -1 };
  const operations = [operation];
  const done = set.operate(operations);
  operation.index = 1;
  operations.push({ index: 1, delta: -1 });
  set.release();
  await done;
  assertEquals(set.values(), [0, 0]);
});

Deno.test("SysvSemaphoreSet.operate() throws EAGAIN when it is an operation with noWait that would wait", async () => {
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0, 1]);
  const refused = [
    { index: 0, delta: -1, noWait: true },
    { index: 1, delta: -1 },
  ];
  assertEquals(codeOf(() => set.operateSync(refused)), "EAGAIN");
  assertEquals(
    codeOf(() => set.operateSync(refused, { timeout: 1000 })),
    "EAGAIN",
  );
  assertEquals(await rejection(set.operate(refused)), "EAGAIN");
  // The second operation could succeed alone, but not after the first one.
  const second = [
    { index: 1, delta: -1 },
    { index: 1, delta: -1, noWait: true },
  ];
  assertEquals(codeOf(() => set.operateSync(second)), "EAGAIN");
  assertEquals(await rejection(set.operate(second)), "EAGAIN");
  // Here the first operation has to wait, and is allowed to.
  const patient = [
    { index: 0, delta: -1 },
    { index: 1, delta: -2, noWait: true },
  ];
  assertEquals(
    codeOf(() => set.operateSync(patient, { timeout: 5 })),
    "ETIMEDOUT",
  );
  const waiting = set.operate(patient);
  set.release(1);
  set.release(0);
  await waiting;
  assertEquals(set.values(), [0, 0]);
});

Deno.test("SysvSemaphoreSet.operate() refuses what is no list of operations", async () => {
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [1]);
  assertThrows(() => set.operateSync([]), RangeError, "must not be empty");
  assertThrows(() => set.tryOperate([]), RangeError, "must not be empty");
  await assertRejects(() => set.operate([]), RangeError, "must not be empty");
  // @ts-expect-error one operation is not a list
  assertThrows(() => set.operateSync({ index: 0, delta: 1 }), TypeError);
  for (const delta of [-32768, 32768, 0.5, NaN]) {
    assertThrows(
      () => set.operateSync([{ index: 0, delta }]),
      RangeError,
      `delta must be an integer from -32767 to 32767, got ${delta}`,
    );
  }
  assertThrows(
    () => set.operateSync([{ index: 0, delta: 1 }, { index: 1, delta: 1 }]),
    RangeError,
    "index",
  );
  assertEquals(set.value(), 1);
});

Deno.test("SysvSemaphoreSet.operate() takes as many operations as the machine allows, and not one more", () => {
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0]);
  const { maxOperations } = SysvSemaphoreSet.info();
  const most = new Array(maxOperations).fill({ index: 0, delta: 1 });
  set.operateSync(most);
  assertEquals(set.value(), maxOperations);
  assertThrows(
    () => set.operateSync([...most, { index: 0, delta: 1 }]),
    RangeError,
    `operations must be at most ${maxOperations}, got ${maxOperations + 1}`,
  );
});

Deno.test("SysvSemaphoreSet.setValue() and setValues() set exactly, and refuse other values", () => {
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, 3);
  set.setValue(1, 32767);
  assertEquals(set.values(), [0, 32767, 0]);
  set.setValues([1, 2, 3]);
  assertEquals(set.values(), [1, 2, 3]);
  assertThrows(() => set.setValue(0, 32768), RangeError, "32768");
  assertThrows(() => set.setValue(3, 0), RangeError, "index");
  assertThrows(() => set.setValues([1, 2]), RangeError, "3 numbers, got 2");
  assertThrows(() => set.setValues([1, 2, -1]), RangeError, "-1");
  assertEquals(set.values(), [1, 2, 3]);
});

Deno.test("SysvSemaphoreSet.lastPid() is who changed a semaphore last", () => {
  using foreign = foreignSet(uniqueKey(), 2);
  assertEquals(foreign.lastPid(0), 0);
  foreign.release(1);
  assertEquals(foreign.lastPid(0), 0);
  assertEquals(foreign.lastPid(1), Deno.pid);
});

Deno.test("SysvSemaphoreSet.stat() gives every field", () => {
  using set = SysvSemaphoreSet.create(uniqueKey(), [1, 2], { mode: 0o640 });
  const stat = set.stat();
  assertEquals(stat.id, set.id);
  assertEquals(stat.key, set.key);
  assertEquals(stat.length, 2);
  assertEquals(stat.mode, 0o640);
  assertEquals(stat.uid, Deno.uid());
  assertEquals(stat.gid, Deno.gid());
  assertEquals(stat.creatorUid, Deno.uid());
  assertEquals(stat.creatorGid, Deno.gid());
  assertGreaterOrEqual(stat.sequence, 0);
  assert(isRecent(stat.operationTime));
  assert(isRecent(stat.changeTime));
  using foreign = foreignSet(uniqueKey(), 1);
  assertEquals(foreign.stat().operationTime, null);
});

Deno.test("SysvSemaphoreSet.set() changes what is given and nothing else", () => {
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [1]);
  const before = set.stat();
  set.set({ mode: 0o440 });
  assertEquals(set.stat().mode, 0o440);
  assertEquals(set.stat().uid, before.uid);
  assertThrows(() => set.set({ gid: 2 ** 32, mode: 0 }), RangeError, "gid");
  assertEquals(set.stat().mode, 0o440);
});

Deno.test("SysvSemaphoreSet.list() agrees with stat() and /proc/sysvipc/sem", () => {
  using set = SysvSemaphoreSet.create(uniqueKey(), 3, { mode: 0o606 });
  const stat = SysvSemaphoreSet.list().find((one) => one.id === set.id);
  assertEquals(stat, set.stat());
  const row = procRow("sem", set.id);
  assertEquals(row?.["key"], set.key);
  assertEquals(row?.["nsems"], 3);
  assertEquals(row?.["perms"], 0o606);
});

Deno.test("SysvSemaphoreSet.info() gives the limits of /proc/sys/kernel/sem, and what is in use", () => {
  using _set = SysvSemaphoreSet.create(IPC_PRIVATE, 7);
  const info = SysvSemaphoreSet.info();
  const [perSet, all, operations, sets] = Deno.readTextFileSync(
    "/proc/sys/kernel/sem",
  ).trim().split(/\s+/).map(Number);
  assertEquals(info.maxLength, perSet);
  assertEquals(info.maxSemaphores, all);
  assertEquals(info.maxOperations, operations);
  assertEquals(info.maxSets, sets);
  assertEquals(info.maxValue, 32767);
  assertGreaterOrEqual(info.sets, 1);
  assertGreaterOrEqual(info.semaphores, 7);
});

Deno.test("SysvSemaphoreSet.remove() ends waits with EIDRM; what comes after it gets EINVAL", async () => {
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0]);
  const waiting = set.acquire();
  const operating = set.operate([{ index: 0, delta: -1 }]);
  set.remove();
  assertEquals(await rejection(waiting), "EIDRM");
  assertEquals(await rejection(operating), "EIDRM");
  assertEquals(codeOf(() => set.tryAcquire()), "EINVAL");
  assertEquals(codeOf(() => set.release()), "EINVAL");
  assertEquals(codeOf(() => set.remove()), "EINVAL");
  assertEquals(await rejection(set.acquire()), "EINVAL");
});

Deno.test("SysvSemaphoreSet dispose removes the set of its owner, even after close()", () => {
  for (const close of [false, true]) {
    const set = SysvSemaphoreSet.create(IPC_PRIVATE, [1]);
    if (close) set.close();
    set[Symbol.dispose]();
    assertEquals(codeOf(() => SysvSemaphoreSet.fromId(set.id)), "EINVAL");
  }
});

Deno.test("SysvSemaphoreSet dispose removes the set of its owner only, and forgives one that is gone", () => {
  const set = SysvSemaphoreSet.create(IPC_PRIVATE, [1], { owner: false });
  set[Symbol.dispose]();
  const again = SysvSemaphoreSet.fromId(set.id);
  again.remove();
  const owner = SysvSemaphoreSet.create(IPC_PRIVATE, [1]);
  SysvSemaphoreSet.fromId(owner.id).remove();
  owner[Symbol.dispose]();
  owner[Symbol.dispose]();
  const left = SysvSemaphoreSet.list().map((stat) => stat.id);
  assert(!left.includes(set.id));
  assert(!left.includes(owner.id));
});

Deno.test("operations are done as they say, though reading them uses another set", async () => {
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [5, 5]);
  using other = SysvSemaphoreSet.create(IPC_PRIVATE, [9, 9]);
  const operations = [{ index: 0, delta: -1 }, {
    get index() {
      other.release(1, 3);
      return 1;
    },
    delta: -1,
  }];
  set.operateSync(operations);
  assertEquals(set.values(), [4, 4]);
  assert(set.tryOperate(operations));
  assertEquals(set.values(), [3, 3]);
  await set.operate(operations);
  assertEquals(set.values(), [2, 2]);
});

Deno.test("SysvSemaphoreSet.operate() takes operations whose fields a class defines, as operateSync() does", async () => {
  class Lower {
    get index(): number {
      return 0;
    }
    get delta(): number {
      return -1;
    }
  }
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [2]);
  set.operateSync([new Lower()]);
  await set.operate([new Lower()]);
  assertEquals(set.value(), 0);
});

Deno.test("SysvSemaphoreSet.setValues() refuses a number with a TypeError that shows it", () => {
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [1, 2]);
  assertThrows(
    // @ts-expect-error no array
    () => set.setValues(2),
    TypeError,
    "values must be an array, got 2",
  );
  assertEquals(set.values(), [1, 2]);
});

Deno.test("waitAny() says EIDRM of a set that is removed meanwhile", async () => {
  using _dog = watchdog("waitAny");
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0]);
  const waiting = waitAny([set]);
  set.remove();
  assertEquals(await rejection(waiting), "EIDRM");
  assertEquals(await rejection(waitAny([set])), "EINVAL");
});
