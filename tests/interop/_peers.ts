/** Programs in other languages. Those in C are compiled once for a test file. */

import { assert } from "@std/assert";
import { hasCommand } from "../util.ts";

/** The suffix of a test's name when it cannot run. */
export const NO_CC: string = hasCommand("cc")
  ? ""
  : " [skipped: no C compiler]";
/** The suffix of a test's name when it cannot run. */
export const NO_PYTHON: string = hasCommand("python3")
  ? ""
  : " [skipped: no Python]";
/** The suffix of a test's name when it cannot run. */
export const NO_PERL: string = hasCommand("perl") ? "" : " [skipped: no Perl]";

/** The path of a file of the folder `peers`. */
export function peerPath(file: string): string {
  return new URL(`peers/${file}`, import.meta.url).pathname;
}

let folder: string | undefined;
const programs = new Map<string, Promise<string>>();

/**
 * The path of a program, which is compiled from `peers/NAME.c`.
 *
 * @param options More options of the compiler.
 */
export function compiled(name: string, ...options: string[]): Promise<string> {
  const program = programs.get(name) ?? compile(name, options);
  programs.set(name, program);
  return program;
}

async function compile(name: string, more: string[]): Promise<string> {
  folder ??= temporaryFolder();
  const program = `${folder}/${name}`;
  const options = ["-std=gnu11", "-O1", "-pthread", ...more, "-o", program];
  const { success, stderr } = await new Deno.Command("cc", {
    args: [...options, peerPath(`${name}.c`), "-lrt"],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return program;
}

/** A folder that goes with the test file. */
function temporaryFolder(): string {
  const path = Deno.makeTempDirSync({ prefix: "libc-ipc-peers-" });
  addEventListener("unload", () => Deno.removeSync(path, { recursive: true }));
  return path;
}
