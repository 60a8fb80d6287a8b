/**
 * Checks the raw layer: each file of `ffi/libc/` is a C header by its name and
 * its documentation, `ffi/mod.ts` exports all of it, and each entry of a table
 * stands below its prototype, which has that name and as many parameters.
 *
 * Run it with `deno run --allow-all _tools/check_headers.ts`. What the compiler
 * knows of constants and structs is compared by `tests/ffi/libc/layouts_test.ts`.
 *
 * @module
 */

import { toFileUrl } from "@std/path/to-file-url";
import { filesBelow, finish, ROOT } from "./common.ts";

const FOLDER = "ffi/libc";
const RAW = "ffi/mod.ts";

/** The parts of a table that are read here. */
type Table = Record<string, { name?: string; parameters: readonly unknown[] }>;

/** The problems of the headers of a repository. */
export async function headerProblems(root: string): Promise<string[]> {
  const problems: string[] = [];
  const shown = Deno.readTextFileSync(`${root}${RAW}`).split("\n");
  for (const file of filesBelow(root, FOLDER)) {
    const name = file.slice(FOLDER.length + 1, -".ts".length);
    if (!file.endsWith(".ts") || name.startsWith("_")) continue;
    if (!shown.includes(`export * from "./libc/${name}.ts";`)) {
      problems.push(`${RAW}: does not export all of ${file}`);
    }
    const text = Deno.readTextFileSync(`${root}${file}`);
    const header = /^ \* `<([\w/]+)\.h>`/m.exec(text)?.[1];
    if (header?.replaceAll("/", "_") !== name) {
      problems.push(`${file}: its documentation names <${header}.h>`);
    }
    const module = await import(toFileUrl(root + file).href);
    const table: Table = module[`${name}_symbols`] ?? {};
    for (
      const [entry, { name: call = entry, parameters }] of Object.entries(table)
    ) {
      const why = whyNotPrototype(text, entry, call, parameters.length);
      if (why !== undefined) problems.push(`${file}: ${entry} ${why}`);
    }
  }
  return problems;
}

/** The problem of an entry's prototype, if any. */
function whyNotPrototype(
  text: string,
  entry: string,
  call: string,
  count: number,
): string | undefined {
  const above = new RegExp(`/\\*\\* \`([^\`]+);\`[^\\n]*\\n  ${entry}: `);
  const prototype = above.exec(text)?.[1];
  if (prototype === undefined) return "has no prototype above it";
  // A function parameter contains commas.
  const flat = prototype.replaceAll(/\([^()]*\)\([^()]*\)/g, "f");
  const list = new RegExp(`\\b${call}\\((.*)\\)$`).exec(flat)?.[1];
  if (list === undefined) {
    return `has the prototype of another call: ${prototype}`;
  }
  const parameters = list === "void" ? [] : list.split(",");
  if (parameters.length === count || list.endsWith("...")) return undefined;
  return `has ${count} parameters, and its prototype ${parameters.length}`;
}

if (import.meta.main) {
  finish(await headerProblems(ROOT), "Headers and prototypes are in order");
}
