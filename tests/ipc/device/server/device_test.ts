import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { stub } from "@std/testing/mock";
import {
  type DeviceStatus,
  inspect,
  type Transport,
  WaveClient,
  WaveControl,
  type WaveDevice,
  type Waveform,
} from "@libc/ipc/device";
import { IpcError } from "@libc/ipc/errno";
import { ftok } from "@libc/ipc/sysv-key";
import { SysvMessageQueue } from "@libc/ipc/sysv-msg";
import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
import { SysvSharedMemory } from "@libc/ipc/sysv-shm";
import { Memfd } from "@libc/ipc/memfd";
import { PosixSharedMemory } from "@libc/ipc/posix-shm";
import { isPrivileged } from "../../../conformance/privileges.ts";
import { openFds, scaled, source, until, watchdog } from "../../../util.ts";
import { newPlace } from "../address.ts";
import "../../../settle_runtime.ts";

/** Reads a segment as a C program would. */
function cStruct(key: number): Record<string, number> {
  using segment = SysvSharedMemory.open(key, { size: 32 });
  using mapping = segment.attach({ readOnly: true });
  const view = new DataView(mapping.read(0, 32).buffer);
  return {
    state: view.getInt32(0, true),
    waveform: view.getInt32(4, true),
    value: view.getInt32(8, true),
    time: view.getFloat64(16, true),
    period: view.getFloat64(24, true),
  };
}

Deno.test("create() makes a segment, a set and a queue under the key of ftok", async () => {
  await using place = await newPlace();
  using device = place.create();
  const key = ftok(place.path, "x");
  assertEquals(device.key, key);
  using segment = SysvSharedMemory.open(key, { size: 32, mode: 0o666 });
  using queue = SysvMessageQueue.open(key, { mode: 0o666 });
  using set = SysvSemaphoreSet.open(key, { mode: 0o666 });
  assertEquals(segment.stat().mode, 0o600);
  assertEquals(queue.stat().mode, 0o600);
  assertEquals(set.stat().mode, 0o600);
  assertEquals(set.value(0), 1);
  assertEquals(device.state, "initializing");
  assertEquals(cStruct(key), {
    state: 2,
    waveform: 0,
    value: 0,
    time: 0,
    period: 2,
  });
});

Deno.test("create() uses the current directory and project x by default", async () => {
  await using place = await newPlace();
  // Not this process's own directory: other devices may run there.
  const code = `
    using device = WaveDevice.create({ waveform: "TRI", period: 1 });
    console.log(device.key, JSON.stringify(device.status()));
  `;
  const child = place.spawn(code, { cwd: place.path });
  const [key = "", status = ""] = (await child.line()).split(/ (.*)/);
  assertEquals((await child.end()).code, 0);
  assertEquals(Number(key), ftok(place.path, "x"));
  const { interval, bits, transport, history }: DeviceStatus = JSON.parse(
    status,
  );
  assertEquals([interval, bits, transport, history], [0.1, 10, "sysv", 8192]);
});

Deno.test("create() gives all objects the mode", async () => {
  await using place = await newPlace();
  using device = place.create({ mode: 0o640 });
  const modes = inspect(place.address).objects.map(({ mode }) => mode);
  assertEquals(modes, [0o640, 0o640, 0o640]);
  assert(!device.closed);
});

