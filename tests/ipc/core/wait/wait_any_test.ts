import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import {
  IPC_PRIVATE,
  IpcError,
  pipe,
  SysvMessageQueue,
  SysvSemaphoreSet,
  waitAny,
} from "@libc/ipc";
import { scaled, source, spawnDeno, watchdog } from "../../../util.ts";

Deno.test("waitAny() gives what is ready and takes nothing from it", async () => {
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0]);
  queue.sendSync(3, "x");
  assertStrictEquals(await waitAny([set, queue]), queue);
  assertEquals(queue.stat().messages, 1);
  set.release();
  queue.receiveSync();
  assertStrictEquals(await waitAny([set, queue]), set);
  assertEquals(set.value(), 1);
});

Deno.test("waitAny() wakes for mixed kinds while it waits", async () => {
  using _dog = watchdog("waitAny()");
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0]);
  using ends = pipe();
  const targets = [set, queue, ends.reader];
  const makeReady = [
    () => set.release(),
    () => queue.sendSync(1, ""),
    () => ends.writer.writeSync("x"),
  ];
  const consume = [
    () => set.tryAcquire(),
    () => queue.tryReceive() !== undefined,
    () => ends.reader.tryRead(new Uint8Array(1)) === 1,
  ];
  // A thread rarely holds an empty message at this moment, so try often.
  for (let round = 0; round < scaled(600, 10_000); round++) {
    const i = round % 3;
    const wait = waitAny(targets);
    if (round % 2 === 0) await new Promise((r) => setTimeout(r, 2));
    makeReady[i]?.();
    assertStrictEquals(await wait, targets[i]);
    assert(consume[i]?.(), `nothing was left of ${i}`);
  }
});

Deno.test("waitAny() is fair to those who are ready together", async () => {
  using a = SysvSemaphoreSet.create(IPC_PRIVATE, [1]);
  using b = SysvSemaphoreSet.create(IPC_PRIVATE, [1]);
  const counts = new Map([[a, 0], [b, 0]]);
  for (let i = 0; i < 100; i++) {
    const found = await waitAny([a, b]);
    counts.set(found, (counts.get(found) ?? 0) + 1);
  }
  assertEquals([...counts.values()], [50, 50]);
});

Deno.test("waitAny() times out, is aborted, and refuses to wait for nothing", async () => {
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  const error = await assertRejects(
    () => waitAny([queue], { timeout: 10 }),
    IpcError,
  );
  assertEquals(error.code, "ETIMEDOUT");
  const reason = new Error("enough");
  const controller = new AbortController();
  const wait = waitAny([queue], { signal: controller.signal });
  controller.abort(reason);
  assertEquals(await wait.catch((error) => error), reason);
  await assertRejects(() => waitAny([]), TypeError, "no objects");
});

Deno.test("waitAny() rejects when one of them is closed or removed", async () => {
  using closed = SysvMessageQueue.create(IPC_PRIVATE);
  const first = assertRejects(() => waitAny([closed]), TypeError, "closed");
  closed.close();
  await first;
  using removed = SysvSemaphoreSet.create(IPC_PRIVATE, [0]);
  const second = assertRejects(() => waitAny([removed]), IpcError);
  await new Promise((resolve) => setTimeout(resolve, 5));
  SysvSemaphoreSet.fromId(removed.id).remove();
  await second;
});

Deno.test("SysvMessageQueue.receive() gets an empty message that a thread has waited for", async () => {
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  for (let round = 0; round < 20; round++) {
    const receive = queue.receive({ type: 7 });
    await new Promise((resolve) => setTimeout(resolve, round % 4));
    queue.sendSync(7, "");
    assertEquals(await receive, { type: 7, data: new Uint8Array(0) });
  }
});

Deno.test("SysvMessageQueue.receive() loses no empty message when it is aborted", async () => {
  using _dog = watchdog("an empty message");
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  const rounds = scaled(300, 10_000);
  let received = 0;
  for (let round = 0; round < rounds; round++) {
    const controller = new AbortController();
    const wait = queue.receive(controller).then(() => received++, () => {});
    await new Promise((resolve) => setTimeout(resolve, round % 3));
    queue.sendSync(1, "");
    if (round % 2 === 0) await null;
    controller.abort();
    await wait;
  }
  // A thread may still hold one that it is about to put back.
  while (received < rounds) {
    await queue.receive();
    received++;
  }
  assertEquals(queue.tryReceive(), undefined);
});

Deno.test("200 waits on 200 objects of mixed kinds, half of them aborted, lose nothing", async () => {
  using _dog = watchdog("200 waits");
  await using child = spawnDeno(
    `import "${source("tests/ipc/core/wait/wait_any_child.ts")}";`,
  );
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stdout], [0, "0\n"], stderr);
});

Deno.test("waitAny() names what it cannot wait for", async () => {
  const wrong = (targets: unknown) => () => waitAny(targets as []);
  const cases: [unknown, string][] = [
    [5, "targets must be an array, got 5"],
    [[1], "targets must be objects to receive from, got 1"],
    [[null], "targets must be objects to receive from, got null"],
    [[{}], "targets must be objects to receive from, got an object"],
  ];
  for (const [targets, message] of cases) {
    await assertRejects(wrong(targets), TypeError, message);
  }
});
