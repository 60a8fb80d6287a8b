// errno of failing calls, with a library in C that shows what comes in between.

import { assertEquals } from "@std/assert";
import { EMULATED, scaled, spawnDeno, watchdog } from "../util.ts";
import { compiled, NO_CC } from "./_peers.ts";

const ROUNDS = scaled(1000, 1_000_000);
const why = NO_CC ||
  (EMULATED ? " [skipped: the emulator loads no library of this machine]" : "");

Deno.test({
  name: `nothing comes between a failing call and the look at errno${why}`,
  ignore: why !== "",
  async fn() {
    using _dog = watchdog("the look at errno", scaled(60, 36_000));
    const marks = await compiled("errno_marks", "-shared", "-fPIC");
    const program = new URL("errno_child.ts", import.meta.url);
    await using child = spawnDeno(program, {
      args: [String(ROUNDS)],
      env: { LD_PRELOAD: marks },
      permissions: ["--allow-all"],
    });
    const { code, stdout, stderr } = await child.end();
    assertEquals([code, stdout], [0, ""], stderr);
  },
});
