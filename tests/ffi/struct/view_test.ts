/** Live views: reading, writing, and refused values. */

import { array, type ScalarType, struct, text, type View } from "@libc/ipc";
import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";

const Point = struct({ x: "f32", y: "f32" });
const Everything = struct({
  i8: "i8",
  u8: "u8",
  i16: "i16",
  u16: "u16",
  i32: "i32",
  u32: "u32",
  i64: "i64",
  u64: "u64",
  f32: "f32",
  f64: "f64",
  bool: "bool",
  name: text(8),
  point: Point,
  bytes: array("u8", 4),
  grid: array(array("i32", 3), 2),
  points: array(Point, 3),
  names: array(text(4), 2),
});

function fresh(): {
  buffer: ArrayBuffer;
  view: View<typeof Everything.fields>;
} {
  const buffer = new ArrayBuffer(Everything.size);
  return { buffer, view: Everything.view(buffer) };
}

/** A value as an untyped caller can pass it. */
function untyped<T>(value: unknown): T {
  return value as T;
}

const RANGES: ReadonlyArray<readonly [ScalarType, number, number]> = [
  ["i8", -128, 127],
  ["u8", 0, 255],
  ["i16", -32768, 32767],
  ["u16", 0, 65535],
  ["i32", -(2 ** 31), 2 ** 31 - 1],
  ["u32", 0, 2 ** 32 - 1],
];
const BIG_RANGES: ReadonlyArray<readonly [ScalarType, bigint, bigint]> = [
  ["i64", -(2n ** 63n), 2n ** 63n - 1n],
  ["u64", 0n, 2n ** 64n - 1n],
];

Deno.test("view() reads and writes scalars where C has them", () => {
  const { buffer, view } = fresh();
  const data = new DataView(buffer);
  const { offsets } = Everything;
  view.i8 = -2;
  view.u8 = 200;
  view.i16 = -300;
  view.u16 = 60000;
  view.i32 = -70000;
  view.u32 = 4000000000;
  view.i64 = -5000000000n;
  view.u64 = 18000000000000000000n;
  view.f32 = 0.5;
  view.f64 = Math.PI;
  view.bool = true;
  assertStrictEquals(data.getInt8(offsets.i8), -2);
  assertStrictEquals(data.getUint8(offsets.u8), 200);
  assertStrictEquals(data.getInt16(offsets.i16, true), -300);
  assertStrictEquals(data.getUint16(offsets.u16, true), 60000);
  assertStrictEquals(data.getInt32(offsets.i32, true), -70000);
  assertStrictEquals(data.getUint32(offsets.u32, true), 4000000000);
  assertStrictEquals(data.getBigInt64(offsets.i64, true), -5000000000n);
  assertStrictEquals(
    data.getBigUint64(offsets.u64, true),
    18000000000000000000n,
  );
  assertStrictEquals(data.getFloat32(offsets.f32, true), 0.5);
  assertStrictEquals(data.getFloat64(offsets.f64, true), Math.PI);
  assertStrictEquals(data.getUint8(offsets.bool), 1);
  // And back, also after a change from elsewhere.
  assertEquals(
    [view.i8, view.u8, view.i16, view.u16, view.i32, view.u32, view.f32],
    [-2, 200, -300, 60000, -70000, 4000000000, 0.5],
  );
  assertEquals([view.i64, view.u64, view.f64, view.bool], [
    -5000000000n,
    18000000000000000000n,
    Math.PI,
    true,
  ]);
  data.setInt32(offsets.i32, 42, true);
  assertStrictEquals(view.i32, 42);
});

Deno.test("view() takes the whole range of every integer, and no more", () => {
  for (const packed of [false, true]) {
    for (const [type, low, high] of [...RANGES, ...BIG_RANGES]) {
      const natural = struct({ pad: "u8", x: type });
      const layout = packed ? natural.packed() : natural;
      const view = layout.view(new ArrayBuffer(16));
      const x = untyped<{ x: number | bigint }>(view);
      for (const value of [low, high]) {
        x.x = value;
        assertStrictEquals(x.x, value, type);
      }
      const one = typeof low === "bigint" ? 1n : 1;
      for (const bad of [untyped<number>(low) - untyped<number>(one)]) {
        assertThrows(() => x.x = bad, RangeError, `Cannot set x to ${bad}`);
      }
      for (const bad of [untyped<number>(high) + untyped<number>(one)]) {
        assertThrows(() => x.x = bad, RangeError, `Cannot set x to ${bad}`);
      }
      assertStrictEquals(x.x, high, "unchanged by refused values");
    }
  }
});

