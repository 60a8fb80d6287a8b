/** Shared parts of the drivers. */

import {
  becomeNobody,
  becomeRoot,
  mountShm,
  unshareIpc,
} from "./privileges.ts";
import type { Defer, Driven } from "./rows.ts";

/** Why a row about a bad address is not driven. */
export const NO_POINTERS = {
  why: "the wrappers pass only buffers of their own, never an address",
};

/** Why a row about an unknown command is not driven. */
export const NO_COMMANDS = {
  why: "commands are methods: there is no unknown one",
};

/** Why a row about a signal handler is not driven. */
export const INTERRUPTED = {
  why: "EINTR is looped with the time that is left, see the signal tests",
};

/** A row that the API refuses before any call. */
export function before(
  what: string,
  expect = "RangeError",
): { expect: string; because: string } {
  return { expect, because: `${what} is refused before the call` };
}

/** A row in which `nobody` uses an object of root. */
export function stranger<T>(
  make: (defer: Defer) => T,
  use: (made: T) => unknown,
): Driven {
  return {
    child: "common",
    run(defer) {
      const made = make(defer);
      becomeNobody();
      defer(becomeRoot);
      return use(made);
    },
  };
}

/** A row in an IPC namespace of its own. */
export function inPrivate(run: (defer: Defer) => unknown): Driven {
  return {
    child: "own",
    run(defer) {
      unshareIpc();
      return run(defer);
    },
  };
}

/** A row with a small `/dev/shm` of its own: `nr_inodes=2`, `size=64k`. */
export function inSmallShm(
  options: string,
  run: (defer: Defer) => unknown,
): Driven {
  return {
    child: "own",
    run(defer) {
      mountShm(options);
      return run(defer);
    },
  };
}
