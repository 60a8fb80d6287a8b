// errno of failing calls: with C libraries that overwrite errno between a call
// and the read of errno, and under storms of signals.

import { assertEquals } from "@std/assert";
import type { Child } from "../child.ts";
import {
  EMULATED,
  scaled,
  spawnCommand,
  spawnDeno,
  STORM,
  watchdog,
} from "../util.ts";
import { compiled, NO_CC, NO_PERL } from "./_peers.ts";

/** Rounds of more than 30 calls: five million calls with the full counts. */
const ROUNDS = scaled(500, 160_000);
const PROCESSES = scaled(4, 60);
const TIME = scaled(120, 36_000);
const why = NO_CC ||
  (EMULATED ? " [skipped: the emulator loads no library of this machine]" : "");

/** The calls, the number of rounds, and what is loaded before the C library. */
interface Run {
  kind: "plain" | "all" | "tries";
  rounds?: number;
  preload?: string;
  listen?: boolean;
}

function start({ kind, rounds = ROUNDS, preload, listen }: Run): Child {
  return spawnDeno(new URL("errno_child.ts", import.meta.url), {
    args: [String(rounds), kind, ...listen ? ["listen"] : []],
    env: preload === undefined ? {} : { LD_PRELOAD: preload },
    permissions: ["--allow-all"],
  });
}

async function checkRun(run: Run): Promise<void> {
  await using child = start(run);
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stdout], [0, "done\n"], stderr);
}

Deno.test({
  name: `nothing comes between a failing call and the look at errno${why}`,
  ignore: why !== "",
  async fn() {
    using _dog = watchdog("the look at errno", TIME);
    const preload = await compiled("errno_marks", "-shared", "-fPIC");
    await checkRun({ kind: "plain", preload });
  },
});

Deno.test({
  name: `nothing comes between the first calls and the look at errno${why}`,
  ignore: why !== "",
  async fn() {
    using _dog = watchdog("the first looks at errno", TIME);
    const preload = await compiled("errno_marks", "-shared", "-fPIC");
    for (let i = 0; i < PROCESSES; i++) {
      await checkRun({ kind: "plain", rounds: 1, preload });
    }
  },
});

for (const kind of ["all", "tries"] as const) {
  Deno.test({
    name:
      `an EAGAIN that a signal leaves costs no more than a try: ${kind}${why}`,
    ignore: why !== "",
    async fn() {
      using _dog = watchdog("planted errors", TIME);
      const preload = await compiled("errno_plants", "-shared", "-fPIC");
      await checkRun({ kind, preload });
    },
  });
}

Deno.test({
  name: `each call tells its own error in a storm of signals${NO_PERL}`,
  ignore: NO_PERL !== "",
  async fn() {
    using _dog = watchdog("errors in a storm", TIME);
    await using child = start({ kind: "all", listen: true });
    assertEquals(await child.line(), "ready");
    await using _storm = spawnCommand("perl", {
      args: ["-e", STORM, `${child.pid}`],
    });
    const { code, stdout, stderr } = await child.end();
    assertEquals([code, stdout], [0, "done\n"], stderr);
  },
});
