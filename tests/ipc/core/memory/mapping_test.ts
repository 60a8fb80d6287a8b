import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  IPC_PRIVATE,
  IpcError,
  Mapping,
  pageSize,
  struct,
  SysvSharedMemory,
} from "@libc/ipc";
import { spawnDeno } from "../../../util.ts";

function segment(size = 4096): SysvSharedMemory {
  return SysvSharedMemory.create(IPC_PRIVATE, size);
}

Deno.test("Mapping cannot be constructed from outside", () => {
  assertThrows(
    () => new Mapping(undefined, {} as never),
    TypeError,
    "Cannot construct Mapping directly",
  );
});

Deno.test("Mapping.buffer and bytes are the memory, the same object each time", () => {
  using memory = segment(100);
  using mapping = memory.attach();
  assertEquals(mapping.size, 100);
  assertEquals(mapping.bytes.length, 100);
  assertStrictEquals(mapping.bytes, mapping.bytes);
  assertStrictEquals(mapping.bytes.buffer, mapping.buffer);
  using other = memory.attach();
  mapping.bytes[7] = 42;
  assertEquals(other.bytes[7], 42);
  assert(other.address !== mapping.address);
});

Deno.test("Mapping.close() detaches every view and can be called again", () => {
  using memory = segment();
  const mapping = memory.attach();
  const { bytes, buffer } = mapping;
  const words = new Int32Array(buffer);
  const data = new DataView(buffer);
  const view = mapping.view(struct({ x: "i32" }));
  mapping.close();
  mapping.close();
  assertEquals(mapping.closed, true);
  assertEquals([bytes.length, words.length, buffer.byteLength], [0, 0, 0]);
  assertEquals(bytes[0], undefined);
  assertThrows(() => data.getInt8(0), TypeError);
  assertThrows(() => view.x, TypeError);
  assertEquals(memory.stat().attachCount, 0);
});

Deno.test("Mapping keeps memory mapped whose buffer was transferred away", () => {
  using memory = segment();
  const mapping = memory.attach();
  const escaped = new Uint8Array(mapping.buffer.transfer());
  mapping.close();
  assertEquals(memory.stat().attachCount, 1);
  escaped[0] = 5;
  using other = memory.attach();
  assertEquals(other.bytes[0], 5);
});

Deno.test("Mapping hands out no writable bytes of read-only memory", () => {
  using memory = segment();
  using mapping = memory.attach({ readOnly: true });
  assertEquals(mapping.readOnly, true);
  assertThrows(() => mapping.buffer, TypeError, "read-only");
  assertThrows(() => mapping.bytes, TypeError, "read-only");
  assertThrows(() => mapping.write(new Uint8Array(1)), TypeError, "read-only");
  const view = mapping.view(struct({ x: "i32" }));
  assertEquals(view.x, 0);
  assertThrows(() => view.x = 1, TypeError, "read-only");
  assertEquals(mapping.unsafeBytes.length, 4096);
});

Deno.test("Mapping.read() and write() copy and check the range", () => {
  using memory = segment(16);
  using mapping = memory.attach();
  mapping.write(new Uint8Array([1, 2, 3]), 13);
  const copy = mapping.read(12, 4);
  assertEquals(copy, new Uint8Array([0, 1, 2, 3]));
  copy[0] = 9;
  assertEquals(mapping.bytes[12], 0);
  assertEquals(mapping.read().length, 16);
  assertEquals(mapping.read(16).length, 0);
  for (
    const wrong of [
      () => mapping.read(0, 17),
      () => mapping.read(17),
      () => mapping.read(-1, 1),
      () => mapping.read(0.5, 1),
      () => mapping.read(NaN, 1),
      () => mapping.write(new Uint8Array(4), 13),
      () => mapping.readInto(new Uint8Array(17)),
      () => mapping.pointer(10, 7),
    ]
  ) assertThrows(wrong, RangeError);
});

