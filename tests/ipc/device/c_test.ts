/** Our device with C clients, our client with C devices. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  detach,
  inspect,
  sampleAt,
  WaveClient,
  WaveControl,
} from "@libc/ipc/device";
import { IpcError } from "@libc/ipc/errno";
import {
  type Child,
  hasCommand,
  spawnCommand,
  until,
  watchdog,
} from "../../util.ts";
import { newPlace } from "./address.ts";

const noC = !hasCommand("cc");
const EXAMPLES = new URL("../../../examples/c/", import.meta.url).pathname;

/** The C programs of the examples, compiled for the scope. */
async function compile() {
  const directory = await Deno.makeTempDir({ prefix: "libc-ipc-c-" });
  for (const name of ["wave_device", "wave_client"]) {
    const { success, stderr } = await new Deno.Command("cc", {
      args: [
        "-std=gnu11",
        "-O2",
        "-o",
        `${directory}/${name}`,
        `${EXAMPLES}${name}.c`,
        "-lm",
      ],
    }).output();
    assert(success, new TextDecoder().decode(stderr));
  }
  return {
    device: (args: string[]): Child =>
      spawnCommand(`${directory}/wave_device`, { args }),
    client: (args: string[]): Child =>
      spawnCommand(`${directory}/wave_client`, { args }),
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
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
  await using c = await compile();
  await using place = await newPlace();
  using device = place.create({ waveform: "TRI", period: 0.5 });
  const done = device.run();
  await until(() => device.status().samples > 1);
  await using client = c.client(["-i", "0.003", "-d", place.path]);
  let last = 0;
  for (let i = 0; i < 100; i++) {
    const [state, waveform, value, time, period] = (await client.line())
      .split(" ");
    assertEquals([state, waveform, period], ["on", "TRI", "0.5"]);
    assert(Number(time) >= last);
    last = Number(time);
    // It reads without a lock: value and time may be one sample apart.
    const near = [-1, 0, 1].map((n) =>
      sampleAt("TRI", Math.max(0, last + n * 0.001), 0.5)
    );
    assert(
      near.some((sample) => Math.abs(sample - Number(value)) <= 1),
      `${value} at ${time}`,
    );
  }
  device.pause();
  await untilLine(client, (line) => line.startsWith("paused TRI"));
  device.exit();
  await untilLine(client, (line) => line.startsWith("off TRI"));
  assertEquals((await client.end()).code, 0);
  await done;
});

test("WaveDevice gives a C client that takes the semaphore a consistent struct", async () => {
  using _dog = watchdog("a C client");
  await using place = await newPlace();
  using device = place.create({ waveform: "TRI", period: 1, bits: 20 });
  const done = device.run();
  const directory = await Deno.makeTempDir({ prefix: "libc-ipc-c-" });
  try {
    await Deno.writeTextFile(
      `${directory}/locked.c`,
      `#define _GNU_SOURCE
#include "${EXAMPLES}wave.h"
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>
int main(int argc, char **argv) {
  key_t key = ftok(argv[1], 'x');
  const volatile struct wave *wave = shmat(shmget(key, 32, 0666), 0, SHM_RDONLY);
  int set = semget(key, 0, 0666);
  (void)argc;
  for (int i = 0; i < 200; i++) {
    struct sembuf take = { 0, -1, SEM_UNDO }, give = { 0, 1, SEM_UNDO };
    if (semop(set, &take, 1) == -1) return 1;
    double before = wave->time;
    usleep(300);
    printf("%d %d %.17g\\n", before == wave->time, (int)wave->value, wave->time);
    if (semop(set, &give, 1) == -1) return 1;
    usleep(2000);
  }
  return 0;
}
`,
    );
    const binary = `${directory}/locked`;
    const { success, stderr } = await new Deno.Command("cc", {
      args: ["-std=gnu11", "-O1", "-o", binary, `${directory}/locked.c`],
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    await using child = spawnCommand(binary, { args: [place.path] });
    const { code, stdout } = await child.end();
    assertEquals(code, 0);
    const lines = stdout.trim().split("\n").map((line) =>
      line.split(" ").map(Number)
    );
    assertEquals(lines.length, 200);
    const times = new Set<number>();
    for (const [still, value, time = NaN] of lines) {
      assertEquals(still, 1);
      assertEquals(value, sampleAt("TRI", time, 1, 20));
      times.add(time);
    }
    assert(times.size > 50, `${times.size} different samples`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  device.exit();
  assertEquals((await done).lockOverruns, 0);
});

test("WaveClient reads a C device of 32 bytes, until it goes off", async () => {
  using _dog = watchdog("a C device");
  await using c = await compile();
  await using place = await newPlace();
  await using device = c.device([
    "-i",
    "0.002",
    "-d",
    place.path,
    "SIN",
    "0.5",
  ]);
  assertEquals(await device.line(), "ready");
  using client = WaveClient.open(place.address);
  assertEquals([client.foreign, client.device.pid], [true, device.pid]);
  assertEquals(client.device.program, "wave_device");
  assertEquals(client.settings, { waveform: "SIN", period: 0.5 });
  assertThrows(() => client.follow(), IpcError, "EOPNOTSUPP");
  assertThrows(() => WaveControl.open(place.address), IpcError, "EOPNOTSUPP");
  const { status, plain, attached } = inspect(place.address);
  assertEquals([status, plain, attached.length], ["alive", true, 2]);
  // One device a key, whoever made it.
  assertThrows(() => place.create(), IpcError, `process ${device.pid} (wave_d`);
  assertThrows(() => detach(place.address), IpcError, "EBUSY");
  const states: string[] = [];
  for await (
    const { state, value, time } of client.readings({ interval: 0.005 })
  ) {
    states.push(state);
    const near = [-1, 0, 1].map((n) =>
      sampleAt("SIN", Math.max(0, time + n * 0.002), 0.5)
    );
    assert(
      near.some((sample) => Math.abs(sample - value) <= 1),
      `${value} at ${time}`,
    );
    if (states.length === 50) device.kill("SIGTERM");
  }
  assertEquals(states.at(-1), "off");
  assertEquals(client.end, "off");
  assertEquals((await device.end()).code, 0);
});

test("WaveClient notices that a C device was killed, and ours takes over", async () => {
  using _dog = watchdog("a dead C device");
  await using c = await compile();
  await using place = await newPlace();
  await using device = c.device(["-i", "0.002", "-d", place.path, "QUA", "1"]);
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
  await using c = await compile();
  await using place = await newPlace();
  const wait = WaveClient.wait(place.address);
  await using device = c.device(["-d", place.path, "TRI", "1"]);
  using client = await wait;
  assertEquals(client.foreign, true);
  assertEquals(await device.line(), "ready");
  device.kill("SIGINT");
  assertEquals((await device.end()).code, 0);
  await until(() => client.end === "off");
});

async function untilLine(
  child: Child,
  condition: (line: string) => boolean,
): Promise<void> {
  while (!condition(await child.line()));
}
