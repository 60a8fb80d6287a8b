/**
 * Bundles the library into one JavaScript file, for publishing.
 *
 * The sources are slow to load: Deno spends about 0.1 ms on each module, and
 * the JavaScript it makes of TypeScript has an inline source map in each. On
 * two cores with Deno 2.9.6, on top of 15 ms for an empty program
 * (`deno task bench:import`):
 *
 * | import                           | sources | bundle |
 * | -------------------------------- | ------- | ------ |
 * | `@libc/ipc`                      | +35 ms  | +6 ms  |
 * | `@libc/ipc/sysv-shm`             | +7 ms   | +6 ms  |
 * | `@libc/ipc`, with an empty cache | +160 ms | +45 ms |
 *
 * So the package has `js/_bundle.js` with all code of the library, and beside
 * it a file for each subpath, which exports names from it: every import shares
 * one instance of each class. (Chunks that entries share would have been 76
 * modules for `@libc/ipc`, +15 ms, and 18 for `sysv-shm`, +4 ms.) In the files
 * of the subpaths `@ts-self-types` names the sources, which have the types and
 * the documentation: Deno loads them to check, and never to run.
 *
 * The bundler is esbuild, which comes from npm when it is needed. Removing
 * white space saves 1 ms; names stay, for stack traces. A source map would be
 * useless, since Deno reads only inline ones. `deno bundle`, the same esbuild,
 * cannot remove white space without renaming.
 *
 * @module
 */

import { deno } from "./common.ts";

/**
 * The bundler. Its program is a package of its own for each platform, so that
 * its install script, which Deno does not run, is not missed.
 */
const ESBUILD = "npm:esbuild@0.25.12";

/** The folder of the bundle in the package. */
const FOLDER = "js";
const BUNDLE = "_bundle";

/**
 * Runs esbuild; `--version` tests whether it is available.
 *
 * Deno trusts its own list of certificates, npm those of the machine, which may
 * include the certificate of a proxy. A machine that got Deno from npm can get
 * esbuild too, even with an empty environment and an empty cache.
 */
export function esbuild(
  args: string[],
  cwd?: string,
): ReturnType<typeof deno> {
  const stores = Deno.env.get("DENO_TLS_CA_STORE") ?? "mozilla,system";
  return deno(
    ["run", "--allow-all", "--quiet", "--no-config", ESBUILD, ...args],
    {
      ...(cwd === undefined ? {} : { cwd }),
      env: { DENO_TLS_CA_STORE: stores },
    },
  );
}

/** Whether the source of a subpath is bundled: the library, not the command. */
function isBundled(source: string): boolean {
  return !source.startsWith("./cli/");
}

/** The `exports` of a bundled package. */
export function bundledExports(
  exports: Record<string, string>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(exports).map(([subpath, source]) => {
      if (!isBundled(source)) return [subpath, source];
      const name = subpath === "." ? "mod" : subpath.slice(2);
      return [subpath, `./${FOLDER}/${name.replaceAll(/\W/g, "_")}.js`];
    }),
  );
}

/**
 * Writes the bundle and the files of the subpaths.
 *
 * @param root The repository, whose modules are run for their names.
 * @param copy The copy of it that is bundled.
 * @throws {Error} With the output of esbuild.
 */
export async function bundle(
  root: string,
  copy: string,
  exports: Record<string, string>,
): Promise<void> {
  await Deno.mkdir(`${copy}${FOLDER}`);
  const targets = bundledExports(exports);
  const taken = new Map<string, unknown>();
  const entry: string[] = [];
  for (const [subpath, source] of Object.entries(exports)) {
    if (!isBundled(source)) continue;
    const module = await import(new URL(source, `file://${root}`).href);
    // Subpaths share symbols, and may use one name for two things. Compared by
    // value, since no export changes before a call.
    const added: string[] = [];
    const names = Object.entries(module).map(([name, value]) => {
      let alias = name;
      while (taken.has(alias) && !Object.is(taken.get(alias), value)) {
        alias += "$";
      }
      if (!taken.has(alias)) added.push(renamed(name, alias));
      taken.set(alias, value);
      return renamed(alias, name);
    });
    entry.push(`export { ${added.join(", ")} } from ".${source}";\n`);
    await Deno.writeTextFile(
      `${copy}${targets[subpath]}`,
      `// @ts-self-types=".${source}"\n` +
        `export {\n${names.map((it) => `  ${it},\n`).join("")}} ` +
        `from "./${BUNDLE}.js";\n`,
    );
  }
  await build(`${copy}${FOLDER}/`, entry.join(""));
}

function renamed(from: string, to: string): string {
  return from === to ? from : `${from} as ${to}`;
}

/** Writes the bundle of a module whose source is given. */
async function build(folder: string, entry: string): Promise<void> {
  const input = `${folder}${BUNDLE}.ts`;
  const output = `${folder}${BUNDLE}.js`;
  await Deno.writeTextFile(input, entry);
  const { success, stderr } = await esbuild([
    `${BUNDLE}.ts`,
    `--outfile=${BUNDLE}.js`,
    "--bundle",
    "--format=esm",
    "--target=esnext",
    "--minify-whitespace",
    // Lines, so that a place in a stack trace can be found.
    "--line-limit=120",
    "--legal-comments=none",
    "--log-level=warning",
  ], folder);
  await Deno.remove(input);
  // A warning means that the code may differ from its source.
  if (!success || stderr.includes("[WARNING]")) {
    throw new Error(`Cannot bundle the library: ${stderr.trim()}`);
  }
  await Deno.writeTextFile(
    output,
    withClassNames(await Deno.readTextFile(output)),
  );
}

/**
 * A bundle whose classes have their names. esbuild writes `class A`, if it
 * names itself, as `var A=class _A`; to keep all names, its own option calls a
 * function for each, which costs 2 ms.
 */
export function withClassNames(code: string): string {
  const names = Array.from(
    code.matchAll(/\bvar (\w+)=class _\1\b/g),
    ([, name]) => name,
  );
  if (names.length === 0) return code;
  return code.replaceAll(
    new RegExp(`(?<![\\w$.#])_(${names.join("|")})(?![\\w$])`, "g"),
    "$1",
  );
}
