/**
 * POSIX semaphores below the class: opening, waiting, checking their content.
 *
 * @module
 */

import { cstring } from "../../ffi/cstring.ts";
import {
  check0,
  checkPtr,
  ERRNO,
  errnoOf,
  ipcError,
  isInterruption,
} from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  fcntl,
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDWR,
} from "../../ffi/libc/fcntl.ts";
import { sem_t, semaphore } from "../../ffi/libc/semaphore.ts";
import {
  MAP_SHARED,
  PROT_READ,
  PROT_WRITE,
  sys_mman,
} from "../../ffi/libc/sys_mman.ts";
import { CLOCK_MONOTONIC, time } from "../../ffi/libc/time.ts";
import { unistd } from "../../ffi/libc/unistd.ts";
import { writeTimespec } from "../../ffi/timespec.ts";
import {
  changeFile,
  checkRegular,
  fileError,
  type FileIdentity,
  isSameFile,
  rawStat,
  readAt,
  tryLstat,
} from "../core/file/file.ts";
import { closeFd } from "../core/handle/close_fd.ts";
import type { Mapping } from "../core/memory/mapping.ts";
import type { Deadline } from "../core/wait/deadline.ts";
import { competes, type SemaphoreMemory } from "./_semaphore_wait.ts";

/** The first value of a semaphore. */
export interface PosixSemaphoreValueOptions {
  /**
   * Its first value, 0 to 2147483647.
   *
   * @default {0}
   */
  value?: number;
}

/** Options of `PosixSemaphore.create()`. */
export interface PosixSemaphoreCreateOptions
  extends PosixSemaphoreValueOptions {
  /**
   * Permission bits, reduced by the umask. Using a semaphore needs both read
   * and write permission.
   *
   * @default {0o600}
   */
  mode?: number;
  /**
   * Sets exactly `mode`, regardless of the umask (`fchmod`).
   *
   * @default {false}
   */
  ignoreUmask?: boolean;
  /**
   * Whether dispose also removes the semaphore.
   *
   * @default {true}
   */
  owner?: boolean;
}

/** Options of `PosixSemaphore.open()`. */
export interface PosixSemaphoreOpenOptions {
  /**
   * Accepts a semaphore that belongs neither to this user nor to root. Its
   * owner can end this process by truncating its file.
   *
   * @default {true}
   */
  foreign?: boolean;
}

/** Options of `PosixSemaphore.openOrCreate()`. */
export interface PosixSemaphoreOpenOrCreateOptions
  extends PosixSemaphoreCreateOptions, PosixSemaphoreOpenOptions {
  /**
   * Whether dispose also removes the semaphore, if this call created it.
   *
   * @default {false}
   */
  owner?: boolean;
}

/**
 * Most bytes of a name with its slash: the name of its file begins with `sem.`.
 */
export const SEM_NAME_MAX = 252;

/** The mark of glibc in a semaphore that several processes may use. */
const SHARED = 128;

/** A slice of a wait when a post may wake another one, in milliseconds. */
const SLICE = 10;

/** A named semaphore in this process. */
export interface NamedSemaphore extends SemaphoreMemory {
  /** The `sem_t`. */
  pointer: Deno.PointerObject;
  /** The identity of its file. */
  file: FileIdentity;
  /** Unmaps the memory. */
  close(): void;
}

/** The place of a semaphore. */
export interface SemaphorePlace {
  /** The `sem_t`. */
  pointer: Deno.PointerObject;
  /** Its name in messages. */
  label: string;
  /** Set for a named one. */
  named?: NamedSemaphore & { name: string };
  /** The memory of an unnamed one. */
  mapping?: Mapping;
}

/** Returns the name of a named semaphore in messages. */
export function namedLabel(name: string): string {
  return `semaphore ${JSON.stringify(name)}`;
}

/** The parameters of a new named semaphore. */
export interface Creation {
  /** Its first value. */
  value: number;
  /** Permission bits. */
  mode: number;
  /** Whether the umask does not apply. */
  exact: boolean;
}

/** `sem_open(O_CREAT | O_EXCL)`: creates a named semaphore. */
export function createSemaphore(
  name: string,
  { value, mode, exact }: Creation,
): NamedSemaphore {
  const label = namedLabel(name);
  const path = cstring(name, "name");
  const pointer = checkPtr(
    semaphore().sem_open_create(
      path,
      O_CREAT | O_EXCL,
      exact ? 0o600 : mode,
      value,
    ),
    errno[0],
    "sem_open",
    "create",
    label,
    (error) => error === ERRNO.ENOENT ? "is /dev/shm mounted?" : undefined,
  );
  const memory = new PinnedMemory(() =>
    check0(
      semaphore().sem_close(pointer),
      errno[0],
      "sem_close",
      "close",
      label,
    )
  );
  try {
    if (exact) changeMode(name, mode);
    return namedSemaphore(pointer, lookUp(name), memory);
  } catch (error) {
    memory.close();
    semaphore().sem_unlink(path);
    throw error;
  }
}

/**
 * Opens a named semaphore as `sem_open` does, but checks its file first. Any
 * user who may write to `/dev/shm` can have put anything there, and waiting on
 * a file that is too short ends the process (`SIGBUS`).
 *
 * `sem_open` would open the name again, and could find another file than the
 * checked one. This function maps the file that it has checked.
 */
