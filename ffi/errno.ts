/**
 * Errors of C calls: {@linkcode IpcError}, the errno table, and a checker for
 * each C convention of failure, which throws.
 *
 * ```ts
 * import { IpcError, SysvSharedMemory } from "@libc/ipc";
 *
 * try {
 *   using _segment = SysvSharedMemory.open(0x7ffffffe);
 * } catch (error) {
 *   if (!(error instanceof IpcError) || error.code !== "ENOENT") throw error;
 *   console.log("nobody made it yet");
 * }
 * ```
 *
 * @module
 */

import { ERRNO, isAllOnes } from "./libc/errno.ts";
import { string } from "./libc/string.ts";

export { ERRNO };

/** The facts of a failure, for the constructor of {@linkcode IpcError}. */
export interface IpcErrorInit {
  /** The error number, positive. */
  errno: number;
  /** The C call that failed. */
  syscall: string;
  /** The error behind this one, if any. */
  cause?: unknown;
}

/**
 * Thrown when the kernel or libc refuses a call, and when a wait times out.
 *
 * Compare {@linkcode IpcError.code}, never the message.
 *
 * @example Handle one error and pass on the others
 * ```ts
 * import { IpcError, SysvMessageQueue } from "@libc/ipc";
 *
 * try {
 *   SysvMessageQueue.open(0x7ffffffe);
 * } catch (error) {
 *   if (!(error instanceof IpcError && error.code === "ENOENT")) throw error;
 * }
 * ```
 */
export class IpcError extends Error {
  /** Always `"IpcError"`. */
  override readonly name = "IpcError";
  /** The symbolic errno, such as `"EEXIST"`; `"E<number>"` when it has no name. */
  readonly code: string;
  /** The error number. */
  readonly errno: number;
  /** The C call that failed. */
  readonly syscall: string;

  /** Makes an error with this message. */
  constructor(message: string, init: IpcErrorInit) {
    super(message, "cause" in init ? { cause: init.cause } : undefined);
    this.errno = init.errno;
    this.code = errnoName(init.errno);
    this.syscall = init.syscall;
  }
}

const ALIASES = new Set(["EWOULDBLOCK", "EDEADLOCK", "ENOTSUP"]);

/** The preferred name of each error number, made on first use. */
let names: ReadonlyMap<number, string> | undefined;

function errnoNames(): ReadonlyMap<number, string> {
  return new Map(
    Object.entries(ERRNO)
      .filter(([name]) => !ALIASES.has(name))
      .map(([name, number]) => [number, name]),
  );
}

/**
 * Returns the symbolic name of an error number: `errnoName(2)` is `"ENOENT"`.
 *
 * For a number that Linux does not define it returns `"E<number>"`.
 */
export function errnoName(errno: number): string {
  names ??= errnoNames();
  return names.get(errno) ?? `E${errno}`;
}

/**
 * `strerror`: returns the C library's text for an error number.
 *
 * See [strerror(3)](https://man7.org/linux/man-pages/man3/strerror.3.html).
 */
export function errnoMessage(errno: number): string {
  const text = string().strerror(errno);
  return text === null
    ? `Unknown error ${errno}`
    : new Deno.UnsafePointerView(text).getCString();
}

/**
 * Makes the error of a failed call: `Cannot <action> <object>: <syscall> failed
 * with <code> (<text>)`, followed by a hint where one helps.
 *
 * @ignore
 */
export function ipcError(
  errno: number,
  syscall: string,
  action: string,
  object: string,
  hint?: string,
): IpcError {
  const reason = `${syscall} failed with ${errnoName(errno)} (${
    errnoMessage(errno)
  })`;
  const why = hint ?? missingHint(errno, syscall);
  return new IpcError(
    `Cannot ${action} ${object}: ${reason}${why ? `: ${why}` : ""}`,
    { errno, syscall },
  );
}

/**
 * Calls that, made as this library makes them, fail with `EPERM` only in a
 * sandbox.
 */
const NEVER_DENIED: ReadonlySet<string> = new Set([
  "memfd_create",
  "mq_open",
  "msgget",
  "pidfd_open",
  "process_vm_readv",
  "semget",
  "shmget",
  "signalfd",
]);

/** Explains the errno of a missing call, or of one that a sandbox forbids. */
function missingHint(errno: number, syscall: string): string | undefined {
  if (errno === ERRNO.ENOSYS) {
    return "this kernel has no such call, or a sandbox forbids it";
  }
  return errno === ERRNO.EPERM && NEVER_DENIED.has(syscall)
    ? "a sandbox forbids the call"
    : undefined;
}

