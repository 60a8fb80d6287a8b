/**
 * Why a command ends before its time.
 *
 * @module
 */

/** The command line is wrong: the command exits with 2. */
export class UsageError extends Error {
  /** Always `"UsageError"`. */
  override readonly name = "UsageError";
}

/** Something that is no mistake of this program failed: it exits with 1. */
export class Failure extends Error {
  /** Always `"Failure"`. */
  override readonly name = "Failure";
}

/** A signal, or a key, told the command to end. */
export class Interrupted extends Error {
  /** Always `"Interrupted"`. */
  override readonly name = "Interrupted";
}

/** The reader of standard output has gone, as in `ipc client | head`. */
export class BrokenPipe extends Error {
  /** Always `"BrokenPipe"`. */
  override readonly name = "BrokenPipe";
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
