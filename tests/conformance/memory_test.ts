// The same tests for all kinds of shared memory: each gives a `Mapping`, and
// all mappings behave alike.

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  IPC_PRIVATE,
  IpcError,
  mapAnonymous,
  mapFile,
  type Mapping,
  Memfd,
  PosixSharedMemory,
  struct,
  SysvSharedMemory,
} from "@libc/ipc";
import { spawnDeno, uniqueName, watchdog } from "../util.ts";

const SIZE = 5000;
const Counter = struct({ count: "u32", big: "u64", name: "f64" });

/** One kind of memory. */
interface Memory extends Disposable {
  /** Another mapping of the same bytes. */
  map(readOnly?: boolean): Mapping;
  /** Returns whether a line of `/proc/self/maps` is for it. */
  isMeant(line: string): boolean;
  /** An expression that maps it in another process, if that is possible. */
  elsewhere?: string;
  /** Removes the name and closes the handle. */
  forget(): void;
}

/** Functions that make zeroed memory of a size. */
const KINDS: Record<string, (size: number) => Memory> = {
  SysvSharedMemory(size) {
    const memory = SysvSharedMemory.create(IPC_PRIVATE, size);
    return {
      map: (readOnly = false) => memory.attach({ readOnly }),
      isMeant: (line) => line.includes(` ${memory.id} `) && /SYSV/.test(line),
      elsewhere: `ipc.SysvSharedMemory.fromId(${memory.id}).attach()`,
      forget: () => memory[Symbol.dispose](),
      [Symbol.dispose]: () => memory[Symbol.dispose](),
    };
  },
  PosixSharedMemory(size) {
    const memory = PosixSharedMemory.create(null, { size });
    return {
      map: (readOnly = false) => memory.map({ readOnly }),
      isMeant: (line) => line.includes(memory.name),
      elsewhere: `ipc.PosixSharedMemory.open("${memory.name}").map()`,
      forget: () => memory[Symbol.dispose](),
      [Symbol.dispose]: () => memory[Symbol.dispose](),
    };
  },
  Memfd(size) {
    const name = uniqueName();
    const memory = Memfd.create(name, { size });
    const there = `{ pid: ${Deno.pid}, fd: ${memory.fd.number} }`;
    return {
      map: (readOnly = false) => memory.map({ readOnly }),
      isMeant: (line) => line.includes(name),
      elsewhere: `ipc.Memfd.open(${there}).map()`,
      forget: () => memory.close(),
      [Symbol.dispose]: () => memory.close(),
    };
  },
  "mapFile()"(size) {
    const path = `/tmp/${uniqueName()}`;
    mapFile(path, { createNew: true, size }).close();
    let there = true;
    const forget = () => {
      if (there) Deno.removeSync(path);
      there = false;
    };
    return {
      map: (readOnly = false) => mapFile(path, { readOnly }),
      isMeant: (line) => line.includes(path),
      elsewhere: `ipc.mapFile("${path}")`,
      forget,
      [Symbol.dispose]: forget,
    };
  },
};

/** Returns the error of a call. */
function failure(call: () => unknown): Error {
  return assertThrows(call, Error);
}

