/**
 * Unnamed memory that can be sealed: {@linkcode Memfd}.
 *
 * ```ts
 * import { Memfd } from "@libc/ipc/memfd";
 *
 * using memory = Memfd.create("frames", { size: 4096 });
 * using mapping = memory.map();
 * mapping.bytes[0] = 42;
 * ```
 *
 * @module
 */

import { cstring } from "../../ffi/cstring.ts";
import { checkInt, ipcError } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  fcntl,
  O_CLOEXEC,
  O_NOCTTY,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
} from "../../ffi/libc/fcntl.ts";
import { integer, size as checkSize } from "../core/convert/argument.ts";
import {
  changeFile,
  type FileChanges,
  fileSize,
  type FileStat,
  fileStat,
  growFile,
  isReadOnly,
  readAt,
  resizeFile,
  type ResizeOptions,
  writeAt,
} from "../core/file/file.ts";
import { adoptCopy, type AdoptOptions } from "../core/handle/adopt_fd.ts";
import { closingOnError } from "../core/handle/close_fd.ts";
import { Fd } from "../core/handle/fd.ts";
import { showing } from "../core/handle/inspect.ts";
import { INTERNAL, onlyInternal } from "../core/handle/internal.ts";
import { mapDescriptor, type MapOptions } from "../core/memory/map_fd.ts";
import type { Mapping } from "../core/memory/mapping.ts";
import {
  checkMemory,
  cname,
  creation,
  hintOf,
  type MemfdAcceptOptions,
  memfdCreate,
  type MemfdCreateOptions,
  type MemfdFromFdOptions,
  memfdLabel,
  type MemfdOpenOptions,
  nameOf,
  type ProcessFd,
} from "./_memfd.ts";
import {
  addSeals,
  readSeals,
  type Seal,
  sealBits,
  sealNames,
} from "./_seals.ts";

export { Fd };
export type {
  AdoptOptions,
  FileChanges,
  FileStat,
  MapOptions,
  MemfdAcceptOptions,
  MemfdCreateOptions,
  MemfdFromFdOptions,
  MemfdOpenOptions,
  ProcessFd,
  ResizeOptions,
  Seal,
};

/**
 * Unnamed memory behind a descriptor. The kernel frees it with the last
 * descriptor and mapping, so nothing is ever left behind.
 *
 * It reaches another process as an inherited descriptor (`spawn()`), over a
 * unix socket (`sendFds()`), or through `/proc` ({@linkcode Memfd.open}). Its
 * size is sealed by default, so that nobody can kill this process by making it
 * shorter.
 *
 * @example Share memory that cannot change its size
 * ```ts
 * import { Memfd } from "@libc/ipc/memfd";
 * import { assertEquals } from "@std/assert";
 *
 * using memory = Memfd.create("frames", { size: 4096 });
 * using mapping = memory.map();
 * mapping.bytes.set([1, 2, 3]);
 *
 * // What another process does, with the numbers it was told.
 * using other = Memfd.open({ pid: Deno.pid, fd: memory.fd.number });
 * using view = other.map({ readOnly: true });
 * assertEquals(view.read(0, 3), new Uint8Array([1, 2, 3]));
 * ```
 */
export class Memfd implements Disposable {
  readonly #fd: Fd;
  readonly #name: string;
  readonly #label: string;
  readonly #readOnly: boolean;

  private constructor(token: unknown, fd: number, name: string) {
    onlyInternal(token, "Memfd");
    this.#name = name;
    this.#label = memfdLabel(name);
    this.#readOnly = isReadOnly(fd, this.#label);
    this.#fd = new Fd(INTERNAL, fd, this.#label);
  }

  /**
   * `memfd_create`: creates zeroed memory and seals it.
   *
   * See [memfd_create(2)](https://man7.org/linux/man-pages/man2/memfd_create.2.html).
   *
   * @param name What `/proc/PID/fd` shows, up to 249 bytes; need not be unique.
   * @throws {IpcError} `EMFILE`, `ENFILE`, `ENOMEM`, `ENODEV` when the machine
   * has no huge pages of that size, `EACCES` when `vm.memfd_noexec` forbids
   * `executable`, `ENOSYS` where the kernel or a sandbox has no memfds.
   */
  static create(name: string, options: MemfdCreateOptions): Memfd {
    const { size, flags, exec, seals, reserve } = creation(options);
    const label = memfdLabel(name);
    const made = memfdCreate(cname(name), flags, exec);
    if (made.error !== 0) {
      const hint = hintOf(made.error, options);
      throw ipcError(made.error, "memfd_create", "create", label, hint);
    }
    const { fd } = made;
    return closingOnError(fd, label, () => {
      // An old kernel does not know the flag and makes every memfd executable.
      if (options.executable === false) changeFile(fd, { mode: 0o666 }, label);
      const creating = true;
      if (size > 0) growFile(fd, 0, size, { reserve, label, creating });
      if (seals !== 0) addSeals(fd, seals, label);
      return new Memfd(INTERNAL, fd, name);
    });
  }

