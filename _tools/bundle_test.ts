import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { watchdog } from "../tests/util.ts";
import { bundle, bundledExports, withClassNames } from "./bundle.ts";
import { copyForPublishing } from "./check_publish.ts";
import { deno, docOf, type Outcome, readConfig, ROOT } from "./common.ts";
import { type LocalRegistry, serveRegistry } from "./local_registry.ts";
import { whyNoBundle, withRepository } from "./testing.ts";

const NO_BUNDLE = await whyNoBundle();

/** Registers a test that needs esbuild. */
function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: name + NO_BUNDLE, ignore: NO_BUNDLE !== "", fn });
}

const CONFIG = readConfig(ROOT);

/** The subpaths of the library, with the paths of their sources. */
const SUBPATHS = Object.entries(CONFIG.exports)
  .filter(([subpath]) => subpath !== "./cli");

/** Returns the specifier of a subpath, as users of the package write it. */
function specifierOf(subpath: string): string {
  return subpath.replace(".", CONFIG.name);
}

/** The package as it would be published, and a project that uses it. */
class Published implements AsyncDisposable {
  readonly #registry: LocalRegistry;
  readonly #folder: string;
  readonly #env: Record<string, string>;

  private constructor(folder: string, registry: LocalRegistry) {
    this.#folder = folder;
    this.#registry = registry;
    this.#env = { JSR_URL: registry.url, DENO_DIR: `${folder}cache` };
  }

  /** Bundles this repository and serves it with the protocol of JSR. */
  static async create(): Promise<Published> {
    const folder = `${await Deno.makeTempDir({ prefix: "ipc_bundle_" })}/`;
    for (const name of ["package", "project"]) {
      await Deno.mkdir(`${folder}${name}`);
    }
    await copyForPublishing(ROOT, `${folder}package/`);
    await Deno.writeTextFile(
      `${folder}project/deno.json`,
      JSON.stringify({
        imports: { [CONFIG.name]: `jsr:${CONFIG.name}@${CONFIG.version}` },
        lock: false,
      }),
    );
    const links = CONFIG.links ?? [];
    return new Published(
      folder,
      serveRegistry(`${folder}package/`, [".", ...links]),
    );
  }

  /** The folder of the published copy. */
  get copy(): string {
    return `${this.#folder}package/`;
  }

  /** Runs `deno run` or `deno check` on a program in the project. */
  async deno(args: string[], code: string): Promise<Outcome> {
    await Deno.writeTextFile(`${this.#folder}project/main.ts`, code);
    return this.run([...args, "main.ts"]);
  }

  /** Runs Deno in the project. */
  run([command = "", ...args]: string[]): Promise<Outcome> {
    return deno([command, "--quiet", ...args], {
      cwd: `${this.#folder}project`,
      env: this.#env,
    });
  }

