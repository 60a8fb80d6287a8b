/**
 * Writes `CALLS.md`: a line for each libc call, with its raw file, its wrapper
 * and its test, and a line for each header with its structs.
 *
 * A raw entry is a line of a table in `ffi/libc/`; a call with commands has a
 * line for each: those that the comment of an entry names behind "for", or the
 * prototype itself. A wrapper is a function, class, method or getter of `ffi/`
 * or `ipc/` whose documentation begins with the call in backticks; of several
 * the one that does least besides. The test is the one that mirrors the
 * wrapper's file, or that which uses the wrapper most.
 *
 * `deno task calls` writes the file; `--check` fails when it is stale. Both
 * fail when it grows too large, or when a call has no test.
 *
 * @module
 */

import { basename } from "@std/path";
import {
  docOf,
  filesBelow,
  finish,
  type ModuleDoc,
  readConfig,
  ROOT,
} from "./common.ts";

const TARGET = "CALLS.md";

/** How large the file may be: whoever looks for a call reads it whole. */
const LIMIT = 25_000;

/** An entry of a raw table. */
export interface Entry {
  /** The name in the table: `shmctl_buf`. */
  name: string;
  /** The name in C: `shmctl`. */
  call: string;
  /** The file of the table. */
  file: string;
  /** The commands that it is for: `IPC_STAT`. */
  commands: string[];
}

/** A call that a documentation comment begins with. */
export interface Mention {
  /** The call: `shmctl`. */
  call: string;
  /** What stands in its parentheses: `IPC_STAT`. */
  args: string;
}

/** A wrapper of a call. */
export interface Wrapper {
  /** Its name as in code: `SysvSharedMemory.attach()`. */
  label: string;
  /** The file that defines it. */
  file: string;
  /** Names that a file which uses it contains; the last one is its own. */
  uses: RegExp[];
  /** The calls its documentation names. */
  mentions: Mention[];
  /** Whether a subpath exports it. */
  isPublic: boolean;
}

/** A line of `CALLS.md`. */
export interface Row {
  /** The call, and its command if it has one: `shmctl(IPC_STAT)`. */
  title: string;
  /** Its entries, all of one header. */
  entries: Entry[];
  /** The public wrappers that stand for it: one, or two of two mechanisms. */
  wrappers: Wrapper[];
  /** The file that makes it where no wrapper does. */
  user: string | undefined;
  /** The test that covers it. */
  test: string | undefined;
}