Deno.test("create() checks every argument before it makes anything", async () => {
  await using place = await newPlace();
  const cases: [Record<string, unknown>, string][] = [
    [{ waveform: "SAW" }, 'waveform must be one of SIN, TRI, QUA, got "SAW"'],
    [{ waveform: 1 }, "got 1"],
    [{ period: 0 }, "period must be seconds"],
    [{ period: NaN }, "got NaN"],
    [{ period: "2" }, 'period must be a number, got "2"'],
    [{ interval: -1 }, "interval must be seconds from 0.000001 to 3600"],
    [{ interval: 1e-7 }, "got 1e-7"],
    [{ bits: 1 }, "bits must be an integer from 2 to 31, got 1"],
    [{ bits: 32 }, "got 32"],
    [{ transport: "tcp" }, "transport must be one of sysv, posix, memfd"],
    [{ mode: 0o1000 }, "mode must be permission bits"],
    [{ mode: 0o400 }, "mode must let the owner read and write, got 0o400"],
    [{ history: 100 }, "history must be a power of two from 16"],
    [{ history: 8 }, "got 8"],
    [{ projectId: "xy" }, "projectId must be one character"],
    [{ path: "" }, "path"],
  ];
  for (const [options, message] of cases) {
    const error = assertThrows(() => place.create(options), Error, message);
    assert(
      error instanceof TypeError || error instanceof RangeError,
      error.message,
    );
  }
  const error = assertThrows(
    () => place.create({ path: `${place.path}/nowhere` }),
    IpcError,
    "/nowhere",
  );
  assertEquals(error.code, "ENOENT");
  assertEquals(inspect(place.address).status, "none");
});

Deno.test("create() leaves nothing when a later step fails", async () => {
  await using place = await newPlace();
  const fail = () => {
    throw new IpcError("Cannot do it", { errno: 28, syscall: "nothing" });
  };
  const failQueue = () => stub(SysvMessageQueue, "create", fail);
  const steps: [failStep: () => Disposable, Transport][] = [
    [() => stub(SysvSemaphoreSet, "fromId", fail), "sysv"],
    [() => stub(SysvSharedMemory, "create", fail), "sysv"],
    [() => stub(PosixSharedMemory, "create", fail), "posix"],
    [() => stub(Memfd, "create", fail), "memfd"],
    [failQueue, "sysv"],
    [failQueue, "posix"],
    [failQueue, "memfd"],
  ];
  for (const [failStep, transport] of steps) {
    {
      using _step = failStep();
      const error = assertThrows(() => place.create({ transport }), IpcError);
      assertEquals(error.code, "ENOSPC");
    }
    assertEquals(inspect(place.address).objects, []);
    assertEquals(await mappingsOf(ftok(place.path, "x")), []);
  }
});

/** The mappings of this process that belong to a key. */
async function mappingsOf(key: number): Promise<string[]> {
  const maps = await Deno.readTextFile("/proc/self/maps");
  const name = key.toString(16).padStart(8, "0");
  return maps.split("\n").filter((line) =>
    line.includes(`libc-ipc-device-${name}`) || line.includes(`/SYSV${name}`)
  );
}

Deno.test("create() refuses a queue that is not known to be a device's", async () => {
  await using place = await newPlace();
  using queue = SysvMessageQueue.create(ftok(place.path, "x"));
  const error = assertThrows(() => place.create(), IpcError, "left alone");
  assertEquals(error.code, "EEXIST");
  assertStringIncludes(error.message, `System V message queue ${queue.id}`);
  assertEquals(inspect(place.address).objects.map(({ kind }) => kind), [
    "queue",
  ]);
});

Deno.test("create() leaves alone what is not known to be a device's", async () => {
  await using place = await newPlace();
  const key = ftok(place.path, "x");
  {
    using _set = SysvSemaphoreSet.create(key, [1, 1]);
    assertThrows(() => place.create(), IpcError, "left alone");
    assertEquals(inspect(place.address).status, "foreign");
  }
  {
    using segment = SysvSharedMemory.create(key, 4096);
    assertThrows(() => place.create(), IpcError, "left alone");
    assertEquals(segment.stat().removed, false);
  }
});

Deno.test("create() refuses a second device and names the first", async () => {
  await using place = await newPlace();
  using device = place.create();
  const error = assertThrows(() => place.create(), IpcError, "already runs it");
  assertEquals(error.code, "EEXIST");
  assertStringIncludes(error.message, `process ${Deno.pid} (deno), started 2`);
  assertStringIncludes(error.message, JSON.stringify(place.path));
  // The first device is not affected.
  assertEquals(WaveClient.open(place.address)[Symbol.dispose](), undefined);
  assertEquals(inspect(place.address).status, "alive");
  device.close();
  place.create().close();
});

