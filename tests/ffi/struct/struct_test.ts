/** Layouts: sizes, offsets, hashes, names, and where a struct may be placed. */

import {
  array,
  type Fields,
  type FieldType,
  type MappedMemory,
  type ScalarType,
  type Struct,
  struct,
  text,
} from "@libc/ipc";
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";

const Wave = struct({
  state: "i32",
  waveform: "i32",
  value: "i32",
  time: "f64",
  period: "f64",
});

/** A fake mapping: closing detaches it, as with a real one. */
class Memory implements MappedMemory {
  readonly size: number;
  readonly readOnly: boolean;
  #buffer: ArrayBuffer;

  constructor(size: number, readOnly = false, bytes = size) {
    this.size = size;
    this.readOnly = readOnly;
    this.#buffer = new ArrayBuffer(bytes);
  }

  memory(): ArrayBuffer {
    if (this.#buffer.detached) throw new TypeError("Cannot read a closed test");
    return this.#buffer;
  }

  close(): void {
    this.#buffer.transfer(0);
  }
}

/** A value as an untyped caller can pass it. */
function untyped<T>(value: unknown): T {
  return value as T;
}

Deno.test("struct() pads as C does", () => {
  assertStrictEquals(Wave.kind, "struct");
  assertStrictEquals(Wave.size, 32);
  assertStrictEquals(Wave.align, 8);
  assertEquals(
    { ...Wave.offsets },
    { state: 0, waveform: 4, value: 8, time: 16, period: 24 },
  );
  const ends = struct({ time: "f64", flag: "u8" });
  assertStrictEquals(ends.size, 16);
});

Deno.test("struct() aligns every scalar to its size", () => {
  const sizes: Record<ScalarType, number> = {
    i8: 1,
    u8: 1,
    bool: 1,
    i16: 2,
    u16: 2,
    i32: 4,
    u32: 4,
    f32: 4,
    i64: 8,
    u64: 8,
    f64: 8,
  };
  for (const [type, size] of Object.entries(sizes)) {
    const layout = struct({ first: "u8", field: untyped<ScalarType>(type) });
    assertStrictEquals(layout.offsets.field, size, type);
    assertStrictEquals(layout.size, 2 * size, type);
    assertStrictEquals(layout.align, size, type);
  }
});

Deno.test("struct() lays out arrays, text and structs inside", () => {
  const layout = struct({
    first: "u8",
    grid: array(array("i16", 3), 2),
    name: text(5),
    inner: struct({ a: "u8", b: "u32" }),
    list: array(struct({ a: "u16", b: "u8" }), 3),
  });
  assertEquals(
    { ...layout.offsets },
    { first: 0, grid: 2, name: 14, inner: 20, list: 28 },
  );
  assertStrictEquals(layout.size, 40);
  assertStrictEquals(layout.align, 4);
});

Deno.test("packed() leaves out the padding and sets the alignment to 1", () => {
  const packed = Wave.packed();
  assertStrictEquals(packed.size, 28);
  assertStrictEquals(packed.align, 1);
  assertStrictEquals(packed.offsets.time, 12);
  assertStrictEquals(Wave.size, 32);
  assertStrictEquals(Wave.packed(), packed);
});

Deno.test("packed() leaves the inside of nested structs as it is", () => {
  const inner = struct({ a: "u8", b: "u32" });
  const outer = struct({ a: "u8", inner });
  assertStrictEquals(outer.packed().size, 9);
  assertStrictEquals(outer.packed().offsets.inner, 1);
  const both = struct({ a: "u8", inner: inner.packed() }).packed();
  assertStrictEquals(both.size, 6);
});

Deno.test("struct() keeps the fields in order and unchangeable", () => {
  const given: Record<string, FieldType> = { b: "u8", a: "u16" };
  const layout = struct(given);
  given.c = "u32";
  assertEquals(Object.keys(layout.fields), ["b", "a"]);
  assertEquals(Object.keys(layout.offsets), ["b", "a"]);
  assert(Object.isFrozen(layout.fields));
  assert(Object.isFrozen(layout.offsets));
  assert(Object.isFrozen(layout));
});

Deno.test("Struct.hash is FNV-1a of names, types, offsets and size", () => {
  // Other processes hash the same canonical text: it must never change.
  const layout = struct({ a: "u8", b: array(struct({ c: "i64" }), 2) });
  const canonical = '{"a":u8@0,"b":{"c":i64@0;8}[2]@8;24}';
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(canonical)) {
    hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) % 2n ** 64n;
  }
  assertStrictEquals(layout.hash, hash);
  assertStrictEquals(layout.hash, layout.hash);
});

