/**
 * Checks what no single file shows: that no files import each other in a circle,
 * and that `ffi/mod.ts` exports every header of `ffi/libc/`.
 *
 * Run it with `deno run --allow-all _tools/check_imports.ts`. That the layers
 * import downwards only is a rule of `lint_plugin.ts`.
 *
 * @module
 */

import { deno, filesBelow, finish, readConfig, ROOT } from "./common.ts";

const RAW = "ffi/mod.ts";

/** Files and those that they import, types among them. */
export type Imports = ReadonlyMap<string, readonly string[]>;

/** The parts of `deno info --json` that are read here. */
interface Info {
  modules: Array<{
    specifier: string;
    error?: string;
    dependencies?: Array<{
      code?: { specifier?: string };
      type?: { specifier?: string };
    }>;
  }>;
}

/** What is wrong with the imports of a repository; nothing when all is well. */
export async function importProblems(root: string): Promise<string[]> {
  const circles = circlesOf(await importsOf(root));
  return [
    ...circles.map((circle) => `A circle of files: ${circle.join(" -> ")}`),
    ...headerProblems(root),
  ];
}

/** The imports of all TypeScript files that are the repository's own. */
async function importsOf(root: string): Promise<Imports> {
  const { exclude = [], links = [] } = readConfig(root);
  const foreign = [...exclude, ...links.map((link) => link.slice(2))];
  const files = filesBelow(root, "").filter((file) =>
    file.endsWith(".ts") && !foreign.some((folder) => file.startsWith(folder))
  );
  const all = await Deno.makeTempFile({ prefix: "imports_", suffix: ".ts" });
  try {
    await Deno.writeTextFile(
      all,
      files.map((file) => `import "${root}${file}";\n`).join(""),
    );
    const args = ["info", "--json", "--config", `${root}deno.json`, all];
    const { success, stdout, stderr } = await deno(args, { cwd: root });
    if (!success) throw new Error(`Cannot read the imports: ${stderr.trim()}`);
    const { modules }: Info = JSON.parse(stdout);
    const prefix = `file://${root}`;
    const own = modules.filter(({ specifier }) => specifier.startsWith(prefix));
    return new Map(own.map(({ specifier, dependencies = [] }) => [
      specifier.slice(prefix.length),
      dependencies.flatMap(({ code, type }) => [code, type])
        .map((target) => target?.specifier ?? "")
        .filter((target) => target.startsWith(prefix))
        .map((target) => target.slice(prefix.length)),
    ]));
  } finally {
    await Deno.remove(all);
  }
}

/** The circles that one comes upon: `["a.ts", "b.ts", "a.ts"]`. */
export function circlesOf(imports: Imports): string[][] {
  const circles: string[][] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const start = path.indexOf(file);
    if (start >= 0) circles.push([...path.slice(start), file]);
    if (start >= 0 || done.has(file)) return;
    path.push(file);
    new Set(imports.get(file)).forEach(visit);
    path.pop();
    done.add(file);
  };
  for (const file of imports.keys()) visit(file);
  return circles;
}

/** Headers that the raw layer's users would miss. */
function headerProblems(root: string): string[] {
  const text = Deno.readTextFileSync(`${root}${RAW}`);
  return filesBelow(root, "ffi/libc")
    .filter((file) => !/\/_|_test\.ts$/.test(file))
    .filter((file) =>
      !text.includes(`export * from "${file.replace("ffi", ".")}"`)
    )
    .map((file) => `${RAW}: does not export all of ${file}`);
}

if (import.meta.main) {
  finish(await importProblems(ROOT), "No circles, and no header is left out");
}
