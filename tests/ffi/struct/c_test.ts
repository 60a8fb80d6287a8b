/** Layouts and `toC()` against the C and C++ compilers. */

import {
  array,
  type Fields,
  type FieldType,
  type ScalarType,
  type Struct,
  struct,
  text,
} from "@libc/ipc";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { hasCommand } from "../../util.ts";

const WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];
const ignoreC = !hasCommand("cc");
const ignoreCpp = !hasCommand("c++");
const ignoreAarch64 = !hasCommand("aarch64-linux-gnu-gcc");

/** Adds to the name of a test why it is skipped. */
function named(name: string, ignore: boolean, command: string): {
  name: string;
  ignore: boolean;
} {
  return { name: ignore ? `${name} [skipped: no ${command}]` : name, ignore };
}

const Point = struct({ x: "f32", y: "f32" });
const Everything = struct({
  i8: "i8",
  i16: "i16",
  u8: "u8",
  i32: "i32",
  u16: "u16",
  i64: "i64",
  u32: "u32",
  u64: "u64",
  flag: "bool",
  f32: "f32",
  tail: "u8",
  f64: "f64",
  name: text(13),
  bytes: array("u8", 3),
  point: Point,
  grid: array(array("i32", 3), 2),
  points: array(Point, 4),
  names: array(text(5), 3),
  deep: struct({
    first: "u8",
    list: array(struct({ a: "u16", b: array("u64", 2) }), 2),
    packed: struct({ a: "u8", b: "i64", c: Point }).packed(),
  }),
  last: "u8",
});

/** A folder that is removed at the end of the scope. */
class Folder implements Disposable {
  readonly path: string = Deno.makeTempDirSync({ prefix: "libc-ipc-struct-" });

  write(name: string, content: string): string {
    Deno.writeTextFileSync(`${this.path}/${name}`, content);
    return `${this.path}/${name}`;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

async function run(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args })
    .output();
  assert(success, `${command} failed:\n${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** C statements that print a layout, one line per figure. */
function printing(layout: Struct<Fields>, name: string): string {
  const offsets = Object.keys(layout.fields).map((field) =>
    `  printf("${name}.${field} %zu\\n", offsetof(${name}, ${field}));`
  );
  return [
    `  printf("${name} %zu %zu\\n", sizeof(${name}), _Alignof(${name}));`,
    ...offsets,
    `  printf("${name} %016" PRIx64 "\\n", ${name.toUpperCase()}_LAYOUT_HASH);`,
  ].join("\n");
}

/** The same lines from the layout. */
function figures(layout: Struct<Fields>, name: string): string {
  const offsets = Object.entries(layout.offsets).map(([field, offset]) =>
    `${name}.${field} ${offset}`
  );
  return [
    `${name} ${layout.size} ${layout.align}`,
    ...offsets,
    `${name} ${layout.hash.toString(16).padStart(16, "0")}`,
  ].join("\n");
}

function program(layouts: Map<string, Struct<Fields>>): string {
  return `${
    [...layouts.keys()].map((name) => `#include "${name}.h"`).join("\n")
  }
#include <inttypes.h>
#include <stdio.h>

int main(void) {
${[...layouts].map(([name, layout]) => printing(layout, name)).join("\n")}
  return 0;
}
`;
}

async function checkAgainstC(
  layouts: Map<string, Struct<Fields>>,
): Promise<void> {
  using folder = new Folder();
  for (const [name, layout] of layouts) {
    folder.write(`${name}.h`, layout.toC(name));
  }
  const source = folder.write("main.c", program(layouts));
  const binary = `${folder.path}/main`;
  await run("cc", ["-std=c11", ...WARNINGS, "-o", binary, source]);
  const expected = [...layouts].map(([name, layout]) => figures(layout, name));
  assertStrictEquals((await run(binary, [])).trim(), expected.join("\n"));
}

/** Numbers that look random but are the same each time. */
function randomizer(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

const SCALARS: readonly ScalarType[] = [
  "i8",
  "u8",
  "i16",
  "u16",
  "i32",
  "u32",
  "i64",
  "u64",
  "f32",
  "f64",
  "bool",
];

function randomStruct(
  random: (below: number) => number,
  depth: number,
): Struct<Fields> {
  const fields: Record<string, FieldType> = {};
  for (let i = 0; i <= random(6); i++) {
    fields[`f${i}`] = randomType(random, depth);
  }
  const made: Struct<Fields> = struct(fields);
  return random(4) === 0 ? made.packed() : made;
}

function randomType(
  random: (below: number) => number,
  depth: number,
): FieldType {
  const kind = depth > 0 ? random(8) : random(5);
  if (kind === 4) return text(1 + random(9));
  if (kind < 5) return SCALARS[random(SCALARS.length)] ?? "u8";
  return kind < 7
    ? array(randomType(random, depth - 1), 1 + random(4))
    : randomStruct(random, depth - 1);
}

Deno.test({
  ...named("struct() has the layout and hash that C has", ignoreC, "cc"),
  async fn() {
    await checkAgainstC(
      new Map<string, Struct<Fields>>([
        ["Everything", Everything],
        ["Packed", Everything.packed()],
        ["Point", Point],
        ["One", struct({ a: "u8" })],
        ["Holder", struct({ before: "u8", inner: Everything, after: "u8" })],
      ]),
    );
  },
});

Deno.test({
  ...named("struct() has the layout that C has, at random", ignoreC, "cc"),
  async fn() {
    const random = randomizer(20);
    await checkAgainstC(
      new Map(
        Array.from({ length: 100 }, (_, i) => [
          `S${i}`,
          randomStruct(random, 3),
        ]),
      ),
    );
  },
});

Deno.test({
  ...named("toC() compiles as every C and C++ it claims", ignoreC, "cc"),
  async fn() {
    using folder = new Folder();
    folder.write("Everything.h", Everything.toC("Everything"));
    folder.write("Packed.h", Everything.packed().toC("Packed"));
    const lines = ["Everything", "Everything", "Packed"].map((name) =>
      `#include "${name}.h"\n`
    ).join("");
    const c = folder.write("main.c", `${lines}int main(void) { return 0; }\n`);
    for (const standard of ["c11", "gnu11", "c17", "gnu17"]) {
      await run("cc", [`-std=${standard}`, ...WARNINGS, "-fsyntax-only", c]);
    }
    if (ignoreCpp) return;
    const cpp = folder.write("main.cpp", `${lines}int main() { return 0; }\n`);
    for (const standard of ["c++11", "c++17", "gnu++20"]) {
      await run("c++", [`-std=${standard}`, ...WARNINGS, "-fsyntax-only", cpp]);
    }
  },
});

