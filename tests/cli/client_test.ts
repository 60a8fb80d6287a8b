import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { WaveControl } from "@libc/ipc/device";
import {
  hasCommand,
  scaled,
  source,
  spawnCommand,
  spawnDeno,
  until,
  watchdog,
} from "../util.ts";
import { ipc, lines, Place, shell, startDevice, startIpc } from "./_ipc.ts";

const FIELDS = ["period", "sequence", "state", "time", "value", "waveform"];

Deno.test("ipc client prints a line a reading until the count", async () => {
  using _dog = watchdog("client");
  using place = new Place();
  await using _device = await startDevice(place, [
    "TRI",
    "2",
    "--interval",
    "0.01",
  ]);
  const [{ code, stdout, stderr }, none] = await Promise.all([
    ipc(["client", "--count", "4", "--interval", "0.02", ...place.args]),
    ipc(["client", "--count", "0", ...place.args]),
  ]);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(lines(stdout).length, 4);
  for (const line of lines(stdout)) {
    assertMatch(line, /^ +\d+\.\d\d +-?\d+ {2}on {11}TRI {3}2$/);
  }
  assertEquals([none.code, none.stdout], [0, ""]);
});

Deno.test("ipc client --json prints valid lines with the same fields", async () => {
  using _dog = watchdog("client --json");
  using place = new Place();
  await using _device = await startDevice(place);
  const { code, stdout } = await ipc(
    ["client", "--json", "--count", "3", "--interval", "0.01", ...place.args],
  );
  assertEquals([code, lines(stdout).length], [0, 3]);
  for (const line of lines(stdout)) {
    const reading = JSON.parse(line);
    assertEquals(Object.keys(reading).sort(), FIELDS);
    assertEquals([reading.state, reading.waveform, reading.period], [
      "on",
      "SIN",
      2,
    ]);
    assert(
      Number.isSafeInteger(reading.value) &&
        Number.isSafeInteger(reading.sequence),
    );
  }
});

Deno.test("ipc client --csv prints a header and as many fields in every line", async () => {
  using _dog = watchdog("client --csv");
  using place = new Place();
  await using _device = await startDevice(place);
  const follows = [false, true];
  const runs = await Promise.all(follows.map((follow) => {
    const args = ["--csv", "--count", "3", ...follow ? ["--follow"] : []];
    return ipc(["client", ...args, ...place.args]);
  }));
  for (const [i, { code, stdout }] of runs.entries()) {
    const columns = follows[i] ? 7 : 6;
    const [header = "", ...rows] = lines(stdout);
    assertEquals([code, rows.length], [0, 3]);
    assertEquals(header.split(",").slice(0, 6), [
      "time",
      "value",
      "state",
      "waveform",
      "period",
      "sequence",
    ]);
    for (const row of [header, ...rows]) {
      assertEquals(row.split(",").length, columns);
    }
  }
});

Deno.test("ipc client --follow has every sample of a device at 1 kHz", async () => {
  using _dog = watchdog("client --follow");
  using place = new Place();
  await using _device = await startDevice(place, [
    "SIN",
    "1",
    "--interval",
    "0.001",
  ]);
  const count = scaled(500, 100_000);
  const { code, stdout, stderr } = await ipc(
    ["client", "--follow", "--json", "--count", `${count}`, ...place.args],
  );
  assertEquals([code, stderr], [0, ""]);
  const samples = lines(stdout).map((line) => JSON.parse(line));
  assertEquals(samples.length, count);
  const first = samples[0].sequence;
  for (const [i, { sequence, time, lost }] of samples.entries()) {
    assertEquals([sequence, lost], [first + i, 0]);
    assertEquals(Math.round(time * 1000), sequence);
  }
});

Deno.test("ipc client --follow loses nothing among many clients", async () => {
  using _dog = watchdog("many clients");
  using place = new Place();
  await using _device = await startDevice(place, [
    "TRI",
    "1",
    "--interval",
    "0.002",
  ]);
  const args = ["client", "--follow", "--json", "--count", "300"];
  const runs = await Promise.all(
    Array.from({ length: 8 }, () => ipc([...args, ...place.args])),
  );
  for (const { code, stdout, stderr } of runs) {
    assertEquals([code, stderr], [0, ""]);
    const sequences = lines(stdout).map((line) => JSON.parse(line).sequence);
    const [first] = sequences;
    assertEquals(sequences, sequences.map((_, i) => first + i));
    assertEquals(sequences.length, 300);
  }
});

