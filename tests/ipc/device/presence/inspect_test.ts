import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { detach, inspect, WaveClient } from "@libc/ipc/device";
import { IpcError } from "@libc/ipc/errno";
import { ftok } from "@libc/ipc/sysv-key";
import { SysvMessageQueue } from "@libc/ipc/sysv-msg";
import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
import { SysvSharedMemory } from "@libc/ipc/sysv-shm";
import { spawnCommand, watchdog } from "../../../util.ts";
import { newPlace, Wave } from "../address.ts";

Deno.test("inspect() of nothing says so", async () => {
  await using place = await newPlace();
  assertEquals(inspect(place.address), {
    key: ftok(place.path, "x"),
    status: "none",
    device: undefined,
    transport: undefined,
    plain: false,
    reading: undefined,
    silence: undefined,
    objects: [],
    attachCount: undefined,
    attached: [],
    lockedBy: undefined,
  });
});

Deno.test("inspect() of a path that does not exist is ENOENT", async () => {
  await using place = await newPlace();
  const path = `${place.path}/nowhere`;
  for (const call of [() => inspect({ path }), () => detach({ path })]) {
    assertEquals(assertThrows(call, IpcError).code, "ENOENT");
  }
});

Deno.test("inspect() shows a device, its objects and who is attached", async () => {
  await using place = await newPlace();
  using device = place.create({ mode: 0o640 });
  const done = device.run();
  using _client = WaveClient.open(place.address);
  const found = inspect(place.address);
  assertEquals(found.status, "alive");
  assertEquals([found.device?.pid, found.device?.alive], [Deno.pid, true]);
  assertEquals([found.transport, found.plain], ["sysv", false]);
  assertEquals(found.reading?.state, "on");
  assert(found.silence !== undefined && found.silence >= 0);
  assertEquals(found.attachCount, 2);
  assertEquals(found.attached, [
    { pid: Deno.pid, program: "deno", writable: true, device: true },
  ]);
  using segment = SysvSharedMemory.open(device.key);
  using queue = SysvMessageQueue.open(device.key);
  using set = SysvSemaphoreSet.open(device.key);
  const common = {
    transport: "sysv" as const,
    name: undefined,
    uid: Deno.uid() ?? NaN,
    mode: 0o640,
  };
  assertEquals(found.objects, [
    { kind: "memory", id: segment.id, size: segment.size, ...common },
    { kind: "queue", id: queue.id, size: 0, ...common },
    { kind: "semaphores", id: set.id, size: 4, ...common },
  ]);
  // Looking leaves no trace.
  assertEquals(segment.stat().attachCount, 2);
  device.exit();
  await done;
});

Deno.test("inspect() calls what it does not know foreign, and detach() leaves that alone", async () => {
  await using place = await newPlace();
  const key = ftok(place.path, "x");
  const others: (() => Disposable)[] = [
    () => SysvSharedMemory.create(key, 16),
    () => SysvSemaphoreSet.create(key, [1]),
    () => SysvSemaphoreSet.create(key, [1, 2, 3, 4]),
    () => SysvMessageQueue.create(key),
    () => {
      const segment = SysvSharedMemory.create(key, 100);
      using mapping = segment.attach();
      mapping.bytes.fill(0x7f);
      return segment;
    },
  ];
  for (const make of others) {
    using _object = make();
    const before = inspect(place.address);
    assertEquals(before.status, "foreign");
    const error = assertThrows(() => detach(place.address), IpcError);
    assertEquals(error.code, "EBUSY");
    assertStringIncludes(error.message, "left alone");
    assertEquals(inspect(place.address), before);
    const { removed } = detach({ ...place.address, force: true });
    assertEquals(removed, before.objects);
    assertEquals(inspect(place.address).status, "none");
  }
});

Deno.test("detach() takes the plain struct of a dead program only when nobody can write to it", async () => {
  using _dog = watchdog("plain");
  await using place = await newPlace();
  const key = ftok(place.path, "x");
  const make = async () => {
    // Perl has shmget in the language; ipcmk makes random keys.
    const child = spawnCommand("perl", {
      args: [
        "-e",
        `my $id = shmget(${key}, 32, 01600) // die; ` +
        `shmwrite($id, pack("llll!dd", 1, 0, 5, 0, 1.5, 2), 0, 32) or die; print "$id\\n";`,
      ],
    });
    const id = Number(await child.line());
    assertEquals((await child.end()).code, 0);
    return SysvSharedMemory.fromId(id);
  };
  using segment = await make();
  const found = inspect(place.address);
  assertEquals([found.status, found.plain], ["dead", true]);
  assertEquals([found.attachCount, found.attached], [0, []]);
  {
    // Another process may go on writing in place of the creator.
    using _writer = segment.attach();
    assertEquals(inspect(place.address).status, "alive");
    const error = assertThrows(() => detach(place.address), IpcError);
    assertEquals(error.code, "EBUSY");
    assertThrows(() => place.create(), IpcError, `process ${Deno.pid} (deno)`);
    using client = WaveClient.open(place.address);
    assertEquals(client.end, undefined);
  }
  const dead = assertThrows(() => WaveClient.open(place.address), IpcError);
  assertEquals(dead.code, "EOWNERDEAD");
  // A reader does not change this.
  using _reader = segment.attach({ readOnly: true });
  assertEquals(inspect(place.address).status, "dead");
  assertEquals(detach(place.address).removed.map(({ id }) => id), [segment.id]);
  using again = await make();
  using device = place.create();
  assertEquals(device.removed.map(({ id }) => id), [again.id]);
});

Deno.test("create() refuses the plain struct of a living program", async () => {
  await using place = await newPlace();
  using segment = SysvSharedMemory.create(ftok(place.path, "x"), 32);
  using mapping = segment.attach();
  Wave.write(mapping, { state: 1, period: 1 });
  const error = assertThrows(() => place.create(), IpcError);
  assertEquals(error.code, "EEXIST");
  assertStringIncludes(error.message, `process ${Deno.pid} (deno)`);
  assert(!segment.stat().removed);
});