export function openSemaphore(name: string, foreign: boolean): NamedSemaphore {
  const label = namedLabel(name);
  const fd = openFile(name, "open");
  try {
    const file = rawStat(fd, label);
    checkRegular(file, "open", label);
    const user = unistd().geteuid();
    if (!foreign && file.st_uid !== user && file.st_uid !== 0) {
      const reason = `it belongs to user ${file.st_uid}`;
      throw fileError(ERRNO.EPERM, "open", label, reason);
    }
    checkContent(fd, Number(file.st_size), label);
    const size = BigInt(sem_t.size);
    const pointer = checkPtr(
      sys_mman().mmap(null, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0n),
      errno[0],
      "mmap",
      "open",
      label,
    );
    const memory = new PinnedMemory(() =>
      check0(
        sys_mman().munmap(pointer, size),
        errno[0],
        "munmap",
        "close",
        label,
      )
    );
    return namedSemaphore(pointer, file, memory);
  } finally {
    closeFd(fd, label);
  }
}

function namedSemaphore(
  pointer: Deno.PointerObject,
  file: NamedSemaphore["file"],
  memory: PinnedMemory,
): NamedSemaphore {
  return {
    pointer,
    file,
    readOnly: false,
    pin: () => memory.pin(),
    close: () => memory.close(),
  };
}

/** Memory that is released when it is closed and no longer pinned. */
class PinnedMemory {
  readonly #release: () => void;
  #pins = 0;
  #closed = false;

  constructor(release: () => void) {
    this.#release = release;
  }

  pin(): Disposable {
    this.#pins++;
    return {
      [Symbol.dispose]: () => {
        this.#pins--;
        if (this.#closed && this.#pins === 0) this.#release();
      },
    };
  }

  close(): void {
    this.#closed = true;
    if (this.#pins === 0) this.#release();
  }
}

/** `sem_unlink`: removes a name. */
export function unlinkSemaphore(name: string): void {
  check0(
    semaphore().sem_unlink(cstring(name, "name")),
    errno[0],
    "sem_unlink",
    "unlink",
    namedLabel(name),
  );
}

/** Whether the name now belongs to another file. */
export function isReplaced(name: string, file: FileIdentity): boolean {
  const found = tryLstat(pathOf(name));
  return typeof found === "object" && !isSameFile(found, file);
}

/** Whether these bytes are a semaphore for several processes. */
export function isShared(bytes: Uint8Array): boolean {
  const { buffer, byteOffset, byteLength } = bytes;
  return new DataView(buffer, byteOffset, byteLength)
    .getInt32(sem_t.offsets.reserved_private, true) === SHARED;
}

/**
 * `sem_clockwait`: blocks this thread until it has taken a unit, or returns
 * false when the deadline passes.
 *
 * While an asynchronous wait sleeps, which a post may wake instead, it waits in
 * short slices.
 */
export function acquireBefore(
  sem: Deno.PointerObject,
  deadline: Deadline,
  label: string,
): boolean {
  for (;;) {
    const left = Math.min(deadline.remaining, competes() ? SLICE : Infinity);
    const error = errnoOf(
      semaphore().sem_clockwait(sem, CLOCK_MONOTONIC, absolute(left)),
      errno[0],
    );
    if (error === 0) return true;
    if (error === ERRNO.ETIMEDOUT) {
      if (deadline.expired) return false;
    } else if (!isInterruption(error)) {
      throw ipcError(error, "sem_clockwait", "acquire", label);
    }
  }
}

const now = new BigInt64Array(2);
const until = new BigInt64Array(2);

/** `clock_gettime`: returns the time this many milliseconds from now. */
function absolute(milliseconds: number): BigInt64Array<ArrayBuffer> {
  check0(
    time().clock_gettime(CLOCK_MONOTONIC, now),
    errno[0],
    "clock_gettime",
    "read",
    "the clock",
  );
  writeTimespec(until, milliseconds);
  const [seconds = 0n, nanoseconds = 0n] = now;
  const sum = (until[1] ?? 0n) + nanoseconds;
  until[0] = (until[0] ?? 0n) + seconds + sum / 1_000_000_000n;
  until[1] = sum % 1_000_000_000n;
  return until;
}

/** Returns the path of a named semaphore's file in glibc. */
function pathOf(name: string): Uint8Array<ArrayBuffer> {
  return cstring(`/dev/shm/sem.${name.slice(1)}`, "name");
}

function openFile(name: string, action: string): number {
  const fd = fcntl().open(
    pathOf(name),
    // Do not block on a FIFO that was planted under the name.
    O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
    0,
  );
  const error = errnoOf(fd, errno[0]);
  if (error !== 0) {
    const hint = error === ERRNO.ELOOP ? "it is a symbolic link" : undefined;
    throw ipcError(error, "sem_open", action, namedLabel(name), hint);
  }
  return fd;
}

function checkContent(fd: number, size: number, label: string): void {
  const content = new Uint8Array(sem_t.size);
  if (size !== sem_t.size || readAt(fd, content, 0, label) !== sem_t.size) {
    const reason = `it has ${size} bytes, not the ${sem_t.size} of a semaphore`;
    throw fileError(ERRNO.EBADMSG, "open", label, reason);
  }
  if (!isShared(content)) {
    const reason = "its content is not that of a semaphore";
    throw fileError(ERRNO.EBADMSG, "open", label, reason);
  }
}

function changeMode(name: string, mode: number): void {
  const label = namedLabel(name);
  const fd = openFile(name, "create");
  try {
    changeFile(fd, { mode }, label);
  } finally {
    closeFd(fd, label);
  }
}

/** Returns the identity of a name's file, or zeros when it no longer exists. */
function lookUp(name: string): FileIdentity {
  const found = tryLstat(pathOf(name));
  return typeof found === "object" ? found : { st_dev: 0n, st_ino: 0n };
}
