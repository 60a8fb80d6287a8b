/**
 * POSIX shared memory: {@linkcode PosixSharedMemory}.
 *
 * ```ts
 * import { PosixSharedMemory } from "@libc/ipc/posix-shm";
 *
 * using memory = PosixSharedMemory.create(`/frames-${Deno.pid}`, {
 *   size: 4096,
 * });
 * using mapping = memory.map();
 * mapping.bytes[0] = 42;
 * ```
 *
 * @module
 */

import { cstring } from "../../ffi/cstring.ts";
import { unless } from "../../ffi/errno.ts";
import { size as checkSize } from "../core/convert/argument.ts";
import {
  changeFile,
  type FileChanges,
  type FileIdentity,
  fileSize,
  type FileStat,
  fileStat,
  isSameFile,
  readAt,
  resizeFile,
  type ResizeOptions,
  tryLstat,
  writeAt,
} from "../core/file/file.ts";
import { Fd } from "../core/handle/fd.ts";
import { showing } from "../core/handle/inspect.ts";
import { INTERNAL, onlyInternal } from "../core/handle/internal.ts";
import { openOrCreate } from "../core/handle/open_or_create.ts";
import { mapDescriptor, type MapOptions } from "../core/memory/map_fd.ts";
import type { Mapping } from "../core/memory/mapping.ts";
import { createNamed, posixName } from "./_name.ts";
import {
  checkCreate,
  createObject,
  memoryLabel,
  type Opened,
  openObject,
  openSized,
  type PosixSharedMemoryCreateOptions,
  type PosixSharedMemoryOpenOptions,
  type PosixSharedMemoryOpenOrCreateOptions,
  unlinkObject,
} from "./_shared_memory.ts";

export { Fd };
export type {
  FileChanges,
  FileStat,
  MapOptions,
  PosixSharedMemoryCreateOptions,
  PosixSharedMemoryOpenOptions,
  PosixSharedMemoryOpenOrCreateOptions,
  ResizeOptions,
};

/**
 * A POSIX shared memory object: a named piece of memory, on Linux a file below
 * `/dev/shm`.
 *
 * It exists until it is unlinked and no process has it open or mapped any more,
 * or until the next boot.
 *
 * Any process that may write to it may also truncate it, and access to a
 * mapping beyond the new end ends a process (`SIGBUS`). Read the memory of a
 * stranger with {@linkcode PosixSharedMemory.pread} or `Mapping.readInto()`, or
 * use a `Memfd`, which can be sealed.
 *
 * @example Create, fill, read and remove
 * ```ts
 * import { PosixSharedMemory } from "@libc/ipc/posix-shm";
 * import { assertEquals } from "@std/assert";
 *
 * using memory = PosixSharedMemory.create(null, { size: 4096 });
 * using mapping = memory.map();
 * mapping.bytes.set([1, 2, 3]);
 *
 * using other = PosixSharedMemory.open(memory.name, { readOnly: true });
 * using view = other.map();
 * assertEquals(view.read(0, 3), new Uint8Array([1, 2, 3]));
 * ```
 */
export class PosixSharedMemory implements Disposable {
  readonly #fd: Fd;
  readonly #name: string;
  readonly #identity: FileIdentity;
  readonly #readOnly: boolean;
  readonly #created: boolean;
  readonly #label: string;
  #owner: boolean;

  private constructor(token: unknown, init: Opened) {
    onlyInternal(token, "PosixSharedMemory");
    this.#name = init.name;
    this.#label = memoryLabel(init.name);
    this.#fd = new Fd(INTERNAL, init.fd, this.#label);
    this.#identity = init.raw;
    this.#readOnly = init.readOnly;
    this.#created = init.created;
    this.#owner = init.owner;
  }