Deno.test({
  ...named(
    "toC() holds on aarch64",
    ignoreAarch64,
    "aarch64-linux-gnu-gcc",
  ),
  async fn() {
    using folder = new Folder();
    const random = randomizer(7);
    const names = Array.from({ length: 40 }, (_, i) => `S${i}`);
    for (const name of names) {
      folder.write(`${name}.h`, randomStruct(random, 3).toC(name));
    }
    folder.write("Everything.h", Everything.toC("Everything"));
    const source = folder.write(
      "main.c",
      ["Everything", ...names].map((name) => `#include "${name}.h"\n`).join(""),
    );
    await run("aarch64-linux-gnu-gcc", ["-std=c11", "-fsyntax-only", source]);
  },
});

Deno.test({
  ...named("toC() asserts fail where the layout differs", ignoreC, "cc"),
  async fn() {
    using folder = new Folder();
    const header = struct({ a: "u8", b: "u32", c: "u8" }).toC("S");
    const source = folder.write("main.c", '#include "S.h"\n');
    for (
      const [from, to, complaint] of [
        ["uint32_t b;", "uint64_t b;", "offsetof(S, b) is not 4"],
        ["  uint8_t c;", "  uint8_t c[5];", "sizeof(S) is not 12"],
      ] as const
    ) {
      assert(header.includes(from));
      folder.write("S.h", header.replace(from, to));
      const { success, stderr } = await new Deno.Command("cc", {
        args: ["-std=c11", "-fsyntax-only", source],
      }).output();
      assertStrictEquals(success, false);
      const said = new TextDecoder().decode(stderr);
      assert(said.includes(complaint), said);
    }
  },
});

