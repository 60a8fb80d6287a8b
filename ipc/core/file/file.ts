/**
 * Operations on files by their descriptors.
 *
 * @module
 */

import {
  check0,
  ERRNO,
  errnoName,
  errnoOf,
  IpcError,
  ipcError,
} from "../../../ffi/errno.ts";
import { errno } from "../../../ffi/libc/errno.ts";
import { fcntl, O_ACCMODE, O_RDONLY } from "../../../ffi/libc/fcntl.ts";
import {
  rlimit,
  RLIMIT_FSIZE,
  sys_resource,
} from "../../../ffi/libc/sys_resource.ts";
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  stat,
  sys_stat,
} from "../../../ffi/libc/sys_stat.ts";
import { unistd } from "../../../ffi/libc/unistd.ts";
import { checkMode, integer, size as checkSize } from "../convert/argument.ts";
import { MAX_COUNT } from "../convert/bytes.ts";
import { flagsOf } from "../handle/fd_flags.ts";

/** The state of a file: `struct stat`. */
export interface FileStat {
  /** Its size in bytes. */
  size: number;
  /** Bytes of memory or disk that it occupies. */
  allocated: number;
  /** User id of its owner. */
  uid: number;
  /** Group id of its owner. */
  gid: number;
  /** Permission bits, the lowest twelve. */
  mode: number;
  /** The number of its names; 0 when it is unlinked. */
  links: number;
  /** Its inode number; inexact above 2^53. */
  inode: number;
  /** The device that it is on. */
  device: number;
  /** When it was last read; not kept up to date on every file system. */
  accessTime: Date;
  /** When its content last changed; writes through a mapping may not count. */
  modifyTime: Date;
  /** When its owner, mode or size last changed. */
  changeTime: Date;
}

/** Changes of owner and permissions. */
export interface FileChanges {
  /**
   * New owner.
   *
   * @default {undefined} unchanged
   */
  uid?: number;
  /**
   * New group.
   *
   * @default {undefined} unchanged
   */
  gid?: number;
  /**
   * New permission bits, 0 to 0o7777. The umask does not apply.
   *
   * @default {undefined} unchanged
   */
  mode?: number;
}

/** Options for changing the size of memory. */
export interface ResizeOptions {
  /**
   * Reserves the added space (`posix_fallocate`).
   *
   * @default {boolean} true for shared memory, false for a memfd
   */
  reserve?: boolean;
}

/** The raw `struct stat` of a descriptor. */
export type RawStat = ReturnType<typeof stat.read>;

/** `fstat`: returns the raw fields. */
export function rawStat(fd: number, label: string): RawStat {
  const buffer = new Uint8Array(stat.size);
  check0(sys_stat().fstat(fd, buffer), errno[0], "fstat", "stat", label);
  return stat.read(buffer);
}

/** The fields that identify a file while it exists. */
export type FileIdentity = Pick<RawStat, "st_dev" | "st_ino">;

/** `lstat`: returns the state of a path, or the errno. */
export function tryLstat(path: Uint8Array<ArrayBuffer>): RawStat | number {
  const buffer = new Uint8Array(stat.size);
  const error = errnoOf(sys_stat().lstat(path, buffer), errno[0]);
  return error === 0 ? stat.read(buffer) : error;
}

/** Whether both identify the same file. */
export function isSameFile(one: FileIdentity, other: FileIdentity): boolean {
  return one.st_ino === other.st_ino && one.st_dev === other.st_dev;
}

/** `fstat`: returns the state of a file. */
export function fileStat(fd: number, label: string): FileStat {
  const raw = rawStat(fd, label);
  return {
    size: Number(raw.st_size),
    allocated: Number(raw.st_blocks) * 512,
    uid: raw.st_uid,
    gid: raw.st_gid,
    mode: raw.st_mode & 0o7777,
    links: Number(raw.st_nlink),
    inode: Number(raw.st_ino),
    device: Number(raw.st_dev),
    accessTime: timeOf(raw.st_atim),
    modifyTime: timeOf(raw.st_mtim),
    changeTime: timeOf(raw.st_ctim),
  };
}

// Shared by all calls. Reading every field of a stat takes ten times as long.
const statBytes = new Uint8Array(stat.size);
const statSize = new BigInt64Array(
  statBytes.buffer,
  stat.offsets.st_size,
  1,
);

