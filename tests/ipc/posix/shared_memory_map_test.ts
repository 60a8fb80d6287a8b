import { assert, assertEquals, assertThrows } from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import { pageSize } from "@libc/ipc/mapping";
import { PosixSharedMemory } from "@libc/ipc/posix-shm";
import { struct } from "@libc/ipc/struct";
import { notEmulated, uniqueName } from "../../util.ts";
import { mappings } from "../memory/process_state.ts";

const PAGE = pageSize();

/** Shared memory whose bytes encode their own offsets. */
function numbered(size: number): PosixSharedMemory {
  const memory = PosixSharedMemory.create(`/${uniqueName()}`, { size });
  memory.pwrite(Uint8Array.from({ length: size }, (_, i) => byteAt(i)));
  return memory;
}

function byteAt(offset: number): number {
  return (offset * 31 + (offset >> 8)) & 0xff;
}

Deno.test("PosixSharedMemory.map() maps any part, on a page boundary or not", () => {
  using memory = numbered(3 * PAGE + 100);
  const size = memory.size;
  for (
    const [offset, length] of [
      [0, undefined],
      [0, 1],
      [1, 1],
      [PAGE - 1, 2],
      [PAGE, PAGE],
      [PAGE + 7, undefined],
      [2 * PAGE - 3, PAGE + 6],
      [size - 1, 1],
      [size - 1, undefined],
    ] as const
  ) {
    const options = length === undefined ? { offset } : { offset, length };
    using mapping = memory.map(options);
    assertEquals(mapping.size, length ?? size - offset);
    assertEquals(
      mapping.read(),
      Uint8Array.from({ length: mapping.size }, (_, i) => byteAt(offset + i)),
    );
    mapping.bytes[0] = 255;
    const byte = new Uint8Array(1);
    memory.pread(byte, offset);
    assertEquals(byte[0], 255);
    mapping.bytes[0] = byteAt(offset);
  }
});

Deno.test("PosixSharedMemory.map() unmaps all that it has mapped", () => {
  using memory = numbered(4 * PAGE);
  for (const offset of [0, 1, PAGE - 1, PAGE, 2 * PAGE + 5]) {
    const mapping = memory.map({ offset, length: 2 });
    assertEquals(mappings(memory.name).length, 1, `${offset}`);
    mapping.close();
    assertEquals(mappings(memory.name), [], `${offset}`);
  }
});

Deno.test("PosixSharedMemory.map() refuses what is not within the object", () => {
  using memory = PosixSharedMemory.create(null, { size: PAGE + 10 });
  for (
    const options of [
      { length: PAGE + 11 },
      { offset: PAGE + 10 },
      { offset: 2 * PAGE },
      { offset: 10, length: PAGE + 1 },
      { offset: 2 ** 53 - 1, length: 2 ** 53 - 1 },
    ]
  ) {
    assertThrows(
      () => memory.map(options),
      RangeError,
      `of shared memory "${memory.name}": it ends at ${PAGE + 10}`,
    );
  }
  for (
    const options of [
      { length: 0 },
      { length: -1 },
      { offset: -1 },
      { offset: 0.5 },
      { length: NaN },
    ]
  ) assertThrows(() => memory.map(options), RangeError, "must be");
  assertThrows(
    () => memory.map({ offset: 1n as unknown as number }),
    TypeError,
    "offset must be a number",
  );
  assertEquals(mappings(memory.name), []);
});

Deno.test({
  ...notEmulated(
    "PosixSharedMemory.map() of a part takes every call of a mapping",
    "has neither process_vm_readv nor pages of its own",
  ),
  fn() {
    using memory = numbered(3 * PAGE);
    const offset = PAGE + 8;
    using mapping = memory.map({ offset, length: PAGE });
    mapping.flush();
    mapping.flush({ offset: PAGE - 1, length: 1, async: true });
    mapping.advise("willneed");
    mapping.lock();
    mapping.unlock();
    mapping.protect({ readOnly: true });
    assertThrows(() => mapping.bytes, TypeError, "read-only");
    assertEquals(mapping.read(0, 1)[0], byteAt(offset));
    mapping.protect({ readOnly: false });
    mapping.bytes[PAGE - 1] = 9;
    const target = new Uint8Array(2);
    assertEquals(mapping.readInto(target, PAGE - 2), 2);
    assertEquals([...target], [byteAt(offset + PAGE - 2), 9]);
    const view = mapping.view(struct({ x: "u64" }), 8);
    view.x = 5n;
    assertEquals(mapping.read(8, 1)[0], 5);
  },
});

