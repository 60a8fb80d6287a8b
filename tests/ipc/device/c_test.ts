/** Our device with C clients, our client with C devices. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  detach,
  inspect,
  type Reading,
  sampleAt,
  WaveClient,
  WaveControl,
} from "@libc/ipc/device";
import { IpcError } from "@libc/ipc/errno";
import { basename } from "@std/path";
import {
  type Child,
  hasCommand,
  spawnCommand,
  until,
  watchdog,
} from "../../util.ts";
import { newPlace } from "./address.ts";

const noC = !hasCommand("cc");
const file = (path: string) => new URL(path, import.meta.url).pathname;
const DEVICE = file("../../../examples/c/wave_device.c");
const CLIENT = file("../../../examples/c/wave_client.c");
const LOCKED_CLIENT = file("locked_client.c");

/** C programs of some files, compiled for the scope. */
async function compile(...sources: string[]) {
  const directory = await Deno.makeTempDir({ prefix: "libc-ipc-c-" });
  await using failed = new AsyncDisposableStack();
  failed.defer(() => Deno.remove(directory, { recursive: true }));
  await Promise.all(sources.map(async (source) => {
    const output = `${directory}/${basename(source, ".c")}`;
    const { success, stderr } = await new Deno.Command("cc", {
      args: ["-std=gnu11", "-O2", "-o", output, source, "-lm"],
    }).output();
    assert(success, new TextDecoder().decode(stderr));
  }));
  const stack = failed.move();
  return {
    run: (program: string, ...args: string[]): Child =>
      spawnCommand(`${directory}/${program}`, { args }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({
    name: noC ? `${name} [skipped: no cc]` : name,
    ignore: noC,
    fn,
  });
}

test("WaveDevice is read by a C client built for the struct", async () => {
  using _dog = watchdog("a C client");
  await using c = await compile(CLIENT);
  await using place = await newPlace();
  using device = place.create({ waveform: "TRI", period: 0.5 });
  const done = device.run();
  await until(() => device.status().samples > 1);
  await using client = c.run("wave_client", "-i", "0.003", "-d", place.path);
  const seen: Pair[] = [];
  for (let i = 0; i < 100; i++) {
    const [state, waveform, value, time, period] = (await client.line())
      .split(" ");
    assertEquals([state, waveform, period], ["on", "TRI", "0.5"]);
    seen.push({ value: Number(value), time: Number(time) });
  }
  checkPairs(seen, 0.001, (time) => sampleAt("TRI", time, 0.5));
  device.pause();
  await untilLine(client, (line) => line.startsWith("paused TRI"));
  device.exit();
  await untilLine(client, (line) => line.startsWith("off TRI"));
  assertEquals((await client.end()).code, 0);
  await done;
});

test("WaveDevice gives a C client that takes the semaphore a consistent struct", async () => {
  using _dog = watchdog("a C client");
  await using c = await compile(LOCKED_CLIENT);
  await using place = await newPlace();
  using device = place.create({ waveform: "TRI", period: 1, bits: 20 });
  const done = device.run();
  await using child = c.run("locked_client", place.path);
  const { code, stdout } = await child.end();
  assertEquals(code, 0);
  const lines = stdout.trim().split("\n").map((line) =>
    line.split(" ").map(Number)
  );
  assertEquals(lines.length, 200);
  for (const [still, value, time = NaN] of lines) {
    assertEquals(still, 1);
    assertEquals(value, sampleAt("TRI", time, 1, 20));
  }
  device.exit();
  assertEquals((await done).lockOverruns, 0);
});

test("WaveClient reads a C device of 32 bytes, until it goes off", async () => {
  using _dog = watchdog("a C device");
  await using c = await compile(DEVICE);
  await using place = await newPlace();
  await using device = c.run(
    "wave_device",
    ...["-i", "0.002", "-d", place.path, "SIN", "0.5"],
  );
  assertEquals(await device.line(), "ready");
  using client = WaveClient.open(place.address);
  assertEquals([client.foreign, client.device.pid], [true, device.pid]);
  assertEquals(client.device.program, "wave_device");
  assertEquals(client.settings, { waveform: "SIN", period: 0.5 });
  assertThrows(() => client.follow(), IpcError, "EOPNOTSUPP");
  assertThrows(() => WaveControl.open(place.address), IpcError, "EOPNOTSUPP");
  const { status, plain, attached } = inspect(place.address);
  assertEquals([status, plain, attached.length], ["alive", true, 2]);
  // A key has one device, no matter who created it.
  assertThrows(() => place.create(), IpcError, `process ${device.pid} (wave_d`);
  assertThrows(() => detach(place.address), IpcError, "EBUSY");
  const readings: Reading[] = [];
  for await (const reading of client.readings({ interval: 0.005 })) {
    if (readings.push(reading) === 50) device.kill("SIGTERM");
  }
  checkPairs(readings, 0.002, (time) => sampleAt("SIN", time, 0.5));
  assertEquals(readings.at(-1)?.state, "off");
  assertEquals(client.end, "off");
  assertEquals((await device.end()).code, 0);
});

test("WaveClient notices that a C device was killed, and ours takes over", async () => {
  using _dog = watchdog("a dead C device");
  await using c = await compile(DEVICE);
  await using place = await newPlace();
  await using device = c.run(
    "wave_device",
    ...["-i", "0.002", "-d", place.path, "QUA", "1"],
  );
  assertEquals(await device.line(), "ready");
  using client = WaveClient.open(place.address);
  using _another = WaveClient.open(place.address);
  const readings = Array.fromAsync(client.readings({ interval: 0.01 }));
  device.kill("SIGKILL");
  await device.end();
  for (const { state } of await readings) assertEquals(state, "on");
  assertEquals(client.end, "died");
  const error = assertThrows(() => WaveClient.open(place.address), IpcError);
  assertEquals(error.code, "EOWNERDEAD");
  assertEquals(inspect(place.address).status, "dead");
  using next = place.create();
  assertEquals(next.removed.map(({ kind }) => kind), ["memory"]);
});

test("wait() finds a C device", async () => {
  using _dog = watchdog("a C device");
  await using c = await compile(DEVICE);
  await using place = await newPlace();
  const wait = WaveClient.wait(place.address);
  await using device = c.run("wave_device", "-d", place.path, "TRI", "1");
  using client = await wait;
  assertEquals(client.foreign, true);
  assertEquals(await device.line(), "ready");
  device.kill("SIGINT");
  assertEquals((await device.end()).code, 0);
  await until(() => client.end === "off");
});

/** A reading without a lock: value and time may belong to different samples. */
interface Pair {
  value: number;
  time: number;
}

/**
 * Times must not decrease, and each value must belong to a sample between the
 * readings before and after it. The reader or the device may have been stopped
 * in between for any time.
 */
function checkPairs(
  pairs: Pair[],
  interval: number,
  sample: (time: number) => number,
): void {
  for (let i = 1; i < pairs.length - 1; i++) {
    const [before, pair, after] = pairs.slice(i - 1, i + 2);
    assert(before && pair && after);
    assert(pair.time >= before.time, `${pair.time} after ${before.time}`);
    const between: number[] = [];
    for (let t = before.time - interval; t <= after.time + 2 * interval;) {
      between.push(sample(Math.max(0, t)));
      t += interval;
    }
    assert(
      between.some((value) => Math.abs(value - pair.value) <= 1),
      `${pair.value} at ${pair.time}`,
    );
  }
}

async function untilLine(
  child: Child,
  condition: (line: string) => boolean,
): Promise<void> {
  while (!condition(await child.line()));
}
