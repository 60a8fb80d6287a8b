import { assertEquals } from "@std/assert";
import plugin from "./lint_plugin.ts";

/** Returns the rules that report `source` as the file `path`. */
function report(path: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, path, source)
    .map(({ id }) => id.replace("libc-ipc/", ""));
}

/** Returns whether the file `path` may import `specifier`. */
function mayImport(path: string, specifier: string): boolean {
  return report(path, `import { a } from "${specifier}";`).length === 0;
}

const DIRECTION = ["import-direction"];

Deno.test("import-direction allows downward imports between layers", () => {
  const allowed: Array<[string, string]> = [
    ["ffi/struct/struct.ts", "./_view.ts"],
    ["ffi/libc/sys_shm.ts", "./_types.ts"],
    ["ffi/libc/sys_shm.ts", "../struct/struct.ts"],
    ["ffi/errno.ts", "./libc/errno.ts"],
    ["ffi/mod.ts", "./libc/sys_shm.ts"],
    ["ffi/mod.ts", "./libc/_open.ts"],
    ["ipc/core/handle/fd.ts", "./internal.ts"],
    ["ipc/core/handle/fd.ts", "../../../ffi/errno.ts"],
    ["ipc/core/stream/byte_stream.ts", "../handle/fd.ts"],
    ["ipc/sysv/shared_memory.ts", "../../ffi/libc/sys_shm.ts"],
    ["ipc/sysv/shared_memory.ts", "../core/handle/fd.ts"],
    ["ipc/sync/mutex.ts", "../memory/memfd.ts"],
    ["ipc/sync/mutex.ts", "./event.ts"],
    ["ipc/device/mod.ts", "../sysv/shared_memory.ts"],
    ["ipc/device/mod.ts", "./server/device.ts"],
    ["ipc/device/server/device.ts", "../memory/layout.ts"],
    ["ipc/capabilities.ts", "./_probes.ts"],
    ["mod.ts", "./ipc/device/mod.ts"],
    ["mod.ts", "./ffi/errno.ts"],
  ];
  for (const [path, specifier] of allowed) {
    assertEquals([path, specifier, mayImport(path, specifier)], [
      path,
      specifier,
      true,
    ]);
  }
});

Deno.test("import-direction refuses upward imports between layers", () => {
  const refused: Array<[string, string]> = [
    ["ffi/struct/struct.ts", "../libc/errno.ts"],
    ["ffi/libc/sys_shm.ts", "../errno.ts"],
    ["ffi/errno.ts", "../ipc/core/handle/fd.ts"],
    ["ffi/errno.ts", "../ipc/sysv/key.ts"],
    ["ffi/mod.ts", "../ipc/core/handle/fd.ts"],
    ["ffi/errno.ts", "./mod.ts"],
    ["ipc/core/handle/fd.ts", "../../sysv/key.ts"],
    ["ipc/sysv/key.ts", "../../ffi/mod.ts"],
    ["ipc/sysv/key.ts", "../sync/mutex.ts"],
    ["ipc/channel/channel.ts", "../device/mod.ts"],
    ["ipc/device/mod.ts", "../../mod.ts"],
    ["mod.ts", "./ffi/mod.ts"],
    ["mod.ts", "./cli/mod.ts"],
  ];
  for (const [path, specifier] of refused) {
    assertEquals([path, specifier, mayImport(path, specifier)], [
      path,
      specifier,
      false,
    ]);
  }
});

Deno.test("import-direction lets a mechanism's files import each other, and no other mechanism's", () => {
  assertEquals(mayImport("ipc/sysv/semaphore_set.ts", "./key.ts"), true);
  assertEquals(mayImport("ipc/sysv/semaphore_set.ts", "./_semop.ts"), true);
  assertEquals(mayImport("ipc/sysv/deep/a.ts", "../key.ts"), true);
  assertEquals(mayImport("ipc/sysv/deep/a.ts", "../../posix/a.ts"), false);
  assertEquals(mayImport("ipc/posix/semaphore.ts", "../sysv/key.ts"), false);
  assertEquals(
    mayImport("ipc/posix/semaphore.ts", "../capabilities.ts"),
    false,
  );
  assertEquals(
    report(
      "ipc/posix/semaphore.ts",
      `import type { A } from "../sysv/key.ts";`,
    ),
    DIRECTION,
  );
});

