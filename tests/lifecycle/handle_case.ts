/** The interface of the tests of all handles. */

import { scaled } from "../util.ts";

/** The common parts of handles. */
export interface Handle extends Disposable {
  /** Closes it. */
  close(): void;
  /** Whether it is closed. */
  readonly closed: boolean;
}

/** A class under test. */
export interface HandleCase<H extends Handle = Handle> {
  /** Makes one, and its prerequisites. */
  make(): H | Promise<H>;
  /** Uses it a little and leaves nothing behind. */
  use(handle: H): unknown;
  /** All uses that must be refused after `close()`. */
  uses: ((handle: H) => unknown)[];
  /**
   * Rounds of making, using and disposing in the leak test of the gate.
   *
   * @default {5000}
   */
  rounds?: number;
}

/** The rounds of the leak test. */
export function roundsOf({ rounds = 5000 }: HandleCase): number {
  return scaled(rounds, 10_000);
}

/** Types a case by its class. */
export function define<H extends Handle>(one: HandleCase<H>): HandleCase {
  return one as unknown as HandleCase;
}