Deno.test("PosixSharedMemory.map() with private keeps what it writes", () => {
  using memory = numbered(2 * PAGE);
  using own = memory.map({ private: true, offset: 1 });
  using shared = memory.map();
  own.bytes[0] = 1;
  shared.bytes[PAGE + 1] = 2;
  assertEquals(shared.bytes[1], byteAt(1));
  // A page that the private mapping has not written is still shared.
  assertEquals(own.bytes[PAGE], 2);
  // Discarded pages are shared again.
  own.advise("dontneed");
  assertEquals(own.bytes[0], byteAt(1));
});

Deno.test({
  ...notEmulated(
    "PosixSharedMemory.map() with populate brings all pages into memory",
    "has neither process_vm_readv nor pages of its own",
  ),
  fn() {
    const size = 16 * PAGE;
    using memory = PosixSharedMemory.create(null, { size, reserve: false });
    using _mapping = memory.map({ populate: true });
    assertEquals(memory.stat().allocated, size);
  },
});

Deno.test("PosixSharedMemory.map() keeps two mappings apart", () => {
  using memory = PosixSharedMemory.create(null, { size: 10 });
  using first = memory.map();
  const second = memory.map();
  assert(first.address !== second.address);
  second.bytes[0] = 3;
  second.close();
  assertEquals(first.bytes[0], 3);
});

Deno.test("PosixSharedMemory.resize() grows with zeros and reserves them", () => {
  using memory = numbered(10);
  using small = memory.map();
  memory.resize(3 * PAGE);
  assertEquals(memory.size, 3 * PAGE);
  assertEquals(memory.stat().allocated, 3 * PAGE);
  using mapping = memory.map();
  assertEquals(mapping.read(9, 3), new Uint8Array([byteAt(9), 0, 0]));
  assertEquals(small.size, 10);
  memory.resize(100 * PAGE, { reserve: false });
  assertEquals(memory.stat().allocated, 3 * PAGE);
  memory.resize(100 * PAGE);
  assertEquals(memory.size, 100 * PAGE);
});

Deno.test("PosixSharedMemory.resize() shrinks, but not what is mapped", () => {
  using memory = numbered(3 * PAGE);
  using other = PosixSharedMemory.open(memory.name);
  const first = memory.map({ length: PAGE + 1 });
  const second = other.map({ offset: 2 * PAGE, length: 1 });
  assertThrows(
    () => memory.resize(2 * PAGE),
    RangeError,
    `Cannot shrink shared memory "${memory.name}" to ${2 * PAGE} bytes while ${
      2 * PAGE + 1
    } are mapped`,
  );
  assertEquals(memory.size, 3 * PAGE);
  second.close();
  memory.resize(PAGE + 1);
  assertThrows(() => other.resize(PAGE), RangeError, "mapped");
  const pin = first.pin();
  first.close();
  assertThrows(() => memory.resize(0), RangeError, "mapped");
  pin[Symbol.dispose]();
  memory.resize(0);
  assertEquals(other.size, 0);
});

Deno.test("PosixSharedMemory.resize() refuses wrong sizes", () => {
  using memory = PosixSharedMemory.create(null, { size: 10 });
  for (const size of [-1, 0.5, NaN, 2 ** 53]) {
    assertThrows(() => memory.resize(size), RangeError, "size must be");
  }
  assertEquals(memory.size, 10);
});

Deno.test("PosixSharedMemory.pread() and pwrite() copy within the object", () => {
  using memory = numbered(100);
  const target = new Uint8Array(10);
  assertEquals(memory.pread(target, 95), 5);
  assertEquals([...target.subarray(0, 5)], [95, 96, 97, 98, 99].map(byteAt));
  assertEquals(memory.pread(target, 100), 0);
  assertEquals(memory.pread(target, 2 ** 53 - 1), 0);
  assertEquals(memory.pread(new Uint8Array(0)), 0);
  memory.pwrite(new Uint8Array([1, 2, 3]), 97);
  assertEquals(memory.pread(target, 96), 4);
  assertEquals([...target.subarray(0, 4)], [byteAt(96), 1, 2, 3]);
  assertThrows(
    () => memory.pwrite(new Uint8Array(3), 98),
    RangeError,
    "Cannot write bytes 98 to 101 of",
  );
  assertThrows(() => memory.pwrite(new Uint8Array(1), -1), RangeError);
  assertThrows(() => memory.pread(target, -1), RangeError);
  assertEquals(memory.size, 100);
});

Deno.test("PosixSharedMemory.map() throws IpcError where the kernel has no room", () => {
  using memory = PosixSharedMemory.create(null, { size: 0 });
  memory.resize(2 ** 47, { reserve: false });
  const error = assertThrows(() => memory.map(), IpcError);
  assertEquals(error.code, "ENOMEM");
  assertEquals(error.syscall, "mmap");
});
