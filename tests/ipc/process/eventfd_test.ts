import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import { EventFd } from "@libc/ipc/eventfd";
import { Pidfd } from "@libc/ipc/pidfd";
import { spawn } from "@libc/ipc/spawn";
import { waitAny } from "@libc/ipc/wait";
import {
  denoArgs,
  hasCommand,
  later,
  spawnDeno,
  watchdog,
} from "../../util.ts";
import { lineChild } from "./util.ts";

const MAX = 2n ** 64n - 2n;

Deno.test("EventFd counts what is posted and gives it all at once", () => {
  using event = EventFd.create();
  assertEquals(event.tryReceive(), undefined);
  event.post();
  event.post(4);
  event.post(10n);
  assertEquals(event.value, 15);
  assertEquals(event.tryReceive(), 15);
  assertEquals(event.value, 0);
  assertEquals(event.tryReceive(), undefined);
});

Deno.test("EventFd begins with its first value", () => {
  using event = EventFd.create({ value: 2 ** 32 - 1 });
  assertEquals(event.receiveSync(), 2 ** 32 - 1);
  for (const value of [-1, 2 ** 32, 0.5, NaN]) {
    assertThrows(() => EventFd.create({ value }), RangeError, "value must be");
  }
});

Deno.test("EventFd gives one at a time as a semaphore", async () => {
  using event = EventFd.create({ value: 2, semaphore: true });
  event.post();
  const taken = [
    event.tryReceive(),
    event.receiveSync(),
    await event.receive(),
    event.tryReceive(),
  ];
  assertEquals(taken, [1, 1, 1, undefined]);
});

Deno.test("EventFd.receive() waits for a post", async () => {
  using event = EventFd.create();
  const wait = event.receive();
  await later(5);
  event.post(3);
  assertEquals(await wait, 3);
});

Deno.test("EventFd wakes as many as a semaphore has units", async () => {
  using event = EventFd.create({ semaphore: true });
  let woken = 0;
  const waits = Array.from(
    { length: 10 },
    () => event.receive().then(() => woken++),
  );
  event.post(4);
  await Promise.all(waits.slice(0, 4));
  await later(5);
  assertEquals(woken, 4);
  event.post(6);
  await Promise.all(waits);
  assertEquals(event.tryReceive(), undefined);
});

Deno.test("EventFd says when its counter is full, or waits for room", async () => {
  using _dog = watchdog("a full EventFd");
  using event = EventFd.create();
  event.post(MAX);
  const error = assertThrows(() => event.post(), IpcError);
  assertEquals([error.code, error.syscall], ["EAGAIN", "write"]);
  assertEquals(
    error.message,
    "Cannot post to an eventfd: write failed with EAGAIN (Resource temporarily unavailable): its counter would exceed 2^64-2",
  );
  assertEquals(event.tryAdd(), false);
  assertThrows(() => event.addSync(1, { timeout: 10 }), IpcError, "ETIMEDOUT");
  await assertRejects(
    () => event.add(1, { timeout: 10 }),
    IpcError,
    "ETIMEDOUT",
  );
  assertEquals(event.value, 2 ** 64);
  const wait = event.add(5);
  await later(2);
  assertEquals(event.tryReceive(), 2 ** 64);
  await wait;
  assertEquals(event.tryAdd(2), true);
  event.addSync(1);
  assertEquals(event.tryReceive(), 8);
});

Deno.test("EventFd refuses counts that it cannot hold", () => {
  using event = EventFd.create();
  for (const count of [0, -1, 1.5, NaN, 2 ** 53, 0n, -1n, 2n ** 64n - 1n]) {
    assertThrows(() => event.post(count), RangeError, "count must be");
    assertThrows(() => event.tryAdd(count), RangeError);
  }
  assertThrows(() => event.post("1" as never), TypeError);
  assertEquals(event.value, 0);
});

Deno.test("EventFd says what has timed out", async () => {
  using event = EventFd.create();
  const error = await assertRejects(
    () => event.receive({ timeout: 10 }),
    IpcError,
    "Cannot receive from an eventfd: read timed out after 10 ms",
  );
  assertEquals(error.code, "ETIMEDOUT");
  assertThrows(() => event.receiveSync({ timeout: -1 }), RangeError);
});

Deno.test("EventFd ends its loops when it is closed", async () => {
  const event = EventFd.create();
  const loop = (async () => {
    for await (const _ of event);
    return "over";
  })();
  await later(2);
  event.close();
  assertEquals(await loop, "over");
});

