// The pairs of programs of examples/posix_shm, memfd and mmap.

import { mapFile } from "@libc/ipc/mmap";
import { PosixSharedMemory } from "@libc/ipc/posix-shm";
import { PATH, Progress } from "../../examples/mmap/progress.ts";
import { Reading } from "../../examples/posix_shm/reading.ts";
import { exists, until } from "../util.ts";
import { NOBODY, rest, Stage } from "./_stage.ts";
import { assert, assertEquals, assertMatch } from "@std/assert";

Deno.test("examples/posix_shm shows the readings of the thermometer", async () => {
  using stage = new Stage("posix_shm");
  const name = `/libc-ipc-thermometer-${stage.key("t").toString(16)}`;
  // As if a killed thermometer had left it: the display can start first.
  using _left = PosixSharedMemory.create(name, { size: Reading.size });
  await using display = stage.start("display.ts");
  await until(() =>
    Deno.readTextFileSync(`/proc/${display.pid}/maps`).includes(name)
  );
  assertEquals(
    await stage.run("thermometer.ts", "5"),
    `found an old ${name}\nremoved ${name} after 10 readings`,
  );
  assertEquals((await rest(display)).slice(-2), [
    "reading 10: 20.8 degrees",
    "the thermometer is off",
  ]);
  assertEquals(
    await stage.run("thermometer.ts", "1"),
    `created ${name}\nremoved ${name} after 10 readings`,
  );
  const failure = await stage.fail("display.ts");
  assertMatch(failure, /ENOENT.*\nIs the thermometer running\?/);
});

Deno.test("examples/memfd answers through the memory of the owner", async () => {
  using stage = new Stage("memfd");
  await using owner = stage.start("owner.ts");
  const line = await owner.line();
  const [, pid = "", fd = ""] = /guest\.ts (\d+) (\d+)$/.exec(line) ?? [];
  assertEquals(Number(pid), owner.pid);
  await using guest = stage.start("guest.ts", pid, fd);
  assertEquals(await rest(guest), [
    "the owner asks: how is the weather?",
    "sealed: shrink, grow",
  ]);
  assertEquals(await rest(owner), [
    `the guest says: it is fine, from process ${guest.pid}`,
  ]);
  assertMatch(await stage.fail("guest.ts", NOBODY, fd), /ENOENT/);
});

Deno.test("examples/mmap goes on where it was killed, and is watched", async () => {
  using stage = new Stage("mmap");
  const path = `${stage.path}/${PATH}`;
  await using killed = stage.start("work.ts", "200");
  assertEquals(await killed.line(), "working from step 0 on");
  using file = mapFile(path, { length: Progress.size });
  const progress = file.view(Progress);
  await until(() => progress.done > 0);
  killed.kill();
  await killed.end();
  const { done } = progress;
  assert(done < progress.total);
  await using watch = stage.start("watch.ts");
  assertMatch(await watch.line(), new RegExp(`^#{${done}} +${done} of 40$`));
  assertEquals(
    await stage.run("work.ts", "1"),
    `working from step ${done} on\ndone, ${PATH} removed`,
  );
  assertEquals((await rest(watch)).at(-1), `${"#".repeat(40)} 40 of 40`);
  assert(!exists(path));
  const failure = await stage.fail("watch.ts");
  assertMatch(failure, /ENOENT.*\nIs the work under way\?/);
});
