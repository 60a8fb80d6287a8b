// Rounds of making, using and disposing: nothing stays behind in the kernel or
// in the process.

import { assert, assertEquals } from "@std/assert";
import { scaled } from "../util.ts";
import { handles } from "./handles.ts";

const CHILD = new URL("leaks_child.ts", import.meta.url).href;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** What a process may grow by in the best phase: the heap breathes. */
const MAX_GROWTH = 1 << 20;

/** Descriptors that may be the runtime's. */
const SLACK = 8;

for (const [name, one] of Object.entries(handles)) {
  const rounds = scaled(one.rounds ?? 5000);
  Deno.test(`${name} leaves nothing behind after ${rounds} rounds`, async () => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-check",
        "--allow-all",
        "--v8-flags=--expose-gc",
        `--config=${CONFIG}`,
        CHILD,
        name,
      ],
      stdin: "null",
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    const { before, after, growths } = JSON.parse(
      new TextDecoder().decode(stdout),
    );
    // The runtime opens and closes descriptors of its own meanwhile; a leak
    // would be one a round.
    assert(
      after.descriptors < before.descriptors + SLACK,
      `${before.descriptors} descriptors became ${after.descriptors}`,
    );
    // Its idle threads end after a while.
    assert(
      after.threads <= before.threads,
      `${before.threads} threads became ${after.threads}`,
    );
    const constant = { descriptors: 0, threads: 0 };
    assertEquals({ ...after, ...constant }, { ...before, ...constant });
    assert(
      Math.min(...growths) < MAX_GROWTH,
      `grew by ${growths.join(", ")} bytes`,
    );
  });
}
