import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { type Reading, WaveClient, WaveControl } from "@libc/ipc/device";
import { IpcError } from "@libc/ipc/errno";
import { ftok } from "@libc/ipc/sysv-key";
import { SysvSharedMemory } from "@libc/ipc/sysv-shm";
import { until, watchdog } from "../../../util.ts";
import { newPlace, Wave } from "../address.ts";

Deno.test("open() of nothing is ENOENT and names the place", async () => {
  await using place = await newPlace();
  const opens = [
    () => WaveClient.open(place.address),
    () => WaveControl.open(place.address),
  ];
  for (const open of opens) {
    const error = assertThrows(
      open,
      IpcError,
      "there is none",
    );
    assertEquals(error.code, "ENOENT");
    assertStringIncludes(error.message, place.path);
  }
});

Deno.test("open() checks its arguments", async () => {
  await using place = await newPlace();
  assertThrows(
    () => WaveClient.open({ ...place.address, transport: "tcp" as "sysv" }),
    TypeError,
    'got "tcp"',
  );
  const error = assertThrows(
    () => WaveClient.open({ path: `${place.path}/nowhere` }),
    IpcError,
  );
  assertEquals(error.code, "ENOENT");
  await assertRejects(
    () => WaveClient.wait({ ...place.address, timeout: -1 }),
    RangeError,
  );
});

Deno.test("open() of a transport that the device does not use says which it uses", async () => {
  await using place = await newPlace();
  using _device = place.create();
  const error = assertThrows(
    () => WaveClient.open({ ...place.address, transport: "posix" }),
    IpcError,
    "not posix but sysv",
  );
  assertEquals(error.code, "ENOENT");
});

Deno.test("WaveClient attaches read-only", async () => {
  await using place = await newPlace();
  using device = place.create();
  using client = WaveClient.open(place.address);
  assertEquals(client.transport, "sysv");
  assertEquals(client.key, device.key);
  const maps = await Deno.readTextFile("/proc/self/maps");
  const name = `/SYSV${(device.key >>> 0).toString(16).padStart(8, "0")}`;
  const rights = maps.split("\n").filter((line) => line.includes(name))
    .map((line) => line.split(" ")[1]);
  assertEquals(rights.sort(), ["r--s", "rw-s"]);
});

Deno.test("WaveClient says what a device of this module offers", async () => {
  await using place = await newPlace();
  using _device = place.create({ bits: 12 });
  using client = WaveClient.open(place.address);
  assertEquals(client.foreign, false);
  assertEquals(client.features, {
    consistent: true,
    history: true,
    control: true,
    liveness: true,
    reason: undefined,
  });
  const { pid, program, alive, started } = client.device;
  assertEquals([pid, program, alive], [Deno.pid, "deno", true]);
  assert(started !== null && started.getTime() <= Date.now());
  assertEquals(client.settings, {
    waveform: "SIN",
    period: 2,
    interval: 0.001,
    bits: 12,
  });
  assertEquals(client.read(), {
    state: "initializing",
    waveform: "SIN",
    value: 0,
    time: 0,
    period: 2,
    sequence: undefined,
  });
});

Deno.test("wait() resolves as soon as a device is there", async () => {
  using _dog = watchdog("wait");
  await using place = await newPlace();
  const waits = Array.from(
    { length: 20 },
    () => WaveClient.wait(place.address),
  );
  await new Promise((resolve) => setTimeout(resolve, 30));
  using device = place.create();
  for (const client of await Promise.all(waits)) {
    assertEquals(client.key, device.key);
    client.close();
  }
  // It resolves at once if the device already exists.
  (await WaveClient.wait(place.address)).close();
});

Deno.test("wait() ends by its timeout and by its signal", async () => {
  using _dog = watchdog("wait");
  await using place = await newPlace();
  const error = await assertRejects(
    () => WaveClient.wait({ ...place.address, timeout: 30 }),
    IpcError,
    "Cannot wait for the device of",
  );
  assertEquals(error.code, "ETIMEDOUT");
  const controller = new AbortController();
  const wait = WaveClient.wait({
    ...place.address,
    signal: controller.signal,
  });
  controller.abort(new RangeError("enough"));
  await assertRejects(() => wait, RangeError, "enough");
});

