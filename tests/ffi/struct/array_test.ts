/** Arrays in struct views: elements, iteration, typed arrays. */

import {
  array,
  type ArrayView,
  type Fields,
  type ScalarArrayView,
  type ScalarType,
  type Struct,
  struct,
  text,
} from "@libc/ipc";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";

const Point = struct({ x: "i16", y: "i16" });

/** A value as an untyped caller can pass it. */
function untyped<T>(value: unknown): T {
  return value as T;
}

function viewOf<F extends Fields>(
  layout: Struct<F>,
): ReturnType<Struct<F>["view"]> {
  return layout.view(new ArrayBuffer(layout.size));
}

Deno.test("ArrayView at() counts from either end", () => {
  const { list } = viewOf(struct({ list: array("u16", 4) }));
  list.copyFrom([10, 11, 12, 13]);
  assertStrictEquals(list.length, 4);
  assertEquals([0, 1, 2, 3].map((i) => list.at(i)), [10, 11, 12, 13]);
  assertEquals([-1, -4].map((i) => list.at(i)), [13, 10]);
  for (const beyond of [4, -5, 2 ** 31, -(2 ** 31), Infinity, -Infinity]) {
    assertStrictEquals(list.at(beyond), undefined, String(beyond));
  }
  // As in Array.prototype.at.
  assertEquals([1.9, -0.5, NaN].map((i) => list.at(i)), [11, 10, 10]);
});

Deno.test("ArrayView set() writes one element", () => {
  const layout = struct({ before: "u16", list: array("u16", 3), after: "u16" });
  const view = viewOf(layout);
  view.list.set(0, 1);
  view.list.set(-1, 3);
  assertEquals(layout.fields.list.length, 3);
  assertEquals([view.before, ...view.list, view.after], [0, 1, 0, 3, 0]);
});

Deno.test("ArrayView set() refuses elements that are not there", () => {
  const { list } = viewOf(struct({ list: array("u8", 3) }));
  for (const bad of [3, -4, 0.5, NaN, Infinity]) {
    assertThrows(
      () => list.set(bad, 1),
      RangeError,
      `Cannot set list[${bad}]: the array has 3 elements`,
    );
  }
  for (const bad of ["1", undefined, 1n]) {
    assertThrows(() => list.set(untyped<number>(bad), 1), RangeError, "list[");
  }
  assertEquals(list.toArray(), [0, 0, 0]);
});

Deno.test("ArrayView set() refuses wrong values and names the element", () => {
  const view = viewOf(struct({
    bytes: array("u8", 2),
    names: array(text(2), 2),
    grid: array(array("i32", 2), 2),
    points: array(Point, 2),
  }));
  assertThrows(() => view.bytes.set(-1, 256), RangeError, "bytes[1] to 256");
  assertThrows(
    () => view.bytes.set(0, untyped<number>("1")),
    TypeError,
    'bytes[0] to "1"',
  );
  assertThrows(() => view.names.set(1, "abc"), RangeError, 'names[1] to "abc"');
  assertThrows(
    () => view.grid.at(1)?.set(0, 0.5),
    RangeError,
    "grid[1][0] to 0.5",
  );
  assertThrows(() => view.grid.set(0, [1, 2, 3]), RangeError, "grid[0]: there");
  assertThrows(
    () => view.points.set(1, { x: 1, y: 70000 }),
    RangeError,
    "points[1].y to 70000",
  );
  assertEquals(JSON.stringify(view.points), '[{"x":0,"y":0},{"x":0,"y":0}]');
});

Deno.test("ArrayView of structs has live views, the same each time", () => {
  const layout = struct({ points: array(Point, 3) });
  const buffer = new ArrayBuffer(layout.size);
  const { points } = layout.view(buffer);
  const last = points.at(-1);
  assertStrictEquals(points.at(2), last);
  if (last !== undefined) last.y = 5;
  points.set(1, { x: 4 });
  points.set(2, { x: 6 });
  assertEquals([...new Int16Array(buffer)], [0, 0, 4, 0, 6, 5]);
  assertEquals([...points].map((point) => point.x), [0, 4, 6]);
  assertEquals(points.toArray(), [
    { x: 0, y: 0 },
    { x: 4, y: 0 },
    { x: 6, y: 5 },
  ]);
});

Deno.test("ArrayView of arrays lies as in C", () => {
  const layout = struct({ grid: array(array("i32", 3), 2) });
  const buffer = new ArrayBuffer(layout.size);
  const { grid } = layout.view(buffer);
  grid.at(1)?.set(0, 7);
  grid.set(0, [1, 2]);
  assertStrictEquals(grid.at(0), grid.at(0));
  assertEquals([...new Int32Array(buffer)], [1, 2, 0, 7, 0, 0]);
  assertEquals([...grid].map((row) => [...row]), [[1, 2, 0], [7, 0, 0]]);
});

Deno.test("ArrayView of text has strings", () => {
  const { names } = viewOf(struct({ names: array(text(3), 3) }));
  names.copyFrom(["a", "bcd"]);
  names.set(2, "é");
  assertEquals([...names], ["a", "bcd", "é"]);
  assertStrictEquals(names.at(1), "bcd");
});

