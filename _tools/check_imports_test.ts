import { assertEquals, assertRejects } from "@std/assert";
import { circlesOf, importProblems } from "./check_imports.ts";
import { type Files, withRepository } from "./testing.ts";

const SOUND: Files = {
  "deno.json": JSON.stringify({
    name: "@libc/ipc",
    version: "1.0.0",
    exports: { "./ffi": "./ffi/mod.ts", "./key": "./ipc/sysv/key.ts" },
    exclude: ["dist/"],
    links: ["./offline/std"],
  }),
  "offline/std/deno.json":
    `{ "name": "@std/std", "version": "1.0.0", "exports": "./a.ts" }`,
  "offline/std/a.ts": `import "./b.ts";\n`,
  "offline/std/b.ts": `import "./a.ts";\n`,
  "dist/a.ts": `import "./a.ts";\n`,
  "ffi/mod.ts": `export * from "./libc/time.ts";\n`,
  "ffi/libc/time.ts": `export * from "./_open.ts";\n`,
  "ffi/libc/_open.ts": "export const time = 1;\n",
  "ipc/sysv/key.ts": `export { time } from "../../ffi/mod.ts";\n`,
};

/** Returns the problems of the sound repository after the changes. */
async function problemsWith(changes: Files): Promise<string[]> {
  return await withRepository({ ...SOUND, ...changes }, importProblems);
}

Deno.test("importProblems() finds nothing wrong with a sound repository", async () => {
  assertEquals(await problemsWith({}), []);
});

Deno.test("importProblems() reports a circle, whatever it is made of", async () => {
  for (
    const source of [
      `import "../../tests/a_test.ts";`,
      `import type { A } from "../../tests/a_test.ts";`,
      `export type { A } from "../../tests/a_test.ts";`,
      `await import("../../tests/a_test.ts");`,
    ]
  ) {
    const changes = {
      "tests/a_test.ts":
        `import { key } from "@libc/ipc/key";\nexport type A = typeof key;\n`,
      "ipc/sysv/key.ts": `${source}\nexport const key = 1;\n`,
    };
    const circle = "ipc/sysv/key.ts -> tests/a_test.ts -> ipc/sysv/key.ts";
    assertEquals([source, await problemsWith(changes)], [source, [
      `A circle of files: ${circle}`,
    ]]);
  }
});

Deno.test("importProblems() reports scripts of the library in other languages", async () => {
  const circle = { "bench/a.mts": `import "./b.mts";\n`, "bench/b.mts": "" };
  assertEquals(await problemsWith({ ...circle, "ipc/a.js": "" }), [
    "ipc/a.js: is no .ts file",
  ]);
  circle["bench/b.mts"] = `import "./a.mts";\n`;
  assertEquals(await problemsWith(circle), [
    "A circle of files: bench/a.mts -> bench/b.mts -> bench/a.mts",
  ]);
});

Deno.test("importProblems() fails where it can read nothing", async () => {
  await assertRejects(
    () => problemsWith({ "ipc/a.ts": "import { from;\n" }),
    Error,
    "a.ts",
  );
});

Deno.test("importProblems() takes names of folders and files as they are", async () => {
  const changes = {
    "my tests/a b.ts": `import "./ü.ts";\n`,
    "my tests/ü.ts": `import "./a b.ts";\n`,
  };
  assertEquals(await problemsWith(changes), [
    "A circle of files: my tests/a b.ts -> my tests/ü.ts -> my tests/a b.ts",
  ]);
});

Deno.test("circlesOf() finds circles of one, of two and behind each other", () => {
  const imports = new Map([
    ["a", ["b", "c"]],
    ["b", ["b"]],
    ["c", ["d"]],
    ["d", ["c", "e"]],
    ["e", []],
  ]);
  assertEquals(circlesOf(imports), [["b", "b"], ["c", "d", "c"]]);
  assertEquals(circlesOf(new Map([["a", ["b"]], ["b", ["c"]]])), []);
});
