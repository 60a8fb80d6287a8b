/**
 * Files in memory, and memory of this process alone: {@linkcode mapFile},
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
   * Makes the file so many bytes long when it is shorter; what is added is
   * zeros. It never gets shorter.
   *
   * @default {0}
   */
  size?: number;
  /**
   * Permission bits of a new file, of which the umask takes away its own.
   *
   * @default {0o600}
   */
  mode?: number;
  /**
   * Reserves room for what is added (`posix_fallocate`), so that a full disk is
   * the error `ENOSPC` here, and not the end of the process (`SIGBUS`) at the
   * first touch of a page. Without it there is room for the last page only.
   *
   * @default {true}
   */
  reserve?: boolean;
}

/**
 * `open` and `mmap`: maps a file, or a part of it, into this process.
 *
 * Writing to the mapping writes to the file, at a time of the kernel's choosing
 * or at `flush()`; whoever else maps or reads the file sees it at once.
 *
 * Whoever may write to the file may make it shorter, and touching a mapping
 * beyond the new end ends a process (`SIGBUS`). Read what a stranger owns with
 * `Mapping.readInto()`.
 *
 * A symbolic link to a file is followed, as by `open`: the file that it names is
 * mapped, and made longer where it is too short.
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
 * @throws {IpcError} `ENOENT`, `EACCES`, `EEXIST` with `createNew`, `ENODEV`
 * or `ENXIO` when it is no regular file, `ENOSPC` when the disk is full, `ENOMEM` without
 * room.
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
    // Of what could not be finished nothing stays; errors of that are no news.
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
    // Another process was faster; or it is a symbolic link to nothing, which
    // would go on for ever.
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

/** Makes a file longer, and never shorter: others may be doing the same. */
function makeLonger(fd: number, from: number, to: number, label: string): void {
  try {
    growFile(fd, from, to, { reserve: true, label });
  } catch (error) {
    // Not every C library can where the file system cannot.
    if (from < to - 1 || !hasCode(error, "EOPNOTSUPP")) throw error;
    growFile(fd, from, to, { reserve: false, label });
  }
}
