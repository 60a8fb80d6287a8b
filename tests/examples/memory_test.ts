// The pairs of programs of examples/posix_shm, memfd and mmap.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Child, spawnCommand } from "../util.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Starts an example as its README says. */
function example(path: string, ...args: string[]): Child {
  return spawnCommand(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-ffi", `examples/${path}`, ...args],
    cwd: ROOT,
  });
}

Deno.test("examples/posix_shm shows the readings of the thermometer", async () => {
  await using thermometer = example("posix_shm/thermometer.ts", "400");
  assertMatch(
    await thermometer.line(),
    /^(created|found an old) \/libc-ipc-thermometer$/,
  );
  await using display = example("posix_shm/display.ts");
  const shown = await display.end();
  const lines = shown.stdout.trim().split("\n");
  assertEquals([shown.code, shown.stderr], [0, ""]);
  assertEquals(lines.slice(-2), [
    "reading 10: 20.8 degrees",
    "the thermometer is off",
  ]);
  const { code, stdout, stderr } = await thermometer.end();
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdout, "removed /libc-ipc-thermometer after 10 readings\n");
});

Deno.test("examples/posix_shm/display says when there is no thermometer", async () => {
  await using display = example("posix_shm/display.ts");
  const { code, stdout, stderr } = await display.end();
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /ENOENT.*\nIs the thermometer running\?/);
});

Deno.test("examples/memfd answers through the memory of the owner", async () => {
  await using owner = example("memfd/owner.ts");
  const line = await owner.line();
  const [, pid = "", fd = ""] = /guest\.ts (\d+) (\d+)$/.exec(line) ?? [];
  assertEquals(Number(pid), owner.pid);
  await using guest = example("memfd/guest.ts", pid, fd);
  const answer = await guest.end();
  assertEquals([answer.code, answer.stderr], [0, ""]);
  assertEquals(
    answer.stdout,
    "the owner asks: how is the weather?\nsealed: shrink, grow\n",
  );
  assertEquals(
    (await owner.end()).stdout,
    `the guest says: it is fine, from process ${guest.pid}\n`,
  );
  await using late = example("memfd/guest.ts", pid, fd);
  const none = await late.end();
  assertEquals(none.code, 1);
  assert(none.stderr.includes("ENOENT"), none.stderr);
});

Deno.test("examples/mmap goes on where it was killed, and is watched", async () => {
  {
    await using killed = example("mmap/work.ts", "100");
    assertMatch(await killed.line(), /^working from step \d+ on$/);
    await using watch = example("mmap/watch.ts");
    // Until at least one step is done.
    while (!/^#/.test(await watch.line()));
    killed.kill("SIGKILL");
    await killed.end();
  }
  await using work = example("mmap/work.ts", "100");
  assertMatch(await work.line(), /^working from step [1-9]\d* on$/);
  await using watch = example("mmap/watch.ts");
  const watched = await watch.end();
  assertEquals([watched.code, watched.stderr], [0, ""]);
  assert(watched.stdout.endsWith(`${"#".repeat(40)} 40 of 40\n`));
  const { code, stdout, stderr } = await work.end();
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdout, "done, /tmp/libc-ipc-progress removed\n");
});
