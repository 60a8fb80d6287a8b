/**
 * File locks, which the kernel releases when their holder dies:
 * {@linkcode lockFile}.
 *
 * ```ts
 * import { lockFile, openLockFile } from "@libc/ipc/file-lock";
 *
 * const path = Deno.makeTempFileSync();
 * using file = openLockFile(path);
 * {
 *   using _lock = await lockFile(file, { timeout: 1000 });
 *   console.log("nobody else is here");
 * }
 * Deno.removeSync(path);
 * ```
 *
 * A lock belongs to the open file description, which `open` makes, not to the
 * process. Opening the file again competes for the lock, even in the same
 * process. Duplicates of the descriptor and children that inherit it share the
 * lock; closing the last of them releases it.
 *
 * The record locks of `fcntl(F_SETLK)` are not offered: they vanish when any
 * code in the process closes any descriptor of the same file.
 *
 * @module
 */

import { cpath, pathString } from "../../ffi/cstring.ts";
import {
  checkInt,
  ERRNO,
  errnoOf,
  ipcError,
  timeoutError,
} from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  F_OFD_GETLK,
  F_OFD_SETLK,
  F_OFD_SETLKW,
  F_RDLCK,
  F_UNLCK,
  F_WRLCK,
  fcntl,
  flock,
  O_CLOEXEC,
  O_CREAT,
  O_NOCTTY,
  O_NOFOLLOW,
  O_RDWR,
} from "../../ffi/libc/fcntl.ts";
import {
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
  sys_file,
} from "../../ffi/libc/sys_file.ts";
import { checkMode, shown, size } from "../core/convert/argument.ts";
import { Fd } from "../core/handle/fd.ts";
import { showing } from "../core/handle/inspect.ts";
import { INTERNAL, onlyInternal } from "../core/handle/internal.ts";
import { Deadline } from "../core/wait/deadline.ts";
import {
  type SyncWaitOptions,
  timeoutOf,
  type WaitOptions,
} from "../core/wait/options.ts";
import { PollingSource } from "../core/wait/source.ts";
import { callUntil } from "../core/wait/timer_interrupt.ts";
import { waitUntil } from "../core/wait/wait.ts";

export type { SyncWaitOptions, WaitOptions };

/** The bytes of a file to lock, with `F_OFD_SETLK`. */
export interface FileRange {
  /**
   * The first byte.
   *
   * @default {0}
   */
  offset?: number | undefined;
  /**
   * The number of bytes, which need not exist; 0 covers everything from
   * `offset` on, however much the file grows.
   *
   * @default {0}
   */
  length?: number | undefined;
}

/** Options of {@linkcode tryLockFile}. */
export interface FileLockOptions {
  /**
   * Takes a shared lock: any number of holders, but no exclusive one.
   *
   * @default {false}
   */
  shared?: boolean | undefined;
  /**
   * Locks bytes of the file (`fcntl(F_OFD_SETLK)`) instead of the whole file
   * (`flock`). The two kinds ignore each other.
   *
   * @default {undefined} the whole file
   */
  range?: FileRange | undefined;
}

/** Options of {@linkcode lockFileSync}. */
export interface FileLockSyncOptions extends FileLockOptions, SyncWaitOptions {}

/** Options of {@linkcode lockFile}. */
export interface FileLockWaitOptions extends FileLockOptions, WaitOptions {}

/** A conflicting lock, as {@linkcode conflictingLock} finds it. */
export interface FileLockInfo {
  /** Whether it is a shared lock. */
  shared: boolean;
  /** Its first byte. */
  offset: number;
  /** The number of bytes; 0 covers everything from `offset` on. */
  length: number;
}

/** Options of {@linkcode openLockFile}. */
export interface OpenLockFileOptions {
  /**
   * Permission bits of a new file, less the umask.
   *
   * @default {0o600}
   */
  mode?: number;
}

/**
 * The parameters of a lock, and its release.
 *
 * @ignore
 */
export interface FileLockInit {
  /** Whether others may share it. */
  readonly shared: boolean;
  /** The call that locks. */
  readonly syscall: "flock" | "fcntl";
  /** The first byte. */
  readonly start: number;
  /** The byte after the last one. */
  readonly end: number;
  /** Releases it. */
  unlock(fd: number, label: string): void;
}

/** The locks that are held through each descriptor. */
const heldBy = new WeakMap<Fd, Set<FileLock>>();

/** A lock on a file, made by {@linkcode lockFile}. Closing it releases it. */
export class FileLock implements Disposable {
  readonly #fd: Fd;
  readonly #init: FileLockInit;
  #closed = false;

  /** @ignore Use {@linkcode lockFile}. */
  constructor(token: unknown, fd: Fd, init: FileLockInit) {
    onlyInternal(token, "FileLock");
    this.#fd = fd;
    this.#init = init;
    const held = heldBy.get(fd);
    if (held === undefined) heldBy.set(fd, new Set([this]));
    else held.add(this);
  }

