import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { type Child, until, watchdog } from "../util.ts";
import { ipc, lines, Place, startIpc } from "./_ipc.ts";
import { inspect } from "@libc/ipc/device";

const TWO_PROCESSES = ["--allow-ffi", "--allow-run"];
const CLEAN = "The device is off, and nothing was left behind.";

/** The directory that the demo makes its key from, and how to inspect it. */
class Stage extends Place {
  /** The number of keys of this directory that are in use. */
  get used(): number {
    let count = 0;
    for (let projectId = 1; projectId <= 255; projectId++) {
      const { status } = inspect({ path: this.path, projectId });
      if (status !== "none") count++;
    }
    return count;
  }
}

Deno.test("ipc demo shows a wave of another process, ends by itself and leaves nothing", async () => {
  using _dog = watchdog("demo");
  using stage = new Stage();
  const { code, stdout, stderr } = await ipc(["demo", "--seconds", "1"], {
    permissions: TWO_PROCESSES,
    cwd: stage.path,
  });
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdout.includes("\x1b"), false);
  const [, device, client] =
    /^device: process (\d+), client: process (\d+), key/m.exec(stdout) ?? [];
  assert(device !== undefined && device !== client, stdout);
  assertMatch(stdout, /[\u2801-\u28ff]/);
  assertMatch(stdout, /: \d+ samples through shared memory, 0 lost\.$/m);
  assertEquals(lines(stdout).at(-1), CLEAN);
  assertEquals(stage.used, 0);
});

Deno.test("ipc demo runs in one process without --allow-run", async () => {
  using _dog = watchdog("demo in one process");
  using stage = new Stage();
  const { code, stdout, stderr } = await ipc([
    "demo",
    "--seconds",
    "1",
    "--ascii",
  ], { cwd: stage.path });
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^device and client: process \d+, key/m);
  assertEquals(stdout.replace(/[\x20-\x7e\n]/g, ""), "");
  assertEquals([lines(stdout).at(-1), stage.used], [CLEAN, 0]);
});

Deno.test("ipc demo ends cleanly on SIGINT and SIGTERM", async () => {
  using _dog = watchdog("demo and signals");
  await Promise.all((["SIGINT", "SIGTERM"] as const).map(async (signal) => {
    using stage = new Stage();
    await using demo = startIpc(["demo", "--seconds", "600"], {
      permissions: TWO_PROCESSES,
      cwd: stage.path,
    });
    await until(() => stage.used === 1);
    demo.kill(signal);
    const { code, stdout, stderr } = await demo.end();
    assertEquals([code, stderr], [0, ""]);
    assertEquals([lines(stdout).at(-1), stage.used], [CLEAN, 0]);
  }));
});

Deno.test("ipc demo leaves nothing even when it is killed", async () => {
  using _dog = watchdog("demo killed");
  using stage = new Stage();
  await using demo: Child = startIpc(["demo", "--seconds", "600"], {
    permissions: TWO_PROCESSES,
    cwd: stage.path,
  });
  await until(() => stage.used === 1);
  demo.kill("SIGKILL");
  await until(() => stage.used === 0);
  assertEquals(stage.used, 0);
});

Deno.test("ipc demo says so when its device dies, and cleans up", async () => {
  using _dog = watchdog("demo without device");
  using stage = new Stage();
  await using demo = startIpc(["demo", "--seconds", "600"], {
    permissions: TWO_PROCESSES,
    cwd: stage.path,
  });
  const title = await demo.line();
  const pid = Number(/^device: process (\d+)/.exec(title)?.[1]);
  Deno.kill(pid, "SIGKILL");
  const { code, stderr } = await demo.end();
  assertEquals(code, 1);
  assertStringIncludes(stderr, "ipc demo: ");
  assertEquals(stage.used, 0);
});
