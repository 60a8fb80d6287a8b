// Guarantees of every kind of wait about timeouts, aborts, closing and order.

import { scaled, watchdog } from "../util.ts";
import {
  checkAbort,
  checkClose,
  checkMany,
  checkRandomAborts,
  checkStack,
  checkTimeout,
} from "./checks.ts";
import { kinds } from "./kinds.ts";

/** Aborts at random moments, for all kinds together, or for each kind. */
const ABORTS = scaled(10_000, 10_000 * kinds.length);
/** Aborts for a kind that takes milliseconds to be woken. */
const SLOW_ABORTS = scaled(100, 10_000);

const slow = kinds.filter((kind) => kind.slow).length;
const fastAborts = Math.ceil(
  (ABORTS - slow * SLOW_ABORTS) / (kinds.length - slow),
);

for (const kind of kinds) {
  const { name } = kind;
  const aborts = kind.slow ? SLOW_ABORTS : fastAborts;

  Deno.test(`${name}() times out with ETIMEDOUT, not before its time, and does nothing`, async () => {
    using _dog = watchdog(name);
    await checkTimeout(kind);
  });

  Deno.test(`${name}() rejects with the reason of its signal at once and does nothing`, async () => {
    using _dog = watchdog(name);
    await checkAbort(kind);
  });

  Deno.test(`${name}() rejects with a TypeError when what it waits on is closed`, async () => {
    using _dog = watchdog(name);
    await checkClose(kind);
  });

  Deno.test(`${name}() fails with a stack that shows who awaits it`, async () => {
    using _dog = watchdog(name);
    await checkStack(kind);
  });

  Deno.test(`${name}() serves all who wait and are not aborted${kind.ordered ? ", in their order" : ""}`, async () => {
    using _dog = watchdog(name);
    await checkMany(kind);
  });

  Deno.test(`${name}() aborted at ${aborts} random moments does all or nothing`, async () => {
    using _dog = watchdog(name);
    await checkRandomAborts(kind, aborts);
  });
}
