/**
 * The reasons why a command ends early.
 *
 * @module
 */

/** The command line is wrong; the command exits with 2. */
export class UsageError extends Error {
  /** Always `"UsageError"`. */
  override readonly name = "UsageError";
}

/** A failure that is not a bug of this program; the command exits with 1. */
export class Failure extends Error {
  /** Always `"Failure"`. */
  override readonly name = "Failure";
}

/** A signal or a key ended the command. */
export class Interrupted extends Error {
  /** Always `"Interrupted"`. */
  override readonly name = "Interrupted";
}

/** The reader of standard output has gone, as in `ipc client | head`. */
export class BrokenPipe extends Error {
  /** Always `"BrokenPipe"`. */
  override readonly name = "BrokenPipe";
}

/** The message of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
