// The pairs of programs of examples/posix_sem, posix_mq and sysv_*.

import { SysvSemaphoreSet } from "@libc/ipc";
import { KEY, LOAVES } from "../../examples/sysv_sem/shelf.ts";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Child, spawnCommand, until, watchdog } from "../util.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Starts an example as its README says. */
function example(path: string, ...args: string[]): Child {
  return spawnCommand(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-ffi", `examples/${path}`, ...args],
    cwd: ROOT,
  });
}

/** Runs an example to its end, and gives what it printed. */
async function output(path: string, ...args: string[]): Promise<string> {
  await using child = example(path, ...args);
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stderr], [0, ""]);
  return stdout;
}

/** The rest of the output of an example that has ended well. */
async function rest(child: Child): Promise<string[]> {
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stderr], [0, ""]);
  return stdout.trimEnd().split("\n");
}

/** Checks that the second program of a pair says when there is no first. */
async function alone(path: string, hint: RegExp): Promise<void> {
  await using child = example(path);
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, hint);
}

Deno.test("examples/posix_sem parks two cars at a time", async () => {
  using _dog = watchdog("posix_sem");
  await using garage = example("posix_sem/garage.ts", "60");
  assertEquals(await garage.line(), "open, with 2 places");
  await using first = example("posix_sem/car.ts", "30");
  await using second = example("posix_sem/car.ts", "0.1");
  assertEquals(await first.line(), "parked");
  assertEquals(await second.line(), "parked");
  second.kill("SIGSTOP");
  await using third = example("posix_sem/car.ts", "0");
  assertEquals(await third.line(), "full, waiting");
  second.kill("SIGCONT");
  assertEquals(await third.line(), "parked");
  assertEquals(await rest(second), ["gone"]);
  assertEquals(await rest(third), ["gone"]);
  // The place of the first one is lost.
  first.kill();
  await first.end();
  garage.kill("SIGTERM");
  const lines = await rest(garage);
  assertEquals(lines.at(-1), "closed, free places: 1");
  await alone("posix_sem/car.ts", /ENOENT.*\nIs the garage open\?/);
});

Deno.test("examples/posix_mq reads the urgent ones first", async () => {
  using _dog = watchdog("posix_mq");
  await using inbox = example("posix_mq/inbox.ts", "0");
  assertEquals(await inbox.line(), "open: 4 messages, 200 bytes");
  inbox.kill("SIGSTOP");
  const args = ["1", "tea", "9", "fire", "1", "cake", "5", "rain"];
  assertEquals(
    await output("posix_mq/send.ts", ...args),
    "sent tea\nsent fire\nsent cake\nsent rain\n",
  );
  await using sender = example("posix_mq/send.ts", "0", "close");
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
  await alone("posix_mq/send.ts", /ENOENT.*\nIs the inbox open\?/);
});

Deno.test("examples/posix_mq closes at Ctrl-C", async () => {
  using _dog = watchdog("Ctrl-C");
  await using inbox = example("posix_mq/inbox.ts", "0");
  await inbox.line();
  inbox.kill("SIGINT");
  assertEquals(await rest(inbox), ["closed, 0 messages unread"]);
});

Deno.test("examples/sysv_shm shows what is pinned", async () => {
  using _dog = watchdog("sysv_shm");
  await using board = example("sysv_shm/board.ts");
  assertMatch(await board.line(), /^segment \d+ of 128 bytes$/);
  assertEquals(
    await output("sysv_shm/pin.ts", "the", "kettle", "is on"),
    "note 1, seen by 2 processes\n",
  );
  assertMatch(await board.line(), /^process \d+ says: the kettle is on$/);
  await output("sysv_shm/pin.ts", "goodbye");
  const [last = "", removed] = await rest(board);
  assertMatch(last, /^process \d+ says: goodbye$/);
  assertEquals(removed, "removed; notes seen: 2");
  await alone("sysv_shm/pin.ts", /ENOENT.*\nIs there a board\?/);
});

Deno.test("examples/sysv_sem sells all or none, and survives a death at the till", async () => {
  using _dog = watchdog("sysv_sem");
  await using baker = example("sysv_sem/baker.ts", "8", "1");
  assertEquals(await baker.line(), "open, with room for 5");
  await until(async () => (await baker.line()).includes("5 on the shelf"));
  await using dying = example("sysv_sem/customer.ts", "3", "60");
  assertEquals(await dying.line(), "took 3, paying");
  // It cannot: the till is taken.
  await using waiting = example("sysv_sem/customer.ts", "4", "0");
  await using more = example("sysv_sem/customer.ts", "1", "0");
  await until(async () => (await baker.line()).startsWith("loaf 8"));
  dying.kill();
  await dying.end();
  assertEquals(await rest(waiting), ["took 4, paying", "paid"]);
  assertEquals(await rest(more), ["took 1, paying", "paid"]);
  assertEquals((await rest(baker)).at(-1), "sold out");
  await alone("sysv_sem/customer.ts", /ENOENT.*\nIs the baker there\?/);
});

Deno.test("examples/sysv_sem lets who waits go when the baker does", async () => {
  using _dog = watchdog("Ctrl-C");
  await using baker = example("sysv_sem/baker.ts", "1", "1");
  await baker.line();
  await baker.line();
  await using customer = example("sysv_sem/customer.ts", "2");
  await using other = example("sysv_sem/customer.ts", "0.5");
  assert((await other.end()).code !== 0);
  // The customer is there: it waits for a second loaf.
  using shelf = SysvSemaphoreSet.open(KEY);
  await until(() => shelf.waitingForIncrease(LOAVES) > 0);
  baker.kill("SIGINT");
  assertEquals((await rest(baker)).at(-1), "closed, with 1 left");
  assertMatch((await rest(customer)).join(), /^left: (EIDRM|EINVAL)$/);
});

Deno.test("examples/sysv_msg adds up for everybody", async () => {
  using _dog = watchdog("sysv_msg");
  await using server = example("sysv_msg/server.ts");
  assertMatch(await server.line(), /^waiting for questions on queue \d+$/);
  const [one, two] = await Promise.all([
    output("sysv_msg/client.ts", "3", "4"),
    output("sysv_msg/client.ts", "10", "20", "30"),
  ]);
  assertEquals([one, two], ["3 + 4 = 7\n", "10 + 20 + 30 = 60\n"]);
  await output("sysv_msg/client.ts");
  assertEquals(await rest(server), ["ended; questions answered: 2"]);
  await alone("sysv_msg/client.ts", /ENOENT.*\nIs the server running\?/);
});