Deno.test("Struct.hash is the same for the same layout and differs otherwise", () => {
  const base = { a: "u32", b: "u32", c: text(4) } as const;
  assertStrictEquals(struct(base).hash, struct({ ...base }).hash);
  const others = [
    struct({ a: "u32", x: "u32", c: text(4) }),
    struct({ a: "u32", b: "i32", c: text(4) }),
    struct({ b: "u32", a: "u32", c: text(4) }),
    struct({ a: "u32", b: "u32", c: array("u8", 4) }),
    struct({ a: "u32", b: "u32" }),
    struct({ ...base, d: "u8" }),
    struct({ ...base, c: text(3) }),
    struct({ ...base, c: struct({ c: text(4) }) }),
  ];
  const hashes = new Set([struct(base).hash, ...others.map((o) => o.hash)]);
  assertStrictEquals(hashes.size, others.length + 1);
  assertNotEquals(Wave.hash, Wave.packed().hash);
});

Deno.test("Struct.hash tells apart names that look like layout", () => {
  const one = struct({ 'a":u8@0,"b': "u8" });
  const two = struct({ a: "u8", b: "u8" });
  assertNotEquals(one.hash, two.hash);
});

Deno.test("Struct.hash is the same in another process", async () => {
  const module = import.meta.resolve("@libc/ipc/struct");
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--no-lock",
      `import { array, struct, text } from ${JSON.stringify(module)};
       console.log(struct({ a: "i32", n: text(9), g: array("f64", 3) }).hash);`,
    ],
  }).output();
  const here = struct({ a: "i32", n: text(9), g: array("f64", 3) }).hash;
  const there = new TextDecoder().decode(stdout).trim();
  assertStrictEquals(there, `${here}n`, new TextDecoder().decode(stderr));
});

Deno.test("struct() refuses what is no object of fields", () => {
  for (const bad of [undefined, null, 1, "i32"]) {
    assertThrows(
      () => struct(untyped<Fields>(bad)),
      TypeError,
      "struct() takes an object of fields",
    );
  }
  assertThrows(() => struct({}), TypeError, "without fields");
});

Deno.test("struct() refuses field names it cannot keep", () => {
  const named = (name: string | symbol) => () =>
    struct(untyped<Fields>(Object.fromEntries([[name, "u8"]])));
  assertThrows(named(""), TypeError, "must not be empty");
  assertThrows(named("__proto__"), TypeError, '"__proto__" as a field name');
  assertThrows(named("constructor"), TypeError, '"constructor" as a field');
  assertThrows(named(Symbol("s")), TypeError, "a symbol as a field name");
  // { b: …, 0: … } would put 0 first.
  assertThrows(named("0"), TypeError, "the order of numeric names");
  assertThrows(named("12"), TypeError, "the order of numeric names");
  assertStrictEquals(struct({ "a b": "u8", "01": "u8", "ß": "u8" }).size, 3);
});

Deno.test("struct() refuses types it does not know, with the path", () => {
  const typed = (type: unknown) => () => struct({ a: untyped<"u8">(type) });
  assertThrows(
    typed("u9"),
    TypeError,
    'Cannot lay out a: "u9" is not a scalar',
  );
  assertThrows(typed("toString"), TypeError, '"toString"');
  assertThrows(typed(undefined), TypeError, "undefined");
  assertThrows(typed(null), TypeError, "null");
  assertThrows(
    typed(array(untyped<"u8">("u9"), 2)),
    TypeError,
    'Cannot lay out a[]: "u9"',
  );
  // It looks like a struct, but its size was never checked.
  assertThrows(
    typed({ kind: "struct", fields: {}, size: 1, align: 1 }),
    TypeError,
    "an object is not a scalar type, array(), text() or struct()",
  );
});

