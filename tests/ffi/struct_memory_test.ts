/** Struct views of shared memory: read-only, closed, atomic, never torn. */

import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  array,
  type AtomicField,
  type MappedMemory,
  struct,
  text,
} from "../../ffi/core/struct.ts";

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

/** A mapping without a kernel: closing detaches, as the real one does. */
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

/** What a caller without types can pass. */
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
  // Said before the value is looked at.
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
    () => Wave.view(new Uint8Array(buffer)),
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

Deno.test("atomic() does what Atomics does, for all four types", () => {
  const buffer = new SharedArrayBuffer(Wave.size * 2);
  for (const name of ["state", "readers"] as const) {
    const field: AtomicField<number> = Wave.atomic(buffer, name, Wave.size);
    field.store(12);
    assertStrictEquals(field.add(5), 12);
    assertStrictEquals(field.sub(1), 17);
    assertStrictEquals(field.and(0b11000), 16);
    assertStrictEquals(field.or(0b00011), 0b10000);
    assertStrictEquals(field.xor(0b10001), 0b10011);
    assertStrictEquals(field.exchange(7), 0b00010);
    assertStrictEquals(field.compareExchange(6, 1), 7);
    assertStrictEquals(field.load(), 7);
    assertStrictEquals(field.compareExchange(7, 1), 7);
    assertStrictEquals(field.load(), 1);
    assertStrictEquals(Wave.read(buffer, Wave.size)[name], 1);
    assertStrictEquals(Wave.read(buffer)[name], 0);
  }
  for (const name of ["count", "balance"] as const) {
    const field: AtomicField<bigint> = Wave.atomic(buffer, name, Wave.size);
    field.store(2n ** 40n);
    assertStrictEquals(field.add(5n), 2n ** 40n);
    assertStrictEquals(field.sub(4n), 2n ** 40n + 5n);
    assertStrictEquals(field.and(3n), 2n ** 40n + 1n);
    assertStrictEquals(field.or(6n), 1n);
    assertStrictEquals(field.xor(1n), 7n);
    assertStrictEquals(field.exchange(9n), 6n);
    assertStrictEquals(field.compareExchange(8n, 1n), 9n);
    assertStrictEquals(field.compareExchange(9n, 1n), 9n);
    assertStrictEquals(field.load(), 1n);
  }
});

Deno.test("atomic() has the field's own range and wraps around in it", () => {
  const buffer = new ArrayBuffer(Wave.size);
  const readers = Wave.atomic(buffer, "readers");
  readers.store(2 ** 32 - 1);
  assertStrictEquals(readers.load(), 2 ** 32 - 1);
  assertStrictEquals(readers.add(2), 2 ** 32 - 1);
  assertStrictEquals(readers.load(), 1);
  const state = Wave.atomic(buffer, "state");
  state.store(-(2 ** 31));
  state.sub(1);
  assertStrictEquals(state.load(), 2 ** 31 - 1);
  const count = Wave.atomic(buffer, "count");
  count.sub(1n);
  assertStrictEquals(count.load(), 2n ** 64n - 1n);
  assertThrows(() => readers.store(-1), RangeError, "readers to -1");
  assertThrows(() => readers.add(1.5), RangeError, "readers to 1.5");
  assertThrows(
    () => state.exchange(2 ** 31),
    RangeError,
    "state to 2147483648",
  );
  assertThrows(() => state.compareExchange(0, NaN), RangeError, "NaN");
  assertThrows(() => state.compareExchange(NaN, 0), RangeError, "NaN");
  assertThrows(() => count.store(-1n), RangeError, "count to -1n");
  assertThrows(() => count.store(untyped<bigint>(1)), TypeError, "count to 1");
  assertThrows(() => state.add(untyped<number>("1")), TypeError, 'to "1"');
});

Deno.test("atomic() refuses other types, names and places", () => {
  const buffer = new ArrayBuffer(Wave.size + 8);
  const others = ["time", "flag", "byte", "short", "float", "name", "inner"];
  for (const name of [...others, "values"]) {
    assertThrows(
      () => Wave.atomic(buffer, untyped<"state">(name)),
      TypeError,
      `Cannot use ${name} atomically: it is `,
    );
  }
  for (const name of ["nothing", "toString", undefined]) {
    assertThrows(
      () => Wave.atomic(buffer, untyped<"state">(name)),
      TypeError,
      "the struct has no such field",
    );
  }
  const packed = struct({ byte: "u8", word: "u32", long: "i64" }).packed();
  assertThrows(
    () => packed.atomic(buffer, "word"),
    TypeError,
    "Cannot use word atomically: byte 1 is not a multiple of 4",
  );
  packed.atomic(buffer, "word", 3).store(5);
  packed.atomic(buffer, "long", 3).store(6n);
  assertEquals(packed.read(buffer, 3), { byte: 0, word: 5, long: 6n });
});

