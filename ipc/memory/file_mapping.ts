/**
 * Mapped files, and anonymous memory: {@linkcode mapFile},
 * {@linkcode mapAnonymous}.
 *
 * ```ts
 * import { mapFile } from "@libc/ipc/mmap";
 *
 * using license = mapFile("LICENSE", { readOnly: true });
 * console.log(new TextDecoder().decode(license.read(0, 11)));
 * ```
 *
 * @module
 */

import { cpath, pathString } from "../../ffi/cstring.ts";
import { ERRNO, errnoOf, hasCode, ipcError } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  fcntl,
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
} from "../../ffi/libc/fcntl.ts";
import { unistd } from "../../ffi/libc/unistd.ts";
import { checkMode, size as checkSize } from "../core/convert/argument.ts";
import {
  checkRegular,
  growFile,
  isReadOnly,
  rawStat,
} from "../core/file/file.ts";
import { closeFd } from "../core/handle/close_fd.ts";
import { Fd } from "../core/handle/fd.ts";
import { mapDescriptor, type MapOptions } from "../core/memory/map_fd.ts";
import type { Mapping } from "../core/memory/mapping.ts";

export {
  mapAnonymous,
  type MapAnonymousOptions,
  SharedMapping,
} from "./anonymous_mapping.ts";
export { Fd };
export type { MapOptions };

/** Options of {@linkcode mapFile}. */
export interface MapFileOptions extends MapOptions {
  /**
   * Makes the file when there is none; it needs a `size`.
   *
   * @default {false}
   */
  create?: boolean;
  /**
   * Makes the file, which must not exist; it needs a `size`.
   *
   * @default {false}
   */
  createNew?: boolean;
  /**
   * Grows a shorter file to this many bytes, with zeros. A longer file keeps
   * its length.
   *
   * @default {0}
   */
  size?: number;
  /**
   * Permission bits of a new file, less the umask.
   *
   * @default {0o600}
   */
  mode?: number;
  /**
   * Reserves disk space for the growth (`posix_fallocate`), so that a full disk
   * fails with `ENOSPC` here instead of killing the process (`SIGBUS`) at the
   * first touch of a page. Otherwise only the last page is reserved.
   *
   * @default {true}
   */
  reserve?: boolean;
}

/**
 * `open` and `mmap`: maps a file, or a part of it, into this process.
 *
 * The kernel writes changes to the disk when it chooses, or at `flush()`; other
 * processes that map or read the file see them at once.
 *
 * Any process that may write to the file may also truncate it, and touching a
 * mapping beyond the new end kills the process (`SIGBUS`). Use
 * `Mapping.readInto()` to read a file that a stranger owns.
 *
 * Symbolic links are followed, as by `open`: the target file is mapped, and
 * grown if it is too short.
 *
 * See [mmap(2)](https://man7.org/linux/man-pages/man2/mmap.2.html).
 *
 * @example A file that keeps a counter
 * ```ts
 * import { mapFile } from "@libc/ipc/mmap";
 *
 * const path = `/tmp/libc-ipc-counter-${Deno.pid}`;
 * using mapping = mapFile(path, { create: true, size: 4 });
 * const counter = new Int32Array(mapping.buffer);
 * Atomics.add(counter, 0, 1);
 * mapping.flush();
 * Deno.removeSync(path);
 * ```
 *
 * @param file A path, a `file:` URL, or an open descriptor, which stays open.
 * @throws {RangeError} When the part is not within the file.
 * @throws {IpcError} `ENOENT`, `EACCES`, `EEXIST` with `createNew`, `ENODEV` or
 * `ENXIO` when it is not a regular file, `ENOSPC` when the disk is full,
 * `ENOMEM` without memory.
 */
export function mapFile(
  file: string | URL | Fd,
  options: MapFileOptions = {},
): Mapping {
  const { size = 0, mode = 0o600, create, createNew } = options;
  checkSize(size, "size");
  checkMode(mode);
  if (file instanceof Fd) {
    if (create || createNew) {
      throw new TypeError("Cannot create the file of an open descriptor");
    }
    const fd = file.use("map");
    return mapOpen(fd, `file of descriptor ${fd}`, options);
  }
  if ((create || createNew) && size === 0) {
    throw new RangeError("size must be from 1 on for a new file, got 0");
  }
  const label = `file ${JSON.stringify(pathString(file, "file"))}`;
  const path = cpath(file, "file");
  const { fd, created } = openPath(path, label, options);
  try {
    return mapOpen(fd, label, options);
  } catch (error) {
    // Leave no half-made file behind. The first error matters more than one of
    // `unlink`.
    if (created) unistd().unlink(path);
    throw error;
  } finally {
    closeFd(fd, label);
  }
}

function openPath(
  path: Uint8Array<ArrayBuffer>,
  label: string,
  options: MapFileOptions,
): { fd: number; created: boolean } {
  const { create = false, createNew = false, mode = 0o600 } = options;
  const reads = options.readOnly || options.private;
  const access = (reads && !options.size ? O_RDONLY : O_RDWR) | O_CLOEXEC |
    O_NONBLOCK | O_NOCTTY;
  for (;;) {
    if (!createNew) {
      const fd = fcntl().open(path, access, 0);
      const error = errnoOf(fd, errno[0]);
      if (error === 0) return { fd, created: false };
      if (error !== ERRNO.ENOENT || !create) {
        throw ipcError(error, "open", "map", label);
      }
    }
    const fd = fcntl().open(path, access | O_CREAT | O_EXCL, mode);
    const error = errnoOf(fd, errno[0]);
    if (error === 0) return { fd, created: true };
    if (error !== ERRNO.EEXIST || createNew) {
      throw ipcError(error, "open", "create", label);
    }
    // Another process was faster, or the path is a dangling symbolic link, for
    // which this loop would never end.
    const made = fcntl().open(path, access | O_NOFOLLOW, 0);
    const refused = errnoOf(made, errno[0]);
    if (refused === 0) return { fd: made, created: false };
    if (refused === ERRNO.ELOOP) {
      const hint = "it is a symbolic link to what does not exist";
      throw ipcError(refused, "open", "create", label, hint);
    }
    if (refused !== ERRNO.ENOENT) throw ipcError(refused, "open", "map", label);
  }
}

function mapOpen(fd: number, label: string, options: MapFileOptions): Mapping {
  const { size = 0, reserve = true } = options;
  if (size > 0) {
    const raw = rawStat(fd, label);
    checkRegular(raw, "map", label);
    const current = Number(raw.st_size);
    if (current < size) {
      makeLonger(fd, reserve ? current : size - 1, size, label);
    }
  }
  return mapDescriptor(fd, {
    ...options,
    label,
    writable: !isReadOnly(fd, label),
  });
}

/** Grows a file and never shrinks it: other processes may be growing it too. */
function makeLonger(fd: number, from: number, to: number, label: string): void {
  try {
    growFile(fd, from, to, { reserve: true, label });
  } catch (error) {
    // Not every C library emulates it where the file system lacks it.
    if (from < to - 1 || !hasCode(error, "EOPNOTSUPP")) throw error;
    growFile(fd, from, to, { reserve: false, label });
  }
}
