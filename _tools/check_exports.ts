/**
 * Checks that `mod.ts`, `exports` of `deno.json` and the files agree, and that
 * tests import what is public by a public specifier: they must not notice when
 * it moves to another file.
 *
 * Run it with `deno run --allow-read --allow-run _tools/check_exports.ts`.
 *
 * @module
 */

import {
  type Config,
  type Declaration,
  docOf,
  filesBelow,
  finish,
  isFile,
  type ModuleDoc,
  readConfig,
  ROOT,
} from "./common.ts";

const ALL = "mod.ts";

/** A file of the library in a test: `"../mod.ts"`, or `source("mod.ts")`. */
const MENTION =
  /(?:"(?=\.)|\(\s*")((?:\.{1,2}\/)*(?:(?:ffi|ipc)\/[^"\s]+|mod)\.ts)"/g;

/**
 * What stands before it where names are imported: `{ a } from "${source(`, and
 * `{ a } = await import(`.
 */
const NAMES = /\{([^{}]*)\}\s*(?:from|=\s*await\s+import\b)[\s\w.("$\{]*$/;

/** Subpaths that `mod.ts` leaves out: raw calls, and a program. */
const APART = new Set(["./ffi", "./cli"]);

/** The disagreements in a repository. */
export async function exportProblems(root: string): Promise<string[]> {
  const config = readConfig(root);
  const problems = fileProblems(root, config);
  const present = Object.values(config.exports)
    .filter((file) => isFile(`${root}${file}`))
    .map((file) => file.replace("./", ""));
  const docs = await docOf(root, present);
  for (const [file, { module_doc }] of docs) {
    if (!module_doc?.tags?.some(({ kind }) => kind === "module")) {
      problems.push(`${file}: no module doc with @module`);
    }
  }
  return problems.concat(
    placeProblems(root, config, docs),
    symbolProblems(config, docs),
    await testProblems(root, config, docs),
  );
}

/** Subpaths without a file of their own. */
function fileProblems(root: string, { exports }: Config): string[] {
  const problems: string[] = [];
  const exported = new Set<string>();
  for (const [subpath, target] of Object.entries(exports)) {
    const file = target.replace("./", "");
    if (!isFile(`${root}${file}`)) {
      problems.push(`deno.json: "${subpath}" names no file: ${target}`);
    }
    if (file.split("/").some((part) => part.startsWith("_"))) {
      problems.push(`deno.json: "${subpath}" names a private file: ${target}`);
    }
    if (exported.has(file)) {
      problems.push(`deno.json: two subpaths name ${target}`);
    }
    exported.add(file);
  }
  return problems;
}

/** Public files that export nothing to users, and private ones with classes. */
function placeProblems(
  root: string,
  { exports }: Config,
  docs: Map<string, ModuleDoc>,
): string[] {
  const exported = Object.values(exports).map((file) => file.replace("./", ""));
  const prefix = `file://${Deno.realPathSync(root)}/`;
  const shown = new Set(exported);
  const hidden = new Set<string>();
  for (const { symbols } of docs.values()) {
    for (const { name, declarations } of symbols) {
      for (const declaration of declarations) {
        const file = fileOf(declaration).replace(prefix, "");
        shown.add(file);
        if (!isPublic(file) && declaration.kind === "class") {
          hidden.add(`${file}: a private file with the public class ${name}`);
        }
      }
    }
  }
  for (const file of filesBelow(root, "ipc")) {
    // Files of ipc/core are internal, unless they have a subpath.
    if (!isPublic(file) || file.startsWith("ipc/core/")) continue;
    // A folder with its own subpath covers all files below it.
    const speaks = parentsOf(file).some((it) => shown.has(`${it}/${ALL}`));
    if (shown.has(file) || speaks) continue;
    hidden.add(`${file}: a public file of which no subpath exports anything`);
  }
  return [...hidden];
}

/** The folders around a file, from the innermost on. */
function parentsOf(file: string): string[] {
  const parts = file.split("/");
  return parts.slice(1).map((_, i) => parts.slice(0, -1 - i).join("/"));
}

function isPublic(file: string): boolean {
  return file.endsWith(".ts") && !file.endsWith("_test.ts") &&
    !file.split("/").some((part) => part.startsWith("_"));
}

/** Symbols that are in a subpath and not in `mod.ts`, or the other way. */
function symbolProblems(
  { exports }: Config,
  docs: Map<string, ModuleDoc>,
): string[] {
  const all = docs.get(ALL);
  // Reported as a missing file.
  if (all === undefined) return [];
  const problems: string[] = [];
  const whole = placesOf(all);
  const rest = new Set(whole.keys());
  for (const [subpath, target] of Object.entries(exports)) {
    const file = target.replace("./", "");
    const doc = docs.get(file);
    if (doc === undefined || file === ALL || APART.has(subpath)) continue;
    for (const [name, place] of placesOf(doc)) {
      rest.delete(name);
      const found = whole.get(name);
      if (found === undefined) {
        problems.push(`${ALL}: does not export ${name} of ${file}`);
      } else if (found !== place) {
        problems.push(`${ALL}: exports another ${name} than ${file}`);
      }
    }
  }
  for (const name of rest) {
    problems.push(`${ALL}: exports ${name}, which no subpath exports`);
  }
  return problems;
}

/** Tests that take from a file what a specifier exports. */
async function testProblems(
  root: string,
  { name: own, exports }: Config,
  docs: Map<string, ModuleDoc>,
): Promise<string[]> {
  const specifiers = new Map<string, string>();
  const offers = new Map<string, string>();
  for (const [subpath, target] of Object.entries(exports)) {
    const file = target.replace("./", "");
    const specifier = own + subpath.slice(1);
    specifiers.set(file, specifier);
    const doc = docs.get(file);
    for (const place of doc === undefined ? [] : placesOf(doc).values()) {
      // The first is of `mod.ts`, if it has it.
      if (!offers.has(place)) offers.set(place, specifier);
    }
  }
  const mentions = filesBelow(root, "tests")
    .filter((test) => test.endsWith(".ts"))
    .flatMap((test) => mentionsOf(test, Deno.readTextFileSync(root + test)));
  const others = new Set(mentions.map(({ file }) => file))
    .difference(specifiers);
  const shown = await docOf(
    root,
    [...others].filter((file) => isFile(`${root}${file}`)),
  );
  return mentions.flatMap(({ test, file, names }) => {
    const whole = specifiers.get(file);
    if (whole !== undefined) {
      return `${test}: names ${file}, which is "${whole}"`;
    }
    const doc = shown.get(file);
    const offered = [...doc === undefined ? [] : placesOf(doc)]
      .filter(([name, place]) =>
        offers.has(place) && (names?.includes(name) ?? true)
      );
    return offered.slice(0, names?.length ?? 1).map(([name, place]) =>
      `${test}: names ${file}, while "${offers.get(place)}" exports ${name}`
    );
  });
}

/** A file of the library that a test names. */
interface Mention {
  test: string;
  file: string;
  /** What it imports from there, undefined when that is not said. */
  names: string[] | undefined;
}

/** The files that a test names, in programs for its children as well. */
function mentionsOf(test: string, text: string): Mention[] {
  return [...text.matchAll(MENTION)].flatMap(({ 1: path = "", index }) => {
    const base = path.startsWith(".") ? `file:///${test}` : "file:///";
    const file = new URL(path, base).pathname.slice(1);
    if (file !== ALL && !/^(ffi|ipc)\//.test(file)) return [];
    const names = NAMES.exec(text.slice(0, index))?.[1]?.split(",")
      .map((name) => name.trim().replace(/^type /, "").split(/ |:/)[0] ?? "");
    return { test, file, names };
  });
}

/** Where each exported symbol is declared. */
function placesOf({ symbols }: ModuleDoc): Map<string, string> {
  return new Map(
    // Of a function with several signatures a re-export names only the first.
    symbols.map(({ name, declarations: [first] }) => [
      name,
      first === undefined ? "" : placeOf(first),
    ]),
  );
}

function placeOf(declaration: Declaration): string {
  const { line } = declaration.def?.target ?? declaration.location;
  return `${fileOf(declaration)}:${line}`;
}

function fileOf({ location, def }: Declaration): string {
  return (def?.target ?? location).filename;
}

if (import.meta.main) {
  finish(await exportProblems(ROOT), "mod.ts, exports, files and tests agree");
}