Deno.test({
  ...named("a C program reads and writes the same values", ignoreC, "cc"),
  async fn() {
    using folder = new Folder();
    const layout = struct({
      state: "i32",
      big: "u64",
      half: "i16",
      flag: "bool",
      time: "f64",
      ratio: "f32",
      name: text(8),
      points: array(struct({ x: "i32", y: "u8" }), 2),
      grid: array(array("i32", 3), 2),
      packed: struct({ a: "u8", b: "i64" }).packed(),
    });
    folder.write("Peer.h", layout.toC("Peer"));
    const source = folder.write(
      "main.c",
      `#include "Peer.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
  Peer peer;
  if (argc < 3) return 1;
  FILE *in = fopen(argv[1], "rb");
  if (!in || fread(&peer, sizeof peer, 1, in) != 1 || fclose(in)) return 2;
  printf("%d %" PRIu64 " %d %d %g %g %.8s %d %d %d %" PRId64 "\\n", peer.state,
    peer.big, peer.half, peer.flag, peer.time, peer.ratio, peer.name,
    peer.points[1].x, peer.points[0].y, peer.grid[1][2], peer.packed.b);
  memset(&peer, 0, sizeof peer);
  peer.state = -2;
  peer.big = UINT64_MAX;
  peer.half = -3;
  peer.flag = 2;
  peer.time = 0.25;
  peer.ratio = -0.5f;
  memcpy(peer.name, "12345678", 8);
  peer.points[1].y = 250;
  peer.grid[0][1] = INT32_MIN;
  peer.packed.b = INT64_MIN;
  FILE *out = fopen(argv[2], "wb");
  if (!out || fwrite(&peer, sizeof peer, 1, out) != 1 || fclose(out)) return 3;
  return 0;
}
`,
    );
    const binary = `${folder.path}/main`;
    await run("cc", ["-std=c11", ...WARNINGS, "-o", binary, source]);
    const bytes = new Uint8Array(layout.size);
    const view = layout.view(bytes);
    view.state = -1;
    view.big = 2n ** 64n - 2n;
    view.half = -32768;
    view.flag = true;
    view.time = 1e100;
    view.ratio = 1.5;
    view.name = "sine";
    view.points.set(1, { x: -70000 });
    view.points.set(0, { y: 255 });
    view.grid.at(1)?.set(2, 12);
    view.packed.b = -(2n ** 63n);
    const input = `${folder.path}/in`;
    const output = `${folder.path}/out`;
    Deno.writeFileSync(input, bytes);
    assertStrictEquals(
      await run(binary, [input, output]),
      "-1 18446744073709551614 -32768 1 1e+100 1.5 sine -70000 255 12 -9223372036854775808\n",
    );
    assertEquals(layout.read(Deno.readFileSync(output)), {
      state: -2,
      big: 2n ** 64n - 1n,
      half: -3,
      flag: true,
      time: 0.25,
      ratio: -0.5,
      name: "12345678",
      points: [{ x: 0, y: 0 }, { x: 0, y: 250 }],
      grid: [[0, -(2 ** 31), 0], [0, 0, 0]],
      packed: { a: 0, b: -(2n ** 63n) },
    });
  },
});

Deno.test({
  ...named("toC() keeps the names of nested structs apart", ignoreC, "cc"),
  async fn() {
    const a = struct({ x: "u8" });
    const b = struct({ x: "u16" });
    const wide = struct({ x: "u8", y: "u32" });
    const layouts = new Map<string, Struct<Fields>>([
      // Two paths that result in the same name, and a field with that name.
      ["S", struct({ a_b: a, a: struct({ b }), S_a: "u8" })],
      // Nested names that would collide with the headers or the guard.
      ["size", struct({ t: a })],
      ["UINT8", struct({ MAX: a })],
      ["X", struct({ LAYOUT_H: a, LAYOUT_HASH: b })],
      ["Packed", struct({ a: wide, b: wide.packed(), c: "u8" })],
    ]);
    await checkAgainstC(layouts);
    if (ignoreCpp) return;
    using folder = new Folder();
    for (const [name, layout] of layouts) {
      const file = folder.write(`${name}.hpp`, layout.toC(name));
      const args = ["-std=c++11", "-Wall", "-Werror", "-fsyntax-only"];
      await run("c++", [...args, "-x", "c++", file]);
    }
  },
});
