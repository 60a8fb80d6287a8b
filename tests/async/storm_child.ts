/**
 * Waits of all kinds that end, time out and are aborted, until the storm is
 * over. Prints whether that was more than one pass of all kinds.
 */

import { later } from "../util.ts";
import { outcomeOf } from "./checks.ts";
import { type Kind, kinds, type Subject } from "./kinds.ts";
import { storm } from "./storm_handlers.ts";

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/** A timeout is ETIMEDOUT, and not early. */
async function checkTimeout(
  kind: Kind,
  wait: NonNullable<Subject["waitSync"]>,
): Promise<void> {
  const timeout = 1 + Math.random() * 3;
  const start = performance.now();
  let error: unknown;
  try {
    await wait({ timeout });
  } catch (thrown) {
    error = thrown;
  }
  const waited = performance.now() - start;
  if (codeOf(error) !== "ETIMEDOUT") {
    throw error ?? new Error(`${kind.name} did not time out`);
  }
  if (waited < timeout) {
    throw new Error(`${kind.name} waited ${waited} of ${timeout}`);
  }
}

async function pass(kind: Kind): Promise<void> {
  using subject = kind.make();
  let ended = 0;
  const end = (result: unknown) => {
    subject.release?.(result);
    ended++;
  };
  for (let i = 0; i < (kind.once ? 1 : 4); i++) {
    const wait = subject.wait();
    if (i % 2 === 0) await later(Math.random());
    subject.wake();
    end(await wait);
    if (kind.once) continue;
    subject.wake();
    if (subject.waitSync) end(subject.waitSync({ timeout: 1e6 }));
    else end(await subject.wait());
    const controller = new AbortController();
    const aborted = outcomeOf(
      subject,
      subject.wait({ signal: controller.signal }),
    );
    controller.abort("aborted");
    if ("value" in await aborted) ended++;
  }
  const effects = kind.delayed ? ended : subject.effects?.() ?? ended;
  if (effects !== ended) {
    throw new Error(`${kind.name} had ${effects} effects of ${ended}`);
  }
  using blocked = kind.make();
  await checkTimeout(kind, (options) => blocked.wait(options));
  if (blocked.waitSync) await checkTimeout(kind, blocked.waitSync);
}

console.log("ready");
let passes = 0;
// All kinds at least once after the last signal.
for (let last = false; !last; passes++) {
  last = storm.over;
  for (const kind of kinds) if (!kind.broadcast) await pass(kind);
}
console.log(passes > 1);
Deno.exit();
