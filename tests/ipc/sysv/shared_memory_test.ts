import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import { Memfd } from "@libc/ipc/memfd";
import { mapAnonymous } from "@libc/ipc/mmap";
import { struct } from "@libc/ipc/struct";
import { IPC_PRIVATE } from "@libc/ipc/sysv-key";
import { SysvSharedMemory } from "@libc/ipc/sysv-shm";
import { codeOf, spawnDeno, uniqueKey, until } from "../../util.ts";
import { procRow } from "./proc.ts";
import { isRecent } from "../memory/process_state.ts";

/** The ids of all segments. */
function ids(): number[] {
  return SysvSharedMemory.list().map((stat) => stat.id);
}

Deno.test("SysvSharedMemory.create() tells what it made", () => {
  const key = uniqueKey();
  using segment = SysvSharedMemory.create(key, 100);
  assertEquals(segment.key, key);
  assertEquals(segment.size, 100);
  assertEquals(segment.created, true);
  assertEquals(segment.closed, false);
  assert(ids().includes(segment.id));
});

Deno.test("SysvSharedMemory.create() takes a key as unsigned or signed number", () => {
  const key = uniqueKey() | 0x8000_0000;
  using segment = SysvSharedMemory.create(key >>> 0, 1);
  assertEquals(segment.key, key);
  using other = SysvSharedMemory.open(key);
  assertEquals(other.id, segment.id);
});

Deno.test("SysvSharedMemory.create() throws EEXIST when the key is taken, with all names", () => {
  using segment = SysvSharedMemory.create(uniqueKey(), 1);
  const text = `0x${segment.key.toString(16)}`;
  const error = assertThrows(
    () => SysvSharedMemory.create(segment.key, 1),
    IpcError,
    `Cannot create System V shared memory with key ${text} of 1 bytes: shmget failed with EEXIST (File exists)`,
  );
  assertEquals(error.code, "EEXIST");
  assertEquals(error.syscall, "shmget");
});

Deno.test("SysvSharedMemory.create() refuses wrong arguments before any call", () => {
  const free = uniqueKey();
  for (const size of [0, -1, 1.5, NaN, Infinity, 2 ** 53]) {
    assertThrows(
      () => SysvSharedMemory.create(free, size),
      RangeError,
      `${size}`,
    );
  }
  for (const key of [2 ** 32, -(2 ** 31) - 1, 0.5, NaN]) {
    assertThrows(() => SysvSharedMemory.create(key, 1), RangeError, `${key}`);
  }
  for (const mode of [0o1000, -1, 0.5]) {
    assertThrows(
      () => SysvSharedMemory.create(free, 1, { mode }),
      RangeError,
      "mode",
    );
  }
  // @ts-expect-error a string is not a size
  assertThrows(() => SysvSharedMemory.create(free, "1"), TypeError, '"1"');
  assertEquals(codeOf(() => SysvSharedMemory.open(free)), "ENOENT");
});

Deno.test("SysvSharedMemory.open() throws ENOENT, EINVAL for a smaller one, and refuses IPC_PRIVATE", () => {
  assertEquals(codeOf(() => SysvSharedMemory.open(uniqueKey())), "ENOENT");
  using segment = SysvSharedMemory.create(uniqueKey(), 100);
  assertEquals(
    codeOf(() => SysvSharedMemory.open(segment.key, { size: 101 })),
    "EINVAL",
  );
  using fits = SysvSharedMemory.open(segment.key, { size: 100 });
  assertEquals(fits.size, 100);
  assertEquals(fits.created, false);
  assertThrows(() => SysvSharedMemory.open(IPC_PRIVATE), RangeError, "fromId");
});

Deno.test("SysvSharedMemory.openOrCreate() says which, and never owns by default", () => {
  const key = uniqueKey();
  {
    using first = SysvSharedMemory.openOrCreate(key, 10);
    assertEquals(first.created, true);
    using second = SysvSharedMemory.openOrCreate(key, 10);
    assertEquals(second.created, false);
    assertEquals(second.id, first.id);
  }
  using third = SysvSharedMemory.open(key);
  third.remove();
  assertEquals(codeOf(() => SysvSharedMemory.open(key)), "ENOENT");
});

Deno.test("SysvSharedMemory.openOrCreate() has exactly one creator among many processes", async () => {
  const key = uniqueKey();
  const children = Array.from({ length: 4 }, () =>
    spawnDeno(`
      import { SysvSharedMemory } from "@libc/ipc/sysv-shm";
      await Deno.stdin.read(new Uint8Array(1));
      const segment = SysvSharedMemory.openOrCreate(${key}, 64);
      console.log(segment.created, segment.id);
    `));
  try {
    for (const child of children) await child.write("go");
    const lines = await Promise.all(children.map((child) => child.line()));
    const created = lines.filter((line) => line.startsWith("true"));
    assertEquals(created.length, 1, lines.join("; "));
    assertEquals(new Set(lines.map((line) => line.split(" ")[1])).size, 1);
  } finally {
    for (const child of children) await child[Symbol.asyncDispose]();
    SysvSharedMemory.open(key).remove();
  }
});

