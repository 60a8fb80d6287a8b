import { assertEquals } from "@std/assert";
import { exportProblems } from "./check_exports.ts";
import { type Files, withRepository } from "./testing.ts";

const SOUND: Files = {
  "deno.json": JSON.stringify({
    name: "@libc/ipc",
    version: "1.0.0",
    exports: {
      ".": "./mod.ts",
      "./ffi": "./ffi/mod.ts",
      "./errno": "./ffi/errno.ts",
      "./key": "./ipc/sysv/key.ts",
      "./device": "./ipc/device/mod.ts",
    },
  }),
  "mod.ts": `/**
 * All.
 *
 * @module
 */
export * from "./ffi/errno.ts";
export { ftok, type Key } from "./ipc/sysv/key.ts";
export * from "./ipc/device/mod.ts";
`,
  "ffi/mod.ts": module("raw"),
  "ffi/errno.ts": module("IpcError"),
  "ipc/core/handle/internal.ts": module("internal"),
  "ipc/sysv/key.ts": `${
    module("ftok")
  }\nexport type { Key } from "./number.ts";\n`,
  "ipc/sysv/number.ts": "/** A key. */\nexport type Key = number;\n",
  "ipc/sysv/_private.ts": module("hidden"),
  "ipc/sysv/_tested.ts": module("tested"),
  "ipc/device/mod.ts":
    `/**\n * Device.\n *\n * @module\n */\nexport { Device } from "./server/device.ts";\n`,
  "ipc/device/server/device.ts": module("Device"),
  "tests/ipc/util.ts": "export const a = 1;\n",
  "tests/sound_test.ts": `
import { ftok, type Key } from "@libc/ipc";
import { tested } from "../ipc/sysv/_tested.ts";
import { a } from "./ipc/util.ts";
const { tested: other } = await import("../ipc/sysv/_tested.ts");
run("deno", ["doc", "mod.ts"]);
const PROGRAM = \`import { tested } from "\${source("ipc/sysv/_tested.ts")}";\`;
`,
};

/** Returns a documented module that exports one constant. */
function module(name: string): string {
  return `/**
 * About it.
 *
 * @module
 */

/** It. */
export const ${name}: number = 1;
`;
}

/** Returns the problems of the sound repository after the changes. */
async function problemsWith(changes: Files): Promise<string[]> {
  return await withRepository({ ...SOUND, ...changes }, exportProblems);
}

/** Returns the sound `deno.json` with more exports. */
function withExports(exports: Record<string, string>): Files {
  const config = JSON.parse(SOUND["deno.json"] ?? "");
  config.exports = { ...config.exports, ...exports };
  return { "deno.json": JSON.stringify(config) };
}

Deno.test("exportProblems() finds nothing wrong with a sound repository", async () => {
  assertEquals(await problemsWith({}), []);
});

Deno.test("exportProblems() reports a public file that no subpath shows", async () => {
  assertEquals(await problemsWith({ "ipc/sysv/limits.ts": module("limits") }), [
    "ipc/sysv/limits.ts: a public file of which no subpath exports anything",
  ]);
});

Deno.test("exportProblems() reports a public class in a private file", async () => {
  const line = 'export { Queue } from "./_queue.ts";\n';
  assertEquals(
    await problemsWith({
      "mod.ts": `${
        SOUND["mod.ts"]
      }export { Queue } from "./ipc/sysv/key.ts";\n`,
      "ipc/sysv/key.ts": `${SOUND["ipc/sysv/key.ts"]}${line}`,
      "ipc/sysv/_queue.ts": "/** It. */\nexport class Queue {}\n",
    }),
    ["ipc/sysv/_queue.ts: a private file with the public class Queue"],
  );
});

Deno.test("exportProblems() reports a subpath without a file", async () => {
  assertEquals(
    await problemsWith(withExports({ "./shm": "./ipc/sysv/shm.ts" })),
    ['deno.json: "./shm" names no file: ./ipc/sysv/shm.ts'],
  );
});

Deno.test("exportProblems() reports a subpath of a private file", async () => {
  assertEquals(
    (await problemsWith(
      withExports({ "./hidden": "./ipc/sysv/_private.ts" }),
    ))[0],
    'deno.json: "./hidden" names a private file: ./ipc/sysv/_private.ts',
  );
});