Deno.test("array() and text() refuse lengths that are no positive integer", () => {
  for (const bad of [0, -1, 1.5, NaN, Infinity, 2 ** 31 + 1]) {
    assertThrows(() => array("u8", bad), RangeError, `of length ${bad}`);
    assertThrows(() => text(bad), RangeError, `of length ${bad}`);
  }
  for (const bad of ["4", undefined, 4n]) {
    assertThrows(() => array("u8", untyped<number>(bad)), TypeError, "length");
    assertThrows(() => text(untyped<number>(bad)), TypeError, "length");
  }
  // The same for an array that was not created by array().
  const forged = { kind: "array", element: "u8", length: 0.5 } as const;
  assertThrows(() => struct({ a: forged }), RangeError, "of length 0.5");
});

Deno.test("struct() refuses more than 2^31 bytes", () => {
  assertStrictEquals(struct({ a: array("u8", 2 ** 31) }).size, 2 ** 31);
  assertThrows(
    () => struct({ a: array("u16", 2 ** 31) }),
    RangeError,
    "4294967296 bytes",
  );
  assertThrows(
    () => struct({ a: array("u8", 2 ** 31), b: "u8" }),
    RangeError,
    "2147483649 bytes",
  );
  // The size is not rounded on the way: 2^31 * 2^31 * 2^31 is not a safe
  // integer.
  assertThrows(
    () => struct({ a: array(array(array("u8", 2 ** 31), 2 ** 31), 2 ** 31) }),
    RangeError,
    "the limit is 2147483648",
  );
});

Deno.test("view() works on every kind of source", () => {
  const buffer = new ArrayBuffer(96);
  const shared = new SharedArrayBuffer(96);
  const sources = [
    buffer,
    shared,
    new Uint8Array(buffer),
    new Float64Array(shared),
    new DataView(buffer),
    new Memory(96),
  ];
  for (const source of sources) {
    Wave.view(source, 8).time = 2.5;
    assertStrictEquals(Wave.read(source, 8).time, 2.5);
    assertStrictEquals(Wave.read(source, 32).time, 0);
  }
  assertStrictEquals(new DataView(buffer).getFloat64(24, true), 2.5);
  assertStrictEquals(new DataView(shared).getFloat64(24, true), 2.5);
});

Deno.test("view() refuses other sources", () => {
  for (const bad of [undefined, null, 32, "x", {}, [], { memory: 1 }]) {
    assertThrows(
      () => Wave.view(untyped<ArrayBuffer>(bad)),
      TypeError,
      "it must be a mapping, a buffer or a view of one",
    );
  }
  assertThrows(
    () => Wave.view(untyped<Memory>({ size: 64, memory: () => [] })),
    TypeError,
    "memory() gave no buffer",
  );
});

Deno.test("view() is a part of the source and never more", () => {
  const source = new Uint8Array(64);
  assertStrictEquals(Wave.view(source, 32).state, 0);
  const error = assertThrows(() => Wave.view(source, 40), RangeError);
  assert(error.message.includes("offset 40"), error.message);
  assert(error.message.includes("32 bytes"), error.message);
  assert(error.message.includes("64 bytes of the source"), error.message);
  assertThrows(() => Wave.view(new ArrayBuffer(31)), RangeError, "31 bytes");
  assertThrows(() => Wave.read(source, 64), RangeError, "offset 64");
  assertThrows(() => Wave.write(source, {}, 64), RangeError, "offset 64");
  assertThrows(() => Wave.atomic(source, "state", 64), RangeError, "64");
  assertThrows(() => Wave.view(source, 2 ** 53 - 8), RangeError, "source");
  // A part of a buffer is the limit, even if the buffer goes on behind it.
  const part = new Uint8Array(new ArrayBuffer(128), 8, 40);
  assertStrictEquals(Wave.view(part, 8).state, 0);
  assertThrows(() => Wave.view(part, 16), RangeError, "the 40 bytes");
  // A mapping may be shorter than its buffer, or claim to be longer.
  assertThrows(() => Wave.view(new Memory(24, false, 64)), RangeError, "24");
  assertThrows(() => Wave.view(new Memory(64, false, 24)), RangeError, "24");
});