Deno.test("run() writes one sample each interval, exactly that far apart", async () => {
  using _dog = watchdog("run");
  await using place = await newPlace();
  using device = place.create({ waveform: "TRI", period: 0.4, interval: 0.01 });
  const done = device.run();
  using client = WaveClient.open(place.address);
  const follow = client.follow({ past: 1000, count: 80 });
  let n = 0;
  for await (const reading of follow) {
    assertEquals(reading.sequence, n);
    assertEquals(reading.time, n * 0.01);
    assertEquals([reading.state, reading.waveform], ["on", "TRI"]);
    n++;
  }
  device.exit();
  const { samples, rate, nominalRate, skipped } = await done;
  assertGreaterOrEqual(samples, 80);
  assertEquals([nominalRate, skipped], [100, 0]);
  assert(rate > 0);
});

Deno.test("run() keeps up with the clock at a thousand samples a second", async () => {
  using _dog = watchdog("run");
  await using place = await newPlace();
  using device = place.create({ interval: 0.001 });
  const begin = performance.now();
  const done = device.run();
  await until(() => device.status().samples >= 500);
  // No matter how late each check was, this many intervals have passed.
  const { time } = device.status();
  const elapsed = (performance.now() - begin) / 1000;
  assert(time <= elapsed + 1e-9, `${time} after ${elapsed}`);
  device.exit();
  const summary = await done;
  assertEquals(summary.skipped, 0);
  assert(Math.abs(summary.rate - 1000) < 20, `${summary.rate}`);
});

Deno.test("run() makes up for a blocked event loop", async () => {
  using _dog = watchdog("run");
  await using place = await newPlace();
  using device = place.create({ interval: 0.001 });
  const done = device.run();
  await until(() => device.status().samples > 0);
  const before = device.status().samples;
  const end = performance.now() + 300;
  while (performance.now() < end);
  await until(() => device.status().samples >= before + 300);
  device.exit();
  assertEquals((await done).skipped, 0);
});

Deno.test("run() reports what it cannot make up for", async () => {
  using _dog = watchdog("run");
  await using place = await newPlace();
  using device = place.create({ interval: 0.0001, history: 16 });
  const done = device.run();
  await until(() => device.status().samples > 0);
  const end = performance.now() + 50;
  while (performance.now() < end);
  await until(() => device.status().samples > 100);
  device.exit();
  const { skipped, samples } = await done;
  assert(skipped >= 400, `${skipped}`);
  assert(samples > 100);
});

Deno.test("run() ends by exit(), by its signal and by close()", async () => {
  using _dog = watchdog("run");
  await using place = await newPlace();
  const controller = new AbortController();
  const ends: [string, (device: WaveDevice) => void][] = [
    ["exit", (device) => device.exit()],
    ["exit", (device) => device.close()],
    ["exit", (device) => device.execute("exit")],
    ["aborted", () => controller.abort()],
    // Aborted before it began.
    ["aborted", () => {}],
  ];
  for (const [reason, end] of ends) {
    using device = place.create();
    const done = device.run({ signal: controller.signal });
    end(device);
    assertEquals((await done).reason, reason);
    assert(device.closed);
    assertEquals(device.state, "off");
    assertEquals(inspect(place.address).status, "none");
  }
});

Deno.test("run() ends when somebody removes the memory or the semaphores", async () => {
  using _dog = watchdog("run");
  await using place = await newPlace();
  const removals = [
    (key: number) => SysvSharedMemory.open(key).remove(),
    (key: number) => SysvSemaphoreSet.open(key).remove(),
  ];
  for (const remove of removals) {
    using device = place.create();
    const done = device.run();
    remove(device.key);
    assertEquals((await done).reason, "removed");
    assertEquals(inspect(place.address).status, "none");
  }
});

Deno.test("run() goes on without a queue that somebody has removed", async () => {
  using _dog = watchdog("run");
  await using place = await newPlace();
  using device = place.create();
  const done = device.run();
  SysvMessageQueue.open(device.key).remove();
  const before = device.status().samples;
  await until(() => device.status().samples > before + 10);
  device.exit();
  assertEquals((await done).reason, "exit");
});