/** The commands that the comment of an entry names. */
function commandsOf(comment: string): string[] {
  const [, parameters = "", after = ""] = /`[^`(]*\(([^`]*)\);`([^]*)/
    .exec(comment) ?? [];
  const named = parameters.split(", ").filter((it) =>
    /^[A-Z][A-Z_\d]+$/.test(it) && it !== "NULL"
  );
  if (!/\bint cmd\b/.test(parameters)) return named;
  const list = /^ for ([^;]*)/.exec(after.replace(/\s+\*?\s*/g, " "))?.[1];
  return Array.from(
    (list ?? "").matchAll(/`([A-Z][A-Z_\d]+)`/g),
    ([, command = ""]) => command,
  );
}

/** The entries of the tables in a file, as `deno fmt` lays them out. */
export function entriesOf(file: string, source: string): Entry[] {
  const entries: Entry[] = [];
  let inTable = false;
  let open: Entry | undefined;
  let comment = "";
  for (const line of source.split("\n")) {
    if (/^(export )?const \w+ = \{$/.test(line)) inTable = true;
    else if (line.startsWith("}")) inTable = false;
    if (!inTable) continue;
    if (line.startsWith("  /**")) comment = "";
    if (/^ {2} ?[/*]/.test(line)) comment += `${line}\n`;
    const entry = /^ {2}(\w+): \{/.exec(line);
    if (entry !== null) {
      const [, name = ""] = entry;
      open = { name, call: name, file, commands: commandsOf(comment) };
      comment = "";
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

/** The structs of a header's file, as C names them. */
export function structsOf(source: string): string[] {
  const struct =
    /^\/\*\* `((?:struct )?\w+)`(?:(?!\*\/)[^])*\*\/\nexport const \w+:\s*(?:\| )?Struct</gm;
  return Array.from(source.matchAll(struct), ([, name = ""]) => name);
}

/**
 * The calls that a documentation comment begins with: in
 * "`shmctl(IPC_INFO)` and `shmctl(SHM_INFO)`: limits" all before the colon.
 */
export function mentionsOf(doc: string | undefined): Mention[] {
  if (doc === undefined || !doc.startsWith("`")) return [];
  const head = /^[^]*?(?=:\s|\.\s|\.$|\n\n|$)/.exec(doc)?.[0] ?? "";
  return Array.from(
    head.matchAll(/`(\w+)(?:\(([^`]*)\))?[^`]*`/g),
    ([, call = "", args = ""]) => ({ call, args }),
  );
}

/**
 * The wrappers that a module exports. `exported` are the names of subpaths;
 * `heirs` has the class that makes an abstract one whole.
 */
export function wrappersOf(
  file: string,
  { symbols }: ModuleDoc,
  exported: ReadonlySet<string>,
  heirs: ReadonlyMap<string, string> = new Map(),
): Wrapper[] {
  const wrappers: Wrapper[] = [];
  const add = (
    label: string,
    doc: string | undefined,
    uses: RegExp[],
    isPublic: boolean,
  ): void => {
    const mentions = mentionsOf(doc);
    if (mentions.length > 0 && !wrappers.some((it) => it.label === label)) {
      wrappers.push({ label, file, mentions, uses, isPublic });
    }
  };
  for (const { name: symbol, declarations } of symbols) {
    const isPublic = exported.has(symbol);
    const name = heirs.get(symbol) ?? symbol;
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

/** For each abstract class with one heir: the class at the end of the line. */
export function heirsOf(docs: Iterable<ModuleDoc>): Map<string, string> {
  const abstract = new Set<string>();
  const heirs = new Map<string, Set<string>>();
  for (const { symbols } of docs) {
    for (const { name, declarations } of symbols) {
      for (const { kind, def } of declarations) {
        if (kind !== "class") continue;
        if (def?.isAbstract) abstract.add(name);
        const base = def?.extends;
        if (base === undefined) continue;
        heirs.set(base, (heirs.get(base) ?? new Set()).add(name));
      }
    }
  }
  const last = (name: string): string => {
    const [heir, ...others] = abstract.has(name) ? heirs.get(name) ?? [] : [];
    return heir === undefined || others.length > 0 ? name : last(heir);
  };
  return new Map(Array.from(abstract, (name) => [name, last(name)]));
}

function word(name: string): RegExp {
  return new RegExp(`\\b${escape(name)}\\b`);
}

function escape(name: string): string {
  return name.replace(/[^\w]/g, "\\$&");
}

/** The contents of files by path. */
export type Sources = Map<string, string>;

/** A call, with one of its commands if it has any. */
interface Call {
  call: string;
  command: string;
  entries: Entry[];
}

/** The calls of some entries. */
function callsOf(entries: Entry[]): Call[] {
  const calls = new Map<string, Call>();
  for (const entry of entries) {
    const { call, file } = entry;
    for (const command of entry.commands.length > 0 ? entry.commands : [""]) {
      const key = `${file} ${call} ${command}`;
      const known = calls.get(key);
      if (known === undefined) {
        calls.set(key, { call, command, entries: [entry] });
      } else known.entries.push(entry);
    }
  }
  return [...calls.values()];
}

/** The folder of a mechanism: `ipc/sysv`. */
function mechanismOf(file: string): string {
  return file.split("/").slice(0, 2).join("/");
}

/**
 * How much a wrapper does besides a call, or knows about it less: compared from
 * the left. The last number only orders what is alike.
 */
function distanceOf(
  { label, file, mentions }: Wrapper,
  { call, command }: Call,
): number[] {
  const index = mentions.findIndex(mentionOf(call, command));
  const calls = new Set(mentions.map((mention) => mention.call));
  // That a descriptor is closed in new programs goes without saying.
  const args = mentions[index]?.args.replace(/^\w+_CLOEXEC$/, "");
  const member = label.slice(label.lastIndexOf(".") + 1).replace("()", "");
  const isTry = member.startsWith("try");
  const isAlike = (command || call).replaceAll("_", "").toLowerCase()
    .includes(member.toLowerCase());
  return [
    Number(mechanismOf(file) === "ipc/device"),
    Number(member.endsWith("Sync") || isTry !== call.includes("try")),
    Number(calls.size > 1),
    Number(args !== command),
    Number(mechanismOf(file) !== "ipc/core"),
    Number(!isAlike),
    index,
  ];
}

function mentionOf(
  call: string,
  command: string,
): (mention: Mention) => boolean {
  return (mention) =>
    mention.call === call &&
    (command === "" || word(command).test(mention.args));
}

function compare(one: readonly number[], other: readonly number[]): number {
  const index = one.findIndex((value, i) => value !== other[i]);
  return (one[index] ?? 0) - (other[index] ?? 0);
}

/** The best wrapper of a call, and one of another mechanism that is as good. */
function bestOf(wrappers: Wrapper[], call: Call): Wrapper[] {
  const ranked = wrappers
    .filter(({ isPublic, mentions }) =>
      isPublic && mentions.some(mentionOf(call.call, call.command))
    )
    .map((wrapper) => ({ wrapper, distance: distanceOf(wrapper, call) }))
    .sort((one, other) => compare(one.distance, other.distance));
  const [first] = ranked;
  if (first === undefined) return [];
  const second = ranked.find(({ wrapper: { file }, distance }) =>
    mechanismOf(file) !== mechanismOf(first.wrapper.file) &&
    compare(distance.slice(0, -1), first.distance.slice(0, -1)) === 0
  );
  return [first, ...second === undefined ? [] : [second]]
    .map(({ wrapper }) => wrapper);
}

/** What the rows are made of. */
interface Library {
  /** All wrappers. */
  wrappers: Wrapper[];
  /** The files of the library. */
  library: Sources;
  /** The files of tests. */
  tests: Sources;
  /** The tests of calls that {@linkcode HIDDEN} explains. */
  hidden: ReadonlyMap<string, string>;
}

/**
 * The tests of calls that are hidden: nothing in the test of the wrapper's file
 * tells whether the call is made.
 */
const HIDDEN: ReadonlyMap<string, string> = new Map([
  ["chmod", "tests/ipc/socket/address_test.ts"],
  ["closedir", "tests/ipc/process/signal_queue_test.ts"],
  ["fchown", "tests/ipc/posix/shared_memory_test.ts"],
  ["fcntl(F_GETFD)", "tests/ipc/process/spawn_fds_test.ts"],
  ["fstatfs", "tests/ipc/memory/memfd_test.ts"],
  ["geteuid", "tests/ipc/posix/message_queue_process_test.ts"],
  ["lstat", "tests/ipc/pipe/fifo_test.ts"],
  ["munmap", "tests/ipc/memory/memfd_test.ts"],
  ["opendir", "tests/ipc/process/signal_queue_test.ts"],
  [
    "posix_spawn_file_actions_addclose",
    "tests/ipc/process/spawn_fds_test.ts",
  ],
  ["posix_spawn_file_actions_addopen", "tests/ipc/process/spawn_fds_test.ts"],
  ["readdir", "tests/ipc/process/signal_queue_test.ts"],
]);

/** The rows of `CALLS.md`, sorted by call. */
export function rowsOf(entries: Entry[], library: Library): Row[] {
  return callsOf(entries).map((call): Row => {
    const wrappers = bestOf(library.wrappers, call);
    const usesRaw = rawUse(call.entries);
    const named = library.wrappers.find(({ mentions }) =>
      mentions.some(mentionOf(call.call, call.command))
    );
    const users = [usesRaw, rawMention(call.entries)].flatMap((uses) =>
      filesWith(
        library.library,
        (source) => uses(source) && word(call.command).test(source),
      )
    );
    // A probe only asks for a call, and the device is made of the mechanisms.
    const user = wrappers.length > 0 ? undefined : named?.file ??
      users.find((file) => !/\/_probes\.ts$|^ipc\/device\//.test(file)) ??
      users[0];
    const title = call.command === ""
      ? call.call
      : `${call.call}(${call.command})`;
    return {
      title,
      entries: call.entries,
      wrappers,
      user,
      test: library.hidden.get(title) ??
        testOf(call, wrappers[0], user, library),
    };
  }).sort((one, other) => one.title < other.title ? -1 : 1);
}

/** The test of a call: of its wrapper, of what makes it, or of itself. */
function testOf(
  { call, command, entries }: Call,
  wrapper: Wrapper | undefined,
  user: string | undefined,
  { library, tests }: Library,
): string | undefined {
  if (wrapper !== undefined) {
    const mirror = mirrorOf(wrapper.file);
    const own = wrapper.uses.at(-1) ?? /$./;
    if (own.test(tests.get(mirror) ?? "")) return mirror;
    // In the folder of a mechanism it goes without saying whose method it is.
    const users = filesWith(
      tests,
      (source, file) =>
        farness(mirror, file) === 0
          ? own.test(source)
          : wrapper.uses.every((use) => use.test(source)),
    );
    const uses = (file: string): number =>
      tests.get(file)?.split(own).length ?? 0;
    return users.sort((one, other) =>
      farness(mirror, one) - farness(mirror, other) || uses(other) - uses(one)
    )[0];
  }
  const usesRaw = rawUse(entries);
  const quoted = new RegExp(`["'\`]${call}\\b`);
  const users = [usesRaw, (source: string) => quoted.test(source)]
    .flatMap((uses) => filesWith(tests, uses))
    .filter((file) => word(command).test(tests.get(file) ?? ""));
  return (user === undefined ? undefined : nearestTest(user, library, tests)) ??
    users.find((file) => file.startsWith("tests/ipc/")) ?? users[0];
}

/** The test that mirrors a file: of `ipc/sysv/_a.ts` or `a.ts` the same. */
function mirrorOf(file: string): string {
  return `tests/${file.replace(/\/_?(\w+)\.ts$/, "/$1_test.ts")}`;
}

/** How far a test is from another: in its folder, beside it, or elsewhere. */
function farness(from: string, to: string): number {
  const [, layer, folder] = from.split("/");
  return to.startsWith(`tests/${layer}/${folder}/`)
    ? 0
    : to.startsWith(`tests/${layer}/`)
    ? 1
    : 2;
}

/** The mirror of a file, or of the nearest one that comes to it by imports. */
function nearestTest(
  file: string,
  library: Sources,
  tests: Sources,
): string | undefined {
  const seen = new Set([file]);
  for (const next of seen) {
    const mirror = mirrorOf(next);
    if (tests.has(mirror)) return mirror;
    const importers = filesWith(
      library,
      (source, importer) => imports(importer, source).includes(next),
    );
    const mechanism = mechanismOf(next);
    importers.sort((one, other) =>
      Number(mechanismOf(one) !== mechanism) -
      Number(mechanismOf(other) !== mechanism)
    ).forEach((importer) => seen.add(importer));
  }
  return undefined;
}

/** The files that a file imports. */
function imports(file: string, source: string): string[] {
  return Array.from(
    source.matchAll(/^(?:import|export|\}) .*?from "(\.[^"]+)";$/gm),
    ([, path = ""]) => new URL(path, `file:///${file}`).pathname.slice(1),
  );
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

/** Whether a source imports the table of some entries and calls one so named. */
function rawMention(entries: Entry[]): (source: string) => boolean {
  const table = basename(entries[0]?.file ?? "");
  return (source) =>
    source.includes(`/${table}"`) &&
    entries.some(({ name }) =>
      new RegExp(`\\b${name}\\(`).test(withoutComments(source))
    );
}

/** A source without comments, which only mention calls. */
function withoutComments(source: string): string {
  return source.replace(/\/\*\*?\s[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
}

function filesWith(
  sources: Sources,
  matches: (source: string, file: string) => boolean,
): string[] {
  return [...sources].filter(([file, source]) => matches(source, file))
    .map(([file]) => file);
}

/** A header and its structs. */
export interface Header {
  /** Its file in `ffi/libc/`. */
  file: string;
  /** Its structs, as C names them. */
  structs: string[];
}

const INTRODUCTION = `# Calls

The libc calls of the library, and their commands: the file of the raw entry,
with its name there if it is another one; the public wrapper, or the private
file that makes the call; the test. \`receive()\` stands for \`receiveSync()\`
and \`tryReceive()\` too. \`deno task calls\` writes this file.

Flags and structs are in the file of their header: [structs](#structs).

Call | Raw | Wrapper | Test
--- | --- | --- | ---
`;

const STRUCTS = `
## Structs

Flags and structs of \`<sys/shm.h>\` are in \`sys_shm.ts\`, and so on.

`;

/** The text of `CALLS.md`; `files` are all that a link might mean. */
export function render(
  rows: Row[],
  headers: Header[],
  files: readonly string[],
): string {
  const links = new Map<string, string>();
  const link = (file: string): string => {
    // The name of a header is its own; others stand back.
    const name = links.get(file) ??
      (file.startsWith("ffi/libc/") ? basename(file) : shortOf(file, files));
    links.set(file, name);
    return `[${name}]`;
  };
  const lines = rows.map(({ title, entries, wrappers, user, test }) => {
    const [{ call = "", file = "" } = {}] = entries;
    const aliases = entries.filter(({ name }) => name !== call)
      .map(({ name }) => ` \`${name}\``);
    const made = wrappers.map(({ label, file }) =>
      `[\`${label}\`]${link(file)}`
    );
    if (user !== undefined) made.push(`in ${link(user)}`);
    return [
      `\`${title}\``,
      `${link(file)}${aliases.join(",")}`,
      made.join(", ") || "raw only",
      `${test === undefined ? "-" : link(test)}\n`,
    ].join(" | ");
  });
  const withStructs = headers.filter(({ structs }) => structs.length > 0);
  const others = headers.filter(({ file, structs }) =>
    structs.length === 0 && !links.has(file)
  );
  return [
    INTRODUCTION,
    ...lines,
    STRUCTS,
    ...withStructs.map(({ file, structs }) => {
      const names = structs.map((name) => `\`${name}\``).join(", ");
      return `- ${link(file)}: ${names}\n`;
    }),
    "\nThese have only flags: ",
    others.map(({ file }) => link(file)).join(", "),
    ".\n\n",
    ...Array.from(links, ([file, name]) => `[${name}]: ${file}\n`).sort(),
  ].join("");
}

/** As much of the end of a path as tells the file from all others. */
function shortOf(file: string, files: readonly string[]): string {
  const parts = file.split("/");
  for (let i = parts.length - 1; i > 0; i--) {
    const end = parts.slice(i).join("/");
    if (files.filter((other) => `/${other}`.endsWith(`/${end}`)).length < 2) {
      return end;
    }
  }
  return file;
}

/** What `CALLS.md` should be. */
export interface Calls {
  /** Its text. */
  text: string;
  /** What is wrong with the calls, or with how many there are. */
  problems: string[];
}

/** Makes the text of `CALLS.md` from the sources of a repository. */
export async function generate(
  root: string,
  limit = LIMIT,
  hidden: ReadonlyMap<string, string> = new Map(),
): Promise<Calls> {
  const sources = (folder: string, is: (file: string) => boolean): Sources =>
    new Map(
      filesBelow(root, folder).filter(is)
        .map((file) => [file, Deno.readTextFileSync(root + file)]),
    );
  const tables = sources(
    "ffi/libc",
    (file) => !/(^|\/)_|_test\.ts$/.test(file),
  );
  const isSource = (file: string): boolean =>
    file.endsWith(".ts") && !/^ffi\/(libc|struct)\/|_test\.ts$/.test(file);
  const library = new Map([
    ...sources("ffi", isSource),
    ...sources("ipc", isSource),
  ]);
  const tests = sources("tests", (file) => file.endsWith("_test.ts"));
  const faces = Object.values(readConfig(root).exports)
    .map((file) => file.replace("./", ""));
  const docs = await docOf(root, [...new Set([...library.keys(), ...faces])]);
  const exported = new Set(
    faces.flatMap((face) => docs.get(face)?.symbols ?? [])
      .map(({ name }) => name),
  );
  const heirs = heirsOf(docs.values());
  const wrappers = [...library.keys()].flatMap((file) => {
    const doc = docs.get(file);
    return doc === undefined ? [] : wrappersOf(file, doc, exported, heirs);
  });
  const rows = rowsOf(
    [...tables].flatMap(([file, source]) => entriesOf(file, source)),
    { wrappers, library, tests, hidden },
  );
  const text = render(
    rows,
    Array.from(tables, ([file, it]) => ({ file, structs: structsOf(it) })),
    [...tables.keys(), ...library.keys(), ...tests.keys()],
  );
  const { length } = new TextEncoder().encode(text);
  const problems = rows.filter(({ test }) => test === undefined)
    .map(({ title }) => `${TARGET}: no test for ${title}`);
  for (const [title, file] of hidden) {
    if (!tests.has(file) || !rows.some((row) => row.title === title)) {
      problems.push(`${TARGET}: ${file} is no test of ${title} any more`);
    }
  }
  if (length > limit) {
    problems.push(`${TARGET} has ${length} bytes, more than ${limit}`);
  }
  return { text, problems };
}

async function main(check: boolean): Promise<void> {
  const { text, problems } = await generate(ROOT, LIMIT, HIDDEN);
  if (check) problems.push(...staleness(ROOT, text));
  else Deno.writeTextFileSync(`${ROOT}${TARGET}`, text);
  finish(problems, `${TARGET} is up to date`);
}

/** What is wrong with the file of a repository that should have a text. */
export function staleness(root: string, text: string): string[] {
  let found = "";
  try {
    found = Deno.readTextFileSync(`${root}${TARGET}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found === text ? [] : [`${TARGET} is stale: run deno task calls`];
}

if (import.meta.main) await main(Deno.args.includes("--check"));