  /** Whether others may share it. */
  get shared(): boolean {
    return this.#init.shared;
  }

  /** Whether it was released, by `close` or with the descriptor. */
  get closed(): boolean {
    return this.#closed || this.#fd.closed;
  }

  /**
   * `flock(LOCK_UN)`, `fcntl(F_OFD_SETLK, F_UNLCK)`: releases the lock, for
   * duplicates of the descriptor too. Closing twice does nothing.
   *
   * See [flock(2)](https://man7.org/linux/man-pages/man2/flock.2.html).
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    heldBy.get(this.#fd)?.delete(this);
    // The kernel has released it with the descriptor.
    if (!this.#fd.closed) this.#init.unlock(this.#fd.number, this.#fd.label);
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Whether the kernel would merge it with a new lock of this descriptor.
   *
   * @ignore
   */
  overlaps(other: FileLockInit): boolean {
    const { syscall, start, end } = this.#init;
    return !this.closed && syscall === other.syscall &&
      start < other.end && other.start < end;
  }
}

showing(FileLock, ({ shared }) => ({ shared }));

/**
 * `open(O_CREAT | O_NOFOLLOW | O_CLOEXEC)`: opens a file to lock, and creates
 * an empty one if there is none.
 *
 * Do not remove a lock file while others may use it: a process that still has
 * it open and one that creates it anew could both hold the lock.
 *
 * See [open(2)](https://man7.org/linux/man-pages/man2/open.2.html).
 *
 * @throws {IpcError} `EACCES`, `ENOENT` when the directory does not exist,
 * `ELOOP` when it is a symbolic link, `EISDIR`, `EMFILE`.
 */
export function openLockFile(
  path: string | URL,
  options: OpenLockFileOptions = {},
): Fd {
  const label = `file ${JSON.stringify(pathString(path, "path"))}`;
  const fd = checkInt(
    fcntl().open(
      cpath(path, "path"),
      O_RDWR | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC,
      checkMode(options.mode ?? 0o600),
    ),
    errno[0],
    "open",
    "open",
    label,
  );
  return new Fd(INTERNAL, fd, label);
}

/**
 * `flock`, `fcntl(F_OFD_SETLK)`: locks a file, or bytes of it, as soon as no
 * other lock conflicts.
 *
 * The kernel does not report the release of a lock, so this polls every few
 * milliseconds: every 25 in the end, and less often with many waiters. A call
 * that is aborted or times out holds nothing.
 *
 * See [flock(2)](https://man7.org/linux/man-pages/man2/flock.2.html) and
 * [F_OFD_SETLK(2const)](https://man7.org/linux/man-pages/man2/F_OFD_SETLK.2const.html).
 *
 * @throws {IpcError} `ETIMEDOUT`; `EBADF` for a range that is not open for
 * writing (reading, if shared), `ENOLCK` when the kernel is out of lock memory.
 * @throws {TypeError} When the descriptor already holds a lock of the same
 * bytes (open the file again for another), or is closed, even during the wait.
 *
 * @example Readers and a writer
 * ```ts
 * import { lockFile, openLockFile, tryLockFile } from "@libc/ipc/file-lock";
 * import { assertEquals } from "@std/assert";
 *
 * const path = Deno.makeTempFileSync();
 * using one = openLockFile(path);
 * using two = openLockFile(path);
 * {
 *   using _reader = await lockFile(one, { shared: true });
 *   using other = tryLockFile(two, { shared: true });
 *   assertEquals(other?.shared, true);
 * }
 * using writer = tryLockFile(one);
 * assertEquals(writer?.shared, false);
 * assertEquals(tryLockFile(two), undefined);
 * Deno.removeSync(path);
 * ```
 */
export async function lockFile(
  fd: Fd,
  options: FileLockWaitOptions = {},
): Promise<FileLock> {
  const object = fdLabel(fd);
  const request = new LockRequest(options);
  return await waitUntil(
    () => attempt(fd, request, false),
    options,
    { syscall: request.syscall, action: "lock", object },
    new PollingSource(),
  );
}

/**
 * `flock`, `fcntl(F_OFD_SETLKW)`: as {@linkcode lockFile}, blocking this
 * thread.
 *
 * The kernel has no timeout for this call, so a timer interrupts it at the
 * deadline; it borrows an unused real-time signal meanwhile.
 */
export function lockFileSync(
  fd: Fd,
  options: FileLockSyncOptions = {},
): FileLock {
  const request = new LockRequest(options);
  const timeout = timeoutOf(options);
  const first = attempt(fd, request, false);
  if (first !== undefined) return first;
  if (timeout === undefined) {
    for (;;) {
      const lock = attempt(fd, request, true);
      if (lock !== undefined) return lock;
    }
  }
  const lock = callUntil(
    new Deadline(timeout),
    (mayBlock) => attempt(fd, request, mayBlock),
  );
  if (lock !== undefined) return lock;
  throw timeoutError(request.syscall, "lock", fd.label, timeout);
}