Deno.test("run() runs once", async () => {
  await using place = await newPlace();
  using device = place.create();
  const done = device.run();
  assertThrows(() => device.run(), TypeError, "runs already");
  device.exit();
  await done;
});

Deno.test("close() lets those who are attached see that it is off", async () => {
  await using place = await newPlace();
  using device = place.create();
  using segment = SysvSharedMemory.open(device.key);
  using mapping = segment.attach({ readOnly: true });
  const done = device.run();
  assertEquals(new Int32Array(mapping.read(0, 4).buffer)[0], 1);
  device.close();
  device.close();
  await done;
  assertEquals(new Int32Array(mapping.read(0, 4).buffer)[0], 0);
  assertThrows(() => SysvSharedMemory.open(device.key), IpcError, "ENOENT");
  assertThrows(() => SysvSemaphoreSet.open(device.key), IpcError, "ENOENT");
  assertThrows(() => SysvMessageQueue.open(device.key), IpcError, "ENOENT");
});

Deno.test("close() ends every method but the harmless ones", async () => {
  await using place = await newPlace();
  const device = place.create();
  device.close();
  const calls: [string, () => unknown][] = [
    ["run", () => device.run()],
    ["start", () => device.start()],
    ["pause", () => device.pause()],
    ["configure", () => device.configure({ bits: 8 })],
    ["configure", () => device.beginConfiguration()],
    ["command", () => device.execute("status")],
  ];
  for (const [action, call] of calls) {
    assertThrows(call, TypeError, `Cannot ${action} a closed device`);
  }
  device.exit();
  device.close();
  device[Symbol.dispose]();
  const { state, clients, samples } = device.status();
  assertEquals([state, clients, samples], ["off", undefined, 0]);
  assertEquals(device.closed, true);
});

Deno.test("pause() and start() stop device time and let it go on", async () => {
  using _dog = watchdog("pause");
  await using place = await newPlace();
  using device = place.create();
  const done = device.run();
  using client = WaveClient.open(place.address);
  await until(() => device.status().samples > 5);
  device.pause();
  assertEquals([device.state, client.read().state], ["paused", "paused"]);
  const { samples, time } = device.status();
  // Long enough for many ticks.
  await new Promise((resolve) => setTimeout(resolve, 60));
  assertEquals(device.status().samples, samples);
  device.start();
  await until(() => device.status().samples > samples);
  using follow = device;
  const [next] = await Array.fromAsync(
    client.follow({ past: device.status().samples - samples, count: 1 }),
  );
  assertEquals(next?.sequence, samples);
  assert(Math.abs((next?.time ?? 0) - time - 0.001) < 1e-9);
  follow.exit();
  await done;
});

Deno.test("pause() before run() lets it begin paused", async () => {
  using _dog = watchdog("pause");
  await using place = await newPlace();
  using device = place.create();
  device.pause();
  const done = device.run();
  await new Promise((resolve) => setTimeout(resolve, 30));
  assertEquals([device.state, device.status().samples], ["paused", 0]);
  device.start();
  await until(() => device.status().samples > 0);
  device.exit();
  await done;
});

Deno.test("configure() changes what comes next, and nothing before", async () => {
  using _dog = watchdog("configure");
  await using place = await newPlace();
  using device = place.create({ interval: 0.002 });
  const done = device.run();
  using client = WaveClient.open(place.address);
  const stream = client.follow({ past: Infinity });
  const take = async (count: number) => {
    const readings = [];
    while (readings.length < count) {
      const { value } = await stream.next();
      assert(value !== undefined);
      readings.push(value);
    }
    return readings;
  };
  const first = await take(10);
  assert(
    first.every(({ waveform, period }) => waveform === "SIN" && period === 2),
  );
  const { samples } = device.status();
  device.configure({ waveform: "QUA", period: 0.5, interval: 0.004, bits: 6 });
  assertEquals(device.state, "on");
  const { waveform, period, interval, bits } = device.status();
  assertEquals([waveform, period, interval, bits], ["QUA", 0.5, 0.004, 6]);
  assertEquals(client.settings, { waveform, period, interval, bits });
  const all = [...first, ...await take(samples - 10 + 10)];
  all.forEach(({ sequence, ...reading }, i) => {
    assertEquals(sequence, i);
    const old = i < samples;
    assertEquals(reading.waveform, old ? "SIN" : "QUA");
    assertEquals(reading.period, old ? 2 : 0.5);
    if (!old) assertEquals(Math.abs(reading.value), 32);
    const before = all[i - 1]?.time ?? NaN;
    if (i > 0) {
      const step = old ? 0.002 : 0.004;
      assert(Math.abs(reading.time - before - step) < 1e-9, `${i}`);
    }
  });
  device.exit();
  await done;
});