/**
 * Makes the error of a wait that timed out.
 *
 * @ignore
 */
export function timeoutError(
  syscall: string,
  action: string,
  object: string,
  milliseconds: number,
): IpcError {
  return new IpcError(
    `Cannot ${action} ${object}: ${syscall} timed out after ${milliseconds} ms (ETIMEDOUT)`,
    { errno: ERRNO.ETIMEDOUT, syscall },
  );
}

/**
 * Makes the error of shared memory whose content is invalid.
 *
 * @ignore
 */
export function corruptError(
  syscall: string,
  action: string,
  object: string,
  found: string,
): IpcError {
  return new IpcError(
    `Cannot ${action} ${object}: ${found} (EBADMSG)`,
    { errno: ERRNO.EBADMSG, syscall },
  );
}

/**
 * Returns the errno of a call that reports failure as -1, or 0 when it
 * succeeded.
 *
 * For calls where some failures are answers (`EAGAIN`, `EINTR`).
 *
 * @ignore
 */
export function errnoOf(result: number | bigint, errno: number): number {
  return result === -1 || result === -1n ? errno : 0;
}

/**
 * Whether a signal has interrupted a blocking call that never fails with
 * `EAGAIN`.
 *
 * Under many signals, Deno's signal handler may run right after the call. Its own
 * write then fails and leaves `EAGAIN`. A table does not repeat blocking calls.
 *
 * @ignore
 */
export function isInterruption(error: number): boolean {
  return error === ERRNO.EINTR || error === ERRNO.EAGAIN;
}

/**
 * Checks a call that returns 0, or -1 and errno.
 *
 * @ignore
 */
export function check0(
  result: number,
  errno: number,
  syscall: string,
  action: string,
  object: string,
): void {
  if (result === -1) throw ipcError(errno, syscall, action, object);
}

/**
 * Checks a call that returns a descriptor, an id or a small count, or -1 and
 * errno. Returns the result.
 *
 * @ignore
 */
export function checkInt(
  result: number,
  errno: number,
  syscall: string,
  action: string,
  object: string,
): number {
  if (result === -1) throw ipcError(errno, syscall, action, object);
  return result;
}

/**
 * Checks a call that returns a `ssize_t` or `long`, or -1 and errno. Returns
 * the result as a number.
 *
 * @ignore
 */
export function checkSize(
  result: number | bigint,
  errno: number,
  syscall: string,
  action: string,
  object: string,
): number {
  if (result === -1 || result === -1n) {
    throw ipcError(errno, syscall, action, object);
  }
  return Number(result);
}

/**
 * Checks a call that returns a pointer, or on failure null or all ones
 * (`MAP_FAILED`, `(void *) -1`) and errno. `SEM_FAILED` is null. Returns the
 * pointer.
 *
 * @ignore
 */
export function checkPtr(
  result: Deno.PointerValue,
  errno: number,
  syscall: string,
  action: string,
  object: string,
  hintOf?: (errno: number) => string | undefined,
): Deno.PointerObject {
  if (result === null || isAllOnes(result)) {
    throw ipcError(errno, syscall, action, object, hintOf?.(errno));
  }
  return result;
}

/**
 * Checks a call that returns the error number itself, or 0 for success
 * (`pthread_*`, `posix_spawn`, `posix_fallocate`).
 *
 * @ignore
 */
export function checkRc(
  result: number,
  syscall: string,
  action: string,
  object: string,
): void {
  if (result !== 0) throw ipcError(result, syscall, action, object);
}

/**
 * Whether an error is an {@linkcode IpcError} with one of these codes.
 *
 * @ignore
 */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof IpcError && codes.includes(error.code);
}

/**
 * Returns the result of a call, or undefined when it failed with that code.
 *
 * @ignore
 */
export function unless<T>(code: string, make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (hasCode(error, code)) return undefined;
    throw error;
  }
}

/**
 * Whether a call failed because the object does not exist: nothing has its name
 * or key (`ENOENT`), its id is not in use (`EINVAL`), or it was removed during
 * the call (`EIDRM`).
 *
 * @ignore
 */
export function isGone(error: unknown): boolean {
  return hasCode(error, "ENOENT", "EINVAL", "EIDRM");
}

/**
 * Removes an object that another process may already have removed.
 *
 * @ignore
 */
export function ignoreGone(remove: () => void): void {
  try {
    remove();
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}
