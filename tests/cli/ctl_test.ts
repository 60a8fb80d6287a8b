import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { watchdog } from "../util.ts";
import { ipc, lines, Place, shell, startDevice } from "./_ipc.ts";

Deno.test("ipc ctl commands a device from another process, and shows its answer", async () => {
  using _dog = watchdog("ctl");
  using place = new Place();
  await using device = await startDevice(place);
  const ctl = async (...args: string[]) => {
    const { code, stdout, stderr } = await ipc(["ctl", ...args, ...place.args]);
    assertEquals([code, stderr], [0, ""]);
    return lines(stdout);
  };
  assertEquals(await ctl("stop"), [
    "paused: SIN, period 2 s, interval 0.1 s, 10 bits",
  ]);
  assertEquals(await ctl("start"), [
    "on: SIN, period 2 s, interval 0.1 s, 10 bits",
  ]);
  assertEquals(
    await ctl(
      "config",
      "waveform=TRI",
      "period=0.5",
      "interval=0.01",
      "bits=12",
    ),
    ["on: TRI, period 0.5 s, interval 0.01 s, 12 bits"],
  );
  const [shown, quiet] = await Promise.all([
    ctl("status"),
    ctl("status", "--quiet"),
  ]);
  assertMatch(shown.join("\n"), /^wave {6}TRI, period 0\.5 s/m);
  assertEquals(quiet, [""]);
  const [json = ""] = await ctl("status", "--json");
  const status = JSON.parse(json);
  assertEquals([status.pid, status.bits, status.commands], [device.pid, 12, 6]);
  assertEquals(await ctl("exit"), ["the device is off"]);
  // It has waited for the end, so the key is already free.
  assertEquals(place.status, "none");
  assertEquals((await device.end()).code, 0);
});

Deno.test("ipc ctl exit lets the next device start at once", async () => {
  using _dog = watchdog("ctl exit");
  using place = new Place();
  await using _device = await startDevice(place);
  const { code, stderr } = await shell(
    `$IPC ctl exit --quiet --path "$PLACE" &&
     $IPC device TRI 1 --exit-on-eof --quiet --path "$PLACE" < /dev/null`,
    { env: { PLACE: place.path } },
  );
  assertEquals([code, stderr], [0, ""]);
});

Deno.test("ipc ctl fails when there is no device, or a dead one", async () => {
  using _dog = watchdog("ctl without device");
  using place = new Place();
  const none = await ipc(["ctl", "status", ...place.args]);
  assertEquals([none.code, none.stdout], [1, ""]);
  assertStringIncludes(none.stderr, "ENOENT");
  await using device = await startDevice(place);
  device.kill("SIGKILL");
  await device.end();
  const dead = await ipc(["ctl", "status", ...place.args]);
  assertEquals(dead.code, 1);
  assertStringIncludes(dead.stderr, "EOWNERDEAD");
  assertStringIncludes(dead.stderr, '"ipc detach"');
});

Deno.test("ipc ctl gives up when a stopped device does not answer", async () => {
  using _dog = watchdog("ctl --timeout");
  using place = new Place();
  await using device = await startDevice(place);
  device.kill("SIGSTOP");
  const { code, stderr } = await ipc(
    ["ctl", "status", "--timeout", "0.1", ...place.args],
  );
  assertEquals(code, 1);
  assertMatch(stderr, /100 ms.*ETIMEDOUT.*\n.*may still carry it out/);
  device.kill("SIGCONT");
});
