// Waits and the life of the process: which ones keep it alive, and which do
// not.

import { assertEquals } from "@std/assert";
import { denoWith } from "../ipc/process/util.ts";
import { notEmulated, source, spawnDeno, watchdog } from "../util.ts";
import { kinds, QUEUED_SIGNAL, signalQueueKind } from "./kinds.ts";

/** The beginning of the programs below. */
const PREPARE = `
  import { kindOf, kinds } from "${source("tests/async/kinds.ts")}";
`;

/**
 * Waits on each kind twice: the first wait is aborted, and an unref timer wakes
 * the second. If a wait does not keep the process alive, the process ends too
 * early. If it keeps the process alive for longer, the process never ends. This
 * does not run at the top level, where Deno runs such timers as well.
 */
const keepsAlive = (names: string[]) =>
  `${PREPARE}
  (async () => {
    for (const name of ${JSON.stringify(names)}) {
      using subject = kindOf(name).make();
      const controller = new AbortController();
      const aborted = subject.wait({ signal: controller.signal }).catch((error) => error);
      controller.abort("aborted");
      if (await aborted !== "aborted") throw new Error(name);
      Deno.unrefTimer(setTimeout(() => subject.wake(), 20));
      const result = await subject.wait();
      subject.release?.(result);
      console.log(name);
    }
  })();`;

Deno.test("waits of all kinds keep the process alive until they end, and not after", async () => {
  using _dog = watchdog("keeping alive");
  const names = kinds.map(({ name }) => name);
  await using child = spawnDeno(keepsAlive(names));
  assertEquals(await child.lines(), names);
  const { code, stderr } = await child.end();
  assertEquals(code, 0, stderr);
});

Deno.test({
  ...notEmulated(
    "SignalQueue.receive() keeps the process alive until it ends, and not after",
    "shows its own signal masks",
  ),
  async fn() {
    using _dog = watchdog("SignalQueue");
    const { name } = signalQueueKind;
    await using child = denoWith([QUEUED_SIGNAL], keepsAlive([name]));
    assertEquals(await child.lines(), [name]);
    assertEquals((await child.process.status).code, 0);
  },
});

Deno.test("waits of all kinds with unref let the process end", async () => {
  using _dog = watchdog("unref");
  await using child = spawnDeno(`${PREPARE}
    const subjects = kinds.map((kind) => kind.make());
    let ended = 0;
    for (const subject of subjects) {
      for (let i = 0; i < 3; i++) {
        subject.wait({ unref: true, timeout: i === 0 ? 1e6 : undefined })
          .then(() => ended++, () => {});
      }
    }
    // Would wake them all, if any of them kept the process alive.
    Deno.unrefTimer(setTimeout(() => subjects.forEach((subject) => subject.wake()), 500));
    addEventListener("unload", () => {
      console.log(ended);
      for (const subject of subjects) subject[Symbol.dispose]();
    });
    console.log("waiting");`);
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stdout], [0, "waiting\n0\n"], stderr);
});

Deno.test("unref waits of all kinds are served while something else keeps the process alive", async () => {
  using _dog = watchdog("unref, served");
  await using child = spawnDeno(`${PREPARE}
    const keep = setInterval(() => {}, 1000);
    for (const kind of kinds) {
      using subject = kind.make();
      const wait = subject.wait({ unref: true });
      await new Promise((resolve) => setTimeout(resolve, 1));
      subject.wake();
      const result = await wait;
      subject.release?.(result);
    }
    clearInterval(keep);
    console.log("all");`);
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stdout], [0, "all\n"], stderr);
});

Deno.test({
  ...notEmulated(
    "SignalQueue.receive() promises what all other waits promise",
    "shows its own signal masks",
  ),
  async fn() {
    using _dog = watchdog("SignalQueue");
    await using child = denoWith(
      [QUEUED_SIGNAL],
      `
    import * as checks from "${source("tests/async/checks.ts")}";
    import { signalQueueKind } from "${source("tests/async/kinds.ts")}";
    await checks.checkTimeout(signalQueueKind);
    console.log("timeout");
    await checks.checkAbort(signalQueueKind);
    console.log("abort");
    await checks.checkClose(signalQueueKind);
    console.log("close");
    await checks.checkMany(signalQueueKind);
    console.log("many");
    await checks.checkRandomAborts(signalQueueKind, 300);
    console.log("random");`,
    );
    const expected = ["timeout", "abort", "close", "many", "random"];
    assertEquals(await child.lines(), expected);
    assertEquals((await child.process.status).code, 0);
  },
});
