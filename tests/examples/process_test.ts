// The programs of examples/signals, spawn and eventfd.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Child, notEmulated, spawnCommand, watchdog } from "../util.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Starts an example as its README says. */
function example(path: string, ...args: string[]): Child {
  return spawnCommand(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-ffi", `examples/${path}`, ...args],
    cwd: ROOT,
  });
}

Deno.test({
  ...notEmulated(
    "examples/signals carries text by real-time signals",
    "shows its own signal masks",
  ),
  async fn() {
    using _dog = watchdog("examples/signals");
    await using start = example("signals/start.ts");
    const line = await start.line();
    const [, pid = ""] = /send\.ts (\d+) some text$/.exec(line) ?? [];
    for (const words of [["hello,", "is", "it", "me?"], ["ü 🦕"]]) {
      await using send = example("signals/send.ts", pid, ...words);
      const sent = await send.end();
      assertEquals([sent.code, sent.stdout, sent.stderr], [0, "", ""]);
      assertEquals(
        await start.line(),
        `process ${send.pid} says: ${words.join(" ")}`,
      );
    }
    Deno.kill(Number(pid), "SIGINT");
    const { code, stdout, stderr } = await start.end();
    assertEquals([code, stdout, stderr], [0, "the end, by SIGINT\n", ""]);
    await using late = example("signals/send.ts", pid, "hello");
    const none = await late.end();
    assertEquals(none.code, 1);
    assertMatch(none.stderr, /^Cannot send SIGRTMIN\+1 to process .*ESRCH/);
  },
});

Deno.test("examples/signals/receive says that it must be started by start", async () => {
  await using receive = example("signals/receive.ts");
  const { code, stdout, stderr } = await receive.end();
  assertEquals([code, stdout], [1, ""]);
  assert(stderr.includes("start this program with it blocked"), stderr);
});

Deno.test("examples/spawn starts a killed worker again", async () => {
  using _dog = watchdog("examples/spawn");
  await using supervisor = example("spawn/supervisor.ts", "20");
  const [, first = ""] =
    /^worker (\d+) started$/.exec(await supervisor.line()) ??
      [];
  await using kill = example("spawn/kill.ts", first);
  const killed = await kill.end();
  assertEquals(
    [killed.code, killed.stdout, killed.stderr],
    [0, `process ${first} has ended\n`, ""],
  );
  assertMatch(
    await supervisor.line(),
    new RegExp(`^worker ${first} ended with SIGKILL after \\d+ beats$`),
  );
  const [, second = ""] =
    /^worker (\d+) started$/.exec(await supervisor.line()) ??
      [];
  assert(second !== first);
  const { code, stdout, stderr } = await supervisor.end();
  assertEquals([code, stderr], [0, ""]);
  assertEquals(
    stdout,
    `worker ${second} ended with exit code 0 after 20 beats\n`,
  );
  await using late = example("spawn/kill.ts", first);
  const none = await late.end();
  assertEquals(none.code, 1);
  assertMatch(none.stderr, /^Cannot open process .*ESRCH/);
});

Deno.test("examples/eventfd has every job done once", async () => {
  using _dog = watchdog("examples/eventfd");
  await using parent = example("eventfd/parent.ts");
  assertMatch(await parent.line(), /^3 workers wait for tickets \(\d+\)$/);
  const { code, stdout, stderr } = await parent.end();
  assertEquals([code, stderr], [0, ""]);
  const lines = stdout.trim().split("\n");
  const counts = lines.map((line) => Number(/^\d+/.exec(line)));
  assertEquals(lines.at(-1), "12 of 12 jobs done");
  assert(counts.every((count, i) => count > (counts[i - 1] ?? 0)), stdout);
});
