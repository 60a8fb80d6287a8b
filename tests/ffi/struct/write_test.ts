/** Snapshots and checked writes of whole structs. */

import {
  array,
  type PartialValues,
  struct,
  text,
  type Values,
  type View,
} from "@libc/ipc";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";

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

Deno.test("read() is a plain copy of everything", () => {
  const { buffer, view } = fresh();
  view.i32 = 1;
  view.u64 = 9n;
  view.name = "wave";
  view.point.y = 2;
  view.grid.at(1)?.set(2, 7);
  view.points.set(2, { x: 4 });
  view.names.set(1, "ab");
  const values = Everything.read(buffer);
  view.i32 = 5;
  view.grid.at(1)?.set(2, 8);
  const expected: Values<typeof Everything.fields> = {
    i8: 0,
    u8: 0,
    i16: 0,
    u16: 0,
    i32: 1,
    u32: 0,
    i64: 0n,
    u64: 9n,
    f32: 0,
    f64: 0,
    bool: false,
    name: "wave",
    point: { x: 0, y: 2 },
    bytes: [0, 0, 0, 0],
    grid: [[0, 0, 0], [0, 0, 7]],
    points: [{ x: 0, y: 0 }, { x: 0, y: 0 }, { x: 4, y: 0 }],
    names: ["", "ab"],
  };
  assertEquals(values, expected);
  values.grid[0] = [];
  assertStrictEquals(view.grid.at(0)?.length, 3);
});

Deno.test("write() writes what is given and leaves the rest", () => {
  const { buffer, view } = fresh();
  new Uint8Array(buffer).fill(0x55);
  const before = Everything.read(buffer);
  Everything.write(buffer, {
    i32: -1,
    i64: undefined,
    point: { y: 3 },
    bytes: [9, 8],
    grid: [[1], [2, 3]],
    points: [{}, { x: 6 }],
    names: ["a"],
  });
  assertEquals(Everything.read(buffer), {
    ...before,
    i32: -1,
    point: { x: before.point.x, y: 3 },
    bytes: [9, 8, 0x55, 0x55],
    grid: [[1, 0x55555555, 0x55555555], [2, 3, 0x55555555]],
    points: [
      before.points[0] ?? { x: 0, y: 0 },
      { x: 6, y: before.points[1]?.y ?? 0 },
      before.points[2] ?? { x: 0, y: 0 },
    ],
    names: ["a", "UUUU"],
  });
  assertStrictEquals(view.i32, -1);
});

Deno.test("write() takes what read() gave, a view, and typed arrays", () => {
  const { buffer, view } = fresh();
  crypto.getRandomValues(new Uint8Array(buffer));
  view.bool = true;
  view.name = "all";
  view.names.fill("ab");
  view.f32 = 1;
  view.f64 = 1;
  for (const point of [view.point, ...view.points]) point.x = point.y = 2;
  const other = new ArrayBuffer(Everything.size);
  Everything.write(other, Everything.read(buffer));
  assertEquals(Everything.read(other), Everything.read(buffer));
  const third = new ArrayBuffer(Everything.size);
  Everything.write(third, view);
  assertEquals(Everything.read(third), Everything.read(buffer));
  Everything.write(third, {
    bytes: new Uint8Array([1, 2, 3, 4]),
    grid: [new Int32Array([5, 6, 7])],
  });
  assertEquals(Everything.read(third).bytes, [1, 2, 3, 4]);
  assertEquals(Everything.read(third).grid[0], [5, 6, 7]);
});

Deno.test("write() checks everything before the first byte", () => {
  const { buffer } = fresh();
  const refused = (
    values: unknown,
    error: typeof TypeError | typeof RangeError,
    message: string,
  ) => {
    const before = new Uint8Array(buffer).slice();
    const given = untyped<PartialValues<typeof Everything.fields>>(values);
    assertThrows(() => Everything.write(buffer, given), error, message);
    assertEquals(new Uint8Array(buffer), before);
  };
  refused({ i8: 1, names: ["a", "bcdef"] }, RangeError, "Cannot set names[1] ");
  refused({ i8: 1, point: { x: 1, y: "2" } }, TypeError, 'point.y to "2"');
  refused({ i8: 1, points: [{}, { y: true }] }, TypeError, "points[1].y to ");
  refused({ i8: 1, grid: [[1, 2, 3], [4, 0.5]] }, RangeError, "grid[1][1] to");
  refused({ i8: 1, grid: [[1, 2, 3, 4]] }, RangeError, "grid[0]: there are");
  refused({ i8: 1, grid: [[], [], []] }, RangeError, "grid: there are more");
  refused({ i8: 1, bytes: new Uint8Array(5) }, RangeError, "its 4 elements");
  refused({ i8: 1, bytes: new Int16Array([300]) }, RangeError, "bytes[0] to");
  refused({ i8: 1, bytes: "abcd" }, TypeError, 'bytes to "abcd": an array');
  refused({ i8: 1, bytes: 7 }, TypeError, "an array takes an iterable");
  refused({ i8: 1, point: null }, TypeError, "point to null: a struct takes");
  refused({ i8: 1, point: 3 }, TypeError, "point to 3: a struct takes");
  refused({ i8: 1, speed: 2 }, TypeError, "Cannot set speed: the struct has");
  refused({ i8: 1, point: { z: 2 } }, TypeError, "Cannot set point.z: the");
  refused({ i8: 1, name: "\0" }, TypeError, "must not contain NUL");
  refused({ i8: 1, u64: 5 }, TypeError, "u64 to 5");
  for (const bad of [undefined, null, 1, "x"]) {
    refused(bad, TypeError, "Cannot set a struct to ");
  }
});

Deno.test("write() stops reading an iterable that does not end", () => {
  const { buffer } = fresh();
  function* forever(): Generator<number> {
    for (;;) yield 1;
  }
  assertThrows(
    () => Everything.write(buffer, { bytes: forever() }),
    RangeError,
    "more values than its 4 elements",
  );
});

Deno.test("write() from a view of the same memory writes what was there", () => {
  const layout = struct({ a: array("u8", 4), b: array("u8", 4) });
  const buffer = new ArrayBuffer(8);
  const { a, b } = layout.view(buffer);
  a.copyFrom([1, 2, 3, 4]);
  b.copyFrom([5, 6, 7, 8]);
  layout.write(buffer, { a: b.typed(), b: a.typed() });
  assertEquals([...new Uint8Array(buffer)], [5, 6, 7, 8, 1, 2, 3, 4]);
});
