/** Struct views of mappings that are read-only or closed. */

import {
  array,
  type MappedMemory,
  struct,
  SysvSharedMemory,
  text,
} from "@libc/ipc";
import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { uniqueKey } from "../../util.ts";

const Inner = struct({ x: "i32", list: array("u8", 2) });
const Wave = struct({
  state: "i32",
  readers: "u32",
  count: "u64",
  balance: "i64",
  time: "f64",
  flag: "bool",
  byte: "i8",
  short: "u16",
  float: "f32",
  name: text(16),
  long: text(300),
  inner: Inner,
  values: array("i32", 4),
  bytes: array("u8", 4),
  parts: array(Inner, 2),
  names: array(text(4), 2),
});

/** A fake mapping: closing detaches it, as with a real one. */
class Memory implements MappedMemory {
  readonly size: number;
  readonly readOnly: boolean;
  readonly buffer: ArrayBuffer;

  constructor(size: number, readOnly = false) {
    this.size = size;
    this.readOnly = readOnly;
    this.buffer = new ArrayBuffer(size);
  }

  memory(): ArrayBuffer {
    if (this.buffer.detached) throw new TypeError("Cannot read a closed test");
    return this.buffer;
  }

  close(): void {
    this.buffer.transfer(0);
  }
}

/** A value as an untyped caller can pass it. */
function untyped<T>(value: unknown): T {
  return value as T;
}

Deno.test("view() of a read-only mapping reads and refuses to write", () => {
  const memory = new Memory(Wave.size, true);
  Wave.write(memory.buffer, { state: 3, name: "sine", values: [1, 2, 3, 4] });
  const view = Wave.view(memory);
  assertEquals(
    [view.state, view.name, view.values.at(-1), view.inner.x],
    [3, "sine", 4, 0],
  );
  assertStrictEquals(Wave.read(memory).state, 3);
  const before = new Uint8Array(memory.buffer).slice();
  const refused: Record<string, () => unknown> = {
    "set state": () => view.state = 1,
    "set time": () => view.time = 1,
    "set flag": () => view.flag = true,
    "set count": () => view.count = 1n,
    "set name": () => view.name = "x",
    "set x": () => view.inner.x = 1,
    "set list": () => view.inner.list.set(0, 1),
    "set values": () => view.values.set(0, 1),
    "set bytes": () => view.bytes.fill(1),
    "set names": () => view.names.copyFrom(["x"]),
    "set parts": () => view.parts.set(0, { x: 1 }),
    "set parts[1].x": () => {
      const part = view.parts.at(1);
      if (part !== undefined) part.x = 1;
    },
    "set inner": () => untyped<{ inner: unknown }>(view).inner = {},
    "write a struct": () => Wave.write(memory, { state: 1 }),
    "make a typed array of values": () => view.values.typed(),
    "make a typed array of list": () => view.inner.list.typed(),
  };
  for (const [action, attempt] of Object.entries(refused)) {
    const error = assertThrows(attempt, TypeError);
    const name = action.replace("parts[1].", "");
    assertStrictEquals(
      error.message,
      `Cannot ${name}: the mapping is read-only`,
    );
  }
  // This is refused before the value is checked.
  assertThrows(() => view.state = 1.5, TypeError, "read-only");
  assertEquals(new Uint8Array(memory.buffer), before);
});

Deno.test("view() trusts no source that does not say it is writable", () => {
  const { buffer } = new Memory(Wave.size);
  const source = { size: Wave.size, memory: () => buffer };
  const view = Wave.view(untyped<MappedMemory>(source));
  assertThrows(() => view.state = 1, TypeError, "read-only");
});

Deno.test("atomic() of a read-only mapping only loads", () => {
  const memory = new Memory(Wave.size, true);
  Wave.write(memory.buffer, { state: -7, count: 9n });
  const state = Wave.atomic(memory, "state");
  assertStrictEquals(state.load(), -7);
  assertStrictEquals(Wave.atomic(memory, "count").load(), 9n);
  const attempts = [
    () => state.store(1),
    () => state.add(1),
    () => state.sub(1),
    () => state.and(1),
    () => state.or(1),
    () => state.xor(1),
    () => state.exchange(1),
    () => state.compareExchange(-7, 1),
  ];
  for (const attempt of attempts) {
    assertThrows(attempt, TypeError, "Cannot set state: the mapping is read");
  }
  assertStrictEquals(state.load(), -7);
});