Deno.test("ipc client --follow says how many samples it lost when it is stopped", async () => {
  using _dog = watchdog("lost samples");
  using place = new Place();
  await using _device = await startDevice(place, [
    "SIN",
    "1",
    "--interval",
    "0.0001",
  ]);
  await using client = startIpc(["client", "--follow", "--csv", ...place.args]);
  await client.line();
  const { sequence } = JSON.parse(
    (await ipc(["client", "--count", "1", "--json", ...place.args])).stdout,
  );
  client.kill("SIGSTOP");
  using control = WaveControl.open({ path: place.path });
  // Wait until more samples have passed than the history holds.
  await until(async () => (await control.status()).samples > sequence + 20_000);
  client.kill("SIGCONT");
  let lost = 0;
  while (lost === 0) lost = Number((await client.line()).split(",").at(-1));
  client.kill("SIGINT");
  const { code, stderr } = await client.end();
  assertEquals(code, 0);
  assertMatch(stderr, /^ipc client: \d+ samples? lost$/m);
  assertMatch(stderr, /^ipc client: \d+ samples? lost in all$/m);
});

Deno.test("ipc client --wait waits for a device", async () => {
  using _dog = watchdog("client --wait");
  using place = new Place();
  await using client = startIpc(
    ["client", "--wait", "--count", "1", "--json", ...place.args],
  );
  await using _device = await startDevice(place, ["QUA", "2"]);
  assertEquals(JSON.parse(await client.line()).waveform, "QUA");
  assertEquals((await client.end()).code, 0);
});

Deno.test("ipc client --wait --timeout gives up", async () => {
  using _dog = watchdog("client --timeout");
  using place = new Place();
  const { code, stderr } = await ipc(
    ["client", "--wait", "--timeout", "0.05", ...place.args],
  );
  assertEquals(code, 1);
  assertStringIncludes(stderr, "ETIMEDOUT");
});

Deno.test("ipc client --wait gives up at SIGINT", async () => {
  using _dog = watchdog("client --wait");
  using place = new Place();
  // The process signals itself: before the command listens, Deno handles the
  // signal, and the two cannot be told apart from outside.
  await using client = spawnDeno(`
    import { main } from ${JSON.stringify(source("cli/mod.ts"))};
    import { kill } from "@libc/ipc/signal";
    const code = main(["client", "--wait", ...${JSON.stringify(place.args)}]);
    setTimeout(() => kill(Deno.pid, "SIGINT"), 20);
    Deno.exitCode = await code;`);
  const { code, stdout, stderr } = await client.end();
  assertEquals([code, stdout, stderr], [1, "", ""]);
});

Deno.test("ipc client ends with 0 when the device goes off, and says so", async () => {
  using _dog = watchdog("client off");
  using place = new Place();
  await using device = await startDevice(place);
  await using client = startIpc(["client", "--csv", ...place.args]);
  await client.line();
  await client.line();
  await device.write("exit");
  const { code, stdout, stderr } = await client.end();
  assertEquals([code, stderr], [0, "ipc client: the device went off\n"]);
  assertStringIncludes(lines(stdout).at(-1) ?? "", ",off,");
});

Deno.test("ipc client ends with 1 when the device dies, and names it", async () => {
  using _dog = watchdog("client died");
  using place = new Place();
  await using device = await startDevice(place);
  await using reading = startIpc(["client", "--csv", ...place.args]);
  await using following = startIpc(
    ["client", "--csv", "--follow", ...place.args],
  );
  for (const client of [reading, following]) {
    await client.line();
    await client.line();
  }
  device.kill("SIGKILL");
  for (const client of [reading, following]) {
    const { code, stderr } = await client.end();
    assertEquals(code, 1);
    assertStringIncludes(stderr, `the device died (process ${device.pid}`);
    assertStringIncludes(stderr, '"ipc detach"');
  }
  const after = await ipc(["client", ...place.args]);
  assertEquals(after.code, 1);
  assertStringIncludes(after.stderr, "EOWNERDEAD");
});

Deno.test("ipc client says when the device is stopped, and when it goes on", async () => {
  using _dog = watchdog("client and a stopped device");
  using place = new Place();
  await using device = await startDevice(place);
  await using client = startIpc(["client", ...place.args]);
  await client.line();
  device.kill("SIGSTOP");
  await until(() => client.errors.includes("no sign of life of the device"));
  device.kill("SIGCONT");
  await until(() => client.errors.includes("the device goes on"));
  client.kill("SIGINT");
  const { code, stderr } = await client.end();
  assertEquals(code, 0);
  // Once, unless a busy machine delays the device again.
  const silent =
    `ipc client: no sign of life of the device (process ${device.pid} (deno)): it is stopped or blocked\n`;
  const said = `${silent}ipc client: the device goes on\n`;
  assertEquals(stderr.replaceAll(said, ""), "");
  assertStringIncludes(stderr, said);
});

