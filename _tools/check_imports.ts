/**
 * Checks that no files import each other in a circle.
 *
 * Run it with `deno run --allow-all _tools/check_imports.ts`. That the layers
 * import downwards only is a rule of `lint_plugin.ts`.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/from-file-url";
import { toFileUrl } from "@std/path/to-file-url";
import { deno, filesBelow, finish, readConfig, ROOT } from "./common.ts";

const SCRIPT = /\.[cm]?[jt]sx?$/;

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

/** The problems of the imports of a repository. */
export async function importProblems(root: string): Promise<string[]> {
  const circles = circlesOf(await importsOf(root));
  return [
    ...circles.map((circle) => `A circle of files: ${circle.join(" -> ")}`),
    ...languageProblems(root),
  ];
}

/** The imports of all scripts of the repository itself. */
async function importsOf(root: string): Promise<Imports> {
  const { exclude = [], links = [] } = readConfig(root);
  const foreign = [...exclude, ...links.map((link) => link.slice(2))];
  const files = filesBelow(root, "").filter((file) =>
    SCRIPT.test(file) && !foreign.some((folder) => file.startsWith(folder))
  );
  const prefix = toFileUrl(root).href;
  const all = await Deno.makeTempFile({ prefix: "imports_", suffix: ".ts" });
  try {
    await Deno.writeTextFile(
      all,
      files.map((file) => `import "${toFileUrl(root + file)}";\n`).join(""),
    );
    const args = ["info", "--json", "--config", `${root}deno.json`, all];
    const { success, stdout, stderr } = await deno(args, { cwd: root });
    if (!success) throw new Error(`Cannot read the imports: ${stderr.trim()}`);
    const { modules }: Info = JSON.parse(stdout);
    const own = modules.filter(({ specifier }) => specifier.startsWith(prefix));
    const imports = new Map(
      own.map(({ specifier, error, dependencies = [] }) => {
        if (error !== undefined) throw new Error(error);
        return [
          fromFileUrl(specifier).slice(root.length),
          dependencies.flatMap(({ code, type }) => [code, type])
            .map((target) => target?.specifier ?? "")
            .filter((target) => target.startsWith(prefix))
            .map((target) => fromFileUrl(target).slice(root.length)),
        ] as const;
      }),
    );
    const missing = files.find((file) => !imports.has(file));
    if (missing === undefined) return imports;
    throw new Error(`Cannot read the imports of ${missing}`);
  } finally {
    await Deno.remove(all);
  }
}

/** The circles found: `["a.ts", "b.ts", "a.ts"]`. */
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
  for (const file of [...imports.keys()].sort()) visit(file);
  return circles;
}

/** Scripts of the library in other languages, which the other checks ignore. */
function languageProblems(root: string): string[] {
  return ["ffi", "ipc", "cli"].flatMap((folder) => filesBelow(root, folder))
    .filter((file) => SCRIPT.test(file) && !file.endsWith(".ts"))
    .map((file) => `${file}: is no .ts file`);
}

if (import.meta.main) {
  finish(await importProblems(ROOT), "No circles of files");
}