Deno.test("configure() changes nothing when one setting is wrong", async () => {
  await using place = await newPlace();
  using device = place.create();
  const before = device.status();
  assertThrows(
    () => device.configure({ waveform: "TRI", bits: 99 }),
    RangeError,
    "got 99",
  );
  assertThrows(() => device.configure({}), TypeError, "at least one");
  assertThrows(
    () => device.configure({ waveform: "SAW" as Waveform }),
    TypeError,
    "SAW",
  );
  const { waveform, bits, state } = device.status();
  assertEquals([waveform, bits, state], [
    before.waveform,
    before.bits,
    "initializing",
  ]);
});

Deno.test("beginConfiguration() holds the state config until it is disposed", async () => {
  using _dog = watchdog("config");
  await using place = await newPlace();
  using device = place.create();
  const done = device.run();
  using client = WaveClient.open(place.address);
  {
    using _configuring = device.beginConfiguration();
    assertEquals([device.state, client.read().state], ["config", "config"]);
    const { samples } = device.status();
    device.configure({ waveform: "TRI" });
    assertEquals(client.read().state, "config");
    await new Promise((resolve) => setTimeout(resolve, 30));
    assertEquals(device.status().samples, samples);
    // It takes effect when the configuration is over.
    device.pause();
    assertEquals(device.state, "config");
  }
  assertEquals([device.state, client.read().state], ["paused", "paused"]);
  device.exit();
  await done;
});

Deno.test("execute() does commands as text and as values", async () => {
  await using place = await newPlace();
  using device = place.create();
  const done = device.run();
  assertEquals(device.execute("stop").state, "paused");
  assertEquals(device.execute({ name: "start" }).state, "on");
  const changed = device.execute("config bits=8 period=5");
  assertEquals([changed.bits, changed.period], [8, 5]);
  assertEquals(device.execute("status").commands, 4);
  assertThrows(() => device.execute("dance"), TypeError, "dance");
  assertEquals(device.execute("exit").state, "closing");
  assertEquals((await done).commands, 5);
});

Deno.test("status() counts the clients", async () => {
  await using place = await newPlace();
  using device = place.create();
  assertEquals(device.status().clients, 0);
  using first = WaveClient.open(place.address);
  using _second = WaveClient.open(place.address);
  assertEquals(device.status().clients, 2);
  first.close();
  assertEquals(device.status().clients, 1);
});

Deno.test("WaveDevice goes on while somebody keeps the writers' lock too long", async () => {
  using _dog = watchdog("lock");
  await using place = await newPlace();
  using device = place.create();
  const done = device.run();
  using client = WaveClient.open(place.address);
  await until(() => device.status().samples > 0);
  using set = SysvSemaphoreSet.open(device.key);
  set.acquireSync(0, { undo: false });
  const { samples } = device.status();
  // While the patience of the device lasts, the memory does not change:
  // commands are served, too, but not shown.
  device.pause();
  assertEquals(client.read().state, "on");
  device.start();
  const frozen = client.read();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assertEquals(client.read(), frozen);
  await until(() => device.status().samples > samples + 100);
  assertEquals(set.value(0), 0);
  set.release(0, 1, { undo: false });
  await until(() => set.value(0) === 1);
  device.exit();
  assert((await done).lockOverruns > 0);
});