Deno.test("import-direction keeps private files to their folder", () => {
  const refused: Array<[string, string]> = [
    ["ffi/errno.ts", "./libc/_open.ts"],
    ["ipc/core/handle/fd.ts", "../wait/_spinner.ts"],
    ["ipc/sync/mutex.ts", "../posix/_semaphore.ts"],
    ["ipc/device/server/device.ts", "../../sysv/_object.ts"],
    ["ipc/device/server/device.ts", "../memory/_cells.ts"],
    ["ipc/device/mod.ts", "../sysv/_object.ts"],
    ["ipc/device/mod.ts", "./memory/_cells.ts"],
    ["mod.ts", "./ipc/sysv/_object.ts"],
    ["mod.ts", "./ipc/_probes.ts"],
  ];
  for (const [path, specifier] of refused) {
    assertEquals([path, specifier, mayImport(path, specifier)], [
      path,
      specifier,
      false,
    ]);
  }
});

Deno.test("import-direction keeps everything foreign out of the library", () => {
  for (
    const specifier of [
      "npm:a",
      "jsr:@std/assert",
      "@std/assert",
      "node:fs",
      "https://example.com/a.ts",
      "@libc/ipc",
      "/etc/a.ts",
      "../../tests/util.ts",
      "../../cli/args.ts",
      "../../../elsewhere/a.ts",
      "../../../../../a.ts",
    ]
  ) {
    assertEquals([specifier, mayImport("ipc/sysv/key.ts", specifier)], [
      specifier,
      false,
    ]);
  }
});

Deno.test("import-direction lets cli and examples use public specifiers only", () => {
  for (
    const path of ["cli/commands/ls.ts", "examples/device/writer.ts"]
  ) {
    assertEquals(mayImport(path, "@libc/ipc"), true);
    assertEquals(mayImport(path, "@libc/ipc/sysv-shm"), true);
    assertEquals(mayImport(path, "@std/cli/parse-args"), true);
    assertEquals(mayImport(path, "../shared.ts"), true);
    assertEquals(mayImport(path, "../../ipc/sysv/key.ts"), false);
    assertEquals(mayImport(path, "../../mod.ts"), false);
    assertEquals(mayImport(path, "node:fs"), false);
    assertEquals(mayImport(path, "@libc/ipcx"), false);
  }
  assertEquals(mayImport("cli/mod.ts", "../examples/a.ts"), false);
});

Deno.test("import-direction sees every form of import", () => {
  const path = "ipc/sysv/key.ts";
  for (
    const source of [
      `export * from "node:fs";`,
      `export { a } from "node:fs";`,
      `import type { A } from "node:fs";`,
      `import "node:fs";`,
      `await import("node:fs");`,
      `await import(name);`,
      `type A = import("node:fs").Stats;`,
      `import fs = require("node:fs");`,
    ]
  ) {
    assertEquals([source, report(path, source)], [source, DIRECTION]);
  }
  assertEquals(report(path, "export const a = 1; export { a as b };"), []);
});

Deno.test("import-direction refuses what leads elsewhere than it seems", () => {
  for (
    const specifier of [
      "./%2e%2e/posix/semaphore.ts",
      ".\\\\..\\\\posix\\\\semaphore.ts",
      "../../ffi/mod.ts?x",
      "../../ffi/mod.ts#x",
    ]
  ) {
    const source = `import "${specifier}";`;
    assertEquals([source, report("ipc/sysv/key.ts", source)], [
      source,
      DIRECTION,
    ]);
  }
  const computed = "await import(`../${name}`);";
  assertEquals(report("cli/args.ts", computed), DIRECTION);
});

