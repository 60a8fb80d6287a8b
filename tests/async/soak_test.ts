// The soak, for a few seconds: see `deno task soak`.

import { assert, assertEquals } from "@std/assert";
import { rise, trend } from "../../_tools/soak_parts.ts";
import { FULL, source, spawnDeno, watchdog } from "../util.ts";

/**
 * Four seconds in the gate: a few kills, and hundreds of turns of everything.
 */
const SECONDS = FULL ? 600 : 4;

Deno.test(`the soak of ${SECONDS} seconds loses nothing but with the processes it kills, and grows nothing`, async () => {
  using _dog = watchdog("the soak", 170);
  await using child = spawnDeno(new URL(source("_tools/soak.ts")), {
    args: ["--seconds", String(SECONDS)],
    permissions: ["--allow-all", "--v8-flags=--expose-gc"],
    env: { NO_COLOR: "1" },
  });
  const { code, stdout, stderr } = await child.end();
  assertEquals(code, 0, stdout + stderr);
  const kills = Number(/^(\d+) kills/.exec(stdout)?.[1]);
  assert(kills > 0, stdout);
});

Deno.test("trend() is how much the second half of some values rises", () => {
  assertEquals(trend([]), 0);
  assertEquals(trend([9, 9, 9, 5, 5, 5, 5]), 0);
  assertEquals(trend([9, 9, 9, 9, 1, 2, 3, 4]), 3);
  assertEquals(trend([0, 0, 0, 0, 4, 3, 2, 1]), -3);
});

Deno.test("rise() is how much the lowest value rises at last", () => {
  assertEquals(rise([]), 0);
  assertEquals(rise([5]), 0);
  assertEquals(rise([9, 9, 9, 9, 50, 2, 9, 4]), 2);
  assertEquals(rise([0, 0, 0, 0, 4, 3, 99, 1]), -2);
});