Deno.test("WaveDevice answers while its queue is full of answers nobody takes", async () => {
  using _dog = watchdog("queue");
  await using place = await newPlace();
  using device = place.create();
  const done = device.run();
  using queue = SysvMessageQueue.open(device.key);
  for (let i = 0; i < 300; i++) {
    await until(() => queue.trySend(1, `${1000 + i} status`));
  }
  using control = WaveControl.open(place.address);
  assertEquals((await control.status()).state, "on");
  device.exit();
  assertGreaterOrEqual((await done).commands, 301);
});

Deno.test("WaveDevice takes back an answer that nobody fetches", async () => {
  using _dog = watchdog("answers");
  await using place = await newPlace();
  using device = place.create({ interval: 1 });
  const done = device.run();
  using queue = SysvMessageQueue.open(device.key);
  queue.sendSync(1, "1000 status");
  await until(() => device.status().commands === 1);
  assertEquals(queue.stat().messages, 1);
  {
    const now = performance.now.bind(performance);
    // As if seconds had passed.
    using _clock = stub(performance, "now", () => now() + 6000);
    await until(() => queue.stat().messages === 0);
  }
  device.exit();
  await done;
});

Deno.test("WaveDevice survives hostile messages and goes on serving", async () => {
  using _dog = watchdog("hostile messages");
  await using place = await newPlace();
  using device = place.create();
  const done = device.run();
  using queue = SysvMessageQueue.open(device.key);
  const hostile = [
    "",
    "exit",
    "1 exit",
    "-1 exit",
    "999999999999999999999 exit",
    "2 ",
    "2 config",
    "2 config period=NaN",
    "2 config __proto__=1",
    `3 ${"x".repeat(8000)}`,
    "\0\0\0\0",
    "\xff\xfe",
  ];
  for (const text of hostile) {
    await until(() => queue.trySend(1, text));
  }
  for (let i = 0; i < 2000; i++) {
    await until(() => queue.trySend(1, ""));
  }
  using control = WaveControl.open(place.address);
  const status = await control.status();
  assertEquals([status.state, status.waveform], ["on", "SIN"]);
  device.exit();
  assertGreaterOrEqual((await done).malformed, 2000 + hostile.length - 1);
});

Deno.test("WaveDevice, WaveClient and WaveControl leak nothing", async () => {
  using _dog = watchdog("leaks");
  await using place = await newPlace();
  const round = async () => {
    for (const transport of ["sysv", "posix", "memfd"] as const) {
      using device = place.create({ transport });
      const done = device.run();
      using client = WaveClient.open(place.address);
      using control = WaveControl.open(place.address);
      client.read();
      inspect(place.address);
      assertThrows(() => place.create({ transport }), IpcError);
      await control.exit();
      await done;
    }
  };
  await round();
  const name = place.memoryName();
  const left = async () => [
    ...openFds(new RegExp(name)),
    ...await mappingsOf(ftok(place.path, "x")),
    ...Array.from(Deno.readDirSync("/dev/shm"), (entry) => `/${entry.name}`)
      .filter((entry) => entry === name),
  ];
  for (let i = 0; i < scaled(30, 10_000); i++) await round();
  assertEquals(await left(), []);
});

const privileged = isPrivileged();
// Root may do everything, unless it can become another user.
const tooMighty = Deno.uid() === 0 && !privileged;

Deno.test({
  name: "run() rejects when the kernel fails it, and still cleans up" +
    (tooMighty ? " [skipped: may not become another user]" : ""),
  ignore: tooMighty,
  async fn() {
    using _dog = watchdog("a device without permission");
    await using place = await newPlace();
    const child = place.spawn(
      `
      import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
      import { becomeNobody } from "${
        source("tests/conformance/privileges.ts")
      }";
      if (${privileged}) becomeNobody();
      const device = WaveDevice.create({
        waveform: "SIN", period: 2, interval: 0.001, ...address,
      });
      using set = SysvSemaphoreSet.open(device.key);
      set.set({ mode: 0 });
      await device.run().catch(({ name, code }) => console.log(name, code));
      console.log(device.closed, inspect(address).status);
    `,
      { permissions: ["--allow-all"] },
    );
    const { code, stdout, stderr } = await child.end();
    assertEquals([code, stdout], [0, "IpcError EACCES\ntrue none\n"], stderr);
  },
});