  /**
   * `shm_open(O_CREAT | O_EXCL)`: creates an object filled with zeros.
   *
   * It is removed again when a later step fails.
   *
   * See [shm_open(3)](https://man7.org/linux/man-pages/man3/shm_open.3.html).
   *
   * @param name A slash and more characters, or null for an unused name: see
   * {@linkcode PosixSharedMemory.name}.
   * @throws {IpcError} `EEXIST` when the name is taken, `ENOSPC` when
   * `/dev/shm` is full, `EFBIG` beyond `RLIMIT_FSIZE`, `EMFILE`, `ENFILE`,
   * `EACCES`.
   */
  static create(
    name: string | null,
    options: PosixSharedMemoryCreateOptions,
  ): PosixSharedMemory {
    checkCreate(options);
    return createNamed(
      name,
      (name) => new PosixSharedMemory(INTERNAL, createObject(name, options)),
    );
  }

  /**
   * `shm_open`: opens an object, which must exist.
   *
   * Symbolic links, FIFOs and everything else that is not memory are refused.
   *
   * See [shm_open(3)](https://man7.org/linux/man-pages/man3/shm_open.3.html).
   *
   * @throws {IpcError} `ENOENT` when there is none, `EACCES` without
   * permission, `EINVAL` when it is smaller than `size`, `EPERM` when it is
   * foreign and `foreign` is false, `ELOOP` for a symbolic link, `ENODEV` for
   * anything else that is not memory, `EMFILE`, `ENFILE`.
   */
  static open(
    name: string,
    options: PosixSharedMemoryOpenOptions = {},
  ): PosixSharedMemory {
    checkSize(options.size ?? 0, "size");
    return new PosixSharedMemory(
      INTERNAL,
      openObject(posixName(name), options),
    );
  }

  /**
   * `shm_open`: opens an object, or creates it when there is none;
   * {@linkcode PosixSharedMemory.created} says which.
   *
   * Its creator leaves an object empty for a moment. An empty object is given
   * its size, so it does not matter which process came first.
   *
   * See [shm_open(3)](https://man7.org/linux/man-pages/man3/shm_open.3.html).
   *
   * @throws {IpcError} As `open` and `create`.
   */
  static openOrCreate(
    name: string,
    options: PosixSharedMemoryOpenOrCreateOptions,
  ): PosixSharedMemory {
    checkCreate(options);
    posixName(name);
    const given = { ...options, owner: options.owner ?? false };
    const init = openOrCreate(
      () => openSized(name, given),
      () => createObject(name, given),
    );
    return new PosixSharedMemory(INTERNAL, init);
  }

  /**
   * `shm_unlink`: removes a name without opening the object.
   *
   * See [shm_unlink(3)](https://man7.org/linux/man-pages/man3/shm_open.3.html).
   *
   * @throws {IpcError} `ENOENT` when there is none, `EACCES` or `EPERM` when it
   * belongs to another user.
   */
  static unlink(name: string): void {
    unlinkObject(posixName(name));
  }

  /** Its name, with the slash. */
  get name(): string {
    return this.#name;
  }

  /** Whether this handle created it. */
  get created(): boolean {
    return this.#created;
  }

  /** Whether it was opened for reading only. */
  get readOnly(): boolean {
    return this.#readOnly;
  }

  /** Whether this handle is closed. */
  get closed(): boolean {
    return this.#fd.closed;
  }

  /**
   * Its descriptor, for other processes and other calls. It belongs to this
   * handle: closing one closes both.
   *
   * @throws {TypeError} When the handle is closed.
   */
  get fd(): Fd {
    this.#fd.use("take the descriptor of");
    return this.#fd;
  }

  /**
   * `fstat`: the current size in bytes. Any process that may write to the
   * object can change it.
   *
   * See [fstat(2)](https://man7.org/linux/man-pages/man2/stat.2.html).
   *
   * @throws {TypeError} When the handle is closed.
   */
  get size(): number {
    return fileSize(this.#fd.use("ask for the size of"), this.#label);
  }

  /**
   * `mmap`: maps the object, or a part of it, into this process.
   *
   * The mapping is independent of this handle: close it on its own.
   *
   * See [mmap(2)](https://man7.org/linux/man-pages/man2/mmap.2.html).
   *
   * @throws {RangeError} When the part is not within the object: access to such
   * memory would end the process.
   * @throws {IpcError} `EACCES` for a writable mapping of a read-only handle,
   * `ENOMEM` without free memory, `EAGAIN` beyond `RLIMIT_MEMLOCK`.
   */
  map(options: MapOptions = {}): Mapping {
    return mapDescriptor(this.#fd.use("map"), {
      ...options,
      label: this.#label,
      writable: !this.#readOnly,
    });
  }

