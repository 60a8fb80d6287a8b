/**
 * `deno task test:aarch64`: runs the tests as aarch64 programs, emulated.
 *
 * Needs root, for the kernel to start aarch64 programs by the emulator, and
 * Debian's `qemu-user-static gcc-aarch64-linux-gnu libc6-dev-arm64-cross`; Deno
 * for aarch64 comes from npm. Arguments are handed to `deno test`. It is slow,
 * and not part of the gate. Tests skip by name what the emulator lacks.
 *
 * @module
 */

import { ROOT } from "./common.ts";

/** The newest that npm has; it lags behind the other packages. */
const PACKAGE = "@deno/linux-arm64-glibc@2.9.5";
const EMULATOR = "/usr/bin/qemu-aarch64-static";
const LIBRARIES = "/usr/aarch64-linux-gnu";
const BINFMT = "/proc/sys/fs/binfmt_misc";
const NAME = "libc-ipc-aarch64";
const FOLDER = `${ROOT}dist/aarch64`;

// The ELF header of an aarch64 program, and which of its bits count.
const MAGIC =
  "\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00";
const MASK =
  "\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff";

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

async function run(command: string, args: string[]): Promise<void> {
  const { code } = await new Deno.Command(command, { args }).spawn().status;
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} failed`);
}

/** Gets Deno for aarch64 from npm, once. */
async function fetchDeno(): Promise<string> {
  const binary = `${FOLDER}/package/deno`;
  if (exists(binary)) return binary;
  await Deno.mkdir(FOLDER, { recursive: true });
  await run("npm", ["pack", PACKAGE, "--silent", "--pack-destination", FOLDER]);
  for await (const { name } of Deno.readDir(FOLDER)) {
    if (!name.endsWith(".tgz")) continue;
    await run("tar", ["-xzf", `${FOLDER}/${name}`, "-C", FOLDER]);
  }
  return binary;
}

/** Lets the kernel start aarch64 programs, until it is disposed of. */
async function register(): Promise<Disposable> {
  const unregister = () => Deno.writeTextFileSync(`${BINFMT}/${NAME}`, "-1");
  if (!exists(`${BINFMT}/register`)) {
    await run("mount", ["-t", "binfmt_misc", "none", BINFMT]);
  }
  if (exists(`${BINFMT}/${NAME}`)) unregister();
  await Deno.writeTextFile(
    `${BINFMT}/register`,
    `:${NAME}:M::${MAGIC}:${MASK}:${EMULATOR}:F`,
  );
  return { [Symbol.dispose]: unregister };
}

const missing = [EMULATOR, LIBRARIES].filter((path) => !exists(path));
if (missing.length > 0) {
  console.error(
    `Missing ${
      missing.join(", ")
    }: run apt-get install qemu-user-static gcc-aarch64-linux-gnu libc6-dev-arm64-cross`,
  );
  Deno.exit(1);
}
const deno = await fetchDeno();
using _registration = await register();
const { code } = await new Deno.Command(deno, {
  args: [
    "test",
    "--no-check",
    "--allow-all",
    ...(Deno.args.length > 0 ? Deno.args : ["tests"]),
  ],
  cwd: ROOT,
  env: {
    QEMU_LD_PREFIX: LIBRARIES,
    DENO_DIR: `${FOLDER}/cache`,
  },
}).spawn().status;
Deno.exitCode = code;
