/**
 * Measures the cost of importing the package, from its sources and as
 * published: milliseconds from the start of a process to its end.
 *
 * `deno task bench:import [rounds]`: each program runs once in each round, so
 * that conditions are equal. The first round, which fills Deno's caches, is
 * left out.
 *
 * @module
 */

import { bundledExports } from "../_tools/bundle.ts";
import { copyForPublishing } from "../_tools/check_publish.ts";
import { readConfig, ROOT } from "../_tools/common.ts";
import { median } from "./harness.ts";

const rounds = Number(Deno.args[0] ?? 41);

/** A program, and the milliseconds of its runs. */
interface Program {
  name: string;
  file: string;
  times: number[];
}

/** Writes a program that imports one module, or none. */
async function program(
  folder: string,
  name: string,
  path?: string,
): Promise<Program> {
  const file = `${folder}${name.replaceAll(/\W/g, "_")}.ts`;
  const code = path === undefined ? "" : `import "file://${path}";\n`;
  await Deno.writeTextFile(file, code);
  return { name, file, times: [] };
}

/** Milliseconds of a run. */
async function time({ name, file }: Program, cache: string): Promise<number> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-config", file],
    // A separate cache, since these modules are temporary.
    env: { DENO_DIR: cache },
    stdin: "null",
  });
  const start = performance.now();
  const { success, stderr } = await command.output();
  const end = performance.now();
  if (success) return end - start;
  throw new Error(`Cannot run ${name}: ${new TextDecoder().decode(stderr)}`);
}

const folder = `${await Deno.makeTempDir({ prefix: "libc_ipc_bench_" })}/`;
try {
  const copy = `${folder}package/`;
  await Deno.mkdir(copy);
  await copyForPublishing(ROOT, copy);
  const { exports } = readConfig(ROOT);
  const empty = await program(folder, "an empty program");
  const programs = [empty];
  for (const subpath of [".", "./sysv-shm"]) {
    const name = subpath.replace(".", "@libc/ipc");
    programs.push(
      await program(folder, `${name}, sources`, ROOT + exports[subpath]),
      await program(
        folder,
        `${name}, published`,
        copy + bundledExports(exports)[subpath],
      ),
    );
  }
  for (let round = 0; round <= rounds; round++) {
    for (const one of programs) {
      const milliseconds = await time(one, `${folder}cache`);
      if (round > 0) one.times.push(milliseconds);
    }
  }
  const base = median(empty.times);
  for (const { name, times } of programs) {
    const text = times === empty.times
      ? base.toFixed(1)
      : `+${(median(times) - base).toFixed(1)}`;
    console.log(`${name.padEnd(32)}${text.padStart(6)} ms`);
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
