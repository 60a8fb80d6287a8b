/**
 * `deno task test:aarch64`: runs the tests as aarch64 programs, emulated.
 *
 * Needs root, for the kernel to start aarch64 programs by the emulator, and
 * Debian's `qemu-user-static gcc-aarch64-linux-gnu libc6-dev-arm64-cross`; Deno
 * for aarch64 comes from npm. It takes an hour, and is not part of the gate.
 * Tests skip features that the emulator lacks, with a reason.
 *
 * Arguments are files and folders of tests (all of them, when there are none)
 * and options of `deno test`, such as `--filter=ftok`; `--jobs=2` runs two
 * files at a time. Each file runs in its own process, so that a killed one does
 * not affect others. The last line counts the tests as the gate does:
 * `812 passed, 0 failed, 3 skipped`.
 *
 * @module
 */

import { catchSignals, interrupted } from "./children.ts";
import { filesBelow, isFile, ROOT } from "./common.ts";
import { conclude } from "./run_tests.ts";
import { runTests, type TestRun } from "./test_process.ts";
import { type Case, count, failures, line } from "./test_report.ts";

/** The newest version in npm, which lags behind the other packages. */
const PACKAGE = "@deno/linux-arm64-glibc@2.9.5";
const FOLDER = `${ROOT}dist/aarch64`;
const DENO = `${FOLDER}/package/deno`;
const EMULATOR = "/usr/bin/qemu-aarch64-static";
const LIBRARIES = "/usr/aarch64-linux-gnu";
const BINFMT = "/proc/sys/fs/binfmt_misc";
const NAME = "libc-ipc-aarch64-";
const JOBS = "--jobs=";

/** The required files, and their Debian packages. */
const NEEDED: Record<string, string> = {
  [EMULATOR]: "qemu-user-static",
  "/usr/bin/aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
  [`${LIBRARIES}/lib/libc.so.6`]: "libc6-dev-arm64-cross",
};

// The ELF header of an aarch64 program, and the mask of the bits to compare.
const MAGIC =
  "\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00";
const MASK =
  "\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff";

/** Exits with the reason why no test can run. */
function refuse(reason: string): never {
  console.error(`Cannot run aarch64 programs: ${reason}`);
  Deno.exit(1);
}

async function run(command: string, args: string[]): Promise<void> {
  try {
    const { success } = await new Deno.Command(command, { args }).spawn()
      .status;
    if (!success) refuse(`${command} ${args.join(" ")} failed`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    refuse(`${command} is not installed`);
  }
}

/** Gets Deno for aarch64 from npm, once. */
async function fetchDeno(): Promise<void> {
  if (isFile(DENO)) return;
  await Deno.mkdir(FOLDER, { recursive: true });
  await run("npm", ["pack", PACKAGE, "--silent", "--pack-destination", FOLDER]);
  for (const { name } of Deno.readDirSync(FOLDER)) {
    if (!name.endsWith(".tgz")) continue;
    await run("tar", ["-xzf", `${FOLDER}/${name}`, "-C", FOLDER]);
    await Deno.remove(`${FOLDER}/${name}`);
  }
}

/** Registers the emulator with the kernel, until disposed. */
async function register(): Promise<Disposable> {
  if (!isFile(`${BINFMT}/status`)) {
    await run("mount", ["-t", "binfmt_misc", "none", BINFMT]);
  }
  const unregister = (name: string) =>
    Deno.writeTextFileSync(`${BINFMT}/${name}`, "-1");
  for (const { name } of Deno.readDirSync(BINFMT)) {
    const pid = name.startsWith(NAME) ? name.slice(NAME.length) : "self";
    // Left behind by a run that was killed.
    if (!isFile(`/proc/${pid}/stat`)) unregister(name);
  }
  // A name for each run, so that the end of one does not affect another.
  const name = `${NAME}${Deno.pid}`;
  Deno.writeTextFileSync(
    `${BINFMT}/register`,
    `:${name}:M::${MAGIC}:${MASK}:${EMULATOR}:F`,
  );
  return { [Symbol.dispose]: () => unregister(name) };
}

/** The test files in some files and folders. */
function testFiles(paths: string[]): string[] {
  return paths.flatMap((path) => {
    if (isFile(`${ROOT}${path}`)) return [path];
    const files = filesBelow(ROOT, path.replace(/\/+$/, ""))
      .filter((file) => file.endsWith("_test.ts"));
    if (files.length === 0) refuse(`there is no test in ${path}`);
    return files;
  });
}

/** Runs a file and reports its result. */
async function runFile(file: string, options: string[]): Promise<TestRun> {
  const run = await runTests({
    patience: Infinity,
    name: file,
    deno: DENO,
    args: ["--no-lock", "--permit-no-files", ...options, file],
    env: { QEMU_LD_PREFIX: LIBRARIES, DENO_DIR: `${FOLDER}/cache` },
  });
  const sound = count(run.cases).failed === 0;
  console.log(line(file, sound, run.seconds, run.cases));
  if (!sound) console.log(failures(run.failures));
  return run;
}

if (import.meta.main) {
  const missing = Object.keys(NEEDED).filter((path) => !isFile(path));
  if (missing.length > 0) {
    const packages = missing.map((path) => NEEDED[path]).join(" ");
    refuse(`${missing.join(", ")} missing: apt-get install ${packages}`);
  }
  if (Deno.uid() !== 0) {
    refuse("root must tell the kernel how to start them (binfmt_misc)");
  }
  const jobs = Number(
    Deno.args.find((argument) => argument.startsWith(JOBS))
      ?.slice(JOBS.length) ?? 1,
  );
  if (!(jobs >= 1)) refuse("--jobs must be a number from 1 on");
  const options = Deno.args.filter((argument) =>
    argument.startsWith("-") && !argument.startsWith(JOBS)
  );
  const paths = Deno.args.filter((argument) => !argument.startsWith("-"));
  const files = testFiles(paths.length > 0 ? paths : ["tests"]);
  await fetchDeno();
  catchSignals();
  const cases: Case[] = [];
  const registration = await register();
  await Promise.all(Array.from({ length: jobs }, async () => {
    for (let file = files.shift(); file !== undefined; file = files.shift()) {
      if (interrupted.aborted) return;
      cases.push(...(await runFile(file, options)).cases);
    }
  }));
  registration[Symbol.dispose]();
  Deno.exit(conclude({ cases, failures: [], seconds: 0 }) ? 0 : 1);
}
