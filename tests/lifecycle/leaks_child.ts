/**
 * Makes, uses and disposes handles of the given classes many times, every tenth
 * time with an error in the middle, and prints the leftovers of each as a line
 * of JSON.
 */

import { type HandleCase, roundsOf } from "./handle_case.ts";
import { handles } from "./handles.ts";
import { collect, leftSince, settled } from "./leftovers.ts";

/**
 * The allowed growth of memory in the best phase, since the heap fluctuates.
 */
const MAX_GROWTH = 1 << 20;
const MAX_PHASES = 12;

/** Bytes of memory in use, without what the collector keeps for later. */
function bytesInUse(): number {
  collect?.();
  const { rss, heapTotal, heapUsed } = Deno.memoryUsage();
  return rss - heapTotal + heapUsed;
}

async function round({ make, use }: HandleCase, fail: boolean): Promise<void> {
  try {
    using handle = await make();
    await use(handle);
    if (fail) throw new RangeError("in the middle");
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
}

for (const name of Deno.args) {
  const one = handles[name];
  if (one === undefined) throw new Error(`there is no ${name}`);
  const rounds = roundsOf(one);
  // Make singletons such as the reactor first.
  for (let i = 0; i < rounds; i++) await round(one, i % 2 === 0);
  const before = await settled();
  // The heap settles gradually; a leak grows in every phase.
  const growths: number[] = [];
  do {
    const bytes = bytesInUse();
    for (let i = 0; i < rounds; i++) await round(one, i % 10 === 0);
    growths.push(bytesInUse() - bytes);
  } while (
    Math.min(...growths) >= MAX_GROWTH && growths.length < MAX_PHASES
  );
  const grows = Math.min(...growths) >= MAX_GROWTH;
  console.log(JSON.stringify({
    name,
    left: await leftSince(before),
    grown: grows ? growths : [],
  }));
}
Deno.exit();