  /**
   * `fcntl(F_DUPFD_CLOEXEC)`: opens the memory behind a descriptor that was
   * inherited, or received over a socket.
   *
   * The descriptor is duplicated and stays the caller's, unless `takeOver` is
   * set. A file of `/dev/shm` is accepted as well: it has the seal `"seal"` and
   * no other.
   *
   * See [fcntl(2)](https://man7.org/linux/man-pages/man2/fcntl.2.html).
   *
   * @throws {IpcError} `EBADF` when there is no such descriptor, `ENODEV` or
   * `EINVAL` when it is not memory, `EPERM` when it lacks a seal, `EMFILE`.
   */
  static fromFd(fd: Fd | number, options: MemfdFromFdOptions = {}): Memfd {
    const required = sealBits(options.requireSeals ?? []);
    return adoptCopy(fd, options, (copy, label) => {
      checkMemory(copy, required, label);
      return new Memfd(INTERNAL, copy, nameOf(copy));
    });
  }

  /**
   * `open`: opens the memory behind a descriptor of another process, through
   * `/proc/PID/fd/N`.
   *
   * The caller needs permission to inspect that process: the same user, or
   * root. The kernel may have reused the pid for another process, which
   * `requireSeals` does not detect.
   *
   * See [proc_pid_fd(5)](https://man7.org/linux/man-pages/man5/proc_pid_fd.5.html).
   *
   * @throws {IpcError} `ENOENT` when there is no such process or descriptor,
   * `EACCES` without permission, `ENODEV`, `ENXIO` or `EINVAL` when it is not
   * memory, `EPERM` when it lacks a seal, `EMFILE`.
   */
  static open(source: ProcessFd, options: MemfdOpenOptions = {}): Memfd {
    const pid = integer(source?.pid, "pid", 1, 0x7fff_ffff);
    const number = integer(source.fd, "fd", 0, 0x7fff_ffff);
    const required = sealBits(options.requireSeals ?? []);
    const label = `descriptor ${number} of process ${pid}`;
    const fd = checkInt(
      fcntl().open(
        cstring(`/proc/${pid}/fd/${number}`, "path"),
        // It may be a FIFO or a device, whose open could block.
        (options.readOnly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK |
          O_NOCTTY,
        0,
      ),
      errno[0],
      "open",
      "open",
      label,
    );
    return closingOnError(fd, label, () => {
      checkMemory(fd, required, label);
      return new Memfd(INTERNAL, fd, nameOf(fd));
    });
  }

  /** Its name, which need not be unique. */
  get name(): string {
    return this.#name;
  }

  /** Whether it is open for reading only. */
  get readOnly(): boolean {
    return this.#readOnly;
  }

  /** Whether this handle is closed. */
  get closed(): boolean {
    return this.#fd.closed;
  }

  /**
   * The descriptor, for other processes and other calls. It belongs to this
   * handle: closing one closes both.
   *
   * @throws {TypeError} When the handle is closed.
   */
  get fd(): Fd {
    this.#fd.use("take the descriptor of");
    return this.#fd;
  }

  /**
   * `fstat`: its size in bytes now.
   *
   * See [fstat(2)](https://man7.org/linux/man-pages/man2/stat.2.html).
   *
   * @throws {TypeError} When the handle is closed.
   */
  get size(): number {
    return fileSize(this.#fd.use("ask for the size of"), this.#label);
  }

  /**
   * `fcntl(F_GET_SEALS)`: the seals in force.
   *
   * See [F_GET_SEALS(2const)](https://man7.org/linux/man-pages/man2/F_GET_SEALS.2const.html).
   *
   * @throws {TypeError} When the handle is closed.
   */
  get seals(): Seal[] {
    const fd = this.#fd.use("read the seals of");
    return sealNames(readSeals(fd, this.#label));
  }

  /**
   * `fcntl(F_ADD_SEALS)`: adds seals, which nobody can remove.
   *
   * See [F_ADD_SEALS(2const)](https://man7.org/linux/man-pages/man2/F_ADD_SEALS.2const.html).
   *
   * @throws {IpcError} `EBUSY` for `"write"` while anybody has it mapped
   * writable, `EPERM` after `"seal"` or when it is open for reading only,
   * `EINVAL` when the kernel does not know the seal.
   */
  seal(...seals: Seal[]): void {
    addSeals(this.#fd.use("seal"), sealBits(seals), this.#label);
  }

  /**
   * `mmap`: maps the memory, or a part of it, into this process.
   *
   * The mapping is independent of this handle and has to be closed separately.
   *
   * See [mmap(2)](https://man7.org/linux/man-pages/man2/mmap.2.html).
   *
   * @throws {RangeError} When the part is not within the memory: touching it
   * would kill the process.
   * @throws {IpcError} `EPERM` for a writable mapping of memory sealed against
   * writing, `EACCES` when the handle is open for reading only, `ENOMEM`
   * without memory or enough huge pages.
   */
  map(options: MapOptions = {}): Mapping {
    return mapDescriptor(this.#fd.use("map"), {
      ...options,
      label: this.#label,
      writable: !this.#readOnly,
    });
  }

  /**
   * `pread`: copies bytes from `offset` on into `target`, safely even when
   * somebody has made the memory shorter.
   *
   * See [pread(2)](https://man7.org/linux/man-pages/man2/pread.2.html).
   *
   * @returns The number of bytes copied: fewer than asked at the end.
   * @throws {TypeError} When the handle is closed.
   */
  pread(target: Uint8Array<ArrayBuffer>, offset = 0): number {
    return readAt(this.#fd.use("read"), target, offset, this.#label);
  }

  /**
   * `pwrite`: copies bytes into the memory from `offset` on, safely even when
   * somebody has made it shorter.
   *
   * See [pwrite(2)](https://man7.org/linux/man-pages/man2/pread.2.html).
   *
   * @throws {RangeError} When they would reach beyond the end.
   * @throws {IpcError} `EPERM` when it is sealed against writing, `EBADF` when
   * it is open for reading only, `EINVAL` when it has huge pages.
   */
  pwrite(bytes: Uint8Array<ArrayBuffer>, offset = 0): void {
    writeAt(this.#fd.use("write to"), bytes, offset, this.#label);
  }

  /**
   * `ftruncate` or `posix_fallocate`: changes the size. Growth is zeros;
   * mappings keep their length.
   *
   * See [ftruncate(2)](https://man7.org/linux/man-pages/man2/ftruncate.2.html).
   *
   * @throws {RangeError} When the new size is shorter than what this thread has
   * mapped.
   * @throws {IpcError} `EPERM` when a seal forbids it, `EINVAL` when it is open
   * for reading only or `size` is not a multiple of its huge pages.
   */
  resize(size: number, options: ResizeOptions = {}): void {
    const fd = this.#fd.use("resize");
    resizeFile(fd, checkSize(size, "size"), {
      reserve: options.reserve ?? false,
      label: this.#label,
    });
  }

  /**
   * `fstat`: size, owner, permissions and times.
   *
   * See [fstat(2)](https://man7.org/linux/man-pages/man2/stat.2.html).
   *
   * @throws {TypeError} When the handle is closed.
   */
  stat(): FileStat {
    return fileStat(this.#fd.use("stat"), this.#label);
  }

  /**
   * `fchown` and `fchmod`: changes owner, group or permissions.
   *
   * See [fchown(2)](https://man7.org/linux/man-pages/man2/chown.2.html) and
   * [fchmod(2)](https://man7.org/linux/man-pages/man2/chmod.2.html).
   *
   * @throws {IpcError} `EPERM` when it belongs to another user, or when `mode`
   * changes executable bits that are sealed.
   */
  set(changes: FileChanges): void {
    changeFile(this.#fd.use("change"), changes, this.#label);
  }

  /** `close`: closes the descriptor; mappings and other descriptors stay. */
  close(): void {
    this.#fd.close();
  }

  /** The same as {@linkcode Memfd.close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}

showing(Memfd, ({ name, size, readOnly, seals }) => ({
  name,
  size,
  readOnly,
  seals,
}));
