/**
 * `deno task bench`: compares the cost of wrappers, raw calls and C.
 *
 * `deno task bench semop pipe` runs the cases whose names contain one of these
 * words; `--json` prints JSON.
 *
 * @module
 */

import { cases as posix } from "./cases/posix.ts";
import { cases as streams } from "./cases/stream.ts";
import { cases as structs } from "./cases/struct.ts";
import { cases as sysv } from "./cases/sysv.ts";
import { compileC, measure, printTable, type Result } from "./harness.ts";

const words = Deno.args.filter((arg) => !arg.startsWith("-"));
const folder = await Deno.makeTempDir({ prefix: "libc_ipc_bench_" });
try {
  const binary = await compileC(folder);
  if (binary === undefined) console.error("No C compiler: no ratios to C");
  const results: Result[] = [];
  for (const one of [...sysv, ...posix, ...streams, ...structs]) {
    if (words.length > 0 && !words.some((word) => one.name.includes(word))) {
      continue;
    }
    results.push(await measure(one, binary));
  }
  if (Deno.args.includes("--json")) console.log(JSON.stringify(results));
  else printTable(results);
} finally {
  await Deno.remove(folder, { recursive: true });
}
