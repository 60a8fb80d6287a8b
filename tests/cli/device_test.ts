import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { inspect, WaveClient } from "@libc/ipc/device";
import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
import { ftok } from "@libc/ipc/sysv-key";
import { source, spawnCommand, spawnDeno, until, watchdog } from "../util.ts";
import {
  endDevice,
  ipc,
  ipcCommand,
  lines,
  Place,
  shell,
  startDevice,
  startIpc,
} from "./_ipc.ts";

Deno.test("ipc device says what it does, and leaves nothing after SIGTERM", async () => {
  using _dog = watchdog("ipc device");
  using place = new Place();
  await using device = startIpc(["device", "tri", "0.5", ...place.args]);
  assertMatch(
    await device.line(),
    /^on: TRI, period 0\.5 s, interval 0\.1 s, 10 bits; key 0x[\da-f]{8}, process \d+$/,
  );
  assertEquals(place.status, "alive");
  device.kill("SIGTERM");
  const { code, stdout, stderr } = await device.end();
  assertEquals([code, stderr], [0, ""]);
  assertMatch(
    stdout,
    /^off: \d+ samples? in [\d.]+ s, [\d.]+ a second \(10 asked\), 0 commands\n$/,
  );
  assertEquals(place.status, "none");
});

Deno.test("ipc device ends cleanly on SIGINT, and clients see it go off", async () => {
  using _dog = watchdog("ipc device SIGINT");
  using place = new Place();
  await using device = await startDevice(place);
  using client = WaveClient.open({ path: place.path });
  device.kill("SIGINT");
  const states: string[] = [];
  for await (const { state } of client.readings({ interval: 0.01 })) {
    states.push(state);
  }
  assertEquals([states.at(-1), client.end], ["off", "off"]);
  assertEquals((await device.end()).code, 0);
  assertEquals(place.status, "none");
});

Deno.test("ipc device ends cleanly on SIGHUP, but not under nohup", async () => {
  using _dog = watchdog("ipc device SIGHUP");
  using place = new Place();
  await using plain = await startDevice(place);
  const { code: plainCode } = await endDevice(plain, "SIGHUP");
  assertEquals([plainCode, place.status], [0, "none"]);
  // Its output goes to this process, so that no terminal is involved.
  await using kept = spawnCommand("nohup", {
    args: [
      ...ipcCommand(),
      "device",
      "SIN",
      "2",
      "--exit-on-eof",
      ...place.args,
    ],
  });
  await kept.line();
  kept.kill("SIGHUP");
  const { code, stdout } = await ipc(["ctl", "status", ...place.args]);
  assertEquals([code, /^state {5}on$/m.test(stdout)], [0, true]);
  await kept.write("exit");
  assertEquals([(await kept.end()).code, place.status], [0, "none"]);
});

Deno.test("ipc device takes commands from standard input", async () => {
  using _dog = watchdog("ipc device commands");
  using place = new Place();
  const { code, stdout, stderr } = await ipc(
    ["device", "SIN", "2", ...place.args],
    {
      stdin:
        "stop\n# a comment\n  START  \nconfig waveform=qua period=1 interval=0.5 bits=12\nconfig\nhelp\nstatus\nexit\nstop\n",
    },
  );
  assertEquals([code, stderr], [0, ""]);
  const text = lines(stdout);
  assertEquals(text.slice(1, 5), [
    "paused: SIN, period 2 s, interval 0.1 s, 10 bits",
    "on: SIN, period 2 s, interval 0.1 s, 10 bits",
    "on: QUA, period 1 s, interval 0.5 s, 12 bits",
    "on: QUA, period 1 s, interval 0.5 s, 12 bits",
  ]);
  assertStringIncludes(stdout, "\nconfig SETTING=VALUE...");
  assertMatch(stdout, /^state {5}on$/m);
  assertMatch(stdout, /^value {5}-?\d+ of ±2048$/m);
  assertMatch(text.at(-1) ?? "", /^off: /);
  assertEquals(place.status, "none");
});