/** `fstat`: returns the size of an open file in bytes. */
export function fileSize(fd: number, label: string): number {
  check0(sys_stat().fstat(fd, statBytes), errno[0], "fstat", "stat", label);
  return Number(statSize[0]);
}

function timeOf(time: { tv_sec: bigint; tv_nsec: bigint }): Date {
  return new Date(Number(time.tv_sec) * 1000 + Number(time.tv_nsec) / 1e6);
}

const KINDS: ReadonlyMap<number, string> = new Map([
  [S_IFBLK, "a block device"],
  [S_IFCHR, "a character device"],
  [S_IFDIR, "a directory"],
  [S_IFIFO, "a FIFO"],
  [S_IFLNK, "a symbolic link"],
  [S_IFSOCK, "a socket"],
]);

/**
 * Refuses everything but a regular file: any process that may write to the
 * directory can have put anything under the name.
 *
 * @throws {IpcError} `ENODEV`, as from `mmap`.
 */
export function checkRegular(
  raw: RawStat,
  action: string,
  label: string,
): void {
  const type = raw.st_mode & S_IFMT;
  if (type === S_IFREG) return;
  throw fileError(
    ERRNO.ENODEV,
    action,
    label,
    `it is ${KINDS.get(type) ?? "something else"}, not memory or a file`,
  );
}

/** Makes the error for a file that is unfit by its `fstat`. */
export function fileError(
  errno: number,
  action: string,
  label: string,
  reason: string,
): IpcError {
  return new IpcError(
    `Cannot ${action} ${label}: ${reason} (${errnoName(errno)})`,
    { errno, syscall: "fstat" },
  );
}

/** Whether a descriptor is open for reading only. */
export function isReadOnly(fd: number, label: string): boolean {
  const flags = flagsOf(fd, "read the flags of", label);
  return (flags & O_ACCMODE) === O_RDONLY;
}

/** `fchown` and `fchmod`: changes owner, group or permissions. */
export function changeFile(
  fd: number,
  changes: FileChanges,
  label: string,
): void {
  // All ones leave an id as it is.
  const id = (value: number | undefined, what: string) =>
    value === undefined ? 0xffff_ffff : integer(value, what, 0, 0xffff_fffe);
  const uid = id(changes.uid, "uid");
  const gid = id(changes.gid, "gid");
  const mode = changes.mode === undefined ? undefined : checkMode(changes.mode);
  if (changes.uid !== undefined || changes.gid !== undefined) {
    check0(unistd().fchown(fd, uid, gid), errno[0], "fchown", "change", label);
  }
  if (mode !== undefined) {
    check0(sys_stat().fchmod(fd, mode), errno[0], "fchmod", "change", label);
  }
}

/**
 * `pread`: copies from `offset` on. Copies fewer bytes at the end of the file.
 */
export function readAt(
  fd: number,
  target: Uint8Array<ArrayBuffer>,
  offset: number,
  label: string,
): number {
  checkSize(offset, "offset");
  const whole = target.length <= MAX_COUNT
    ? target
    : target.subarray(0, MAX_COUNT);
  for (;;) {
    const count = unistd().pread(fd, whole, whole.length, BigInt(offset));
    const error = errnoOf(count, errno[0]);
    if (error === 0) return count;
    if (error !== ERRNO.EINTR) throw ipcError(error, "pread", "read", label);
  }
}

/**
 * `pwrite`: copies all bytes to the file from `offset` on, within its size.
 *
 * @throws {RangeError} When they would extend past the end.
 */
export function writeAt(
  fd: number,
  bytes: Uint8Array<ArrayBuffer>,
  offset: number,
  label: string,
): void {
  checkSize(offset, "offset");
  const size = fileSize(fd, label);
  if (offset + bytes.length > size) {
    throw new RangeError(
      `Cannot write bytes ${offset} to ${
        offset + bytes.length
      } of ${label}: it ends at ${size}`,
    );
  }
  // The kernel applies the limit even if the file is already that long.
  checkLimit(offset + bytes.length, "pwrite", "write to", label);
  let done = 0;
  while (done < bytes.length) {
    const rest = done === 0 && bytes.length <= MAX_COUNT
      ? bytes
      : bytes.subarray(done, done + MAX_COUNT);
    const at = BigInt(offset + done);
    const count = unistd().pwrite(fd, rest, rest.length, at);
    const error = errnoOf(count, errno[0]);
    if (error === ERRNO.EINTR) continue;
    if (error !== 0) throw ipcError(error, "pwrite", "write to", label);
    done += count;
  }
}

