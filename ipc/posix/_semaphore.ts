/**
 * POSIX semaphores below the class: opening, waiting, judging what is there.
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
import { CLOCK_MONOTONIC, CLOCK_REALTIME, time } from "../../ffi/libc/time.ts";
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
   * Permission bits, of which the umask takes away its own. Who may use a
   * semaphore at all may read and write it.
   *
   * @default {0o600}
   */
  mode?: number;
  /**
   * Gives it `mode` exactly, whatever the umask (`fchmod`).
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
   * Accepts a semaphore that belongs to a third user: neither to this one nor
   * to root. Its owner can end this process by making its file shorter.
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

/** Bytes of the longest name, slash included: its file is `sem.` and the rest. */
export const SEM_NAME_MAX = 252;

/** What glibc notes in a semaphore that several processes may use. */
const SHARED = 128;

/** The longest wait by a clock that may be set, in milliseconds. */
const SLICE = 100;
/** The same where a thread of this isolate may be woken instead. */
const SHORT_SLICE = 10;

/** A named semaphore in this process. */
export interface NamedSemaphore extends SemaphoreMemory {
  /** The `sem_t`. */
  pointer: Deno.PointerObject;
  /** Its file, to recognise it by. */
  file: FileIdentity;
  /** Gives the memory back. */
  close(): void;
}

/** Where a semaphore is. */
export interface SemaphorePlace {
  /** The `sem_t`. */
  pointer: Deno.PointerObject;
  /** What it is in messages. */
  label: string;
  /** For a named one. */
  named?: NamedSemaphore & { name: string };
  /** For an unnamed one: the memory that it is in. */
  mapping?: Mapping;
}

/** What a named semaphore is in messages. */
export function namedLabel(name: string): string {
  return `semaphore ${JSON.stringify(name)}`;
}

/** How a named semaphore is made. */
export interface Creation {
  /** Its first value. */
  value: number;
  /** Permission bits. */
  mode: number;
  /** Whether the umask takes none of them away. */
  exact: boolean;
}

/** `sem_open(O_CREAT | O_EXCL)` */
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
 * What `sem_open` does, with a look at the file before it is used: who may
 * write to `/dev/shm` can have put anything there, and waiting on a file that
 * is too short ends the process (`SIGBUS`).
 *
 * `sem_open` itself would open the name once more, and find what has been put
 * there since the look. Here it is the file looked at that is mapped.
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

/** Memory that goes when it is closed and nobody uses it any more. */
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

/** `sem_unlink` */
export function unlinkSemaphore(name: string): void {
  check0(
    semaphore().sem_unlink(cstring(name, "name")),
    errno[0],
    "sem_unlink",
    "unlink",
    namedLabel(name),
  );
}

/** Whether the name still stands for that file, or for none. */
export function isReplaced(name: string, file: FileIdentity): boolean {
  const found = tryLstat(pathOf(name));
  return typeof found === "object" && !isSameFile(found, file);
}

/** Whether there is a semaphore for several processes in these bytes. */
export function isShared(bytes: Uint8Array): boolean {
  const { buffer, byteOffset, byteLength } = bytes;
  return new DataView(buffer, byteOffset, byteLength)
    .getInt32(sem_t.offsets.reserved_private, true) === SHARED;
}

/** The calls that wait, replaceable by tests. */
export type WaitCalls = Pick<
  ReturnType<typeof semaphore>,
  "sem_clockwait" | "sem_timedwait"
>;

/**
 * `sem_clockwait`: takes a unit before the deadline, blocking this thread;
 * false when the time is up.
 *
 * Before glibc 2.30 there is only `sem_timedwait`, which goes by the clock that
 * may be set: it waits for a moment at a time, and the deadline decides. So it
 * is while an asynchronous wait sleeps, which a post may wake instead.
 */
export function acquireBefore(
  sem: Deno.PointerObject,
  deadline: Deadline,
  label: string,
  calls: WaitCalls = semaphore(),
): boolean {
  const { sem_clockwait, sem_timedwait } = calls;
  for (;;) {
    const left = Math.min(
      deadline.remaining,
      competes() ? SHORT_SLICE : Infinity,
    );
    const error = sem_clockwait === null
      ? errnoOf(
        sem_timedwait(sem, absolute(CLOCK_REALTIME, Math.min(left, SLICE))),
        errno[0],
      )
      : errnoOf(
        sem_clockwait(sem, CLOCK_MONOTONIC, absolute(CLOCK_MONOTONIC, left)),
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

/** So many milliseconds from now on that clock. */
function absolute(
  clock: number,
  milliseconds: number,
): BigInt64Array<ArrayBuffer> {
  check0(
    time().clock_gettime(clock, now),
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

/** The file of a named semaphore, where glibc keeps it. */
function pathOf(name: string): Uint8Array<ArrayBuffer> {
  return cstring(`/dev/shm/sem.${name.slice(1)}`, "name");
}

function openFile(name: string, action: string): number {
  const fd = fcntl().open(
    pathOf(name),
    // A FIFO planted under the name must not make us wait for its other end.
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

/** The file under a name; one that is no file when there is none any more. */
function lookUp(name: string): FileIdentity {
  const found = tryLstat(pathOf(name));
  return typeof found === "object" ? found : { st_dev: 0n, st_ino: 0n };
}