Deno.test("exportProblems() reports two subpaths of one file", async () => {
  assertEquals(
    await problemsWith(withExports({ "./key2": "./ipc/sysv/key.ts" })),
    ["deno.json: two subpaths name ./ipc/sysv/key.ts"],
  );
});

Deno.test("exportProblems() reports an entrypoint without module doc", async () => {
  assertEquals(
    await problemsWith({
      "ffi/errno.ts": "/** It. */\nexport const IpcError: number = 1;\n",
    }),
    ["ffi/errno.ts: no module doc with @module"],
  );
});

Deno.test("exportProblems() reports a symbol that mod.ts leaves out", async () => {
  assertEquals(
    await problemsWith({
      "mod.ts": SOUND["mod.ts"]?.replace(", type Key", "") ?? "",
    }),
    ["mod.ts: does not export Key of ipc/sysv/key.ts"],
  );
});

Deno.test("exportProblems() reports a symbol that only mod.ts exports", async () => {
  assertEquals(
    await problemsWith({
      "mod.ts": `${
        SOUND["mod.ts"]
      }export * from "./ipc/core/handle/internal.ts";\n`,
    }),
    ["mod.ts: exports internal, which no subpath exports"],
  );
});

Deno.test("exportProblems() reports a symbol that is another one in mod.ts", async () => {
  assertEquals(
    await problemsWith({
      "mod.ts": SOUND["mod.ts"]?.replace("ftok, type Key", "type Key") +
        'export { hidden as ftok } from "./ipc/sysv/_private.ts";\n',
    }),
    ["mod.ts: exports another ftok than ipc/sysv/key.ts"],
  );
});

Deno.test("exportProblems() reports a test that names a file with a specifier", async () => {
  for (
    const source of [
      'import { ftok } from "../../ipc/sysv/key.ts";',
      'import type { Key } from "../../ipc/sysv/key.ts";',
      'import * as key from "../../ipc/sysv/key.ts";',
      'import "../../ipc/sysv/key.ts";',
      'export * from "../../ipc/sysv/key.ts";',
      'type A = import("../../ipc/sysv/key.ts").Key;',
      'const { ftok } = await import("../../ipc/sysv/key.ts");',
      'const url = import.meta.resolve("../../ipc/sysv/key.ts");',
      'const code = `import { ftok } from "${source("ipc/sysv/key.ts")}";`;',
    ]
  ) {
    assertEquals(
      [source, await problemsWith({ "tests/ipc/a_test.ts": source })],
      [source, [
        'tests/ipc/a_test.ts: names ipc/sysv/key.ts, which is "@libc/ipc/key"',
      ]],
    );
  }
  assertEquals(
    await problemsWith({
      "tests/a.ts": 'import { IpcError } from "../mod.ts";',
    }),
    ['tests/a.ts: names mod.ts, which is "@libc/ipc"'],
  );
});

Deno.test("exportProblems() reports a test that takes what is public from its file", async () => {
  const file = "ipc/sysv/number.ts";
  for (
    const source of [
      `import type { Key } from "../${file}";`,
      `import {\n  one,\n  type Key as Number,\n} from "../${file}";`,
      `import * as number from "../${file}";`,
      `type A = import("../${file}").Key;`,
      `const { one, Key: key } = await import(\n  "../${file}"\n);`,
      `\`import { Key } from \${\n  JSON.stringify(source("${file}"))\n}\`;`,
    ]
  ) {
    assertEquals(
      [source, await problemsWith({ "tests/a_test.ts": source })],
      [source, [
        `tests/a_test.ts: names ${file}, while "@libc/ipc" exports Key`,
      ]],
    );
  }
  const other = `import { one } from "../${file}";`;
  assertEquals(await problemsWith({ "tests/a_test.ts": other }), []);
  const twice = `import { Device } from "../ipc/device/server/device.ts";
import { raw } from "../ffi/raw.ts";
`;
  assertEquals(
    await problemsWith({
      "ffi/mod.ts": `${module("table")}export { raw } from "./raw.ts";\n`,
      "ffi/raw.ts": 'export { raw } from "./_open.ts";\n',
      "ffi/_open.ts": "/** It. */\nexport const raw: number = 1;\n",
      "tests/a_test.ts": twice,
    }),
    [
      'tests/a_test.ts: names ipc/device/server/device.ts, while "@libc/ipc" exports Device',
      'tests/a_test.ts: names ffi/raw.ts, while "@libc/ipc/ffi" exports raw',
    ],
  );
});
