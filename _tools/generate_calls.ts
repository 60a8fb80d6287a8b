/**
 * Writes `CALLS.md`: each libc call, its raw entries, its wrappers, its tests.
 *
 * A raw entry is a line of a table in `ffi/libc/`. A wrapper is a function,
 * class, method or getter of `ffi/` or `ipc/` whose documentation begins
 * with the call in backticks. A test is a test file that names the call in a
 * string, makes it through the raw table, or uses a wrapper of it.
 *
 * `deno task calls` writes the file; `--check` fails when it is stale.
 *
 * @module
 */

import {
  docOf,
  filesBelow,
  finish,
  type ModuleDoc,
  readConfig,
  ROOT,
} from "./common.ts";

const TARGET = "CALLS.md";

/** An entry of a raw table. */
export interface Entry {
  /** The name in the table: `shmctl_buf`. */
  name: string;
  /** The name in C: `shmctl`. */
  call: string;
  /** The file of the table. */
  file: string;
}

/** A wrapper of a call. */
export interface Wrapper {
  /** Its name as in code: `SysvSharedMemory.attach()`. */
  label: string;
  /** The file that defines it. */
  file: string;
  /** Names that a file which uses it contains. */
  uses: RegExp[];
  /** The calls its documentation names. */
  calls: string[];
  /** Whether a subpath exports it. */
  isPublic: boolean;
}

/** A line of `CALLS.md`. */
export interface Row {
  /** The call. */
  call: string;
  /** Its entries, all of one header. */
  entries: Entry[];
  /** Its wrappers. */
  wrappers: Wrapper[];
  /** Files of the library that use it without naming it. */
  users: string[];
  /** Test files that cover it. */
  tests: string[];
}