Deno.test("ipc client ends with 1 when somebody removes the segment", async () => {
  using _dog = watchdog("client removed");
  using place = new Place();
  // The device is stopped below, so that it does not end the client.
  await using device = await startDevice(place);
  await using client = startIpc(["client", "--csv", ...place.args]);
  await client.line();
  await client.line();
  device.kill("SIGSTOP");
  await ipc(["detach", "--force", "--quiet", ...place.args]);
  const { code, stderr } = await client.end();
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /^ipc client: the memory of the device was removed while it ran\n$/m,
  );
});

Deno.test("ipc client ends with 0 at SIGINT, but with 1 before its count", async () => {
  using _dog = watchdog("client SIGINT");
  using place = new Place();
  await using _device = await startDevice(place);
  const ends = async (signal: "SIGINT" | "SIGTERM", ...args: string[]) => {
    await using client = startIpc(["client", ...args, ...place.args]);
    await client.line();
    client.kill(signal);
    const { code, stderr } = await client.end();
    return [code, stderr];
  };
  const many = ["--count", "1000000"];
  assertEquals(
    await Promise.all([
      ends("SIGINT"),
      ends("SIGTERM"),
      ends("SIGINT", ...many),
      ends("SIGTERM", ...many),
    ]),
    [[0, ""], [0, ""], [1, ""], [1, ""]],
  );
});

Deno.test("ipc client ends quietly when nobody reads any more", async () => {
  using _dog = watchdog("client | head");
  using place = new Place();
  await using _device = await startDevice(place, [
    "SIN",
    "1",
    "--interval",
    "0.001",
  ]);
  const runs = await Promise.all(
    ["--interval 0.001", "--follow --json"].map((args) =>
      shell(
        `{ $IPC client ${args} --path "$PLACE"; echo "code $?" >&2; } | head -3`,
        { env: { PLACE: place.path } },
      )
    ),
  );
  for (const { code, stdout, stderr } of runs) {
    assertEquals([code, stderr], [0, "code 0\n"]);
    assertEquals(lines(stdout).length, 3);
  }
});

Deno.test("ipc client exits with 1 when its output cannot be written", async () => {
  using _dog = watchdog("client > /dev/full");
  using place = new Place();
  await using _device = await startDevice(place);
  const { code, stderr } = await shell(
    `$IPC client --path "$PLACE" > /dev/full`,
    { env: { PLACE: place.path } },
  );
  assertEquals(code, 1);
  assertMatch(stderr, /^ipc client: cannot write: .*No space left/);
});

const NEEDS_CC = hasCommand("cc") ? "" : " [skipped: no C compiler]";

Deno.test({
  name: `ipc client reads a device in C, and says what that lacks${NEEDS_CC}`,
  ignore: !hasCommand("cc"),
  async fn() {
    using _dog = watchdog("C device");
    using place = new Place();
    const program = `${place.path}/wave_device`;
    const source = new URL("../../examples/c/wave_device.c", import.meta.url);
    const { success } = await new Deno.Command("cc", {
      args: ["-std=gnu11", "-o", program, source.pathname, "-lm"],
    }).output();
    assert(success);
    await using device = spawnCommand(program, {
      args: ["-d", place.path, "TRI", "2"],
    });
    await until(() => place.status === "alive");
    const read = await ipc(["client", "--count", "2", "--json", ...place.args]);
    assertEquals(read.code, 0, read.stderr);
    const reading = JSON.parse(lines(read.stdout)[0] ?? "");
    assertEquals([reading.state, reading.waveform, reading.sequence], [
      "on",
      "TRI",
      null,
    ]);
    assertEquals(lines(read.stderr).length, 1);
    for (const missing of ["plain C struct", "--follow", "ipc ctl"]) {
      assertStringIncludes(read.stderr, missing);
    }
    const follow = await ipc(["client", "--follow", ...place.args]);
    assertEquals([follow.code, follow.stdout], [1, ""]);
    assertStringIncludes(follow.stderr, "EOPNOTSUPP");
    const plot = await ipc([
      "client",
      "--plot",
      "--ascii",
      "--count",
      "3",
      ...place.args,
    ]);
    assertEquals(plot.code, 0, plot.stderr);
    assertMatch(plot.stdout, /^\* on .* TRI {2}lost 0$/m);
    device.kill("SIGINT");
    await device.end();
  },
});

Deno.test("ipc client --plot prints still pictures where there is no terminal", async () => {
  using _dog = watchdog("still plot");
  using place = new Place();
  await using _device = await startDevice(place, [
    "SIN",
    "0.2",
    "--interval",
    "0.01",
  ]);
  const { code, stdout, stderr } = await ipc(
    ["client", "--plot", "--count", "60", ...place.args],
  );
  assertEquals([code, stderr], [0, "ipc client: 60 samples, 0 lost\n"]);
  assertEquals(stdout.includes("\x1b"), false);
  assertMatch(stdout, /^ \+512┤/m);
  assertMatch(stdout, /[\u2801-\u28ff]/);
  assertMatch(stdout, /^● on .* SIN {2}.*lost 0$/m);
});
