/**
 * Checks the published files, and that they resolve without the stand-ins.
 *
 * A checkout resolves `@std/…` through `links`, which a package cannot have: so
 * the package is published from a copy with another `deno.json`, in which
 * `links` is missing and `imports` leads to the real packages. In that copy
 * `cli/` imports the library by relative path, since publishing would turn
 * "@libc/ipc" into `jsr:@libc/ipc@^…`, a dependency of the package on another
 * version of itself.
 *
 * `exports` of the copy lead to the library in one JavaScript file, which
 * `bundle.ts` makes.
 *
 * The copy goes through `deno publish --dry-run`, which finds slow types and
 * lists the files; a local registry answers for JSR.
 *
 * - `deno run --allow-all _tools/check_publish.ts` checks.
 * - `deno run --allow-all _tools/check_publish.ts --copy DIR` also keeps the
 *   copy: `deno publish` there publishes.
 *
 * @module
 */

import { bundle, bundledExports } from "./bundle.ts";
import {
  type Config,
  deno,
  filesBelow,
  finish,
  readConfig,
  ROOT,
} from "./common.ts";
import { serveRegistry } from "./local_registry.ts";

/** The only files and folders that may be published. */
const PUBLISHED =
  /^(mod\.ts|deno\.json|README\.md|LICENSE|CHANGELOG\.md|(ffi|ipc|cli)\/.+|js\/.+\.js)$/;

/** Files in a repository that are not sources of the package. */
const LEFT_OUT = /^(\.git|dist|coverage|node_modules)\//;

/** The problems of the configuration. */
export function configProblems(config: Config): string[] {
  const problems: string[] = [];
  for (const [name, target] of Object.entries(config.imports)) {
    if (!name.startsWith("@std/") || target !== `jsr:${name}@^1`) {
      problems.push(
        `deno.json: "${name}" must be "jsr:@std/…@^1", not "${target}"`,
      );
    }
  }
  for (const link of config.links ?? []) {
    const name = link.replace("./offline/std/", "@std/");
    if (!(name in config.imports)) {
      problems.push(`deno.json: the stand-in "${link}" is not in imports`);
    }
  }
  return problems;
}

/** The configuration that is published: without the stand-ins, bundled. */
export function publishedConfig(config: Config): Omit<Config, "links"> {
  const { links: _, ...rest } = config;
  return {
    ...rest,
    exports: bundledExports(config.exports),
    publish: {
      ...config.publish,
      include: [...config.publish.include, "js/**/*.js"],
    },
  };
}

/** A source of `cli/` with the library imported by relative path. */
export function withRelativeImports(
  file: string,
  source: string,
  { name, exports }: Config,
): string {
  const up = "../".repeat(file.split("/").length - 1) || "./";
  return source.replaceAll(
    // Not within a doc comment, where the name is for users.
    /^(?! *\*)(.*(?:\bfrom|\bimport) ?\(?")(@libc\/ipc[^"]*)"/gm,
    (whole, before: string, specifier: string) => {
      const target = exports[specifier.replace(name, ".")];
      return target === undefined
        ? whole
        : `${before}${target.replace("./", up)}"`;
    },
  );
}

/** Writes the copy to publish into an empty folder. */
export async function copyForPublishing(
  root: string,
  target: string,
): Promise<void> {
  const config = readConfig(root);
  const published = publishedConfig(config);
  for (const file of filesBelow(root, "")) {
    if (LEFT_OUT.test(file)) continue;
    const path = `${target}${file}`;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    if (/^cli\/.*\.ts$/.test(file)) {
      const source = Deno.readTextFileSync(`${root}${file}`);
      Deno.writeTextFileSync(
        path,
        withRelativeImports(file, source, published),
      );
    } else {
      Deno.copyFileSync(`${root}${file}`, path);
    }
  }
  const text = JSON.stringify(published, null, 2);
  Deno.writeTextFileSync(`${target}deno.json`, `${text}\n`);
  await bundle(root, target, config.exports);
}

/** The problems of the files to publish. */
export function fileProblems(
  published: Array<{ file: string; source: string }>,
): string[] {
  const problems: string[] = [];
  for (const { file, source } of published) {
    if (!PUBLISHED.test(file) || /_test\.ts$|\/testdata\//.test(file)) {
      problems.push(`${file}: must not be published`);
    }
    if (!/\.[jt]s$/.test(file)) continue;
    if (/["'][^"'\n]*\boffline\//.test(source)) {
      problems.push(`${file}: names the stand-ins of offline/`);
    }
    if (/^(?! *\*).*(?:from|import) ?\(?"@libc\/ipc/m.test(source)) {
      problems.push(`${file}: imports its own package by name`);
    }
  }
  for (const needed of ["mod.ts", "deno.json", "README.md", "LICENSE"]) {
    if (!published.some(({ file }) => file === needed)) {
      problems.push(`${needed}: would not be published`);
    }
  }
  return problems;
}

/** The result of a dry run of publishing. */
export interface Rehearsal {
  /** The problems. */
  problems: string[];
  /** The files that would be published. */
  files: string[];
  /** The packages that were resolved through JSR. */
  resolved: string[];
}

/** Copies the package to an empty folder and publishes it in a dry run. */
export async function rehearse(
  root: string,
  copy: string,
): Promise<Rehearsal> {
  const config = readConfig(root);
  const problems = configProblems(config);
  await copyForPublishing(root, copy);
  await using registry = serveRegistry(root, config.links ?? []);
  const cache = await Deno.makeTempDir({ prefix: "ipc_deno_dir_" });
  try {
    const { success, stdout, stderr } = await deno(
      ["publish", "--dry-run", "--allow-dirty"],
      // A separate cache, so that no answer of the local registry outlives it.
      { cwd: copy, env: { JSR_URL: registry.url, DENO_DIR: cache } },
    );
    const output = `${stdout}\n${stderr}`;
    if (!success) problems.push(output.trim());
    const prefix = `file://${Deno.realPathSync(copy)}/`;
    const files = Array.from(
      output.matchAll(/^ +(file:\/\/\S+) \(/gm),
      ([, url = ""]) => decodeURI(url.replace(prefix, "")),
    ).sort();
    if (success) {
      problems.push(...fileProblems(
        files.map((file) => ({
          file,
          source: Deno.readTextFileSync(`${copy}${file}`),
        })),
      ));
    }
    return { problems, files, resolved: [...registry.requested].sort() };
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
}

async function main([option, folder]: string[]): Promise<void> {
  if (option !== undefined && (option !== "--copy" || folder === undefined)) {
    finish(["Usage: check_publish.ts [--copy DIR]"], "");
    return;
  }
  const kept = folder?.replace(/\/*$/, "/");
  if (kept !== undefined) Deno.mkdirSync(kept, { recursive: true });
  const copy = kept ?? `${Deno.makeTempDirSync({ prefix: "ipc_publish_" })}/`;
  try {
    if ([...Deno.readDirSync(copy)].length > 0) {
      finish([`${copy} is not empty`], "");
      return;
    }
    const { problems, files, resolved } = await rehearse(ROOT, copy);
    finish(
      problems,
      `${files.length} files would be published, with ${
        resolved.map((name) => `jsr:${name}`).join(", ") || "no dependency"
      }`,
    );
  } finally {
    if (kept === undefined) Deno.removeSync(copy, { recursive: true });
  }
}

if (import.meta.main) await main(Deno.args);