Deno.test("ArrayView fill() sets every element", () => {
  const layout = struct({
    before: "u8",
    bytes: array("u8", 3),
    flags: array("bool", 2),
    big: array("u64", 2),
    names: array(text(2), 2),
    grid: array(array("u8", 2), 2),
    points: array(Point, 2),
    after: "u8",
  });
  const view = viewOf(layout);
  view.bytes.fill(7);
  view.flags.fill(true);
  view.big.fill(2n ** 64n - 1n);
  view.names.fill("x");
  view.grid.fill([1]);
  // An iterable that can be consumed only once fills every element, too.
  view.grid.fill(new Set([3]).values());
  view.points.at(0)?.y;
  view.points.fill({ x: 2 });
  assertEquals(JSON.parse(JSON.stringify(view)), {
    before: 0,
    bytes: [7, 7, 7],
    flags: [true, true],
    big: ["18446744073709551615", "18446744073709551615"],
    names: ["x", "x"],
    grid: [[3, 0], [3, 0]],
    points: [{ x: 2, y: 0 }, { x: 2, y: 0 }],
    after: 0,
  });
  assertThrows(() => view.bytes.fill(256), RangeError, "bytes[] to 256");
  assertThrows(() => view.names.fill("abc"), RangeError, 'names[] to "abc"');
  assertEquals(view.bytes.toArray(), [7, 7, 7]);
});

Deno.test("ArrayView copyFrom() takes any iterable and leaves the rest", () => {
  const view = viewOf(
    struct({ list: array("i32", 4), flags: array("bool", 2) }),
  );
  const { list } = view;
  list.copyFrom(new Set([1, 2, 3, 4]));
  list.copyFrom([9, 8]);
  assertEquals(list.toArray(), [9, 8, 3, 4]);
  list.copyFrom(new Int32Array([5]));
  list.copyFrom(new Uint8Array([6, 7]));
  assertEquals(list.toArray(), [6, 7, 3, 4]);
  list.copyFrom(list);
  list.copyFrom([]);
  assertEquals(list.toArray(), [6, 7, 3, 4]);
  view.flags.copyFrom([true]);
  assertEquals(view.flags.toArray(), [true, false]);
});

Deno.test("ArrayView copyFrom() moves overlapping bytes", () => {
  const { list } = viewOf(struct({ list: array("u8", 5) }));
  list.copyFrom([1, 2, 3, 4, 5]);
  list.copyFrom(list.typed().subarray(1));
  assertEquals(list.toArray(), [2, 3, 4, 5, 5]);
});

Deno.test("ArrayView copyFrom() checks everything before the first byte", () => {
  const { list, flags } = viewOf(
    struct({ list: array("u8", 3), flags: array("bool", 2) }),
  );
  assertThrows(() => list.copyFrom([1, 2, 3, 4]), RangeError, "3 elements");
  assertThrows(
    () => list.copyFrom(new Uint8Array(4)),
    RangeError,
    "3 elements",
  );
  assertThrows(() => list.copyFrom([1, 256]), RangeError, "list[1] to 256");
  assertThrows(
    () => list.copyFrom(untyped<number[]>([1, , 3])),
    TypeError,
    "list[1] to undefined",
  );
  assertThrows(
    () => list.copyFrom(untyped<number[]>({ length: 1, 0: 1 })),
    TypeError,
    "an array takes an iterable",
  );
  // A byte is not a boolean, even in a typed array.
  assertThrows(
    () => flags.copyFrom(untyped<boolean[]>(new Uint8Array([1]))),
    TypeError,
    "flags[0] to 1",
  );
  assertEquals(list.toArray(), [0, 0, 0]);
});

Deno.test("ArrayView typed() is live and of the right class", () => {
  const classes: Record<ScalarType, new () => ArrayBufferView> = {
    i8: Int8Array,
    u8: Uint8Array,
    bool: Uint8Array,
    i16: Int16Array,
    u16: Uint16Array,
    i32: Int32Array,
    u32: Uint32Array,
    i64: BigInt64Array,
    u64: BigUint64Array,
    f32: Float32Array,
    f64: Float64Array,
  };
  for (const [type, expected] of Object.entries(classes)) {
    const layout = struct({
      before: "u8",
      list: array(untyped<ScalarType>(type), 3),
    });
    const buffer = new ArrayBuffer(layout.size + 8);
    const list = untyped<ScalarArrayView<ScalarType>>(
      layout.view(buffer, 8).list,
    );
    const typed = list.typed();
    assertStrictEquals(typed.constructor, expected, type);
    assertStrictEquals(typed.byteOffset, 8 + layout.offsets.list);
    assertStrictEquals(typed.length, 3);
    assertStrictEquals(typed.buffer, buffer);
  }
  const { list } = viewOf(struct({ list: array("f64", 2) }));
  const floats: Float64Array = list.typed();
  floats[1] = 2.5;
  assertStrictEquals(list.at(1), 2.5);
  list.set(0, 1.5);
  assertStrictEquals(floats[0], 1.5);
});

Deno.test("ArrayView typed() refuses what is not aligned or no scalar", () => {
  const packed = struct({ a: "u8", list: array("u16", 2), b: array("u8", 2) })
    .packed();
  const view = packed.view(new ArrayBuffer(8));
  assertThrows(
    () => view.list.typed(),
    TypeError,
    "Cannot make a typed array of list: byte 1 is not a multiple of 2",
  );
  assertStrictEquals(view.b.typed().length, 2);
  assertStrictEquals(packed.view(new ArrayBuffer(8), 1).list.typed().length, 2);
  view.list.copyFrom(new Uint16Array([0x1234, 0x5678]));
  assertEquals(view.list.toArray(), [0x1234, 0x5678]);
  const { points } = viewOf(struct({ points: array(Point, 2) }));
  assertThrows(
    () => untyped<ScalarArrayView<"u8">>(points).typed(),
    TypeError,
    "not scalars",
  );
});

Deno.test("ArrayView iterates what is in memory at that time", () => {
  const view = viewOf(struct({ list: array("u8", 3) }));
  const list: ArrayView<"u8"> = view.list;
  const seen: number[] = [];
  for (const value of list) {
    seen.push(value);
    list.set(2, 9);
  }
  assertEquals(seen, [0, 0, 9]);
});
