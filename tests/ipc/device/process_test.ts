/** Devices and clients in their own processes, and the death of those. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  detach,
  inspect,
  type Reading,
  sampleAt,
  WaveClient,
  WaveControl,
} from "@libc/ipc/device";
import { IpcError } from "@libc/ipc/errno";
import { ftok } from "@libc/ipc/sysv-key";
import { SysvMessageQueue } from "@libc/ipc/sysv-msg";
import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
import { SysvSharedMemory } from "@libc/ipc/sysv-shm";
import { Header, HEADER_OFFSET } from "../../../ipc/device/memory/layout.ts";
import { EMULATED, until, watchdog } from "../../util.ts";
import { newPlace } from "./address.ts";

Deno.test("WaveClient follows a device of another process without a loss", async () => {
  using _dog = watchdog("two processes");
  await using place = await newPlace();
  const child = await place.spawnDevice();
  using client = WaveClient.open(place.address);
  assertEquals(client.device.pid, child.pid);
  const stream = client.follow();
  const readings: Reading[] = [];
  for await (const reading of stream) {
    readings.push(reading);
    if (readings.length === 1000) {
      using control = WaveControl.open(place.address);
      await control.exit();
    }
  }
  assertEquals([stream.lost, stream.end], [0, "off"]);
  const first = readings[0]?.sequence ?? NaN;
  readings.forEach(({ sequence, time }, i) => {
    assertEquals(sequence, first + i);
    assertEquals(time, (first + i) * 0.001);
  });
  const summary = JSON.parse(await child.line());
  assertEquals(summary.samples, first + readings.length);
  assertEquals([summary.reason, summary.commands], ["exit", 1]);
});

Deno.test("read() never sees half of a write", async () => {
  using _dog = watchdog("tearing");
  await using place = await newPlace();
  const interval = 0.00002;
  const child = await place.spawnDevice({
    waveform: "TRI",
    period: 1,
    interval,
    bits: 24,
  });
  using client = WaveClient.open(place.address);
  const seen = new Set<number>();
  while (seen.size < 200) {
    for (let i = 0; i < 2000; i++) {
      const { value, time, sequence } = client.read();
      if (sequence === undefined) continue;
      assertEquals(time, sequence * interval);
      assertEquals(value, sampleAt("TRI", time, 1, 24));
      seen.add(sequence);
    }
  }
  using control = WaveControl.open(place.address);
  await control.exit();
  await child.line();
});

Deno.test("WaveDevice is shown to clients of several processes alike", async () => {
  using _dog = watchdog("several clients");
  await using place = await newPlace();
  const child = await place.spawnDevice();
  const clients = Array.from({ length: 3 }, () =>
    place.spawn(`
      const client = await WaveClient.wait(address);
      console.log("attached");
      const stream = client.follow({ past: Infinity });
      let sum = 0, count = 0;
      for await (const { value } of stream) { sum += value; count++; }
      console.log(JSON.stringify([count, sum, stream.lost, stream.end]));
    `));
  for (const client of clients) {
    assertEquals(await client.line(), "attached");
  }
  assertEquals(
    inspect(place.address).attached.filter(({ device }) => !device).length,
    3,
  );
  using control = WaveControl.open(place.address);
  await until(async () => (await control.status()).samples > 300);
  const { samples } = await control.stop();
  await control.exit();
  await child.line();
  const results = await Promise.all(clients.map((client) => client.line()));
  const sums = new Set<number>();
  for (const result of results) {
    const [count, sum, lost, end] = JSON.parse(result ?? "");
    assertEquals(end, "off");
    // An emulated client starts late, when the first samples have left the
    // history, and is too slow to read all of them.
    if (EMULATED) assert(count + lost <= samples);
    else assertEquals([count, lost], [samples, 0]);
    if (lost === 0) sums.add(sum);
  }
  assert(sums.size <= 1, results.join("; "));
});

Deno.test("WaveClient ends with 'died' when the device is killed, and the next device takes over", async () => {
  using _dog = watchdog("kill -9");
  await using place = await newPlace();
  const child = await place.spawnDevice();
  using client = WaveClient.open(place.address);
  using control = WaveControl.open(place.address);
  const stream = client.follow();
  await stream.next();
  const slow = Array.fromAsync(client.readings({ interval: 3600 }));
  child.kill("SIGKILL");
  while (!(await stream.next()).done);
  assertEquals([stream.end, client.end, stream.lost], ["died", "died", 0]);
  assertEquals((await slow).length, 1);
  assertEquals(client.device.alive, false);
  // The last reading is still available.
  assertEquals(client.read().state, "on");
  for (
    const refused of [
      () => WaveClient.open(place.address),
      () => WaveControl.open(place.address),
    ]
  ) {
    const error = assertThrows(
      refused,
      IpcError,
      `process ${child.pid} that ran it has died`,
    );
    assertEquals(error.code, "EOWNERDEAD");
  }
  const error = await assertRejects(() => control.status(), IpcError);
  assertEquals(error.code, "EOWNERDEAD");

  const { status, device, objects } = inspect(place.address);
  assertEquals([status, device?.pid, objects.length], ["dead", child.pid, 3]);
  using next = place.create();
  assertEquals(next.removed.map(({ kind }) => kind).sort(), [
    "memory",
    "queue",
    "semaphores",
  ]);
  assertEquals(next.notices.length, 3);
  // The old client does not mistake the new device of the same key for its own.
  assertEquals(client.end, "died");
});

Deno.test("WaveClient tells a good end from a death, however closely it looks", async () => {
  using _dog = watchdog("good ends");
  await using place = await newPlace();
  for (let round = 0; round < 15; round++) {
    const child = await place.spawnDevice();
    using client = WaveClient.open(place.address);
    // Send the request from this thread: signals and promises would need turns
    // of the event loop between the checks.
    using queue = SysvMessageQueue.open(client.key);
    queue.sendSync(1, "2 exit");
    let end = client.end;
    while (end === undefined) {
      end = client.end;
      // Take the answer away, so that the device need not wait for that.
      takeAway(queue);
    }
    assertEquals(end, "off", `round ${round}`);
    await child.line();
  }
});

Deno.test("create() that is refused does not become the device by it", async () => {
  using _dog = watchdog("refused");
  await using place = await newPlace();
  const child = await place.spawnDevice();
  child.kill("SIGKILL");
  await child.end();
  const key = ftok(place.path, "x");
  SysvSharedMemory.open(key).remove();
  {
    using other = SysvSharedMemory.create(key, 4096);
    using mapping = other.attach();
    mapping.bytes.fill(0x7f);
    for (let i = 0; i < 2; i++) {
      assertThrows(
        () => place.create(),
        IpcError,
        `System V shared memory ${other.id} has that key`,
      );
      assertEquals(inspect(place.address).status, "dead");
    }
  }
  place.create().close();
});

Deno.test("wait() waits out what a killed device has left", async () => {
  using _dog = watchdog("wait");
  await using place = await newPlace();
  const child = await place.spawnDevice();
  child.kill("SIGKILL");
  await child.end();
  let found = false;
  const wait = WaveClient.wait(place.address).then((client) => {
    found = true;
    return client;
  });
  await new Promise((resolve) => setTimeout(resolve, 60));
  assertEquals(found, false);
  using device = place.create();
  using client = await wait;
  assertEquals(client.device.pid, Deno.pid);
  device.close();
});

Deno.test("WaveClient takes a stopped device for alive", async () => {
  using _dog = watchdog("SIGSTOP");
  await using place = await newPlace();
  const child = await place.spawnDevice();
  using client = WaveClient.open(place.address);
  child.kill("SIGSTOP");
  await until(() =>
    Deno.readTextFileSync(`/proc/${child.pid}/stat`).includes(") T ")
  );
  await until(() => (client.silence ?? 0) >= 300);
  assertEquals(client.end, undefined);
  assertEquals(client.read().state, "on");
  const stopped = inspect(place.address);
  assertEquals(stopped.status, "alive");
  assert((stopped.silence ?? 0) >= 300);
  assertThrows(() => place.create(), IpcError, `process ${child.pid} (deno)`);
  assertThrows(() => detach(place.address), IpcError, "EBUSY");
  const { sequence } = client.read();
  child.kill("SIGCONT");
  await until(() => (client.read().sequence ?? 0) > (sequence ?? 0) + 100);
  using control = WaveControl.open(place.address);
  await control.exit();
  await child.line();
});

Deno.test("create() of many processes at once lets one win", async () => {
  using _dog = watchdog("race");
  await using place = await newPlace();
  // The leftovers of a dead device make it harder.
  const dead = await place.spawnDevice();
  dead.kill("SIGKILL");
  await dead.end();
  const children = Array.from({ length: 4 }, () =>
    place.spawn(`
      const lines = new TextDecoderStream();
      Deno.stdin.readable.pipeTo(lines.writable);
      const reader = lines.readable.getReader();
      console.log("ready");
      for (;;) {
        const { done } = await reader.read();
        if (done) break;
        try {
          const device = WaveDevice.create({
            waveform: "SIN", period: 1, ...address,
          });
          console.log("won");
          await reader.read();
          device.close();
          console.log("closed");
        } catch (error) {
          console.log(error.code, /process \\d+/.exec(error.message)?.[0]);
        }
      }
    `));
  for (const child of children) assertEquals(await child.line(), "ready");
  for (let round = 0; round < 20; round++) {
    for (const child of children) await child.write("go");
    const lines = await Promise.all(children.map((child) => child.line()));
    const winner = children[lines.indexOf("won")];
    assert(winner !== undefined, lines.join());
    assertEquals(
      lines.filter((line) => line !== "won"),
      Array(3).fill(`EEXIST process ${winner.pid}`),
      `round ${round}`,
    );
    await winner.write("close");
    assertEquals(await winner.line(), "closed");
  }
});

Deno.test("WaveDevice goes on when a client is killed that held the writers' lock", async () => {
  using _dog = watchdog("SEM_UNDO");
  await using place = await newPlace();
  using device = place.create();
  const done = device.run();
  const holder = place.spawn(`
    const { SysvSemaphoreSet } = await import("@libc/ipc/sysv-sem");
    SysvSemaphoreSet.open(${device.key}).acquireSync(0);
    console.log("held");
    setInterval(() => {}, 1000);
  `);
  assertEquals(await holder.line(), "held");
  const { samples } = device.status();
  assertEquals(inspect(place.address).lockedBy?.pid, holder.pid);
  // The holder may be killed before or after the patience of the device ends:
  // the device must go on either way.
  holder.kill("SIGKILL");
  await until(() => device.status().samples > samples + 50);
  using set = SysvSemaphoreSet.open(device.key);
  await until(() => set.value(0) === 1);
  // The samples due meanwhile were made up for: nothing is lost.
  device.exit();
  assertEquals((await done).skipped, 0);
});

Deno.test("WaveDevice frees the lock of a dead process that did not ask for SEM_UNDO", async () => {
  using _dog = watchdog("no undo");
  await using place = await newPlace();
  using device = place.create();
  const done = device.run();
  const holder = place.spawn(`
    const { SysvSemaphoreSet } = await import("@libc/ipc/sysv-sem");
    SysvSemaphoreSet.open(${device.key}).acquireSync(0, { undo: false });
  `);
  assertEquals((await holder.end()).code, 0);
  using set = SysvSemaphoreSet.open(device.key);
  assertEquals(set.value(0), 0);
  await until(() => set.value(0) === 1);
  device.exit();
  assertEquals((await done).lockOverruns, 1);
});

Deno.test("detach() refuses a living device unless forced, and the device ends", async () => {
  using _dog = watchdog("force");
  await using place = await newPlace();
  const child = await place.spawnDevice();
  using client = WaveClient.open(place.address);
  const error = assertThrows(() => detach(place.address), IpcError);
  assertEquals(error.code, "EBUSY");
  assertStringIncludes(error.message, `process ${child.pid} (deno)`);
  const { before, removed } = detach({ ...place.address, force: true });
  assertEquals([before.status, removed.length], ["alive", 3]);
  assertEquals(JSON.parse(await child.line()).reason, "removed");
  await until(() => client.end !== undefined);
  assertEquals(inspect(place.address).status, "none");
});

Deno.test("detach() removes what a dead device left, also when part of it is gone", async () => {
  using _dog = watchdog("detach");
  await using place = await newPlace();
  const key = ftok(place.path, "x");
  const partly = [
    () => {},
    () => SysvSemaphoreSet.open(key).remove(),
    () => SysvSharedMemory.open(key).remove(),
    () => SysvMessageQueue.open(key).remove(),
  ];
  for (const [i, remove] of partly.entries()) {
    const child = await place.spawnDevice();
    child.kill("SIGKILL");
    await child.end();
    remove();
    const { before, removed } = detach(place.address);
    assertEquals([before.status, before.device?.alive], ["dead", false]);
    assertEquals(removed.length, i === 0 ? 3 : 2, `${i}`);
    assertEquals(inspect(place.address).status, "none");
  }
  assertEquals(detach(place.address).removed, []);
});

Deno.test("create() takes no other process of the same id for the dead device", async () => {
  await using place = await newPlace();
  using device = place.create();
  using segment = SysvSharedMemory.open(device.key);
  using mapping = segment.attach();
  // As after a reboot, or after ids wrapped around: our id, another start time.
  const at = HEADER_OFFSET + Header.offsets.startTime;
  const view = new DataView(mapping.buffer);
  view.setBigUint64(at, view.getBigUint64(at, true) - 1n, true);
  const error = assertThrows(
    () => WaveClient.open(place.address),
    IpcError,
    "has died",
  );
  assertEquals(error.code, "EOWNERDEAD");
});

Deno.test("WaveClient judges no process of another PID namespace by its id", async () => {
  await using place = await newPlace();
  using device = place.create();
  using segment = SysvSharedMemory.open(device.key);
  using mapping = segment.attach();
  const view = new DataView(mapping.buffer);
  const { startTime, namespace } = Header.offsets;
  view.setBigUint64(HEADER_OFFSET + startTime, 1n, true);
  view.setBigUint64(HEADER_OFFSET + namespace, 1n, true);
  // The semaphore says that the device is alive, which is valid across
  // namespaces.
  using client = WaveClient.open(place.address);
  assertEquals(client.end, undefined);
  device.close();
  assertEquals(client.end, "off");
});

Deno.test("WaveClient sees a device end that was killed in the middle of a write", async () => {
  using _dog = watchdog("torn");
  await using place = await newPlace();
  const child = await place.spawnDevice();
  using client = WaveClient.open(place.address);
  await until(() => (client.read().sequence ?? 0) > 20);
  child.kill("SIGKILL");
  await child.end();
  using segment = SysvSharedMemory.open(client.key);
  using mapping = segment.attach();
  const view = new DataView(mapping.buffer);
  const seqlock = HEADER_OFFSET + Header.offsets.seqlock;
  view.setUint32(seqlock, view.getUint32(seqlock, true) | 1, true);
  view.setFloat64(16, 1e300, true);
  // The previous sample is intact, and is returned.
  const { time, sequence = 0 } = client.read();
  assertEquals(time, sequence * 0.001);
  const readings = await Array.fromAsync(client.readings());
  assertEquals([readings, client.end], [[], "died"]);
  assertEquals(detach(place.address).removed.length, 3);
});

function takeAway(queue: SysvMessageQueue): void {
  try {
    queue.tryReceive({ type: 2 });
  } catch (error) {
    // The queue was removed with its device.
    assert(error instanceof IpcError);
  }
}

Deno.test("a device that ends before its answer is fetched has ended, not died", async () => {
  using _dog = watchdog("an answer that comes too late");
  await using place = await newPlace();
  const child = await place.spawnDevice();
  using control = WaveControl.open(place.address);
  const answer = control.exit();
  // Nothing is fetched meanwhile: this thread does nothing else.
  const nap = new Int32Array(new SharedArrayBuffer(4));
  while (isRunning(child.pid)) Atomics.wait(nap, 0, 0, 1);
  const error = await assertRejects(() => answer, IpcError);
  assertEquals(error.code, "EIDRM");
  assertStringIncludes(error.message, "it ended before it answered");
  assertEquals((await child.end()).code, 0);
});

/** Whether a process runs. A zombie does not. */
function isRunning(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return !stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
  } catch {
    return false;
  }
}
