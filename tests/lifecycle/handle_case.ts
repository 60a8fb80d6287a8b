/** What the tests of all handles do with a class. */

import { scaled } from "../util.ts";

/** A handle with the parts that all have. */
export interface Handle extends Disposable {
  /** Gives it up. */
  close(): void;
  /** Whether it was given up. */
  readonly closed: boolean;
}

/** What the tests do with a class. */
export interface HandleCase<H extends Handle = Handle> {
  /** Makes one, and whatever it needs. */
  make(): H | Promise<H>;
  /** Uses it a little and leaves nothing behind. */
  use(handle: H): unknown;
  /** Everything that must be refused after `close()`. */
  uses: ((handle: H) => unknown)[];
  /**
   * Rounds of making, using and disposing in the leak test of the gate.
   *
   * @default {5000}
   */
  rounds?: number;
}

/** How often the leak test does so. */
export function roundsOf({ rounds = 5000 }: HandleCase): number {
  return scaled(rounds, 10_000);
}

/** Types a case by its class. */
export function define<H extends Handle>(one: HandleCase<H>): HandleCase {
  return one as unknown as HandleCase;
}