Deno.test("view() of a closed mapping throws on every access", () => {
  const memory = new Memory(Wave.size);
  const view = Wave.view(memory);
  const { inner, values, bytes, parts, names } = view;
  const part = parts.at(0);
  const typed = values.typed();
  const state = Wave.atomic(memory, "state");
  const count = Wave.atomic(memory, "count");
  const { buffer } = memory;
  memory.close();
  const attempts: (() => unknown)[] = [
    () => view.state,
    () => view.readers,
    () => view.count,
    () => view.balance,
    () => view.time,
    () => view.flag,
    () => view.byte,
    () => view.short,
    () => view.float,
    () => view.name,
    () => view.long,
    () => inner.x,
    () => view.inner.list.at(0),
    () => values.at(0),
    () => bytes.at(0),
    () => part?.x,
    () => parts.at(1)?.x,
    () => names.at(0),
    () => [...values],
    () => values.toArray(),
    () => parts.toArray(),
    () => names.toArray(),
    () => values.typed(),
    () => JSON.stringify(view),
    () => JSON.stringify(values),
    () => view.state = 1,
    () => view.readers = 1,
    () => view.count = 1n,
    () => view.balance = 1n,
    () => view.time = 1,
    () => view.flag = true,
    () => view.byte = 1,
    () => view.short = 1,
    () => view.float = 1,
    () => view.name = "x",
    () => view.long = "x",
    () => inner.x = 1,
    () => values.set(0, 1),
    () => values.fill(1),
    () => values.copyFrom([1]),
    () => values.copyFrom(new Int32Array(1)),
    () => bytes.set(0, 1),
    () => parts.set(0, { x: 1 }),
    () => names.set(0, "x"),
    () => Wave.view(memory),
    () => Wave.read(memory),
    () => Wave.write(memory, {}),
    () => Wave.atomic(memory, "state"),
    () => Wave.view(buffer),
    () => state.load(),
    () => state.store(1),
    () => state.add(1),
    () => state.compareExchange(0, 1),
    () => count.load(),
    () => count.exchange(1n),
  ];
  for (const attempt of attempts) {
    const { message } = assertThrows(attempt, TypeError);
    assert(/closed (memory|test)$/.test(message), `${attempt}: ${message}`);
  }
  assertStrictEquals(typed.length, 0);
  assertStrictEquals(Deno.inspect(view), "[struct in closed memory]");
  assertStrictEquals(Deno.inspect(values), "[struct in closed memory]");
});

Deno.test("view() of a packed struct in a closed mapping throws too", () => {
  const memory = new Memory(64);
  const packed = struct({
    byte: "u8",
    short: "i16",
    word: "u32",
    long: "u64",
    float: "f32",
    double: "f64",
  }).packed();
  const view = packed.view(memory, 1);
  const odd = packed.view(memory);
  memory.close();
  for (const each of [view, odd]) {
    for (const name of ["byte", "short", "word", "float", "double"] as const) {
      assertThrows(() => each[name], TypeError, undefined, name);
      assertThrows(() => each[name] = 1, TypeError, undefined, name);
    }
    assertThrows(() => each.long, TypeError);
    assertThrows(() => each.long = 1n, TypeError);
  }
});

Deno.test("write() notices a mapping that its values close", () => {
  const memory = new Memory(Wave.size);
  const values = {
    state: 1,
    get values(): number[] {
      memory.close();
      return [1, 2];
    },
  };
  assertThrows(() => Wave.write(memory, values), TypeError, "closed memory");
});

Deno.test("view() of a packed struct reaches fields aligned or not", () => {
  // The alignment of a field depends on its address, not on its struct.
  const packed = struct({ byte: "u8", word: "u32" }).packed();
  const buffer = new ArrayBuffer(16);
  packed.view(buffer, 3).word = 0x01020304;
  packed.view(buffer, 8).word = 0x05060708;
  assertStrictEquals(new Uint32Array(buffer)[1], 0x01020304);
  assertStrictEquals(new DataView(buffer).getUint32(9, true), 0x05060708);
  assert(packed.view(buffer, 3).word === 0x01020304);
});

Deno.test("view() of System V shared memory ends with the mapping", () => {
  using memory = SysvSharedMemory.create(uniqueKey(), 4096);
  using writable = memory.attach();
  using readOnly = memory.attach({ readOnly: true });
  const writer = Wave.view(writable, 1024);
  const reader = Wave.view(readOnly, 1024);
  writer.time = 0.5;
  writer.name = "sine";
  writer.parts.fill({ x: -4 });
  assertStrictEquals(Wave.atomic(writable, "count", 1024).add(2n), 0n);
  assertEquals(Wave.read(readOnly, 1024), Wave.read(writable, 1024));
  assertEquals(
    [reader.time, reader.name, reader.parts.at(1)?.x, reader.count],
    [0.5, "sine", -4, 2n],
  );
  assertThrows(() => reader.time = 1, TypeError, "the mapping is read-only");
  assertThrows(() => Wave.view(readOnly, 4096), RangeError, "4096 bytes");
  writable.close();
  assertThrows(() => writer.time, TypeError, "closed memory");
  assertThrows(() => writer.time = 1, TypeError, "closed memory");
  assertThrows(() => writer.name, TypeError, "closed memory");
  assertThrows(() => Wave.view(writable, 1024), TypeError, "closed");
  assertStrictEquals(reader.time, 0.5);
});