Deno.test("wait() waits out a device that is off", async () => {
  using _dog = watchdog("wait");
  await using place = await newPlace();
  const key = ftok(place.path, "x");
  using segment = SysvSharedMemory.create(key, Wave.size);
  using mapping = segment.attach();
  let found = false;
  const wait = WaveClient.wait(place.address).then((client) => {
    found = true;
    return client;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assertEquals(found, false);
  Wave.write(mapping, { state: 1, period: 1 });
  using client = await wait;
  assertEquals([client.foreign, client.read().state], [true, "on"]);
});

Deno.test("readings() come at their pace, as many as were asked for", async () => {
  using _dog = watchdog("readings");
  await using place = await newPlace();
  using device = place.create();
  const done = device.run();
  using client = WaveClient.open(place.address);
  const begin = performance.now();
  const readings = await Array.fromAsync(
    client.readings({ interval: 0.02, count: 5 }),
  );
  assertEquals(readings.length, 5);
  assert(performance.now() - begin >= 4 * 20 - 1);
  // If the device and its client do not run for long, two times may be equal.
  const times = readings.map(({ time }) => time ?? NaN);
  assertEquals(times, times.toSorted((a, b) => a - b));
  assert((times[4] ?? NaN) > (times[0] ?? NaN));
  assertEquals(await Array.fromAsync(client.readings({ count: 0 })), []);
  assertEquals(client.end, undefined);
  device.exit();
  await done;
});

Deno.test("readings() and follow() check their options at once", async () => {
  await using place = await newPlace();
  using _device = place.create();
  using client = WaveClient.open(place.address);
  const cases: [() => unknown, string][] = [
    [() => client.readings({ interval: 0 }), "interval must be seconds"],
    [() => client.readings({ interval: NaN }), "got NaN"],
    [() => client.readings({ count: -1 }), "count must be an integer"],
    [() => client.readings({ count: 1.5 }), "got 1.5"],
    [() => client.follow({ count: NaN }), "got NaN"],
    [() => client.follow({ past: -2 }), "past must be an integer"],
  ];
  for (const [call, message] of cases) {
    assertThrows(call, RangeError, message);
  }
});

Deno.test("readings() end with a last one when the device goes off", async () => {
  using _dog = watchdog("readings");
  await using place = await newPlace();
  using device = place.create();
  const done = device.run();
  using client = WaveClient.open(place.address);
  const states: string[] = [];
  // The end is seen long before the next reading is due.
  for await (const { state } of client.readings({ interval: 3600 })) {
    states.push(state);
    device.exit();
  }
  assertEquals(states, ["on", "off"]);
  assertEquals(client.end, "off");
  assertEquals(client.read().state, "off");
  await done;
});

Deno.test("readings() and follow() reject with the reason of their signal", async () => {
  using _dog = watchdog("abort");
  await using place = await newPlace();
  using device = place.create({ interval: 1 });
  const done = device.run();
  using client = WaveClient.open(place.address);
  for (
    const iterate of [
      (signal: AbortSignal) => client.readings({ signal, interval: 1 }),
      (signal: AbortSignal) => client.follow({ signal }),
    ]
  ) {
    const controller = new AbortController();
    const all = Array.fromAsync(iterate(controller.signal));
    setTimeout(() => controller.abort(new RangeError("enough")), 5);
    await assertRejects(() => all, RangeError, "enough");
    await assertRejects(
      () => Array.fromAsync(iterate(AbortSignal.abort(new RangeError("no")))),
      RangeError,
      "no",
    );
  }
  device.exit();
  await done;
});

Deno.test("follow() gives every sample to each of many clients", async () => {
  using _dog = watchdog("follow");
  await using place = await newPlace();
  using device = place.create();
  const done = device.run();
  const follow = async () => {
    using client = WaveClient.open(place.address);
    const stream = client.follow();
    const readings: Reading[] = await Array.fromAsync(stream);
    assertEquals([stream.lost, stream.end, client.end], [0, "off", "off"]);
    const first = readings[0]?.sequence ?? NaN;
    readings.forEach(({ sequence }, i) => assertEquals(sequence, first + i));
    return readings.at(-1)?.sequence;
  };
  const all = Promise.all(Array.from({ length: 20 }, follow));
  await until(() => device.status().samples > 400);
  device.exit();
  const { samples } = await done;
  assertEquals(await all, Array(20).fill(samples - 1));
});

Deno.test("follow() tells a slow reader how many it lost, and where", async () => {
  using _dog = watchdog("follow");
  await using place = await newPlace();
  using device = place.create({ history: 16 });
  const done = device.run();
  using client = WaveClient.open(place.address);
  const stream = client.follow();
  const first = (await stream.next()).value?.sequence ?? NaN;
  const before = device.status().samples;
  await until(() => device.status().samples > before + 100);
  let seen = 1;
  let last = first;
  let gaps = 0;
  while (seen < 20) {
    const { sequence = NaN } = (await stream.next()).value ?? {};
    gaps += sequence - last - 1;
    last = sequence;
    seen++;
  }
  assert(stream.lost > 0);
  assertEquals(gaps, stream.lost);
  await stream.return?.();
  assertEquals((await stream.next()).done, true);
  device.exit();
  await done;
});

Deno.test("follow() begins with the past when told so", async () => {
  using _dog = watchdog("follow");
  await using place = await newPlace();
  using device = place.create();
  const done = device.run();
  await until(() => device.status().samples > 50);
  device.pause();
  using client = WaveClient.open(place.address);
  const { samples } = device.status();
  const past = await Array.fromAsync(client.follow({ past: 10, count: 10 }));
  assertEquals(
    past.map(({ sequence }) => sequence),
    Array.from({ length: 10 }, (_, i) => samples - 10 + i),
  );
  device.exit();
  await done;
});

Deno.test("follow() gives all that is left when the device is off", async () => {
  using _dog = watchdog("follow");
  await using place = await newPlace();
  using device = place.create({ interval: 0.0001 });
  const done = device.run();
  using client = WaveClient.open(place.address);
  const stream = client.follow({ past: Infinity });
  await until(() => device.status().samples > 3000);
  device.exit();
  const { samples } = await done;
  const readings = await Array.fromAsync(stream);
  assertEquals([readings.length, stream.lost], [samples, 0]);
  assertEquals(stream.end, "off");
});

Deno.test("follow() outlives pauses", async () => {
  using _dog = watchdog("follow");
  await using place = await newPlace();
  using device = place.create();
  const done = device.run();
  using client = WaveClient.open(place.address);
  const stream = client.follow();
  const first = (await stream.next()).value?.sequence ?? NaN;
  device.pause();
  setTimeout(() => device.start(), 60);
  for (let i = 1; i < 100; i++) {
    assertEquals((await stream.next()).value?.sequence, first + i);
  }
  device.exit();
  await done;
});

Deno.test("follow() rejects after an abort, though more samples are there", async () => {
  using _dog = watchdog("follow");
  await using place = await newPlace();
  using device = place.create();
  const done = device.run();
  await until(() => device.status().samples >= 100);
  using client = WaveClient.open(place.address);
  const controller = new AbortController();
  const { signal } = controller;
  const seen: Reading[] = [];
  await assertRejects(
    async () => {
      for await (const reading of client.follow({ past: 100, signal })) {
        if (seen.push(reading) === 3) controller.abort(new RangeError("no"));
      }
    },
    RangeError,
    "no",
  );
  assertEquals(seen.length, 3);
  device.exit();
  await done;
});

Deno.test("follow() can be left while a next() waits for a device that pauses", async () => {
  using _dog = watchdog("follow");
  await using place = await newPlace();
  using device = place.create();
  const done = device.run();
  device.pause();
  using client = WaveClient.open(place.address);
  const over = { value: undefined, done: true } as const;
  let waiting;
  {
    await using stream = client.follow();
    waiting = stream.next();
  }
  assertEquals(await waiting, over);
  const stream = client.follow();
  waiting = stream.next();
  await assertRejects(
    async () => await stream.throw?.(new RangeError("no")),
    RangeError,
    "no",
  );
  assertEquals(await waiting, over);
  device.exit();
  await done;
});

Deno.test("WaveClient reads a plain C struct and says what it cannot do", async () => {
  using _dog = watchdog("foreign");
  await using place = await newPlace();
  const key = ftok(place.path, "x");
  for (const size of [32, 33, 256, 4096]) {
    using segment = SysvSharedMemory.create(key, size);
    using mapping = segment.attach();
    Wave.write(mapping, {
      state: 1,
      waveform: 1,
      value: -7,
      time: 1.5,
      period: 4,
    });
    using client = WaveClient.open(place.address);
    assertEquals(client.foreign, true);
    const { reason, ...features } = client.features;
    assertEquals(features, {
      consistent: false,
      history: false,
      control: false,
      liveness: false,
    });
    assert(reason !== undefined);
    assertEquals(client.read(), {
      state: "on",
      waveform: "TRI",
      value: -7,
      time: 1.5,
      period: 4,
      sequence: undefined,
    });
    assertEquals(client.settings, { waveform: "TRI", period: 4 });
    assertEquals(client.device.pid, Deno.pid);
    const follow = assertThrows(() => client.follow(), IpcError, reason);
    assertEquals(follow.code, "EOPNOTSUPP");
    const control = assertThrows(
      () => WaveControl.open(place.address),
      IpcError,
      "takes no commands",
    );
    assertEquals(control.code, "EOPNOTSUPP");
    Wave.write(mapping, { state: 0 });
    const states = await Array.fromAsync(client.readings());
    assertEquals(states.map(({ state }) => state), ["off"]);
  }
});

Deno.test("WaveClient refuses a segment that is too small for the struct", async () => {
  await using place = await newPlace();
  using _segment = SysvSharedMemory.create(ftok(place.path, "x"), 31);
  const error = assertThrows(
    () => WaveClient.open(place.address),
    IpcError,
    "31 bytes, fewer than 32",
  );
  assertEquals(error.code, "EBADMSG");
});

Deno.test("WaveClient refuses a plain struct of garbage when it reads it", async () => {
  await using place = await newPlace();
  using segment = SysvSharedMemory.create(ftok(place.path, "x"), 32);
  using mapping = segment.attach();
  mapping.bytes.fill(0xff);
  using client = WaveClient.open(place.address);
  const error = assertThrows(() => client.read(), IpcError, "its state is -1");
  assertEquals(error.code, "EBADMSG");
});

Deno.test("WaveClient ends when the segment is removed under it", async () => {
  using _dog = watchdog("removed");
  await using place = await newPlace();
  using segment = SysvSharedMemory.create(ftok(place.path, "x"), 32);
  using mapping = segment.attach();
  Wave.write(mapping, { state: 1, period: 1 });
  using client = WaveClient.open(place.address);
  const readings = Array.fromAsync(client.readings({ interval: 0.01 }));
  await new Promise((resolve) => setTimeout(resolve, 20));
  segment.remove();
  assert((await readings).every(({ state }) => state === "on"));
  assertEquals(client.end, "removed");
  assertEquals(client.read().state, "on");
});

Deno.test("WaveClient.close() ends every method", async () => {
  await using place = await newPlace();
  using device = place.create();
  const done = device.run();
  const client = WaveClient.open(place.address);
  const stream = client.follow();
  const readings = client.readings();
  client.close();
  client.close();
  assertEquals(client.closed, true);
  assertEquals(device.status().clients, 0);
  const calls: (() => unknown)[] = [
    () => client.read(),
    () => client.settings,
    () => client.readings(),
    () => client.follow(),
  ];
  for (const call of calls) {
    assertThrows(call, TypeError, "a closed client of a device");
  }
  await assertRejects(() => stream.next(), TypeError, "closed");
  await assertRejects(() => readings.next(), TypeError, "closed");
  assertEquals(client.end, undefined);
  assertEquals(client.device.pid, Deno.pid);
  device.exit();
  await done;
});