  /** Returns the files of the package that a command loads, with no cache. */
  async filesOf(command: () => Promise<Outcome>): Promise<string[]> {
    await Deno.remove(`${this.#folder}cache`, { recursive: true })
      .catch(() => {});
    this.#registry.loaded.clear();
    const { success, stderr } = await command();
    assert(success, stderr);
    return Array.from(this.#registry.loaded)
      .filter((file) => file.startsWith(`${CONFIG.name}/`))
      .map((file) => file.slice(CONFIG.name.length + 1))
      .sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#registry[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Runs a program in the project with the permissions; returns its output. */
async function output(
  published: Published,
  permissions: string[],
  code: string,
): Promise<string> {
  const { success, stdout, stderr } = await published.deno(
    ["run", "--no-prompt", ...permissions],
    code,
  );
  assert(success, stderr);
  return stdout;
}

test("the bundle has all that the sources export, once, and asks for no permission", async () => {
  using _dog = watchdog("the exports of the bundle", 180);
  await using published = await Published.create();
  const imports = SUBPATHS.map(([subpath, source], i) =>
    `import * as source${i} from "file://${ROOT}${source.slice(2)}";
     import * as bundle${i} from "${specifierOf(subpath)}";`
  );
  const pairs = SUBPATHS.map((_, i) => `[source${i}, bundle${i}]`);
  const text = await output(
    published,
    [],
    `${imports.join("\n")}
    const pairs: [object, object][] = [${pairs.join()}];
    const wrong: unknown[] = [];
    // What each value of the sources is in the bundle, and the other way round.
    const partners = new Map<unknown, unknown>();
    const isUnique = (it: unknown) => Object(it) === it || typeof it === "symbol";
    for (const [source, bundle] of pairs) {
      const names = Object.keys(source);
      if (names.join() !== Object.keys(bundle).join()) {
        wrong.push([names, Object.keys(bundle)]);
      }
      for (const name of names) {
        const [a, b] = [Reflect.get(source, name), Reflect.get(bundle, name)];
        if (!isUnique(a)) {
          if (!Object.is(a, b)) wrong.push([name, a, b]);
          continue;
        }
        for (const [one, other] of [[a, b], [b, a]]) {
          if (!partners.has(one)) partners.set(one, other);
          if (partners.get(one) !== other) wrong.push([name, "is another"]);
        }
        if (typeof a !== "function") continue;
        // A number at the end: another module has a function of that name.
        const isClass = String(a).startsWith("class");
        const named = isClass ? b.name : b.name.replace(/\\d+$/, "");
        if (![b.name, named].includes(a.name)) wrong.push([a.name, b.name]);
      }
    }
    console.log(JSON.stringify({ wrong, objects: partners.size / 2 }));`,
  );
  const { wrong, objects } = JSON.parse(text);
  assertEquals(wrong, []);
  assert(objects > 100, `only ${objects} objects are exported`);
});

test("deno run loads the bundle and none of the sources", async () => {
  using _dog = watchdog("loading the bundle", 180);
  await using published = await Published.create();
  const load = (subpaths: string[]): Promise<string[]> => {
    const imports = subpaths.map((it) => `import "${specifierOf(it)}";\n`);
    return published.filesOf(() =>
      published.deno(["run", "--no-prompt"], imports.join(""))
    );
  };
  assertEquals(await load(["."]), ["js/_bundle.js", "js/mod.js"]);
  assertEquals(await load(["./sysv-shm"]), [
    "js/_bundle.js",
    "js/sysv_shm.js",
  ]);
  const all = SUBPATHS.map(([subpath]) => subpath);
  const targets = bundledExports(CONFIG.exports);
  assertEquals(
    await load(all),
    ["js/_bundle.js", ...all.map((it) => targets[it]?.slice(2))].sort(),
  );
});

test("the published command loads the bundle and none of the sources", async () => {
  using _dog = watchdog("the published command", 180);
  await using published = await Published.create();
  const program = `jsr:${CONFIG.name}@${CONFIG.version}/cli`;
  const files = await published.filesOf(async () => {
    const outcome = await published.run([
      "run",
      "--no-prompt",
      program,
      "--version",
    ]);
    assertEquals(outcome.stdout, `ipc ${CONFIG.version}\n`, outcome.stderr);
    return outcome;
  });
  assert(files.includes("js/_bundle.js"), files.join());
  assertEquals(files.filter((file) => !/^(cli|js)\//.test(file)), []);
});

test("deno check takes the types of the bundle from the sources", async () => {
  using _dog = watchdog("checking", 180);
  await using published = await Published.create();
  const { success, stderr } = await published.deno(
    ["check"],
    `import { SysvSharedMemory } from "@libc/ipc/sysv-shm";
    import { type IpcError, Mapping, type SysvSharedMemoryStat } from "@libc/ipc";

    export function size(memory: SysvSharedMemory): number {
      using mapping: Mapping = memory.attach();
      const stat: SysvSharedMemoryStat = memory.stat();
      return mapping.size + stat.attachCount;
    }
    export const codeOf = (error: IpcError): string => error.code;

    SysvSharedMemory.create("key", 1);
    export const text: string = Mapping;`,
  );
  assertEquals(success, false);
  assertStringIncludes(stderr, "'string' is not assignable to");
  assertStringIncludes(stderr, "Type 'typeof Mapping'");
  assertStringIncludes(stderr, "Found 2 errors");
});

test("the documentation of the bundle is that of the sources", async () => {
  await using published = await Published.create();
  const sources = SUBPATHS.map(([, source]) => source.slice(2));
  const targets = bundledExports(CONFIG.exports);
  const files = SUBPATHS.map(([subpath]) => `${targets[subpath]?.slice(2)}`);
  const ofSources = await docOf(ROOT, sources);
  const ofBundle = await docOf(published.copy, files);
  for (const [i, source] of sources.entries()) {
    const [expected, actual] = [
      ofSources.get(source),
      ofBundle.get(files[i] ?? ""),
    ].map((doc) => ({
      module: doc?.module_doc?.doc,
      symbols: doc?.symbols.map(({ name, declarations }) =>
        [name, ...declarations.map(({ jsDoc }) => jsDoc?.doc)].join(": ")
      ).sort(),
    }));
    assertEquals(actual, expected, source);
  }
});

test("mechanisms work through the bundle, across subpaths", async () => {
  using _dog = watchdog("mechanisms of the bundle", 180);
  await using published = await Published.create();
  const text = await output(
    published,
    ["--allow-ffi"],
    `import { IPC_PRIVATE, IpcError, SysvSemaphoreSet as Same } from "@libc/ipc";
    import { IpcError as OfErrno } from "@libc/ipc/errno";
    import { Fifo } from "@libc/ipc/fifo";
    import { pipe } from "@libc/ipc/pipe";
    import { SysvMessageQueue } from "@libc/ipc/sysv-msg";
    import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";

    const later = () => new Promise((resolve) => setTimeout(resolve, 1));

    // A thread of the C library waits for it.
    using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0]);
    console.log("one class", set instanceof Same);
    const acquired = set.acquire(0, { undo: false });
    while (set.waitingForIncrease(0) === 0) await later();
    set.release(0, 1, { undo: false });
    await acquired;
    console.log("acquired");

    using queue = SysvMessageQueue.create(IPC_PRIVATE);
    const received = queue.receive();
    await later();
    queue.sendSync(3, "message");
    const { type, data } = await received;
    console.log(type, new TextDecoder().decode(data));

    // The reactor waits for it.
    using ends = pipe();
    const bytes = new Uint8Array(8);
    const read = ends.reader.read(bytes);
    await later();
    ends.writer.writeSync(Uint8Array.of(1, 2, 3));
    console.log(await read, bytes.subarray(0, 3).join());

    try {
      Fifo.create("/proc/no fifo");
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      console.log(error instanceof IpcError, error instanceof OfErrno);
      console.log(error.stack);
    }`,
  );
  const lines = text.split("\n");
  assertEquals(lines.slice(0, 5), [
    "one class true",
    "acquired",
    "3 message",
    "3 1,2,3",
    "true true",
  ]);
  // The stack trace has the public names and a position.
  assert(/at Fifo\.create \(.*\/_bundle\.js:\d+:\d+\)/.test(text), text);
  assert(/^IpcError: Cannot create .*\bmkfifo/.test(lines[5] ?? ""), text);
});

test("bundle() tells names apart that two subpaths give to two things", async () => {
  const files = {
    "mod.ts": `export * from "./a.ts";\n`,
    "a.ts": `export const kind: string = "a";
      export class Own {
        static make(): Own {
          return new Own();
        }
      }\n`,
    "b.ts": `export { Own } from "./a.ts";
      export const kind: string = "b";
      export const kind$: string = "b$";\n`,
    "c.ts": `export default 1;\n`,
  };
  const exports = { ".": "./mod.ts", "./b": "./b.ts", "./c-d": "./c.ts" };
  await withRepository(files, async (root) => {
    await bundle(root, root, exports);
    assertEquals(
      [...Deno.readDirSync(`${root}js`)].map(({ name }) => name).sort(),
      ["_bundle.js", "b.js", "c_d.js", "mod.js"],
    );
    const load = (name: string) => import(`file://${root}js/${name}.js`);
    const [all, b, c] = [await load("mod"), await load("b"), await load("c_d")];
    assertEquals({ ...all }, { Own: b.Own, kind: "a" });
    assertEquals({ ...b }, { Own: all.Own, kind: "b", kind$: "b$" });
    assertEquals({ ...c }, { default: 1 });
    assertEquals(all.Own.name, "Own");
    assertEquals(all.Own.make() instanceof b.Own, true);
  });
});

test("bundle() throws with what esbuild says", async () => {
  const files = {
    // It runs, but is clearly a mistake.
    "mod.ts": `export const wrong: boolean = typeof Deno === "nothing";\n`,
  };
  await withRepository(files, async (root) => {
    const error = await bundle(root, root, { ".": "./mod.ts" }).catch(String);
    assertStringIncludes(`${error}`, "Cannot bundle the library: ");
    assertStringIncludes(`${error}`, "nothing");
  });
});

Deno.test("bundledExports() leaves the command alone", () => {
  assertEquals(
    bundledExports({
      ".": "./mod.ts",
      "./sysv-shm": "./ipc/sysv/shared_memory.ts",
      "./cli": "./cli/mod.ts",
    }),
    {
      ".": "./js/mod.js",
      "./sysv-shm": "./js/sysv_shm.js",
      "./cli": "./cli/mod.ts",
    },
  );
});

Deno.test("withClassNames() gives classes the names that they have in the sources", () => {
  assertEquals(
    withClassNames(
      "var A=class _A extends B{a=_A.b;#_A=this._A;_A2};var C=class _B{c=_B};var D=class{};",
    ),
    "var A=class A extends B{a=A.b;#_A=this._A;_A2};var C=class _B{c=_B};var D=class{};",
  );
});