Deno.test("SysvSharedMemory.fromId() finds one without a key, and throws EINVAL for none", () => {
  using segment = SysvSharedMemory.create(IPC_PRIVATE, 10);
  using same = SysvSharedMemory.fromId(segment.id);
  assertEquals(same.key, IPC_PRIVATE);
  assertEquals(same.size, 10);
  segment.remove();
  assertEquals(codeOf(() => SysvSharedMemory.fromId(segment.id)), "EINVAL");
  assertThrows(() => SysvSharedMemory.fromId(-1), RangeError, "-1");
});

/**
 * Attaches at the address of a closed mapping. Another thread of this process
 * may take the address meanwhile: then tries another one.
 */
function attachSomewhere(
  segment: SysvSharedMemory,
  options: { round?: boolean },
): void {
  for (;;) {
    const before = segment.attach();
    const { address } = before;
    before.close();
    try {
      using mapping = segment.attach({
        address: options.round ? address + 5n : address,
        ...options,
      });
      assertEquals(mapping.address, address);
      return;
    } catch (error) {
      if (!(error instanceof IpcError && error.code === "EINVAL")) throw error;
    }
  }
}

Deno.test("SysvSharedMemory.attach() maps at an address, rounds it, and throws EINVAL for a bad one", () => {
  using segment = SysvSharedMemory.create(IPC_PRIVATE, 4096);
  const first = segment.attach();
  const taken = first.address;
  assertEquals(codeOf(() => segment.attach({ address: taken })), "EINVAL");
  first.close();
  attachSomewhere(segment, {});
  attachSomewhere(segment, { round: true });
  assertEquals(codeOf(() => segment.attach({ address: 4097n })), "EINVAL");
  assertThrows(() => segment.attach({ address: 0n }), RangeError, "0");
  // @ts-expect-error an address is a bigint
  assertThrows(() => segment.attach({ address: 4096 }), TypeError, "bigint");
});

Deno.test("SysvSharedMemory.attach() with remap takes the place of a mapping, which is closed", () => {
  using one = SysvSharedMemory.create(IPC_PRIVATE, 4096);
  using two = SysvSharedMemory.create(IPC_PRIVATE, 4096);
  using old = one.attach();
  const { address, bytes } = old;
  using fresh = two.attach({ address, remap: true });
  fresh.bytes[0] = 7;
  assertEquals(fresh.address, address);
  assertEquals(old.closed, true);
  assertEquals(bytes.length, 0);
  assertEquals(one.stat().attachCount, 0);
  assertThrows(() => two.attach({ remap: true }), RangeError, "address");
});

Deno.test("SysvSharedMemory.attach() with remap lets go of the file that was mapped there", () => {
  using segment = SysvSharedMemory.create(IPC_PRIVATE, 8192);
  using memory = Memfd.create("replaced", { size: 8192, seals: [] });
  const mapping = memory.map();
  using _fresh = segment.attach({ address: mapping.address, remap: true });
  memory.resize(0);
  assertEquals(memory.size, 0);

  const shared = mapAnonymous(8192, { shared: true });
  const { address, fd } = shared;
  using _other = segment.attach({ address, remap: true });
  assertEquals([shared.closed, fd.closed], [true, true]);
});

Deno.test("SysvSharedMemory.attach() with remap refuses the place of a buffer that was transferred away", () => {
  using segment = SysvSharedMemory.create(IPC_PRIVATE, 4096);
  using mapping = mapAnonymous(4096);
  const { address } = mapping;
  const buffer = mapping.buffer.transfer();
  assertThrows(
    () => segment.attach({ address, remap: true }),
    RangeError,
    "transferred",
  );
  assertEquals(segment.stat().attachCount, 0);
  assertEquals(new Uint8Array(buffer)[0], 0);
});

Deno.test("SysvSharedMemory.stat() gives every field", () => {
  using segment = SysvSharedMemory.create(uniqueKey(), 5000, { mode: 0o640 });
  const fresh = segment.stat();
  assertEquals(fresh.id, segment.id);
  assertEquals(fresh.key, segment.key);
  assertEquals(fresh.size, 5000);
  assertEquals(fresh.mode, 0o640);
  assertEquals(fresh.uid, Deno.uid());
  assertEquals(fresh.gid, Deno.gid());
  assertEquals(fresh.creatorUid, Deno.uid());
  assertEquals(fresh.creatorGid, Deno.gid());
  assertEquals(fresh.creatorPid, Deno.pid);
  assertEquals(fresh.lastPid, 0);
  assertEquals(fresh.attachCount, 0);
  assertEquals(fresh.attachTime, null);
  assertEquals(fresh.detachTime, null);
  assertEquals(fresh.removed, false);
  assertEquals(fresh.locked, false);
  assert(isRecent(fresh.changeTime));
  {
    using _mapping = segment.attach();
    const attached = segment.stat();
    assertEquals(attached.attachCount, 1);
    assertEquals(attached.lastPid, Deno.pid);
    assert(isRecent(attached.attachTime));
  }
  const detached = segment.stat();
  assertEquals(detached.attachCount, 0);
  assert(isRecent(detached.detachTime));
});