/** The entries of the tables in a file, as `deno fmt` lays them out. */
export function entriesOf(file: string, source: string): Entry[] {
  const entries: Entry[] = [];
  let inTable = false;
  let open: Entry | undefined;
  for (const line of source.split("\n")) {
    if (/^(export )?const \w+ = \{$/.test(line)) inTable = true;
    else if (line.startsWith("}")) inTable = false;
    if (!inTable) continue;
    const entry = /^ {2}(\w+): \{/.exec(line);
    if (entry !== null) {
      const [, name = ""] = entry;
      open = { name, call: name, file };
      entries.push(open);
    }
    const alias = /\bname: "(\w+)"/.exec(line);
    if (open !== undefined && alias !== null) open.call = alias[1] ?? open.call;
    if (/^ {2}(\w+: \{.*)?\},?$/.test(line)) open = undefined;
  }
  // syscall(2) makes another call, which the entry names.
  return entries.map((entry) =>
    entry.call === "syscall" && entry.name !== "syscall"
      ? { ...entry, call: entry.name }
      : entry
  );
}

/**
 * The calls that a documentation comment begins with: in
 * "`shmctl(IPC_INFO)` and `shmctl(SHM_INFO)`: limits" all before the colon.
 */
export function callsOf(doc: string | undefined): string[] {
  if (doc === undefined || !doc.startsWith("`")) return [];
  const head = /^[^]*?(?=:\s|\.\s|\.$|\n\n|$)/.exec(doc)?.[0] ?? "";
  return Array.from(head.matchAll(/`(\w+)[^`]*`/g), ([, name = ""]) => name);
}

/** The wrappers that a module exports; `exported` are the names of subpaths. */
export function wrappersOf(
  file: string,
  { symbols }: ModuleDoc,
  exported: ReadonlySet<string>,
): Wrapper[] {
  const wrappers: Wrapper[] = [];
  const add = (
    label: string,
    doc: string | undefined,
    uses: RegExp[],
    isPublic: boolean,
  ): void => {
    const calls = callsOf(doc);
    if (calls.length > 0 && !wrappers.some((it) => it.label === label)) {
      wrappers.push({ label, file, calls, uses, isPublic });
    }
  };
  for (const { name, declarations } of symbols) {
    const isPublic = exported.has(name);
    for (const { kind, jsDoc, def, location } of declarations) {
      if (kind === "reference" || !location.filename.endsWith(`/${file}`)) {
        continue;
      }
      if (kind === "function") {
        add(`${name}()`, jsDoc?.doc, [word(name)], isPublic);
      } else if (kind === "class") {
        add(name, jsDoc?.doc, [word(name)], isPublic);
        for (
          const member of [def?.methods ?? [], def?.properties ?? []].flat()
        ) {
          const call = member.kind === "method" ? "()" : "";
          add(`${name}.${member.name}${call}`, member.jsDoc?.doc, [
            word(name),
            new RegExp(`\\.${escape(member.name)}\\b`),
          ], isPublic);
        }
      }
    }
  }
  return wrappers;
}

function word(name: string): RegExp {
  return new RegExp(`\\b${escape(name)}\\b`);
}

function escape(name: string): string {
  return name.replace(/[^\w]/g, "\\$&");
}

/** The contents of files by path. */
export type Sources = Map<string, string>;

/** The rows of `CALLS.md`, in the order of the tables. */
export function rowsOf(
  entries: Entry[],
  wrappers: Wrapper[],
  { library, tests }: { library: Sources; tests: Sources },
): Row[] {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    const key = `${entry.file} ${entry.call}`;
    groups.set(key, [...groups.get(key) ?? [], entry]);
  }
  return [...groups.values()].map((group): Row => {
    const call = group[0]?.call ?? "";
    const all = wrappers.filter(({ calls }) => calls.includes(call));
    const open = all.filter((wrapper) => wrapper.isPublic);
    const own = open.length > 0 ? open : all;
    const covered = new Set(own.map(({ file }) => file));
    const usesRaw = rawUse(group);
    const quoted = new RegExp(`["'\`]${call}\\b`);
    return {
      call,
      entries: group,
      wrappers: own,
      users: filesWith(library, usesRaw).filter((file) => !covered.has(file)),
      tests: filesWith(
        tests,
        (source) =>
          quoted.test(source) || usesRaw(source) ||
          own.some(({ uses }) => uses.every((it) => it.test(source))),
      ),
    };
  });
}

/** Whether a source opens the table of some entries and uses one of them. */
function rawUse(entries: Entry[]): (source: string) => boolean {
  const file = entries[0]?.file ?? "";
  const table = file.slice(file.lastIndexOf("/") + 1, -".ts".length);
  const imported = new RegExp(
    `import [^;]*?\\b${table}\\b(?: as (\\w+))?[^;]*? from "[^"]*?(?:/${table}\\.ts|/ffi|ffi/mod\\.ts)"`,
  );
  return (source) => {
    const found = imported.exec(source);
    if (found === null) return false;
    const opened = `\\b${found[1] ?? table}\\(\\)`;
    const code = withoutComments(source);
    const variables = Array.from(
      code.matchAll(new RegExp(`(\\w+) = ${opened};`, "g")),
      ([, name = ""]) => `\\b${name}`,
    );
    const holders = [opened, ...variables].join("|");
    return entries.some(({ name }) =>
      new RegExp(`(?:${holders})\\s*\\.${name}\\b`).test(code) ||
      new RegExp(`\\{[^{}]*\\b${name}\\b[^{}]*\\} = ${opened}`).test(code)
    );
  };
}

/** A source without comments, which only mention calls. */
function withoutComments(source: string): string {
  return source.replace(/\/\*\*?\s[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
}

function filesWith(
  sources: Sources,
  matches: (source: string) => boolean,
): string[] {
  return [...sources].filter(([, source]) => matches(source))
    .map(([file]) => file);
}

/** The text of `CALLS.md`. */
export function render(rows: Row[]): string {
  const lines = [
    "# Calls",
    "",
    "Every libc call of this package: where its raw entry stands, what the library",
    "makes of it, and which tests cover it. `deno task calls` writes this file.",
    "",
  ];
  let header = "";
  for (const { call, entries, wrappers, users, tests } of rows) {
    const file = entries[0]?.file ?? "";
    if (file !== header) {
      header = file;
      lines.push(
        ...(lines.at(-1) === "" ? [] : [""]),
        `## ${headerOf(file)}`,
        "",
        "| libc call | raw file | wrapper | test |",
        "| --- | --- | --- | --- |",
      );
    }
    const aliases = entries.map(({ name }) => `\`${name}\``).join(", ");
    const raw = entries.length === 1 && entries[0]?.name === call
      ? link(file)
      : `${link(file)}: ${aliases}`;
    const made = wrappers.map(({ label, file }) => `[\`${label}\`](${file})`);
    const inside = users.map((user) => `in ${link(user)}`);
    lines.push(
      `| \`${call}\` | ${raw} | ${[...made, ...inside].join(", ") || "-"} | ${
        tests.map(link).join(", ") || "-"
      } |`,
    );
  }
  return `${lines.join("\n")}\n`;
}

function link(file: string): string {
  return `[${file.slice(file.lastIndexOf("/") + 1)}](${file})`;
}

/** `<sys/shm.h>` of `ffi/libc/sys_shm.ts`. */
function headerOf(file: string): string {
  const name = file.slice(file.lastIndexOf("/") + 1, -".ts".length);
  return `\`<${name.replace(/^(arpa|linux|netinet|sys)_/, "$1/")}.h>\``;
}

/** Makes the text of `CALLS.md` from the sources of a repository. */
export async function generate(root: string): Promise<string> {
  const entries = filesBelow(root, "ffi/libc")
    .filter((file) => !/(^|\/)_|_test\.ts$/.test(file))
    .flatMap((file) => entriesOf(file, Deno.readTextFileSync(root + file)));
  const files = [
    ...filesBelow(root, "ffi"),
    ...filesBelow(root, "ipc"),
  ].filter((file) =>
    file.endsWith(".ts") && !/^ffi\/(libc|struct)\/|_test\.ts$/.test(file)
  );
  const faces = Object.values(readConfig(root).exports)
    .map((file) => file.replace("./", ""));
  const docs = await docOf(root, [...new Set([...files, ...faces])]);
  const exported = new Set(
    faces.flatMap((face) => docs.get(face)?.symbols ?? [])
      .map(({ name }) => name),
  );
  const wrappers = files.flatMap((file) => {
    const doc = docs.get(file);
    return doc === undefined ? [] : wrappersOf(file, doc, exported);
  });
  const sources = (paths: string[]): Sources =>
    new Map(paths.map((path) => [path, Deno.readTextFileSync(root + path)]));
  const tests = filesBelow(root, "tests").filter((file) =>
    file.endsWith("_test.ts")
  );
  return render(
    rowsOf(entries, wrappers, {
      library: sources(files),
      tests: sources(tests),
    }),
  );
}

async function main(check: boolean): Promise<void> {
  const text = await generate(ROOT);
  if (!check) {
    Deno.writeTextFileSync(`${ROOT}${TARGET}`, text);
    return;
  }
  let found = "";
  try {
    found = Deno.readTextFileSync(`${ROOT}${TARGET}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  finish(
    found === text ? [] : [`${TARGET} is stale: run deno task calls`],
    `${TARGET} is up to date`,
  );
}

if (import.meta.main) await main(Deno.args.includes("--check"));