for (const [name, make] of Object.entries(KINDS)) {
  const test = (what: string, body: (memory: Memory) => unknown): void =>
    Deno.test(`${name}: ${what}`, async () => {
      using _dog = watchdog(`${name}: ${what}`);
      using memory = make(SIZE);
      await body(memory);
    });

  test("its size is what was asked for, and it is zero", (memory) => {
    using mapping = memory.map();
    assertEquals(mapping.size, SIZE);
    assertEquals(mapping.bytes, new Uint8Array(SIZE));
    assertEquals(mapping.readOnly, false);
  });

  test("every mapping shows the same bytes", (memory) => {
    using one = memory.map();
    using two = memory.map();
    assert(one.address !== two.address);
    one.bytes[SIZE - 1] = 7;
    assertEquals(two.bytes[SIZE - 1], 7);
    two.write(Uint8Array.of(1, 2, 3), 10);
    assertEquals(one.read(10, 3), Uint8Array.of(1, 2, 3));
    const words = new Uint32Array(one.buffer, 0, 4);
    assertEquals(Atomics.add(words, 1, 5), 0);
    assertEquals(two.view(Counter).count, 0);
    assertEquals(new Uint32Array(two.buffer, 4, 1)[0], 5);
  });

  test("a struct is the same at both ends", (memory) => {
    using one = memory.map();
    using two = memory.map();
    const here = one.view(Counter, 8);
    const there = two.view(Counter, 8);
    here.big = 2n ** 64n - 1n;
    here.name = -0.5;
    assertEquals([there.big, there.name], [2n ** 64n - 1n, -0.5]);
    assertThrows(() => one.view(Counter, SIZE - 8), RangeError);
  });

  test("what lies outside is refused", (memory) => {
    using mapping = memory.map();
    for (
      const call of [
        () => mapping.read(0, SIZE + 1),
        () => mapping.read(SIZE, 1),
        () => mapping.read(-1, 1),
        () => mapping.write(new Uint8Array(2), SIZE - 1),
        () => mapping.flush({ offset: SIZE, length: 1 }),
        () => mapping.pointer(SIZE),
      ]
    ) assertThrows(call, RangeError);
    assertEquals(mapping.read(SIZE, 0), new Uint8Array(0));
    assertEquals(mapping.bytes, new Uint8Array(SIZE));
  });

  test("a read-only mapping shows and refuses", (memory) => {
    using writable = memory.map();
    writable.bytes[3] = 9;
    using mapping = memory.map(true);
    assertEquals(mapping.readOnly, true);
    assertEquals(mapping.read(3, 1)[0], 9);
    assertEquals(mapping.unsafeBytes[3], 9);
    for (
      const call of [
        () => mapping.bytes,
        () => mapping.buffer,
        () => mapping.write(Uint8Array.of(1)),
      ]
    ) {
      assertEquals(failure(call).name, "TypeError");
    }
    assertEquals(writable.bytes[0], 0);
  });

  test("it is flushed, advised, locked and protected", (memory) => {
    using mapping = memory.map();
    mapping.bytes[0] = 1;
    mapping.flush();
    mapping.flush({ async: true });
    mapping.advise("willneed");
    mapping.lock();
    mapping.unlock();
    const before = mapping.bytes;
    mapping.protect({ readOnly: true });
    assertEquals([before.length, mapping.readOnly], [0, true]);
    assertEquals(failure(() => mapping.bytes).name, "TypeError");
    mapping.protect({ readOnly: false });
    mapping.bytes[0] = 2;
    using other = memory.map();
    assertEquals(other.bytes[0], 2);
  });

  test("views of a closed mapping are empty, and other mappings live on", (memory) => {
    const closed = memory.map();
    using other = memory.map();
    const { bytes, buffer } = closed;
    const view = closed.view(Counter);
    bytes[0] = 5;
    closed.close();
    closed.close();
    assertEquals([bytes.length, buffer.byteLength], [0, 0]);
    assertThrows(() => view.count, TypeError);
    assertThrows(() => closed.bytes, TypeError, "a closed mapping");
    assertEquals(other.bytes[0], 5);
  });

  test("a pinned mapping is unmapped when the pin goes", (memory) => {
    const mapping = memory.map();
    const mapped = () =>
      Deno.readTextFileSync("/proc/self/maps").split("\n").some(memory.isMeant);
    const pin = mapping.pin();
    mapping.close();
    assertEquals(mapped(), true);
    pin[Symbol.dispose]();
    assertEquals(mapped(), false);
  });

  test("what is mapped lives on without its name and handle", (memory) => {
    using mapping = memory.map();
    using other = memory.map();
    memory.forget();
    mapping.bytes[1] = 6;
    assertEquals(other.bytes[1], 6);
    assertThrows(() => memory.map(), Error);
  });

  test("another process has the same bytes, and atomics", async (memory) => {
    using mapping = memory.map();
    mapping.view(Counter).count = 1000;
    await using child = spawnDeno(
      `
      import * as ipc from "@libc/ipc";
      using mapping = ${memory.elsewhere};
      console.log(mapping.size, mapping.view(ipc.struct({ count: "u32" })).count);
      const words = new Uint32Array(mapping.buffer, 0, 4);
      await Deno.stdin.read(new Uint8Array(1));
      for (let i = 0; i < 100_000; i++) Atomics.add(words, 1, 1);
      mapping.bytes[${SIZE - 1}] = 42;`,
      { permissions: ["--allow-all"] },
    );
    assertEquals(await child.line(), `${SIZE} 1000`);
    const words = new Uint32Array(mapping.buffer, 0, 4);
    await child.write("go");
    for (let i = 0; i < 100_000; i++) Atomics.add(words, 1, 1);
    const { code, stderr } = await child.end();
    assertEquals(code, 0, stderr);
    assertEquals(words[1], 200_000);
    assertEquals(mapping.bytes[SIZE - 1], 42);
  });

  test("a size that is none is refused", () => {
    for (const size of [-1, 0.5, NaN, 2 ** 53]) {
      assertThrows(() => make(size), RangeError);
    }
    assertThrows(() => make("9" as unknown as number), Error);
  });

  test("a size that no machine has is the kernel's error", () => {
    const error = assertThrows(() => {
      using memory = make(2 ** 52);
      // A memfd reserves no memory, so only the mapping fails.
      memory.map();
    }, IpcError);
    assert(
      ["ENOMEM", "EINVAL", "ENOSPC", "EFBIG"].includes(error.code),
      error.message,
    );
  });
}

Deno.test("mapAnonymous(): the same calls", () => {
  using mapping = mapAnonymous(SIZE, { shared: true });
  assertEquals(mapping.bytes, new Uint8Array(SIZE));
  mapping.view(Counter).count = 3;
  mapping.advise("willneed");
  mapping.lock();
  mapping.unlock();
  mapping.flush();
  mapping.protect({ readOnly: true });
  assertEquals(mapping.read(0, 1)[0], 3);
  assertThrows(() => mapping.bytes, TypeError);
});
