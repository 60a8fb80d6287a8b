// The pairs of programs of examples/posix_sem, posix_mq and sysv_*.

import { PosixSemaphore } from "@libc/ipc/posix-sem";
import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
import { LOAVES } from "../../examples/sysv_sem/shelf.ts";
import { until } from "../util.ts";
import { rest, Stage } from "./_stage.ts";
import { assert, assertEquals, assertMatch } from "@std/assert";

Deno.test("examples/posix_sem parks two cars at a time", async () => {
  using stage = new Stage("posix_sem");
  await using garage = stage.start("garage.ts", "600");
  const [, name = ""] =
    /^open as (.*), with 2 places$/.exec(await garage.line()) ?? [];
  // Stands for a car that leaves when the test says so.
  using places = PosixSemaphore.open(name);
  places.acquireSync();
  await using parked = stage.start("car.ts", "600");
  assertEquals(await parked.line(), "parked");
  await using waiting = stage.start("car.ts", "0", "600");
  assertEquals(await waiting.line(), "full, waiting");
  places.release();
  assertEquals(await rest(waiting), ["parked", "gone"]);
  // The killed car's place is lost.
  parked.kill();
  await parked.end();
  garage.kill("SIGTERM");
  const lines = await rest(garage);
  assertEquals(lines.at(-1), "closed, free places: 1");
  assertMatch(await stage.fail("car.ts"), /ENOENT.*\nIs the garage open\?/);
});

Deno.test("examples/posix_mq reads the urgent ones first", async () => {
  using stage = new Stage("posix_mq");
  await using inbox = stage.start("inbox.ts", "0");
  assertMatch(
    await inbox.line(),
    /^open as \/libc-ipc-inbox-[\da-f]+, for 4 messages$/,
  );
  inbox.kill("SIGSTOP");
  const args = ["1", "tea", "9", "fire", "1", "cake", "5", "rain"];
  assertEquals(
    await stage.run("send.ts", ...args),
    "sent tea\nsent fire\nsent cake\nsent rain",
  );
  await using sender = stage.start("send.ts", "0", "close");
  assertEquals(await sender.line(), "full, waiting to send close");
  inbox.kill("SIGCONT");
  assertEquals((await sender.end()).code, 0);
  assertEquals(await rest(inbox), [
    "9: fire",
    "5: rain",
    "1: tea",
    "1: cake",
    "0: close",
    "closed, 0 messages unread",
  ]);
  assertMatch(await stage.fail("send.ts"), /ENOENT.*\nIs the inbox open\?/);
});

Deno.test("examples/posix_mq closes at Ctrl-C", async () => {
  using stage = new Stage("posix_mq");
  await using inbox = stage.start("inbox.ts", "0");
  await inbox.line();
  inbox.kill("SIGINT");
  assertEquals(await rest(inbox), ["closed, 0 messages unread"]);
});

Deno.test("examples/sysv_shm shows what is pinned", async () => {
  using stage = new Stage("sysv_shm");
  await using board = stage.start("board.ts");
  assertMatch(await board.line(), /^segment \d+ of 128 bytes$/);
  assertEquals(
    await stage.run("pin.ts", "the", "kettle", "is on"),
    "note 1, seen by 2 processes",
  );
  assertMatch(await board.line(), /^process \d+ says: the kettle is on$/);
  await stage.run("pin.ts", "goodbye");
  const [last = "", removed] = await rest(board);
  assertMatch(last, /^process \d+ says: goodbye$/);
  assertEquals(removed, "removed; notes seen: 2");
  assertMatch(await stage.fail("pin.ts"), /ENOENT.*\nIs there a board\?/);
});

Deno.test("examples/sysv_sem sells all or none, and survives a death at the till", async () => {
  using stage = new Stage("sysv_sem");
  await using baker = stage.start("baker.ts", "8", "1");
  assertEquals(await baker.line(), "open, with room for 5");
  await until(async () => (await baker.line()).includes("5 on the shelf"));
  await using dying = stage.start("customer.ts", "3", "600");
  assertEquals(await dying.line(), "took 3, paying");
  // They wait, because the till is taken.
  await using waiting = stage.start("customer.ts", "4", "0");
  await using more = stage.start("customer.ts", "1", "0");
  await until(async () => (await baker.line()).startsWith("loaf 8"));
  dying.kill();
  await dying.end();
  assertEquals(await rest(waiting), ["took 4, paying", "paid"]);
  assertEquals(await rest(more), ["took 1, paying", "paid"]);
  assertEquals((await rest(baker)).at(-1), "sold out");
  const failure = await stage.fail("customer.ts");
  assertMatch(failure, /ENOENT.*\nIs the baker there\?/);
});

Deno.test("examples/sysv_sem lets who waits go when the baker does", async () => {
  using stage = new Stage("sysv_sem");
  await using baker = stage.start("baker.ts", "1", "1");
  await baker.line();
  await baker.line();
  await using customer = stage.start("customer.ts", "2");
  await using other = stage.start("customer.ts", "0.5");
  assert((await other.end()).code !== 0);
  // The customer is there: it waits for a second loaf.
  using shelf = SysvSemaphoreSet.open(stage.key("s"));
  await until(() => shelf.waitingForIncrease(LOAVES) > 0);
  baker.kill("SIGINT");
  assertEquals((await rest(baker)).at(-1), "closed, with 1 left");
  assertMatch((await rest(customer)).join(), /^left: (EIDRM|EINVAL)$/);
});

Deno.test("examples/sysv_msg adds up for everybody", async () => {
  using stage = new Stage("sysv_msg");
  await using server = stage.start("server.ts");
  assertMatch(await server.line(), /^waiting for questions on queue \d+$/);
  const sums = await Promise.all([
    stage.run("client.ts", "3", "4"),
    stage.run("client.ts", "10", "20", "30"),
  ]);
  assertEquals(sums, ["3 + 4 = 7", "10 + 20 + 30 = 60"]);
  await stage.run("client.ts");
  assertEquals(await rest(server), ["ended; questions answered: 2"]);
  const failure = await stage.fail("client.ts");
  assertMatch(failure, /ENOENT.*\nIs the server running\?/);
});
