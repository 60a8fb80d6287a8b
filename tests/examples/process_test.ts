// The programs of examples/signals, spawn and eventfd.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { notEmulated } from "../util.ts";
import { NOBODY, rest, Stage } from "./_stage.ts";

Deno.test({
  ...notEmulated(
    "examples/signals carries text by real-time signals",
    "shows its own signal masks",
  ),
  async fn() {
    using stage = new Stage("signals");
    await using start = stage.start("start.ts");
    const line = await start.line();
    const [, pid = ""] = /send\.ts (\d+) some text$/.exec(line) ?? [];
    for (const words of [["hello,", "is", "it", "me?"], ["ü 🦕"]]) {
      await using send = stage.start("send.ts", pid, ...words);
      assertEquals(await rest(send), [""]);
      assertEquals(
        await start.line(),
        `process ${send.pid} says: ${words.join(" ")}`,
      );
    }
    Deno.kill(Number(pid), "SIGINT");
    assertEquals(await rest(start), ["the end, by SIGINT"]);
    assertMatch(
      await stage.fail("send.ts", NOBODY, "hello"),
      /^Cannot send SIGRTMIN\+1 to process .*ESRCH/,
    );
  },
});

Deno.test("examples/signals/receive says that it must be started by start", async () => {
  using stage = new Stage("signals");
  const failure = await stage.fail("receive.ts");
  assertMatch(failure, /start this program with it blocked/);
});

Deno.test("examples/spawn starts a killed worker again", async () => {
  using stage = new Stage("spawn");
  await using supervisor = stage.start("supervisor.ts", "10");
  const started = async () => {
    const line = await supervisor.line();
    return /^worker (\d+) started$/.exec(line)?.[1] ?? "";
  };
  const first = await started();
  // Keeps it from ending by itself first.
  Deno.kill(Number(first), "SIGSTOP");
  assertEquals(
    await stage.run("kill.ts", first),
    `process ${first} has ended`,
  );
  assertMatch(
    await supervisor.line(),
    new RegExp(`^worker ${first} ended with SIGKILL after \\d+ beats$`),
  );
  const second = await started();
  assert(second !== first);
  assertEquals(await rest(supervisor), [
    `worker ${second} ended with exit code 0 after 10 beats`,
  ]);
  const failure = await stage.fail("kill.ts", NOBODY);
  assertMatch(failure, /^Cannot open process .*ESRCH/);
});

Deno.test("examples/eventfd has every job done once", async () => {
  using stage = new Stage("eventfd");
  await using parent = stage.start("parent.ts");
  assertMatch(await parent.line(), /^3 workers wait for tickets \(\d+\)$/);
  const lines = await rest(parent);
  const counts = lines.map((line) => Number(/^\d+/.exec(line)));
  assertEquals(lines.at(-1), "12 of 12 jobs done");
  assert(counts.every((count, i) => count > (counts[i - 1] ?? 0)), `${lines}`);
});