Deno.test("view() refuses offsets that are no integer of at least 0", () => {
  const source = new ArrayBuffer(64);
  for (const bad of [-8, 0.5, NaN, Infinity, -Infinity, 2 ** 60]) {
    assertThrows(() => Wave.view(source, bad), RangeError, `offset ${bad}`);
  }
  assertThrows(
    () => Wave.view(source, untyped<number>("8")),
    RangeError,
    '"8"',
  );
  assertThrows(() => Wave.view(source, untyped<number>(8n)), RangeError, "8n");
});

Deno.test("view() refuses offsets that are not aligned in the buffer", () => {
  const buffer = new ArrayBuffer(96);
  const error = assertThrows(() => Wave.view(buffer, 4), RangeError);
  assert(error.message.includes("offset 4"), error.message);
  assert(error.message.includes("a multiple of 8"), error.message);
  // The offset in the underlying buffer decides.
  const part = new Uint8Array(buffer, 4);
  assertThrows(() => Wave.view(part, 0), RangeError, "byte 4 of the buffer");
  assertThrows(() => Wave.view(part, 8), RangeError, "byte 12 of the buffer");
  Wave.view(part, 4).state = 7;
  assertStrictEquals(new Int32Array(buffer)[2], 7);
});

Deno.test("view() of a packed struct may lie anywhere", () => {
  const buffer = new ArrayBuffer(64);
  const view = Wave.packed().view(buffer, 3);
  view.time = -1.5;
  view.value = 0x01020304;
  assertStrictEquals(new DataView(buffer).getFloat64(3 + 12, true), -1.5);
  assertStrictEquals(new DataView(buffer).getInt32(3 + 8, true), 0x01020304);
  assertStrictEquals(view.time, -1.5);
  assertStrictEquals(view.value, 0x01020304);
});

Deno.test("view() sees a buffer that grows and throws when it shrinks", () => {
  const buffer = new ArrayBuffer(32, { maxByteLength: 128 });
  assertThrows(() => Wave.view(buffer, 32), RangeError);
  const first = Wave.view(buffer);
  buffer.resize(64);
  const view = Wave.view(buffer, 32);
  view.time = 1;
  first.time = 2;
  assertStrictEquals(Wave.read(buffer, 32).time, 1);
  buffer.resize(32);
  assertThrows(() => view.time, TypeError);
  assertThrows(() => view.time = 2, TypeError);
  assertStrictEquals(first.time, 2);
  assertStrictEquals(Wave.read(buffer).time, 2);
  // Packed structs may start anywhere, in this buffer as well.
  Wave.packed().view(buffer, 3).value = 5;
  assertStrictEquals(Wave.packed().read(buffer, 3).value, 5);
  const shared = new SharedArrayBuffer(32, { maxByteLength: 64 });
  assertStrictEquals(Wave.read(shared).time, 0);
  shared.grow(64);
  Wave.view(shared, 32).time = 3;
  assertStrictEquals(Wave.read(shared, 32).time, 3);
});

// Only the touched pages of these 5 GiB are allocated.
const huge = allocate(5 * 2 ** 30);

function allocate(size: number): ArrayBuffer | undefined {
  try {
    return new ArrayBuffer(size);
  } catch {
    return undefined;
  }
}

Deno.test({
  name: `view() reaches memory beyond 4 GiB${
    huge ? "" : " [skipped: no room for it]"
  }`,
  ignore: huge === undefined,
  fn() {
    const buffer = huge ?? new ArrayBuffer(0);
    const offset = buffer.byteLength - 32;
    const view = Wave.view(buffer, offset);
    view.time = 1.25;
    view.value = -9;
    assertStrictEquals(Wave.read(buffer, offset).time, 1.25);
    assertStrictEquals(new DataView(buffer, offset).getFloat64(16, true), 1.25);
    assertStrictEquals(new DataView(buffer, offset).getInt32(8, true), -9);
    const wide = struct({ first: array("u8", 2 ** 31 - 8), last: "u32" });
    wide.view(buffer, 2 ** 31).last = 0xfedcba98;
    const at = 2 ** 31 + wide.offsets.last;
    assertStrictEquals(new DataView(buffer).getUint32(at, true), 0xfedcba98);
  },
});

Deno.test("struct() of known fields is a Struct<Fields>", () => {
  const sizeOf = (layout: Struct<Fields>): number => layout.size;
  assertStrictEquals(sizeOf(Wave), 32);
  assertStrictEquals(sizeOf(struct({ wave: Wave, n: "u64" })), 40);
});
