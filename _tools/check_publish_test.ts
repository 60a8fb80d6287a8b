import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  configProblems,
  fileProblems,
  publishedConfig,
  rehearse,
  withRelativeImports,
} from "./check_publish.ts";
import type { Config } from "./common.ts";
import { type Files, whyNoBundle, withRepository } from "./testing.ts";

const CONFIG: Config & { license: string } = {
  name: "@libc/ipc",
  version: "1.0.0",
  license: "MIT",
  exports: {
    ".": "./mod.ts",
    "./key": "./ipc/key.ts",
    "./cli": "./cli/mod.ts",
  },
  imports: { "@std/path": "jsr:@std/path@^1" },
  links: ["./offline/std/path"],
  publish: {
    include: ["mod.ts", "ipc/", "cli/", "README.md", "LICENSE", "deno.json"],
    exclude: ["**/*_test.ts"],
  },
};

const SOUND: Files = {
  "deno.json": JSON.stringify(CONFIG),
  "README.md": "# It\n",
  "LICENSE": "MIT\n",
  "mod.ts": `/** All. @module */\nexport * from "./ipc/key.ts";\n`,
  "ipc/key.ts": "/** It. */\nexport const key: number = 1;\n",
  "ipc/key_test.ts": "",
  "cli/mod.ts": `import { key } from "@libc/ipc/key";
import { join } from "@std/path/join";
console.log(join("a", String(key)));
`,
  "tests/key_test.ts": "",
  "offline/std/path/deno.json":
    `{ "name": "@std/path", "version": "1.2.3", "exports": { "./join": "./join.ts" } }`,
  "offline/std/path/join.ts":
    `/** Joins. */\nexport function join(a: string, b: string): string {\n  return a + b;\n}\n`,
};

/** Does a dry run of publishing the sound repository after the changes. */
function rehearseWith(
  changes: Files,
): Promise<Awaited<ReturnType<typeof rehearse>>> {
  return withRepository(
    { ...SOUND, ...changes },
    (root) => withRepository({}, (copy) => rehearse(root, copy)),
  );
}

const NO_BUNDLE = await whyNoBundle();

/** Registers a test that needs esbuild. */
function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: name + NO_BUNDLE, ignore: NO_BUNDLE !== "", fn });
}

test("rehearse() resolves the real packages and publishes no stand-in", async () => {
  assertEquals(await rehearseWith({}), {
    problems: [],
    files: [
      "LICENSE",
      "README.md",
      "cli/mod.ts",
      "deno.json",
      "ipc/key.ts",
      "js/_bundle.js",
      "js/key.js",
      "js/mod.js",
      "mod.ts",
    ],
    resolved: ["@std/path"],
  });
});

test("rehearse() reports slow types", async () => {
  const { problems } = await rehearseWith({
    "ipc/key.ts": "/** It. */\nexport function key() { return { a: f() }; }\n" +
      "function f() { return 1; }\n",
  });
  assertEquals(problems.length, 1);
  assertStringIncludes(problems[0] ?? "", "missing-explicit-return-type");
});

test("rehearse() reports a package that no registry has", async () => {
  const { problems } = await rehearseWith({
    "cli/mod.ts": `import "@std/path/absent";\n`,
  });
  assertEquals(problems.length, 1);
  assertStringIncludes(problems[0] ?? "", "absent");
});

Deno.test("configProblems() wants the real packages in imports", () => {
  assertEquals(configProblems(CONFIG), []);
  assertEquals(
    configProblems({
      ...CONFIG,
      imports: { "@std/path": "./offline/std/path/mod.ts", "a": "npm:a" },
    }),
    [
      'deno.json: "@std/path" must be "jsr:@std/…@^1", not "./offline/std/path/mod.ts"',
      'deno.json: "a" must be "jsr:@std/…@^1", not "npm:a"',
    ],
  );
  assertEquals(configProblems({ ...CONFIG, imports: {} }), [
    'deno.json: the stand-in "./offline/std/path" is not in imports',
  ]);
});

Deno.test("publishedConfig() drops links, names the bundled files and keeps the rest", () => {
  const { links: _, ...rest } = CONFIG;
  assertEquals(publishedConfig(CONFIG), {
    ...rest,
    exports: {
      ".": "./js/mod.js",
      "./key": "./js/key.js",
      "./cli": "./cli/mod.ts",
    },
    publish: {
      ...rest.publish,
      include: [...rest.publish.include, "js/**/*.js"],
    },
  });
});

Deno.test("withRelativeImports() rewrites imports of the own package only", () => {
  const source = `/**
 * import { a } from "@libc/ipc";
 */
import { a } from "@libc/ipc";
import type { B } from "@libc/ipc/key";
import { c } from "@libc/ipc/absent";
import { join } from "@std/path";
import {
  d,
} from "@libc/ipc/key";
export * from "@libc/ipc";
await import("@libc/ipc/key");
`;
  assertEquals(
    withRelativeImports("cli/commands/ls.ts", source, CONFIG),
    `/**
 * import { a } from "@libc/ipc";
 */
import { a } from "../../mod.ts";
import type { B } from "../../ipc/key.ts";
import { c } from "@libc/ipc/absent";
import { join } from "@std/path";
import {
  d,
} from "../../ipc/key.ts";
export * from "../../mod.ts";
await import("../../ipc/key.ts");
`,
  );
});

Deno.test("fileProblems() reports files that must not be published", () => {
  const needed = ["mod.ts", "deno.json", "README.md", "LICENSE"]
    .map((file) => ({ file, source: "" }));
  assertEquals(fileProblems(needed), []);
  assertEquals(fileProblems(needed.slice(1)), [
    "mod.ts: would not be published",
  ]);
  const problem = (file: string, source: string): string[] =>
    fileProblems([...needed, { file, source }]);
  assertEquals(problem("offline/std/path/mod.ts", ""), [
    "offline/std/path/mod.ts: must not be published",
  ]);
  assertEquals(problem("ipc/key_test.ts", ""), [
    "ipc/key_test.ts: must not be published",
  ]);
  assertEquals(problem("cli/a.ts", `import "../offline/std/path/mod.ts";`), [
    "cli/a.ts: names the stand-ins of offline/",
  ]);
  assertEquals(problem("cli/a.ts", `import { a } from "@libc/ipc/absent";`), [
    "cli/a.ts: imports its own package by name",
  ]);
  assertEquals(problem("js/a.js", `import { a } from "@libc/ipc";`), [
    "js/a.js: imports its own package by name",
  ]);
  assertEquals(problem("js/a.ts", ""), ["js/a.ts: must not be published"]);
  assertEquals(problem("cli/a.ts", ` * import { a } from "@libc/ipc";`), []);
});