/** Whether there is `process_vm_readv`, which an emulator may lack. */
function canReadProcess(): boolean {
  using memory = segment(16);
  using mapping = memory.attach();
  try {
    mapping.readInto(new Uint8Array(1));
  } catch (error) {
    if (error instanceof IpcError && error.code === "ENOSYS") return false;
  }
  return true;
}

const readable = canReadProcess();

Deno.test({
  name: `Mapping.readInto() copies through a system call${
    readable ? "" : " [skipped: no process_vm_readv]"
  }`,
  ignore: !readable,
  fn() {
    using memory = segment(16);
    using mapping = memory.attach();
    mapping.write(new Uint8Array([1, 2, 3, 4]), 4);
    const target = new Uint8Array(3);
    assertEquals(mapping.readInto(target, 5), 3);
    assertEquals(target, new Uint8Array([2, 3, 4]));
    assertEquals(mapping.readInto(new Uint8Array(0)), 0);
  },
});

Deno.test("Mapping.protect() detaches the views and changes what is allowed", () => {
  using memory = segment();
  using mapping = memory.attach();
  const before = mapping.bytes;
  before[0] = 1;
  mapping.protect({ readOnly: true });
  assertEquals(before.length, 0);
  assertThrows(() => mapping.bytes, TypeError, "read-only");
  assertEquals(mapping.read(0, 1)[0], 1);
  mapping.protect({ readOnly: false });
  mapping.bytes[0] = 2;
  using readOnly = memory.attach({ readOnly: true });
  const error = assertThrows(
    () => readOnly.protect({ readOnly: false }),
    IpcError,
  );
  assertEquals(error.code, "EACCES");
});

Deno.test("Mapping.protect() refuses when a buffer was transferred away", () => {
  using memory = segment();
  const mapping = memory.attach();
  mapping.buffer.transfer();
  assertThrows(() => mapping.protect({ readOnly: true }), TypeError, "away");
  mapping.close();
});

Deno.test("Mapping.flush(), advise(), lock() and unlock() reach the kernel", () => {
  using memory = segment(3 * pageSize());
  using mapping = memory.attach();
  mapping.flush();
  mapping.flush({ offset: pageSize() + 3, length: 5, async: true });
  mapping.advise("willneed");
  mapping.lock();
  mapping.unlock();
  assertThrows(() => mapping.advise("nonsense" as never), TypeError, "advice");
  assertThrows(() => mapping.flush({ offset: -1 }), RangeError);
});

Deno.test("Mapping.pin() keeps the memory mapped beyond close()", () => {
  using memory = segment();
  const mapping = memory.attach();
  const pin = mapping.pin();
  const bytes = mapping.bytes;
  mapping.close();
  assertEquals(bytes.length, 0);
  assertEquals(memory.stat().attachCount, 1);
  pin[Symbol.dispose]();
  pin[Symbol.dispose]();
  assertEquals(memory.stat().attachCount, 0);
});

Deno.test("Mapping survives a hostile use of its buffers in a child", async () => {
  await using child = spawnDeno(`
    import { IPC_PRIVATE, struct, SysvSharedMemory } from "@libc/ipc";
    const Layout = struct({ a: "i32", b: "f64" });
    for (let round = 0; round < 2000; round++) {
      using memory = SysvSharedMemory.create(IPC_PRIVATE, 8192);
      const mapping = memory.attach({ readOnly: round % 3 === 0 });
      const view = mapping.view(Layout);
      const kept = mapping.unsafeBytes;
      if (round % 5 === 0) structuredClone(kept.buffer, { transfer: [kept.buffer] });
      mapping.close();
      try { view.a = 1; } catch { /* refused */ }
      try { view.b; } catch { /* refused */ }
      try { kept[100] = kept[99]; kept.fill(1); } catch { /* refused */ }
      mapping.close();
    }
    console.log("alive");`);
  assertEquals(await child.line(), "alive");
  assertEquals((await child.end()).code, 0);
});
