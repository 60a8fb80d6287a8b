import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { ftok } from "@libc/ipc/sysv-key";
import { SysvSharedMemory } from "@libc/ipc/sysv-shm";
import { watchdog } from "../util.ts";
import { ipc, lines, Place, startDevice, startIpc } from "./_ipc.ts";

Deno.test("ipc detach has nothing to do where nothing is", async () => {
  using _dog = watchdog("detach");
  using place = new Place();
  const { code, stdout, stderr } = await ipc(["detach", ...place.args]);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(
    stdout,
    /^key {8}0x[\da-f]{8} \(.*, project "x"\)\nstatus {5}nothing there\n$/,
  );
});

Deno.test("ipc detach refuses while a device is alive, and shows who is attached", async () => {
  using _dog = watchdog("detach alive");
  using place = new Place();
  await using device = await startDevice(place);
  await using client = startIpc(["client", ...place.args]);
  await client.line();
  const { code, stdout, stderr } = await ipc(["detach", ...place.args]);
  assertEquals(code, 1);
  assertMatch(stdout, /^status {5}a device is running$/m);
  assertMatch(
    stdout,
    new RegExp(
      `^attached {3}process ${device.pid} \\(deno\\), writes, the device$`,
      "m",
    ),
  );
  assertMatch(
    stdout,
    new RegExp(`^attached {3}process ${client.pid} \\(deno\\), reads$`, "m"),
  );
  assertEquals(stdout.includes("removed"), false);
  assertStringIncludes(stderr, "EBUSY");
  assertStringIncludes(stderr, '"ipc ctl exit"');
  assertStringIncludes(stderr, "from under its feet with --force");
  assertEquals(place.status, "alive");
});

Deno.test("ipc detach --force removes the things of a living device", async () => {
  using _dog = watchdog("detach --force");
  using place = new Place();
  await using device = await startDevice(place);
  const { code, stdout } = await ipc(["detach", "--force", ...place.args]);
  assertEquals(code, 0);
  assertMatch(
    lines(stdout).at(-1) ?? "",
    /^removed memory, queue, semaphores$/,
  );
  assertEquals(JSON.parse(await device.line()).reason, "removed");
  assertEquals((await device.end()).code, 1);
  assertEquals(place.status, "none");
});

Deno.test("ipc detach leaves alone what is of another program", async () => {
  using _dog = watchdog("detach foreign");
  using place = new Place();
  using memory = SysvSharedMemory.create(ftok(place.path, "x"), 3);
  const { code, stdout, stderr } = await ipc(["detach", ...place.args]);
  assertEquals(code, 1);
  assertMatch(stdout, /^status {5}something of another program$/m);
  assertStringIncludes(stderr, "EBUSY");
  assertStringIncludes(stderr, "take another --path or --proj");
  assertEquals(memory.stat().removed, false);
});

Deno.test("ipc detach removes what a killed device left", async () => {
  using _dog = watchdog("detach dead");
  await Promise.all(["sysv", "posix"].map(async (transport) => {
    using place = new Place();
    await using device = await startDevice(place, [
      "SIN",
      "2",
      "--transport",
      transport,
    ]);
    device.kill("SIGKILL");
    await device.end();
    assertEquals(place.status, "dead");
    const shown = await ipc(["detach", "--dry-run", ...place.args]);
    assertEquals([shown.code, place.status], [0, "dead"]);
    assertMatch(shown.stdout, /^status {5}a device died and left things$/m);
    const { code, stdout, stderr } = await ipc(["detach", ...place.args]);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(
      lines(stdout).at(-1) ?? "",
      /^removed memory, queue, semaphores$/,
    );
    assertEquals(place.status, "none");
  }));
});

Deno.test("ipc detach --json tells all in one line", async () => {
  using _dog = watchdog("detach --json");
  using place = new Place();
  await using device = await startDevice(place);
  const detach = async () => {
    const { stdout } = await ipc(["detach", "--json", ...place.args]);
    assertEquals(lines(stdout).length, 1);
    return JSON.parse(stdout);
  };
  const alive = await detach();
  assertEquals([alive.status, alive.removed], ["alive", []]);
  assertStringIncludes(alive.refused, "EBUSY");
  device.kill("SIGKILL");
  await device.end();
  const dead = await detach();
  assertEquals([dead.status, dead.device.pid, dead.device.alive], [
    "dead",
    device.pid,
    false,
  ]);
  assertEquals(dead.removed.length, 3);
  assert(!("refused" in dead));
  assertEquals((await detach()).status, "none");
  assertEquals((await ipc(["detach", "--quiet", ...place.args])).stdout, "");
});