Deno.test("view() refuses fractions for integers, and shows them", () => {
  for (const [type] of RANGES) {
    const view = struct({ level: type }).view(new ArrayBuffer(8));
    const level = untyped<{ level: number }>(view);
    for (const bad of [1.5, NaN, Infinity, -Infinity]) {
      const error = assertThrows(() => level.level = bad, RangeError);
      assert(error.message.startsWith(`Cannot set level to ${bad}: ${type} `));
    }
    level.level = -0;
    assertStrictEquals(level.level, 0);
  }
});

Deno.test("view() refuses other types, and shows them", () => {
  const values: Record<string, unknown> = {
    number: 1,
    bigint: 1n,
    boolean: true,
    string: "1",
    undefined: undefined,
    null: null,
    object: { valueOf: () => 1 },
    symbol: Symbol("one"),
  };
  const takes: Record<ScalarType, string> = {
    i8: "number",
    u8: "number",
    i16: "number",
    u16: "number",
    i32: "number",
    u32: "number",
    f32: "number",
    f64: "number",
    i64: "bigint",
    u64: "bigint",
    bool: "boolean",
  };
  for (const [type, right] of Object.entries(takes)) {
    const layout = struct({ x: untyped<ScalarType>(type) });
    const view = untyped<{ x: unknown }>(layout.view(new ArrayBuffer(8)));
    for (const [kind, value] of Object.entries(values)) {
      if (kind === right) {
        view.x = value;
        assertEquals(Number(view.x), 1, `${type} takes ${kind}`);
      } else {
        assertThrows(() => view.x = value, TypeError, "Cannot set x to ");
      }
    }
  }
});

Deno.test("view() takes every number for floats, rounded to f32 for f32", () => {
  const { view } = fresh();
  for (const value of [0.1, -0, 1e300, NaN, Infinity, 5e-324]) {
    view.f64 = value;
    assert(Object.is(view.f64, value), String(value));
    view.f32 = value;
    assert(Object.is(view.f32, Math.fround(value)), String(value));
  }
});

Deno.test("view() has bool in one byte, and any non-zero is true", () => {
  const { buffer, view } = fresh();
  const bytes = new Uint8Array(buffer);
  for (const [byte, value] of [[0, false], [1, true], [2, true], [255, true]]) {
    bytes[Everything.offsets.bool] = Number(byte);
    assertStrictEquals(view.bool, value);
  }
  view.bool = false;
  assertStrictEquals(bytes[Everything.offsets.bool], 0);
  view.bool = true;
  assertStrictEquals(bytes[Everything.offsets.bool], 1);
});

Deno.test("text() is UTF-8 and NUL-terminated where it is shorter", () => {
  const { buffer, view } = fresh();
  const bytes = new Uint8Array(buffer, Everything.offsets.name, 8);
  bytes.fill(0xff);
  view.name = "Zoë";
  assertEquals([...bytes], [90, 111, 0xc3, 0xab, 0, 0, 0, 0]);
  assertStrictEquals(view.name, "Zoë");
  view.name = "12345678";
  assertStrictEquals(view.name, "12345678");
  assertStrictEquals(view.bool, false, "the field before is untouched");
  assertStrictEquals(view.point.x, 0, "the field behind is untouched");
  view.name = "\u{1f600}\u{1f600}";
  assertStrictEquals(view.name, "\u{1f600}\u{1f600}");
  view.name = "";
  assertEquals([...bytes], [0, 0, 0, 0, 0, 0, 0, 0]);
});

Deno.test("text() keeps a byte order mark and the text behind a NUL out", () => {
  const { buffer, view } = fresh();
  view.name = "\ufeffa";
  assertStrictEquals(view.name, "\ufeffa");
  const bytes = new Uint8Array(buffer, Everything.offsets.name, 8);
  bytes.set(new TextEncoder().encode("ab\0cdefg"));
  assertStrictEquals(view.name, "ab");
});

Deno.test("text() refuses what does not fit, NUL and other types", () => {
  const { view } = fresh();
  view.name = "before";
  const long = assertThrows(() => view.name = "123456789", RangeError);
  assert(long.message.includes('name to "123456789"'), long.message);
  assert(long.message.includes("9 bytes of UTF-8 do not fit 8"), long.message);
  assertThrows(() => view.name = "äääää", RangeError, "10 bytes");
  assertThrows(() => view.name = "x".repeat(999), RangeError, "999 bytes");
  assertThrows(() => view.name = "a\0b", TypeError, "must not contain NUL");
  for (const bad of [1, null, undefined, ["a"]]) {
    assertThrows(
      () => view.name = untyped<string>(bad),
      TypeError,
      "text takes a string",
    );
  }
  assertStrictEquals(view.name, "before");
});