  /**
   * `pread`: copies bytes from `offset` on into `target`. A truncated object
   * does not end the process.
   *
   * See [pread(2)](https://man7.org/linux/man-pages/man2/pread.2.html).
   *
   * @returns The number of bytes copied, fewer at the end of the object.
   * @throws {TypeError} When the handle is closed.
   */
  pread(target: Uint8Array<ArrayBuffer>, offset = 0): number {
    return readAt(this.#fd.use("read"), target, offset, this.#label);
  }

  /**
   * `pwrite`: copies bytes into the object from `offset` on. A truncated object
   * does not end the process.
   *
   * See [pwrite(2)](https://man7.org/linux/man-pages/man2/pread.2.html).
   *
   * @throws {RangeError} When they would extend past the end.
   * @throws {IpcError} `EBADF` when it is open for reading only, `ENOSPC` when
   * `/dev/shm` is full.
   */
  pwrite(bytes: Uint8Array<ArrayBuffer>, offset = 0): void {
    writeAt(this.#fd.use("write to"), bytes, offset, this.#label);
  }

  /**
   * `posix_fallocate` or `ftruncate`: makes the object longer or shorter. Added
   * bytes are zeros. Mappings keep their length.
   *
   * Shrinking ends every process that then accesses a mapping beyond the new
   * end.
   *
   * See [ftruncate(2)](https://man7.org/linux/man-pages/man2/ftruncate.2.html).
   *
   * @throws {RangeError} When this thread has mapped more than that.
   * @throws {IpcError} `EINVAL` or `EBADF` when it is open for reading only, `ENOSPC`
   * when `/dev/shm` is full, `EFBIG` beyond `RLIMIT_FSIZE`.
   */
  resize(size: number, options: ResizeOptions = {}): void {
    const fd = this.#fd.use("resize");
    resizeFile(fd, checkSize(size, "size"), {
      reserve: options.reserve ?? true,
      label: this.#label,
    });
  }

  /**
   * `fstat`: returns the state of the object.
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
   * @throws {IpcError} `EPERM` when it belongs to another user.
   */
  set(changes: FileChanges): void {
    changeFile(this.#fd.use("change"), changes, this.#label);
  }

  /**
   * `shm_unlink`: removes the name. The memory is freed when no process has it
   * open or mapped any more.
   *
   * See [shm_unlink(3)](https://man7.org/linux/man-pages/man3/shm_open.3.html).
   *
   * @throws {IpcError} `ENOENT` when the name is gone, `EACCES` or `EPERM` when
   * it belongs to another user.
   */
  unlink(): void {
    this.#fd.use("unlink");
    unlinkObject(this.#name);
    this.#owner = false;
  }

  /** `close`: closes this handle; mappings and the object itself remain. */
  close(): void {
    this.#fd.close();
  }

  /**
   * Closes the handle, and unlinks the name if the handle is the `owner`, even
   * when it is already closed. A name that is already removed is no error, and
   * a new object under the name is left alone.
   */
  [Symbol.dispose](): void {
    this.close();
    if (!this.#owner) return;
    this.#owner = false;
    if (this.#isReplaced()) return;
    unless("ENOENT", () => unlinkObject(this.#name));
  }

  /** Whether the name now belongs to another object. */
  #isReplaced(): boolean {
    // If the C library keeps objects elsewhere, assume that it is the same one.
    const found = tryLstat(cstring(`/dev/shm${this.#name}`, "name"));
    return typeof found === "object" && !isSameFile(found, this.#identity);
  }
}

showing(PosixSharedMemory, ({ name, created, readOnly }) => ({
  name,
  created,
  readOnly,
}));