/**
 * Refuses to go beyond `RLIMIT_FSIZE`: the kernel would send SIGXFSZ, which
 * ends the process.
 */
function checkLimit(
  end: number,
  syscall: string,
  action: string,
  object: string,
): void {
  const limits = new Uint8Array(rlimit.size);
  const result = sys_resource().getrlimit(RLIMIT_FSIZE, limits);
  check0(result, errno[0], "getrlimit", "read the limits of", "this process");
  const { rlim_cur: soft } = rlimit.read(limits);
  if (BigInt(end) <= soft) return;
  const hint = `RLIMIT_FSIZE is ${soft}`;
  throw ipcError(ERRNO.EFBIG, syscall, action, object, hint);
}

/** Options of {@linkcode growFile}. */
export interface GrowOptions {
  /** The name of the file in messages. */
  label: string;
  /** Whether to reserve the space (`posix_fallocate`). */
  reserve: boolean;
  /** Whether the file is being created; errors then say so. */
  creating?: boolean;
}

/**
 * `posix_fallocate`, or `ftruncate` without `reserve`: makes a file longer.
 * `posix_fallocate` never makes it shorter, even if another process resizes it
 * at the same time.
 */
export function growFile(
  fd: number,
  from: number,
  to: number,
  options: GrowOptions,
): void {
  const { reserve, label, creating = false } = options;
  const action = creating ? "create" : "resize";
  const object = `${label} ${creating ? "of" : "to"} ${to} bytes`;
  if (!reserve) {
    checkLimit(to, "ftruncate", action, object);
    const result = unistd().ftruncate(fd, BigInt(to));
    check0(result, errno[0], "ftruncate", action, object);
    return;
  }
  if (to <= from) return;
  checkLimit(to, "posix_fallocate", action, object);
  for (;;) {
    const error = fcntl().posix_fallocate(fd, BigInt(from), BigInt(to - from));
    if (error === 0) return;
    if (error === ERRNO.EINTR) continue;
    throw ipcError(
      error,
      "posix_fallocate",
      action,
      object,
      error === ERRNO.ENOSPC ? "its file system has no room for it" : undefined,
    );
  }
}

/**
 * `ftruncate` and `posix_fallocate`: changes the size of a file.
 *
 * @throws {RangeError} When this isolate has mapped more of it: access beyond
 * the new end would end the process.
 */
export function resizeFile(
  fd: number,
  size: number,
  options: { reserve: boolean; label: string },
): void {
  const { label } = options;
  const raw = rawStat(fd, label);
  const current = Number(raw.st_size);
  if (size >= current) {
    if (size > current) growFile(fd, current, size, options);
    return;
  }
  const end = mappedEnd(raw);
  if (end > size) {
    throw new RangeError(
      `Cannot shrink ${label} to ${size} bytes while ${end} are mapped`,
    );
  }
  check0(
    unistd().ftruncate(fd, BigInt(size)),
    errno[0],
    "ftruncate",
    "resize",
    `${label} to ${size} bytes`,
  );
}

/** The ends of this isolate's mappings, by device and inode. */
const ends = new Map<string, Set<{ end: number }>>();

/**
 * Records that the first `end` bytes of a file are mapped. The returned
 * function removes the record.
 */
export function remember(raw: RawStat, end: number): () => void {
  const key = `${raw.st_dev}:${raw.st_ino}`;
  const entry = { end };
  const set = ends.get(key) ?? new Set();
  ends.set(key, set.add(entry));
  return () => {
    set.delete(entry);
    if (set.size === 0 && ends.get(key) === set) ends.delete(key);
  };
}

function mappedEnd(raw: RawStat): number {
  const set = ends.get(`${raw.st_dev}:${raw.st_ino}`) ?? [];
  return Math.max(0, ...Array.from(set, ({ end }) => end));
}
