/**
 * POSIX shared memory below the class: creating, opening and removing objects.
 *
 * @module
 */

import { cstring } from "../../ffi/cstring.ts";
import { check0, ERRNO, errnoOf, ipcError, unless } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  O_CREAT,
  O_EXCL,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
} from "../../ffi/libc/fcntl.ts";
import { sys_mman } from "../../ffi/libc/sys_mman.ts";
import { unistd } from "../../ffi/libc/unistd.ts";
import {
  checkMode,
  shown,
  size as checkSize,
} from "../core/convert/argument.ts";
import {
  changeFile,
  checkRegular,
  fileError,
  growFile,
  type RawStat,
  rawStat,
} from "../core/file/file.ts";
import { closeFd, closingOnError } from "../core/handle/close_fd.ts";

/** Options of `PosixSharedMemory.create()`. */
export interface PosixSharedMemoryCreateOptions {
  /** Its size in bytes, at least 0. It is filled with zeros. */
  size: number;
  /**
   * Permission bits, reduced by the umask.
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
   * Reserves the memory (`posix_fallocate`). A full `/dev/shm` then fails here
   * with `ENOSPC`. Otherwise the first access to a page that cannot be
   * allocated ends the process (`SIGBUS`).
   *
   * @default {true}
   */
  reserve?: boolean;
  /**
   * Whether dispose also removes the object.
   *
   * @default {true}
   */
  owner?: boolean;
}

/** Options of `PosixSharedMemory.openOrCreate()`. */
export interface PosixSharedMemoryOpenOrCreateOptions
  extends PosixSharedMemoryCreateOptions {
  /**
   * Whether dispose also removes the object, if this call created it.
   *
   * @default {false}
   */
  owner?: boolean;
  /**
   * Accepts an object that belongs neither to this user nor to root.
   *
   * @default {true}
   */
  foreign?: boolean;
}

/** Options of `PosixSharedMemory.open()`. */
export interface PosixSharedMemoryOpenOptions {
  /**
   * Opens it for reading only.
   *
   * @default {false}
   */
  readOnly?: boolean;
  /**
   * Its minimum size in bytes.
   *
   * @default {0}
   */
  size?: number;
  /**
   * Accepts an object that belongs neither to this user nor to root. Any user
   * can create an object under a name before you do.
   *
   * @default {true}
   */
  foreign?: boolean;
}

/** The parts of a handle. */
export interface Opened {
  fd: number;
  name: string;
  raw: RawStat;
  readOnly: boolean;
  created: boolean;
  owner: boolean;
}

/** Returns the name of an object in messages. */
export function memoryLabel(name: string): string {
  return `shared memory ${JSON.stringify(name)}`;
}

/** Checks the options for creating an object. */
export function checkCreate(options: PosixSharedMemoryCreateOptions): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(
      `options must be an object with a size, got ${shown(options)}`,
    );
  }
  checkSize(options.size, "size");
  checkMode(options.mode ?? 0o600);
}

/** `shm_open`: creates an object exclusively. */
export function createObject(
  name: string,
  options: PosixSharedMemoryCreateOptions,
): Opened {
  const { size, mode = 0o600, reserve = true, owner = true } = options;
  const label = memoryLabel(name);
  const fd = sys_mman().shm_open(
    cstring(name, "name"),
    O_RDWR | O_CREAT | O_EXCL,
    mode,
  );
  const error = errnoOf(fd, errno[0]);
  if (error !== 0) {
    throw ipcError(error, "shm_open", "create", label, hintOf(error));
  }
  try {
    if (options.ignoreUmask) changeFile(fd, { mode }, label);
    giveSize(fd, size, { reserve, label });
    const raw = rawStat(fd, label);
    return { fd, name, raw, readOnly: false, created: true, owner };
  } catch (error) {
    closeFd(fd, label);
    unless("ENOENT", () => unlinkObject(name));
    throw error;
  }
}

/**
 * Extends an object to a size, and never shrinks it: another process may be
 * sizing the same object. Without `reserve` only its last page is reserved.
 */
function giveSize(
  fd: number,
  size: number,
  options: { reserve: boolean; label: string },
): void {
  if (size === 0) return;
  const { reserve, label } = options;
  const from = reserve ? 0 : size - 1;
  growFile(fd, from, size, { reserve: true, label, creating: true });
}

function hintOf(error: number): string | undefined {
  switch (error) {
    case ERRNO.ENOENT:
    case ERRNO.ENOSYS:
      return "is /dev/shm mounted?";
    case ERRNO.ENOSPC:
      return "/dev/shm has no room for another file";
    default:
      return undefined;
  }
}

/** `shm_open`: opens an object, and refuses anything but a regular file. */
export function openObject(
  name: string,
  options: PosixSharedMemoryOpenOptions,
): Opened {
  const { readOnly = false, size = 0, foreign = true } = options;
  const label = memoryLabel(name);
  const fd = sys_mman().shm_open(
    cstring(name, "name"),
    // Do not block on a FIFO that was planted under the name.
    (readOnly ? O_RDONLY : O_RDWR) | O_NONBLOCK,
    0,
  );
  const error = errnoOf(fd, errno[0]);
  if (error !== 0) {
    const link = error === ERRNO.ELOOP ? "it is a symbolic link" : undefined;
    throw ipcError(error, "shm_open", "open", label, link);
  }
  return closingOnError(fd, label, () => {
    const raw = rawStat(fd, label);
    checkRegular(raw, "open", label);
    if (!foreign) checkOwner(raw, label);
    checkLeast(raw, size, label);
    return { fd, name, raw, readOnly, created: false, owner: false };
  });
}

/** Opens for `PosixSharedMemory.openOrCreate()`. */
export function openSized(
  name: string,
  options: PosixSharedMemoryOpenOrCreateOptions,
): Opened {
  const { size, reserve = true, foreign = true } = options;
  const init = openObject(name, { foreign });
  const label = memoryLabel(name);
  return closingOnError(init.fd, label, () => {
    // Its creator has not sized it yet, or has died before.
    if (init.raw.st_size === 0n && size > 0) {
      giveSize(init.fd, size, { reserve, label });
    } else {
      checkLeast(init.raw, size, label);
    }
    return init;
  });
}

function checkOwner(raw: RawStat, label: string): void {
  const user = unistd().geteuid();
  if (raw.st_uid === user || raw.st_uid === 0) return;
  throw fileError(
    ERRNO.EPERM,
    "open",
    label,
    `it belongs to user ${raw.st_uid}`,
  );
}

function checkLeast(raw: RawStat, size: number, label: string): void {
  if (raw.st_size >= size) return;
  throw fileError(
    ERRNO.EINVAL,
    "open",
    label,
    `it has ${raw.st_size} bytes, not the ${size} asked for`,
  );
}

/** `shm_unlink`: removes a name. */
export function unlinkObject(name: string): void {
  check0(
    sys_mman().shm_unlink(cstring(name, "name")),
    errno[0],
    "shm_unlink",
    "unlink",
    memoryLabel(name),
  );
}
