/** Memory with arbitrary content, and the programs that must survive it. */

import { assert, assertEquals } from "@std/assert";
import { scaled, spawnCommand, watchdog } from "../../util.ts";
import { newPlace } from "./address.ts";

const PROGRAM = new URL("./hostile.ts", import.meta.url).pathname;
const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;

Deno.test("WaveClient survives thousands of hostile headers", async () => {
  using _dog = watchdog("hostile headers", 300);
  await using place = await newPlace();
  const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const rounds = scaled(10_000, 100_000);
  await using child = spawnCommand(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      `--config=${CONFIG}`,
      "--allow-ffi",
      PROGRAM,
      place.path,
      `${seed}`,
      `${rounds}`,
    ],
  });
  const { code, stdout, stderr } = await child.end();
  assertEquals(code, 0, `seed ${seed}: ${stderr}`);
  const outcomes: Record<string, number> = JSON.parse(stdout);
  const total = (what: string) =>
    Object.entries(outcomes).filter(([key]) => key.startsWith(what))
      .reduce((sum, [, count]) => sum + count, 0);
  assertEquals(total("open "), rounds, `seed ${seed}`);
  // The content must be hostile enough to be refused, but not so hostile that
  // all of it is refused early.
  assert(
    (outcomes["open EBADMSG"] ?? 0) > rounds / 100,
    `seed ${seed}: ${stdout}`,
  );
  assert(
    (outcomes["read EBADMSG"] ?? 0) > rounds / 100,
    `seed ${seed}: ${stdout}`,
  );
  assert((outcomes["read ok"] ?? 0) > rounds / 100, `seed ${seed}: ${stdout}`);
});