Deno.test("EventFd is an async iterable that can be left", async () => {
  using event = EventFd.create();
  for (let round = 1; round < 4; round++) {
    setTimeout(() => event.post(round), 1);
    for await (const count of event) {
      assertEquals(count, round);
      break;
    }
  }
  assertEquals(event.closed, false);
});

Deno.test("EventFd.fromFd() takes eventfds of others, and nothing else", () => {
  {
    using event = EventFd.create({ value: 3 });
    using same = EventFd.fromFd(event.fd);
    assertEquals(same.tryReceive(), 3);
    same.post(2);
    assertEquals(event.value, 2);
    using taken = EventFd.fromFd(same.fd, { takeOver: true });
    assertEquals([same.closed, taken.tryReceive()], [true, 2]);
    using pidfd = Pidfd.open(Deno.pid);
    for (const fd of [pidfd.fd, 0]) {
      const error = assertThrows(() => EventFd.fromFd(fd), IpcError);
      assertEquals(error.code, "EINVAL");
      assert(error.message.endsWith("it is no eventfd"), error.message);
    }
    assertThrows(() => EventFd.fromFd(9999), IpcError, "EBADF");
  }
});

Deno.test({
  name: `EventFd goes between Deno and Python${
    hasCommand("python3") ? "" : " [skipped: no python3]"
  }`,
  ignore: !hasCommand("python3"),
  async fn() {
    using there = EventFd.create();
    using back = EventFd.create({ semaphore: true });
    const python = `
import os, select, sys
if not hasattr(os, "eventfd_read"):
    os.eventfd_read = lambda fd: int.from_bytes(os.read(fd, 8), "little")
    os.eventfd_write = lambda fd, n: os.write(fd, n.to_bytes(8, "little"))
select.select([3], [], [])
os.eventfd_write(4, os.eventfd_read(3) * 2)
`;
    const child = spawn("python3", {
      args: ["-c", python],
      fds: { 3: there, 4: back },
    });
    there.post(2);
    for (let i = 0; i < 4; i++) assertEquals(await back.receive(), 1);
    assertEquals((await child.status).code, 0);
    assertEquals(back.tryReceive(), undefined);
  },
});

Deno.test("EventFd goes back and forth between two Deno processes", async () => {
  using _dog = watchdog("EventFd ping-pong");
  using ping = EventFd.create();
  using pong = EventFd.create();
  await using child = lineChild(
    spawn(Deno.execPath(), {
      args: denoArgs(
        `
        import { EventFd } from "@libc/ipc/eventfd";
        import { inheritedFd } from "@libc/ipc/spawn";
        using ping = EventFd.fromFd(inheritedFd(3), { takeOver: true });
        using pong = EventFd.fromFd(inheritedFd(4), { takeOver: true });
        let sum = 0;
        for await (const count of ping) {
          sum += count;
          pong.post(count);
          if (count === 300) break;
        }
        console.log(sum);`,
      ),
      fds: { 1: "pipe", 3: ping, 4: pong },
    }),
  );
  for (let i = 1; i <= 300; i++) {
    ping.post(i);
    assertEquals(await pong.receive(), i);
  }
  assertEquals(await child.lines(), [String(300 * 301 / 2)]);
});

Deno.test("EventFd explains that no descriptor is left", async () => {
  await using child = spawnDeno(`
    import { EventFd } from "@libc/ipc/eventfd";
    import { sys_resource } from "@libc/ipc/ffi";
    using kept = EventFd.create();
    sys_resource().setrlimit(7, new BigUint64Array([1n, 4096n]));
    for (const make of [() => EventFd.create(), () => EventFd.fromFd(kept.fd)]) {
      try { make(); } catch (error) { console.log(error.message); }
    }`);
  const [created, duplicated] = (await child.end()).stdout.split("\n");
  assertEquals(
    created,
    "Cannot create an eventfd: eventfd failed with EMFILE (Too many open files)",
  );
  assert(
    /^Cannot duplicate descriptor \d+: fcntl failed with EMFILE/.test(
      duplicated ?? "",
    ),
  );
});

Deno.test("EventFd is one of many that waitAny() waits for", async () => {
  using one = EventFd.create();
  using two = EventFd.create();
  const ready = waitAny([one, two]);
  two.post(7);
  assertEquals(await ready, two);
  // Nothing was taken.
  assertEquals(two.tryReceive(), 7);
});