Deno.test("SysvSharedMemory.set() changes what is given and nothing else", () => {
  using segment = SysvSharedMemory.create(IPC_PRIVATE, 1);
  const before = segment.stat();
  segment.set({ mode: 0o444 });
  const after = segment.stat();
  assertEquals(after.mode, 0o444);
  assertEquals(after.uid, before.uid);
  assertEquals(after.gid, before.gid);
  assertThrows(() => segment.set({ uid: -1, mode: 0 }), RangeError, "uid");
  assertThrows(() => segment.set({ mode: 0o1777 }), RangeError, "0o1777");
  assertEquals(segment.stat().mode, 0o444);
});

Deno.test("SysvSharedMemory.lockInMemory() and unlockInMemory() show in stat()", () => {
  using segment = SysvSharedMemory.create(IPC_PRIVATE, 4096);
  segment.lockInMemory();
  assertEquals(segment.stat().locked, true);
  segment.unlockInMemory();
  assertEquals(segment.stat().locked, false);
});

Deno.test("SysvSharedMemory.remove() of an attached segment leaves it until its last mapping is closed", () => {
  using segment = SysvSharedMemory.create(uniqueKey(), 16);
  const mapping = segment.attach();
  segment.remove();
  assertEquals(segment.stat().removed, true);
  assertEquals(codeOf(() => SysvSharedMemory.open(segment.key)), "ENOENT");
  mapping.bytes[0] = 3;
  assertEquals(mapping.bytes[0], 3);
  mapping.close();
  assertEquals(codeOf(() => segment.stat()), "EINVAL");
  assert(!ids().includes(segment.id));
});

Deno.test("a killed process no longer counts as attached, and a removed segment goes with it", async () => {
  using segment = SysvSharedMemory.create(IPC_PRIVATE, 16);
  await using child = spawnDeno(`
    import { SysvSharedMemory } from "@libc/ipc/sysv-shm";
    globalThis.mapping = SysvSharedMemory.fromId(${segment.id}).attach();
    console.log("attached");
    setInterval(() => {}, 1000);
  `);
  assertEquals(await child.line(), "attached");
  assertEquals(segment.stat().attachCount, 1);
  segment.remove();
  assertEquals(segment.stat().attachCount, 1);
  child.kill("SIGKILL");
  assertEquals((await child.end()).signal, "SIGKILL");
  await until(() => !ids().includes(segment.id));
  assertEquals(codeOf(() => segment.stat()), "EINVAL");
});

Deno.test("SysvSharedMemory.list() agrees with /proc/sysvipc/shm", () => {
  using segment = SysvSharedMemory.create(uniqueKey(), 1234, { mode: 0o604 });
  using _mapping = segment.attach();
  const stat = SysvSharedMemory.list().find((one) => one.id === segment.id);
  const row = procRow("shm", segment.id);
  assertEquals(stat, segment.stat());
  assertEquals(row?.["key"], segment.key);
  assertEquals(row?.["size"], 1234);
  assertEquals(row?.["perms"], 0o604);
  assertEquals(row?.["nattch"], 1);
  assertEquals(row?.["cpid"], Deno.pid);
});

Deno.test("SysvSharedMemory.info() counts segments and pages", () => {
  const before = SysvSharedMemory.info();
  using _segment = SysvSharedMemory.create(IPC_PRIVATE, 4097);
  const after = SysvSharedMemory.info();
  assertEquals(after.minSize, 1);
  assertGreater(after.maxSegments, 0);
  // Others may create and remove at the same time.
  assertGreater(after.segments, 0);
  assertGreater(after.pages, 1);
  assertEquals(after.maxSize, before.maxSize);
});

Deno.test("SysvSharedMemory dispose removes the segment of its owner, even after close()", () => {
  for (const close of [false, true]) {
    const segment = SysvSharedMemory.create(IPC_PRIVATE, 1);
    if (close) segment.close();
    segment[Symbol.dispose]();
    assertEquals(codeOf(() => SysvSharedMemory.fromId(segment.id)), "EINVAL");
  }
});

Deno.test("SysvSharedMemory dispose removes the segment of its owner only, and forgives one that is gone", () => {
  const segment = SysvSharedMemory.create(IPC_PRIVATE, 1, { owner: false });
  segment[Symbol.dispose]();
  assert(ids().includes(segment.id));
  SysvSharedMemory.fromId(segment.id).remove();

  const owner = SysvSharedMemory.create(IPC_PRIVATE, 1);
  SysvSharedMemory.fromId(owner.id).remove();
  owner[Symbol.dispose]();
  owner[Symbol.dispose]();
  assert(!ids().includes(owner.id));
});

Deno.test("closing a mapping detaches every view of it", () => {
  using segment = SysvSharedMemory.create(IPC_PRIVATE, 16);
  const mapping = segment.attach();
  const { bytes } = mapping;
  const view = mapping.view(struct({ x: "i32" }));
  mapping.close();
  mapping.close();
  assertEquals(bytes.length, 0);
  assertThrows(() => view.x, TypeError);
  assertThrows(() => mapping.bytes, TypeError, "closed");
  assertEquals(segment.stat().attachCount, 0);
});