/**
 * `flock(LOCK_NB)`, `fcntl(F_OFD_SETLK)`: as {@linkcode lockFile}, without
 * waiting; undefined when another lock conflicts.
 */
export function tryLockFile(
  fd: Fd,
  options: FileLockOptions = {},
): FileLock | undefined {
  return attempt(fd, new LockRequest(options), false);
}

/**
 * `fcntl(F_OFD_GETLK)`: finds a lock that conflicts with locking bytes of a
 * file; undefined if there is none. It does not see locks on whole files
 * (`flock`).
 *
 * See [F_OFD_GETLK(2const)](https://man7.org/linux/man-pages/man2/F_OFD_SETLK.2const.html).
 */
export function conflictingLock(
  fd: Fd,
  options: FileLockOptions = {},
): FileLockInfo | undefined {
  const object = fdLabel(fd);
  const request = new LockRequest({ range: {}, ...options });
  const found = flock.view(request.flock(true));
  const error = errnoOf(
    fcntl().fcntl_getlk(fd.use("ask"), F_OFD_GETLK, request.buffer),
    errno[0],
  );
  if (error !== 0) {
    const hint = rangeHint(error, request);
    throw ipcError(error, "fcntl", "ask", object, hint);
  }
  return found.l_type === F_UNLCK ? undefined : {
    shared: found.l_type === F_RDLCK,
    offset: Number(found.l_start),
    length: Number(found.l_len),
  };
}

function fdLabel(fd: Fd): string {
  if (fd instanceof Fd) return fd.label;
  throw new TypeError(`fd must be an Fd, got ${shown(fd)}`);
}

/** Locks; undefined when it would have to wait or was interrupted. */
function attempt(
  fd: Fd,
  request: LockRequest,
  mayBlock: boolean,
): FileLock | undefined {
  const label = fdLabel(fd);
  const number = fd.use("lock");
  for (const lock of heldBy.get(fd) ?? []) {
    if (lock.overlaps(request)) {
      throw new TypeError(
        "Cannot lock a file twice through one descriptor: release the first lock, or open the file again",
      );
    }
  }
  const error = request.lock(number, mayBlock);
  if (error === 0) return new FileLock(INTERNAL, fd, request);
  if (
    error === ERRNO.EAGAIN || error === ERRNO.EACCES || error === ERRNO.EINTR
  ) {
    return undefined;
  }
  const hint = error === ERRNO.EBADF
    ? `it is not open for ${request.shared ? "reading" : "writing"}`
    : rangeHint(error, request);
  throw ipcError(error, request.syscall, "lock", label, hint);
}

/** Explains the error of a kernel that does not know the command. */
function rangeHint(error: number, request: LockRequest): string | undefined {
  return error === ERRNO.EINVAL && request.syscall === "fcntl"
    ? "this kernel, or a sandbox, has no locks of bytes (F_OFD_SETLK)"
    : undefined;
}

/** A checked request for a lock. */
class LockRequest implements FileLockInit {
  readonly shared: boolean;
  readonly syscall: "flock" | "fcntl";
  readonly buffer = new Uint8Array(flock.size);
  readonly start: number;
  readonly end: number;
  readonly #length: number;

  constructor({ shared = false, range }: FileLockOptions) {
    this.shared = shared;
    this.syscall = range === undefined ? "flock" : "fcntl";
    this.start = size(range?.offset ?? 0, "offset");
    this.#length = size(range?.length ?? 0, "length");
    this.end = this.#length === 0
      ? Infinity
      : size(this.start + this.#length, "end of the range");
  }

  /** Locks; returns the error number. */
  lock(fd: number, mayBlock: boolean): number {
    if (this.syscall === "flock") {
      const operation = this.shared ? LOCK_SH : LOCK_EX;
      return errnoOf(
        sys_file().flock(fd, mayBlock ? operation : operation | LOCK_NB),
        errno[0],
      );
    }
    const command = mayBlock ? F_OFD_SETLKW : F_OFD_SETLK;
    return errnoOf(
      fcntl().fcntl_flock(fd, command, this.flock(true)),
      errno[0],
    );
  }

  /** Unlocks. */
  unlock(fd: number, label: string): void {
    const error = errnoOf(
      this.syscall === "flock"
        ? sys_file().flock(fd, LOCK_UN)
        : fcntl().fcntl_flock(fd, F_OFD_SETLK, this.flock(false)),
      errno[0],
    );
    if (error !== 0) throw ipcError(error, this.syscall, "unlock", label);
  }

  /** The `struct flock` of it. */
  flock(lock: boolean): Uint8Array<ArrayBuffer> {
    flock.write(this.buffer, {
      l_type: lock ? this.shared ? F_RDLCK : F_WRLCK : F_UNLCK,
      // SEEK_SET
      l_whence: 0,
      l_start: BigInt(this.start),
      l_len: BigInt(this.#length),
      // The kernel requires 0.
      l_pid: 0,
    });
    return this.buffer;
  }
}