Deno.test("ipc device goes on after a refused command, and then exits with 1", async () => {
  using _dog = watchdog("ipc device refused");
  using place = new Place();
  const { code, stdout, stderr } = await ipc(
    ["device", "SIN", "2", ...place.args],
    { stdin: "bogus\nconfig period=-1\nstatus\nexit" },
  );
  assertEquals(code, 1);
  assertEquals(lines(stderr).length, 2);
  assertStringIncludes(stderr, "ipc device: command must be one of");
  assertStringIncludes(stderr, "period must be");
  assertMatch(stdout, /^state {5}on$/m);
});

Deno.test("ipc device explains its commands, also when asked about one", async () => {
  using _dog = watchdog("help config");
  using place = new Place();
  const { code, stdout, stderr } = await ipc(
    ["device", "SIN", "2", "--quiet", ...place.args],
    { stdin: "help\nhelp config\nexit\n" },
  );
  assertEquals([code, stderr], [0, ""]);
  const half = stdout.length / 2;
  assert(half > 0);
  assertEquals(stdout.slice(0, half), stdout.slice(half));
});

Deno.test("ipc device runs on when its input ends, until it is told to end", async () => {
  using _dog = watchdog("ipc device EOF");
  using place = new Place();
  const { code, stdout, stderr } = await shell(
    `$IPC device SIN 2 --path "$PLACE" --quiet < /dev/null &
    $IPC client --wait --count 3 --csv --path "$PLACE" &&
    $IPC ctl exit --path "$PLACE" && wait $! && echo ended || kill $!`,
    { env: { PLACE: place.path } },
  );
  assertEquals([code, stderr], [0, ""]);
  assertEquals(lines(stdout).length, 6, stdout);
  assert(stdout.endsWith("the device is off\nended\n"), stdout);
});

Deno.test("ipc device --exit-on-eof ends with its input", async () => {
  using _dog = watchdog("ipc device --exit-on-eof");
  using place = new Place();
  const { code, stdout } = await ipc(
    ["device", "SIN", "2", "--exit-on-eof", "--quiet", ...place.args],
    { stdin: "stop" },
  );
  assertEquals([code, stdout, place.status], [0, "", "none"]);
});

Deno.test("ipc device --json gives an object for each event", async () => {
  using _dog = watchdog("ipc device --json");
  using place = new Place();
  const { code, stdout } = await ipc(
    ["device", "QUA", "1", "--json", ...place.args],
    { stdin: "stop\nconfig\nbogus\nhelp\nexit" },
  );
  const events = lines(stdout).map((line) => JSON.parse(line));
  assertEquals(code, 1);
  assertEquals(events.map(({ event }) => event), [
    "ready",
    "answer",
    "answer",
    "refused",
    "end",
  ]);
  assertEquals(events.map(({ state }) => state).slice(0, 3), [
    "on",
    "paused",
    "paused",
  ]);
  assertEquals(events[3].command, "bogus");
  assertEquals(events[4].reason, "exit");
});

Deno.test("ipc device is refused a key that another device has", async () => {
  using _dog = watchdog("two devices");
  using place = new Place();
  await using first = await startDevice(place);
  const { code, stdout, stderr } = await ipc(
    ["device", "TRI", "1", ...place.args],
  );
  assertEquals([code, stdout], [1, ""]);
  assertEquals(lines(stderr).length, 1);
  assertStringIncludes(stderr, "EEXIST");
  assertStringIncludes(stderr, `process ${first.pid} `);
  assertEquals(place.status, "alive");
  const other = await ipc(
    ["device", "TRI", "1", "--proj", "y", "--exit-on-eof", ...place.args],
  );
  assertEquals([other.code, other.stderr], [0, ""]);
});

const NO_ROOT = Deno.uid() === 0 ? "" : " [skipped: needs root]";

Deno.test({
  name: `ipc device says when another user has its key${NO_ROOT}`,
  ignore: NO_ROOT !== "",
  async fn() {
    using _dog = watchdog("key of another user");
    using place = new Place();
    using _theirs = SysvSemaphoreSet.create(ftok(place.path, "x"), [1]);
    Deno.chmodSync(place.path, 0o755);
    await using child = spawnDeno(`
      import { main } from ${JSON.stringify(source("cli/mod.ts"))};
      import { becomeNobody } from ${
      JSON.stringify(source("tests/conformance/privileges.ts"))
    };
      becomeNobody();
      const args = ["device", "SIN", "2", ...${JSON.stringify(place.args)}];
      Deno.exitCode = await main(args);`);
    const { code, stderr } = await child.end();
    const [failure = "", ...hints] = lines(stderr);
    assertEquals(code, 1, stderr);
    assertStringIncludes(failure, "EACCES");
    assertEquals(hints, [
      "ipc device: another user has this key: take another --path or --proj",
    ]);
  },
});

