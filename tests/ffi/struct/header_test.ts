/** The text that `toC()` writes, and the names that it refuses. */

import { array, type Fields, struct, text } from "@libc/ipc";
import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";

const Point = struct({ x: "f32", y: "f32" });

Deno.test("toC() is the same text each time", () => {
  const fields = { id: "u64", at: Point, list: array(text(3), 2) } as const;
  assertStrictEquals(
    struct({ ...fields }).toC("Wave"),
    struct({ ...fields }).toC("Wave"),
  );
  // Only the layout of the nested struct matters, not which object it is.
  const one = struct({ a: Point, b: Point });
  const two = struct({ a: Point, b: struct({ x: "f32", y: "f32" }) });
  assertStrictEquals(one.toC("Line"), two.toC("Line"));
  const header = one.toC("Line");
  assertEquals(header.match(/^typedef struct .*$/gm), [
    "typedef struct Line_a {",
    "typedef struct Line {",
  ]);
  assert(header.includes("  Line_a a;\n  Line_a b;\n"), header);
});

Deno.test("toC() has the guard, the hash and the types in it", () => {
  const layout = struct({ state: "i32", name: text(4) });
  const header = layout.toC("Wave");
  const hash = layout.hash.toString(16).padStart(16, "0");
  for (
    const line of [
      "#ifndef WAVE_LAYOUT_H",
      "#include <stdint.h>",
      `#define WAVE_LAYOUT_HASH UINT64_C(0x${hash})`,
      "typedef struct Wave {",
      "  int32_t state;",
      "  char name[4]; /* UTF-8, NUL-terminated if shorter */",
      "} Wave;",
    ]
  ) assert(header.includes(`${line}\n`), `${line} is not in ${header}`);
  const packed = layout.packed().toC("Wave");
  assert(packed.includes("typedef struct __attribute__((packed)) Wave {\n"));
});

Deno.test("toC() refuses names that C and C++ do not take", () => {
  const layout = struct({ a: "u8" });
  const bad = [
    "",
    "1a",
    "a-b",
    "a b",
    "é",
    "int",
    "class",
    "_Bool",
    "__x",
    "_X",
    "int32_t",
    "UINT8_MAX",
    "linux",
    "NULL",
    "a\n#define b",
  ];
  for (const name of bad) {
    assertThrows(() => layout.toC(name), TypeError, "the struct name ");
    if (name === "") continue;
    const field: Fields = { [name]: "u8" };
    assertThrows(() => struct(field).toC("S"), TypeError, "the field name ");
    assertThrows(
      () => struct({ in: array(struct(field), 2) }).toC("S"),
      TypeError,
      `Cannot write C: the field name ${JSON.stringify(name)} `,
    );
  }
  for (const name of [undefined, 1, null]) {
    assertThrows(
      () => layout.toC(name as unknown as string),
      TypeError,
      "is not a name",
    );
  }
});

Deno.test("toC() refuses fields that have the header's own names", () => {
  const own = [
    "Wave",
    "WAVE_LAYOUT_H",
    "WAVE_LAYOUT_HASH",
    "WAVE_LAYOUT_ASSERT",
  ];
  for (const name of own) {
    const layout = struct({ in: struct({ [name]: "u8" }) });
    assertThrows(() => layout.toC("Wave"), TypeError, `"${name}" is taken by`);
  }
});