Deno.test("atomic() counts across threads without losing one", async () => {
  const buffer = new SharedArrayBuffer(Wave.size);
  const code = `
    import { struct } from ${
    JSON.stringify(new URL("../../ffi/core/struct.ts", import.meta.url).href)
  };
    const Head = struct({ state: "i32", readers: "u32", count: "u64" });
    self.onmessage = ({ data }) => {
      const readers = Head.atomic(data, "readers");
      const count = Head.atomic(data, "count");
      for (let i = 0; i < 20000; i++) { readers.add(1); count.add(2n); }
      self.postMessage("done");
    };`;
  const url = `data:application/typescript,${encodeURIComponent(code)}`;
  const workers = [0, 1].map(() => new Worker(url, { type: "module" }));
  await Promise.all(workers.map((worker) =>
    new Promise((resolve) => {
      worker.onmessage = resolve;
      worker.postMessage(buffer);
    })
  ));
  workers.forEach((worker) => worker.terminate());
  assertStrictEquals(Wave.atomic(buffer, "readers").load(), 40000);
  assertStrictEquals(Wave.atomic(buffer, "count").load(), 80000n);
});

// Without its optimizing compilers V8 moves the values of a DataView byte by
// byte, and a peer can see a mix of two. A view must not do that.
for (const type of ["i16", "u32", "u64", "f64"] as const) {
  Deno.test(`view() never tears an aligned ${type} while its code is cold`, async () => {
    const writer = `
      import { struct } from ${
      JSON.stringify(new URL("../../ffi/core/struct.ts", import.meta.url).href)
    };
      const shared = new SharedArrayBuffer(64);
      const word = new BigInt64Array(shared), done = new Int32Array(shared, 32);
      const view = struct({ x: "${type}" }).view(shared);
      // All bytes of the two values differ.
      const [a, b] = { i16: [0, -1], u32: [0, 2 ** 32 - 1],
        u64: [0n, 2n ** 64n - 1n], f64: [0, -1.1885959257070704e148] }["${type}"];
      view.x = a;
      const whole = [word[0]]; view.x = b; whole.push(word[0]);
      const reader = new Worker("data:text/javascript," + encodeURIComponent(\`
        self.onmessage = ({ data: [shared, whole] }) => {
          const word = new BigInt64Array(shared), done = new Int32Array(shared, 32);
          const [a, b] = whole;
          let torn = 0, seen = 0;
          self.postMessage("go");
          do {
            const value = Atomics.load(word, 0);
            seen++;
            if (value !== a && value !== b) torn++;
          } while (Atomics.load(done, 0) === 0);
          self.postMessage({ torn, seen });
        };\`), { type: "module" });
      reader.onmessage = ({ data }) => {
        if (data === "go") {
          for (let i = 0; i < 300000; i++) { view.x = a; view.x = b; }
          Atomics.store(done, 0, 1);
        } else {
          console.log(whole.length, data.seen > 0, data.torn);
          reader.terminate();
        }
      };
      reader.postMessage([shared, whole]);`;
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "eval",
        "--no-lock",
        "--v8-flags=--no-opt,--no-maglev,--no-sparkplug",
        writer,
      ],
    }).output();
    const said = new TextDecoder().decode(stdout).trim();
    assertStrictEquals(said, "2 true 0", new TextDecoder().decode(stderr));
  });
}

Deno.test("view() uses one load for an aligned field in a packed struct", () => {
  // The typed arrays of a window begin at a multiple of 8, so whether a field
  // is aligned is decided by its address, not by its struct.
  const packed = struct({ byte: "u8", word: "u32" }).packed();
  const buffer = new ArrayBuffer(16);
  packed.view(buffer, 3).word = 0x01020304;
  packed.view(buffer, 8).word = 0x05060708;
  assertStrictEquals(new Uint32Array(buffer)[1], 0x01020304);
  assertStrictEquals(new DataView(buffer).getUint32(9, true), 0x05060708);
  assert(packed.view(buffer, 3).word === 0x01020304);
});