Deno.test("import-direction reports a library file in no layer", () => {
  assertEquals(report("ipc/novel/a.ts", "const a = 1;"), DIRECTION);
  assertEquals(report("ipc/a.ts", "const a = 1;"), DIRECTION);
  assertEquals(report("ipc/core/a.ts", "const a = 1;"), DIRECTION);
  assertEquals(report("ffi/novel/a.ts", "const a = 1;"), DIRECTION);
  assertEquals(mayImport("ipc/device/mod.ts", "../novel/a.ts"), false);
});

Deno.test("import-direction leaves tests, tools and benchmarks alone", () => {
  for (
    const path of [
      "tests/ipc/key_test.ts",
      "ffi/errno_test.ts",
      "_tools/ok.ts",
      "bench/mod.ts",
      "/elsewhere/ffi/errno.ts",
    ]
  ) {
    assertEquals(mayImport(path, "npm:a"), true);
  }
});

Deno.test("rules apply to absolute paths and URLs below the root", () => {
  const { href, pathname } = new URL("../ipc/sysv/key.ts", import.meta.url);
  for (const path of [href, pathname]) {
    assertEquals(report(path, `import "node:fs";`), DIRECTION);
  }
});

Deno.test("dlopen-once refuses Deno.dlopen outside of _open.ts", () => {
  const source = `Deno.dlopen("libc.so.6", {});`;
  assertEquals(report("ffi/libc/_open.ts", source), []);
  for (const path of ["ipc/core/handle/fd.ts", "mod.ts", "cli/mod.ts"]) {
    assertEquals(report(path, source), ["dlopen-once"]);
  }
  for (
    const other of [
      `Deno["dlopen"];`,
      "Deno[`dlopen`];",
      `globalThis.Deno.dlopen;`,
      `const { dlopen } = Deno;`,
      `const { dlopen: open } = globalThis.Deno;`,
      `({ dlopen } = Deno);`,
    ]
  ) {
    const found = report("ipc/core/handle/fd.ts", other);
    assertEquals([other, found], [other, ["dlopen-once"]]);
  }
  assertEquals(report("ipc/core/handle/fd.ts", `dlopen(table);`), []);
  assertEquals(report("tests/ffi/fd_test.ts", source), []);
});

Deno.test("no-raw-minus-one refuses comparisons with -1 in the library", () => {
  for (
    const expression of [
      "a === -1",
      "a !== -1",
      "-1 == a",
      "a === -1n",
      "a > -1",
    ]
  ) {
    assertEquals(
      [expression, report("ipc/sysv/key.ts", `if (${expression}) b();`)],
      [expression, ["no-raw-minus-one"]],
    );
  }
  assertEquals(
    report("ipc/core/handle/fd.ts", "switch (a) { case -1: b(); }"),
    [
      "no-raw-minus-one",
    ],
  );
});

Deno.test("no-raw-minus-one allows -1 as a value, the checkers and others", () => {
  assertEquals(report("ipc/sysv/key.ts", "f(-1, -1n); a = b - 1;"), []);
  assertEquals(report("ipc/sysv/key.ts", "a === 1 || a === -2"), []);
  assertEquals(report("ffi/errno.ts", "a === -1"), []);
  assertEquals(report("ffi/libc/_open.ts", "a === -1"), []);
  assertEquals(report("cli/args.ts", "a === -1"), []);
});

Deno.test("no-bare-error refuses Error and allows its kinds", () => {
  assertEquals(report("ipc/sysv/key.ts", `throw new Error("a");`), [
    "no-bare-error",
  ]);
  assertEquals(report("ipc/core/handle/fd.ts", `throw Error("a");`), [
    "no-bare-error",
  ]);
  assertEquals(
    report("ipc/core/handle/fd.ts", `throw new TypeError("a");`),
    [],
  );
  assertEquals(report("cli/mod.ts", `throw new Error("a");`), []);
});
