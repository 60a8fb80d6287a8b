/**
 * POSIX shared memory objects: how they are made, opened and removed.
 *
 * @module
 */

/** Options of {@linkcode PosixSharedMemory.create}. */
export interface PosixSharedMemoryCreateOptions {
  /** Its size in bytes, from 0 on; it begins as zeros. */
  size: number;
  /**
   * Permission bits, of which the umask takes away its own.
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
   * Reserves the memory (`posix_fallocate`), so that a full `/dev/shm` is the
   * error `ENOSPC` here, and not the end of the process (`SIGBUS`) at the first
   * touch of a page that cannot be had.
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

/** Options of {@linkcode PosixSharedMemory.openOrCreate}. */
export interface PosixSharedMemoryOpenOrCreateOptions
  extends PosixSharedMemoryCreateOptions {
  /**
   * Whether dispose also removes the object, if this call created it.
   *
   * @default {false}
   */
  owner?: boolean;
  /**
   * Accepts an object that belongs to a third user: neither to this one nor to
   * root.
   *
   * @default {true}
   */
  foreign?: boolean;
}

/** Options of {@linkcode PosixSharedMemory.open}. */
export interface PosixSharedMemoryOpenOptions {
  /**
   * Opens it for reading only.
   *
   * @default {false}
   */
  readOnly?: boolean;
  /**
   * Bytes that it must have at least.
   *
   * @default {0}
   */
  size?: number;
  /**
   * Accepts an object that belongs to a third user: neither to this one nor to
   * root. Anyone can put an object under a name before you do.
   *
   * @default {true}
   */
  foreign?: boolean;
}

/** What of a resized object is reserved. */
export interface ResizeOptions {
  /**
   * Reserves what is added (`posix_fallocate`).
   *
   * @default {true}
   */
  reserve?: boolean;
}

/** What a handle is made of. */
export interface Init {
  fd: number;
  name: string;
  raw: RawStat;
  readOnly: boolean;
  created: boolean;
  owner: boolean;
}

export function labelOf(name: string): string {
  return `shared memory ${JSON.stringify(name)}`;
}

export function checkCreate(options: PosixSharedMemoryCreateOptions): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(
      `options must be an object with a size, got ${shown(options)}`,
    );
  }
  checkSize(options.size, "size");
  checkMode(options.mode ?? 0o600);
}

/** The result of a call, undefined when it failed with that code. */
export function unless<T>(code: string, call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof IpcError && error.code === code) return undefined;
    throw error;
  }
}

export function create(name: string, options: PosixSharedMemoryCreateOptions): Init {
  const { size, mode = 0o600, reserve = true, owner = true } = options;
  const label = labelOf(name);
  const fd = sys_mman().shm_open(
    cstring(name, "name"),
    O_RDWR | O_CREAT | O_EXCL,
    mode,
  );
  const error = errnoOf(fd);
  if (error !== 0) {
    throw ipcError(error, "shm_open", "create", label, hintOf(error));
  }
  try {
    if (options.ignoreUmask) changeFile(fd, { mode }, label);
    if (size > 0) growFile(fd, 0, size, { reserve, label });
    const raw = rawStat(fd, label);
    return { fd, name, raw, readOnly: false, created: true, owner };
  } catch (error) {
    closeFd(fd, label);
    unless("ENOENT", () => unlink(name));
    throw error;
  }
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

export function open(name: string, options: PosixSharedMemoryOpenOptions): Init {
  const { readOnly = false, size = 0, foreign = true } = options;
  const label = labelOf(name);
  const fd = sys_mman().shm_open(
    cstring(name, "name"),
    // A FIFO planted under the name must not make us wait for its other end.
    (readOnly ? O_RDONLY : O_RDWR) | O_NONBLOCK,
    0,
  );
  const error = errnoOf(fd);
  if (error !== 0) {
    const link = error === ERRNO.ELOOP ? "it is a symbolic link" : undefined;
    throw ipcError(error, "shm_open", "open", label, link);
  }
  try {
    const raw = rawStat(fd, label);
    checkRegular(raw, "open", label);
    if (!foreign) checkOwner(raw, label);
    checkLeast(raw, size, label);
    return { fd, name, raw, readOnly, created: false, owner: false };
  } catch (error) {
    closeFd(fd, label);
    throw error;
  }
}

/** Opens for {@linkcode PosixSharedMemory.openOrCreate}. */
export function openSized(
  name: string,
  options: PosixSharedMemoryOpenOrCreateOptions,
): Init {
  const { size, reserve = true, foreign = true } = options;
  const init = open(name, { foreign });
  const label = labelOf(name);
  try {
    // Its creator has not come to that yet, or has died before.
    if (init.raw.st_size === 0n && size > 0) {
      growFile(init.fd, 0, size, { reserve, label });
    } else {
      checkLeast(init.raw, size, label);
    }
    return init;
  } catch (error) {
    closeFd(init.fd, label);
    throw error;
  }
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

export function unlink(name: string): void {
  check0(
    sys_mman().shm_unlink(cstring(name, "name")),
    "shm_unlink",
    "unlink",
    labelOf(name),
  );
}