Deno.test("ipc device replaces what a killed one left, and says so", async () => {
  using _dog = watchdog("killed device");
  using place = new Place();
  await using first = await startDevice(place);
  first.kill("SIGKILL");
  await first.end();
  assertEquals(place.status, "dead");
  const { code, stderr } = await ipc(
    ["device", "TRI", "1", "--exit-on-eof", ...place.args],
  );
  assertEquals(code, 0);
  assertEquals(lines(stderr).length, 3);
  for (const line of lines(stderr)) {
    assertMatch(
      line,
      /^ipc device: removed the \w+ .*of a device that has died$/,
    );
  }
  assertEquals(place.status, "none");
});

Deno.test("ipc device takes every transport and mode", async () => {
  using _dog = watchdog("transports");
  await Promise.all(["sysv", "posix", "memfd"].map(async (transport) => {
    using place = new Place();
    await using device = await startDevice(place, [
      "SIN",
      "2",
      "--transport",
      transport,
      "--mode",
      "0640",
    ]);
    const { transport: found, objects } = inspect({ path: place.path });
    assertEquals(found, transport);
    // The mode of a memfd does not matter: it has no name to open it by.
    const modes = objects.filter(({ kind }) =>
      kind !== "memory" || transport !== "memfd"
    );
    assertEquals(
      new Set(modes.map(({ mode }) => mode & 0o777)),
      new Set([0o640]),
    );
    const read = await ipc(["client", "--count", "2", "--csv", ...place.args]);
    assertEquals([read.code, lines(read.stdout).length], [0, 3], read.stderr);
    assertEquals((await endDevice(device, "SIGTERM")).code, 0);
    assertEquals(place.status, "none");
  }));
});

Deno.test("ipc device --interval 0.0001 works and reports the achieved rate", async () => {
  using _dog = watchdog("fast device");
  using place = new Place();
  await using device = await startDevice(place, [
    "SIN",
    "1",
    "--interval",
    "0.0001",
  ]);
  using client = WaveClient.open({ path: place.path });
  await until(() => (client.read().sequence ?? 0) >= 5000);
  const { summary } = await endDevice(device, "SIGTERM");
  const [samples, rate, seconds] = [
    Number(summary.samples),
    Number(summary.rate),
    Number(summary.seconds),
  ];
  assertEquals(summary.nominalRate, 10_000);
  assert(samples >= 5000 && rate > 0, JSON.stringify(summary));
  // Device time agrees with the clock.
  assertEquals(Math.round(rate * seconds / samples), 1);
});

Deno.test("ipc device ends with 1 when its memory is removed", async () => {
  using _dog = watchdog("removed");
  using place = new Place();
  await using device = await startDevice(place);
  const { code } = await ipc(["detach", "--force", "--quiet", ...place.args]);
  assertEquals(code, 0);
  assertEquals(JSON.parse(await device.line()).reason, "removed");
  const ended = await device.end();
  assertEquals(ended.code, 1);
  assertStringIncludes(ended.stderr, "its memory was removed");
});

Deno.test("ipc device goes on when nobody reads what it prints", async () => {
  using _dog = watchdog("device | head");
  using place = new Place();
  const { code, stdout, stderr } = await shell(
    `( echo status; echo status; $IPC ctl status --path "$PLACE" > /dev/null; cat /dev/null;
       $IPC client --wait --count 2 --csv --path "$PLACE" >&2; echo status;
       $IPC client --count 2 --csv --path "$PLACE" >&2; echo exit ) |
     $IPC device SIN 2 --path "$PLACE" | head -1`,
    { env: { PLACE: place.path } },
  );
  assertEquals(code, 0);
  assertEquals(lines(stdout).length, 1);
  assertEquals(stderr.match(/^time,/gm)?.length, 2, stderr);
  assertEquals(place.status, "none");
});