Deno.test("text() from a hostile peer decodes with U+FFFD", () => {
  const { buffer, view } = fresh();
  const bytes = new Uint8Array(buffer, Everything.offsets.name, 8);
  bytes.set([0x61, 0xff, 0x62, 0xc3, 0, 0, 0, 0]);
  assertStrictEquals(view.name, "a\ufffdb\ufffd");
  // The end of the field cuts off this character.
  bytes.set([0x61, 0x61, 0x61, 0x61, 0x61, 0xf0, 0x9f, 0x98]);
  assertStrictEquals(view.name, "aaaaa\ufffd");
  view.name = "\ud800";
  assertStrictEquals(view.name, "\ufffd");
});

Deno.test("text() of every length comes back", () => {
  for (const size of [1, 24, 25, 255, 256, 257, 5000]) {
    const layout = struct({ before: "u8", text: text(size), after: "u8" });
    for (const memory of [ArrayBuffer, SharedArrayBuffer]) {
      const view = layout.view(new memory(layout.size));
      for (const length of [0, 1, size - 1, size]) {
        view.text = "x".repeat(length);
        assertStrictEquals(view.text, "x".repeat(length));
        view.text = "é".repeat(length >> 1);
        assertStrictEquals(view.text, "é".repeat(length >> 1));
      }
      const refused = (value: string) =>
        assertThrows(() => view.text = value, RangeError, `not fit ${size}`);
      refused("x".repeat(size + 1));
      refused("é".repeat(size));
      assertEquals([view.before, view.after], [0, 0]);
    }
  }
});

Deno.test("view() has nested structs as live views, the same each time", () => {
  const { buffer, view } = fresh();
  const { point } = view;
  point.x = 1.5;
  assertStrictEquals(view.point, point);
  assertStrictEquals(Point.read(buffer, Everything.offsets.point).x, 1.5);
  Point.write(buffer, { y: -2 }, Everything.offsets.point);
  assertStrictEquals(point.y, -2);
});

Deno.test("view() refuses nested structs and arrays as a whole", () => {
  const { view } = fresh();
  const loose = untyped<Record<string, unknown>>(view);
  assertThrows(() => loose.point = { x: 1 }, TypeError, "Cannot set point as");
  assertThrows(() => loose.bytes = [1], TypeError, "Cannot set bytes as");
  assertStrictEquals(view.point.x, 0);
});

Deno.test("view() refuses properties that are no fields", () => {
  const { view } = fresh();
  const loose = untyped<Record<string, unknown>>(view);
  assertThrows(() => loose.i3 = 1, TypeError);
  const elements = untyped<Record<number, number>>(view.bytes);
  assertThrows(() => elements[0] = 1, TypeError);
  assertStrictEquals(view.bytes.at(0), 0);
});

Deno.test("view() of many structs does not mix their fields", () => {
  for (let i = 0; i < 20; i++) {
    const layout = struct({ pad: array("u8", 4 * i + 1), x: "u32" });
    const buffer = new ArrayBuffer(layout.size);
    layout.view(buffer).x = i + 1;
    const data = new DataView(buffer);
    assertStrictEquals(data.getUint32(layout.offsets.x, true), i + 1);
    assertStrictEquals(layout.view(buffer).x, i + 1);
  }
});

Deno.test("view() shows its fields to JSON.stringify() and Deno.inspect()", () => {
  const layout = struct({
    id: "u64",
    name: text(4),
    at: Point,
    list: array("u8", 2),
  });
  const view = layout.view(new ArrayBuffer(layout.size));
  view.id = 2n ** 63n;
  view.name = "ab";
  view.at.x = 1;
  const { list } = view;
  list.set(1, 9);
  assertStrictEquals(
    JSON.stringify(view),
    '{"id":"9223372036854775808","name":"ab","at":{"x":1,"y":0},"list":[0,9]}',
  );
  assertStrictEquals(JSON.stringify([list, view.at]), '[[0,9],{"x":1,"y":0}]');
  const plain = { id: 2n ** 63n, name: "ab", at: { x: 1, y: 0 }, list: [0, 9] };
  assertStrictEquals(Deno.inspect(view), Deno.inspect(plain));
  assertStrictEquals(Deno.inspect(list), "[ 0, 9 ]");
  assertStrictEquals(Deno.inspect(view.at), "{ x: 1, y: 0 }");
});

Deno.test("view() has fields called toJSON, size, length or toString", () => {
  const layout = struct({
    toJSON: "u8",
    toString: "u8",
    size: "u8",
    view: "u8",
  });
  const buffer = new ArrayBuffer(layout.size);
  const view = layout.view(buffer);
  view.toJSON = 1;
  view.toString = 2;
  view.size = 3;
  view.view = 4;
  assertEquals([...new Uint8Array(buffer)], [1, 2, 3, 4]);
  assertStrictEquals(
    Deno.inspect(view),
    "{ toJSON: 1, toString: 2, size: 3, view: 4 }",
  );
});
