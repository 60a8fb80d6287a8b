/** Properties that do not depend on where the memory is. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  detach,
  inspect,
  type Transport,
  WaveClient,
  WaveControl,
} from "@libc/ipc/device";
import { IpcError } from "@libc/ipc/errno";
import { ftok } from "@libc/ipc/sysv-key";
import { SysvSharedMemory } from "@libc/ipc/sysv-shm";
import { cpath, fcntl, O_RDWR, unistd } from "@libc/ipc/ffi";
import { Memfd } from "@libc/ipc/memfd";
import { PosixSharedMemory } from "@libc/ipc/posix-shm";
import { memorySize } from "../../../ipc/device/memory/layout.ts";
import { DeviceSemaphores } from "../../../ipc/device/presence/semaphores.ts";
import { codeOf, later, scaled, source, until, watchdog } from "../../util.ts";
import { newPlace } from "./address.ts";

const TRANSPORTS: Transport[] = ["sysv", "posix", "memfd"];

for (const transport of TRANSPORTS) {
  Deno.test(`WaveDevice works over ${transport}, from birth to death`, async () => {
    using _dog = watchdog(transport);
    await using place = await newPlace();
    const child = await place.spawnDevice({ transport });
    // A client need not be told the transport.
    using client = WaveClient.open(place.address);
    assertEquals([client.transport, client.foreign], [transport, false]);
    using _told = WaveClient.open({ ...place.address, transport });
    using control = WaveControl.open(place.address);
    const status = await control.status();
    assertEquals([status.transport, status.pid], [transport, child.pid]);
    const clients = transport === "sysv" ? 2 : undefined;
    assertEquals(status.clients, clients);

    const found = inspect(place.address);
    assertEquals([found.status, found.transport], ["alive", transport]);
    assertEquals(found.objects.length, 3);
    assertEquals(
      found.attached.map(({ pid, writable }) => [pid, writable]).sort(),
      [[Deno.pid, false], [child.pid, true]].sort(),
    );

    const stream = client.follow();
    const [first] = [(await stream.next()).value?.sequence ?? NaN];
    for (let i = 1; i < 100; i++) {
      assertEquals((await stream.next()).value?.sequence, first + i);
    }
    assertThrows(
      () => place.create({ transport }),
      IpcError,
      `process ${child.pid} (deno)`,
    );
    // Other transports are refused, too: a key has one device.
    for (const other of TRANSPORTS) {
      assertThrows(
        () => place.create({ transport: other }),
        IpcError,
        "EEXIST",
      );
    }
    await control.exit();
    while (!(await stream.next()).done);
    assertEquals([stream.end, stream.lost, client.read().state], [
      "off",
      0,
      "off",
    ]);
    await child.end();
    assertEquals(inspect(place.address).status, "none");
  });

  Deno.test(`WaveDevice over ${transport} that is killed leaves what detach() and create() remove`, async () => {
    using _dog = watchdog(transport);
    await using place = await newPlace();
    const left = transport === "memfd" ? 2 : 3;
    for (const clean of [detach, place.create.bind(place)]) {
      const child = await place.spawnDevice({ transport });
      using client = WaveClient.open(place.address);
      const stream = client.follow();
      child.kill("SIGKILL");
      while (!(await stream.next()).done);
      assertEquals([stream.end, stream.lost], ["died", 0]);
      await child.end();
      const error = assertThrows(
        () => WaveClient.open(place.address),
        IpcError,
      );
      assertEquals(error.code, "EOWNERDEAD");
      assertEquals(inspect(place.address).status, "dead");
      const result = clean({ ...place.address, transport });
      assertEquals(result.removed.length, left);
      if (Symbol.dispose in result) result[Symbol.dispose]();
      assertEquals(inspect(place.address).status, "none");
    }
  });

  Deno.test(`WaveDevice over ${transport} is found by many waiting clients`, async () => {
    using _dog = watchdog(transport);
    await using place = await newPlace();
    const waits = Array.from(
      { length: 10 },
      () => WaveClient.wait(place.address),
    );
    using device = place.create({ transport });
    for (const client of await Promise.all(waits)) {
      assertEquals(client.transport, transport);
      client.close();
    }
    device.close();
  });
}

Deno.test("detach() removes what a device left that died while it was being made", async () => {
  using _dog = watchdog("unfinished");
  await using place = await newPlace();
  const key = ftok(place.path, "x");
  const size = memorySize(16);
  const name = place.memoryName();
  const steps = [
    ``,
    `SysvSharedMemory.create(${key}, ${size}, { owner: false });`,
    `PosixSharedMemory.create("${name}", { size: ${size}, owner: false });`,
    `PosixSharedMemory.create("${name}", { size: 0, owner: false });`,
  ];
  for (const [i, step] of steps.entries()) {
    const maker = place.spawn(`
      import { PosixSharedMemory } from "@libc/ipc/posix-shm";
      import { SysvSharedMemory } from "@libc/ipc/sysv-shm";
      import { DeviceSemaphores } from "${
      source("ipc/device/presence/semaphores.ts")
    }";
      DeviceSemaphores.create(${key}, 0o600)?.claim("sysv");
      ${step}
    `);
    const { code, stderr } = await maker.end();
    assertEquals(code, 0, stderr);
    assertEquals(inspect(place.address).status, "dead");
    assertThrows(() => WaveClient.open(place.address), IpcError);
    assertEquals(detach(place.address).removed.length, i === 0 ? 1 : 2);
    assertEquals(inspect(place.address).status, "none");
  }
});

Deno.test("WaveClient opens no descriptor that is no sealed memory", async () => {
  using _dog = watchdog("memfd");
  await using place = await newPlace();
  const key = ftok(place.path, "x");
  using semaphores = DeviceSemaphores.create(key, 0o600);
  assert(semaphores !== undefined);
  try {
    assertEquals(semaphores.claim("memfd"), "first");
    // The device has not published yet where its memory is.
    assertThrows(() => WaveClient.open(place.address), IpcError, "ENOENT");
    // A memfd that could be shrunk under its readers.
    using unsealed = Memfd.create("lie", { size: memorySize(16), seals: [] });
    semaphores.setFd(unsealed.fd.number);
    assertEquals(
      assertThrows(() => WaveClient.open(place.address), IpcError).code,
      "EPERM",
    );
    // A file that is not device memory.
    await Deno.writeFile(`${place.path}/file`, new Uint8Array(4096));
    const fd = fcntl().open(cpath(`${place.path}/file`, "path"), O_RDWR, 0);
    semaphores.setFd(fd);
    assertThrows(() => WaveClient.open(place.address), IpcError);
    unistd().close(fd);
    // A number without an open descriptor.
    semaphores.setFd(30_000);
    assertThrows(() => WaveClient.open(place.address), IpcError, "ENOENT");
    assertEquals(inspect(place.address).status, "alive");
  } finally {
    semaphores.remove();
  }
});

Deno.test("WaveDevice over posix leaves memory alone that took its name", async () => {
  await using place = await newPlace();
  const name = place.memoryName();
  using device = place.create({ transport: "posix" });
  PosixSharedMemory.unlink(name);
  using other = PosixSharedMemory.create(name, { size: 8 });
  device.close();
  using again = PosixSharedMemory.open(name, { readOnly: true });
  assertEquals(again.stat().inode, other.stat().inode);
});

Deno.test("WaveDevice over posix ends when its memory is removed", async () => {
  using _dog = watchdog("posix");
  await using place = await newPlace();
  const name = place.memoryName();
  using device = place.create({ transport: "posix" });
  const done = device.run();
  using client = WaveClient.open(place.address);
  PosixSharedMemory.unlink(name);
  assertEquals((await done).reason, "removed");
  await until(() => client.end !== undefined);
});

Deno.test("WaveDevice over memfd leaves no memory in /dev/shm or under the key", async () => {
  await using place = await newPlace();
  const name = place.memoryName();
  using device = place.create({ transport: "memfd" });
  assertThrows(() => SysvSharedMemory.open(device.key), IpcError, "ENOENT");
  assertThrows(() => PosixSharedMemory.open(name), IpcError, "ENOENT");
});

Deno.test("an empty file in the place of a device's memory is in nobody's way", async () => {
  await using place = await newPlace();
  const name = place.memoryName();
  const plant = () => PosixSharedMemory.create(name, { size: 0, owner: false });
  plant().close();
  for (const transport of ["sysv", "posix"] as const) {
    const error = assertThrows(
      () => WaveClient.open({ ...place.address, transport }),
      IpcError,
    );
    assertEquals(error.code, "ENOENT");
  }
  assertEquals(inspect(place.address).status, "dead");
  using device = place.create({ transport: "posix" });
  assertEquals(device.removed.map(({ size }) => size), [0]);
  device.close();
  plant().close();
  assertEquals(detach({ ...place.address, force: true }).removed.length, 1);
});

Deno.test("what cannot be opened is only in the way of a device of its kind", async () => {
  await using place = await newPlace();
  const path = `/dev/shm${place.memoryName()}`;
  Deno.mkdirSync(path);
  try {
    {
      using device = place.create();
      assertEquals(device.removed, []);
    }
    assertThrows(() => place.create({ transport: "posix" }), IpcError);
  } finally {
    Deno.removeSync(path);
  }
});

for (const transport of TRANSPORTS) {
  Deno.test(`a client takes no device that begins or ends for another's (${transport})`, async () => {
    using _dog = watchdog("devices that come and go");
    await using place = await newPlace();
    const child = place.spawn(`
      function look() {
        try {
          using client = WaveClient.open(address);
          return client.foreign ? "foreign" : "device";
        } catch (error) {
          return error.code ?? String(error);
        }
      }
      const seen = new Set();
      let over = false;
      Deno.stdin.read(new Uint8Array(1)).then(() => over = true);
      console.log("ready");
      while (!over) {
        for (let i = 0; i < 50; i++) seen.add(look());
        seen.add(inspect(address).status);
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      for (const what of ["ENOENT", "device", "alive", "none"]) seen.delete(what);
      console.log([...seen, look(), inspect(address).status].join());`);
    assertEquals(await child.line(), "ready");
    for (let i = 0; i < scaled(2000, 100_000); i++) {
      using _device = place.create({ transport });
    }
    // This one stays.
    using _last = place.create({ transport });
    const { stdout, stderr } = await child.end();
    assertEquals(stdout, "device,alive\n", stderr);
  });
}

Deno.test("a device that is killed at any moment is told from others, and makes room for the next", async () => {
  using _dog = watchdog("kills at any moment");
  await using place = await newPlace();
  for (let round = 0; round < scaled(9, 1000); round++) {
    const transport = TRANSPORTS[round % TRANSPORTS.length] ?? "sysv";
    const child = place.spawn(`
      const options = { waveform: "SIN", period: 1, transport: "${transport}" };
      console.log("ready");
      for (;;) WaveDevice.create({ ...options, ...address }).close();
    `);
    assertEquals(await child.line(), "ready");
    await later(Math.random() * 20);
    child.kill("SIGKILL");
    await child.end();
    const { status, objects } = inspect(place.address);
    const what = `${transport}: ${JSON.stringify(objects)}`;
    assert(["none", "dead"].includes(status), `${status} ${what}`);
    const code = codeOf(() => WaveClient.open(place.address));
    assert(["ENOENT", "EOWNERDEAD"].includes(code), `${code} ${what}`);
    using next = place.create();
    assertEquals(next.removed.length, objects.length, what);
  }
});
