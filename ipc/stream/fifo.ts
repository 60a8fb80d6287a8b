/**
 * FIFOs, pipes with a name in the file system: {@linkcode Fifo}.
 *
 * ```ts
 * import { Fifo } from "@libc/ipc/fifo";
 *
 * using fifo = Fifo.create(`/tmp/example-${Deno.pid}.fifo`);
 * using reader = fifo.openReader();
 * using writer = await fifo.openWriter({ timeout: 1000 });
 * await writer.write("hello");
 * const buffer = new Uint8Array(100);
 * console.log(await reader.read(buffer)); // 5
 * ```
 *
 * @module
 */

import { fcntl } from "../../ffi/libc/fcntl.ts";
import { sys_stat } from "../../ffi/libc/sys_stat.ts";
import { unistd } from "../../ffi/libc/unistd.ts";
import {
  mode as checkMode,
  type SyncWaitOptions,
  timeoutOf,
  type WaitOptions,
} from "../../ffi/core/_argument.ts";
import {
  fileError,
  type FileStat,
  fileStat,
  type RawStat,
  rawStat,
} from "../../ffi/core/_file.ts";
import { INTERNAL } from "../../ffi/core/_internal.ts";
import { absolutePath } from "../../ffi/core/_path.ts";
import { SweepSource } from "../../ffi/core/_source.ts";
import { cstring } from "../../ffi/core/cstring.ts";
import { Deadline } from "../../ffi/core/deadline.ts";
import {
  check0,
  checkFd,
  ERRNO,
  errnoOf,
  IpcError,
  ipcError,
  timeoutError,
} from "../../ffi/core/errno.ts";
import { closeFd, Fd } from "../../ffi/core/fd.ts";
import { stat } from "../../ffi/core/layouts.ts";
import {
  endsOf,
  FifoReader,
  type PipeEnds,
  PipeReader,
  PipeWriter,
} from "../../ffi/core/pipe_end.ts";
import {
  O_CLOEXEC,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from "../../ffi/core/platform.ts";
import { callUntil } from "../../ffi/core/timer_interrupt.ts";
import { waitUntil } from "../../ffi/core/wait.ts";

export type { FileStat } from "../../ffi/core/_file.ts";
export type { SyncWaitOptions, WaitOptions } from "../../ffi/core/_argument.ts";
export {
  FdEnd,
  type FdEndInit,
  FdReader,
  FdWriter,
} from "../../ffi/core/byte_stream.ts";
export {
  type PipeEnds,
  PipeReader,
  PipeWriter,
  type SpliceOptions,
  type SpliceSyncOptions,
} from "../../ffi/core/pipe_end.ts";

/** Options of {@linkcode Fifo.create} and {@linkcode Fifo.createNode}. */
export interface FifoCreateOptions {
  /**
   * Permission bits, of which the umask takes away its own.
   *
   * @default {0o600}
   */
  mode?: number | undefined;
  /**
   * Gives it `mode` exactly, whatever the umask (`chmod`).
   *
   * @default {false}
   */
  ignoreUmask?: boolean | undefined;
  /**
   * Whether dispose also removes it.
   *
   * @default {true} false for `openOrCreate`
   */
  owner?: boolean | undefined;
}

/** What every open of ours asks for. */
const SAFE = O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;

/**
 * A FIFO: a pipe that processes find by a path.
 *
 * The handle keeps hold of the inode, so that what is opened and removed is
 * this FIFO and nothing that has taken its place. Its ends are independent of
 * it: close them on their own.
 *
 * Opening never hangs. A reader opens at once, and its reads wait for the first
 * writer. A writer opens when there is a reader: where `open(2)` says `ENXIO`,
 * {@linkcode Fifo.tryOpenWriter} gives `undefined` and
 * {@linkcode Fifo.openWriter} waits.
 *
 * A reader sees the end when all writers have closed; when another opens it,
 * reading goes on. A server that wants no end uses
 * {@linkcode Fifo.openReadWrite}.
 *
 * @example A FIFO between two parts of a program
 * ```ts
 * import { Fifo } from "@libc/ipc/fifo";
 * import { assertEquals } from "@std/assert";
 *
 * using fifo = Fifo.create(`/tmp/example-${Deno.pid}-pair.fifo`);
 * assertEquals(fifo.tryOpenWriter(), undefined); // nobody reads yet
 *
 * using reader = fifo.openReader();
 * using writer = fifo.openWriterSync();
 * writer.writeSync("hello");
 * writer.close();
 * assertEquals(await new Response(reader.readable).text(), "hello");
 * ```
 */
export class Fifo implements Disposable {
  readonly #node: Fd;
  readonly #path: string;
  readonly #label: string;
  readonly #identity: RawStat;
  readonly #created: boolean;
  readonly #source = new SweepSource();
  #owner: boolean;

  private constructor(path: string, created: boolean, owner: boolean) {
    this.#path = path;
    this.#label = labelOf(path);
    this.#created = created;
    this.#owner = owner;
    const flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    const fd = checkFd(
      fcntl().open(cstring(path, "path"), flags, 0),
      "open",
      "open",
      this.#label,
    );
    this.#node = new Fd(INTERNAL, fd, this.#label);
    try {
      this.#identity = rawStat(fd, this.#label);
      checkKind(this.#identity, this.#label);
    } catch (error) {
      this.#node.close();
      throw error;
    }
  }

  /**
   * `mkfifo`: creates a FIFO, whose path must not be there.
   *
   * See [mkfifo(3)](https://man7.org/linux/man-pages/man3/mkfifo.3.html).
   *
   * @param path A path or a `file:` URL.
   * @throws {IpcError} `EEXIST` when the path is taken, by a dangling symbolic
   * link too, `ENOENT` or `ENOTDIR` when its directory is none, `EACCES`,
   * `EROFS`, `ENOSPC`, `ENAMETOOLONG`, `EMFILE`.
   */
  static create(path: string | URL, options: FifoCreateOptions = {}): Fifo {
    const call = (name: Uint8Array<ArrayBuffer>, mode: number) =>
      sys_stat().mkfifo(name, mode);
    return Fifo.#create(path, options, { syscall: "mkfifo", call });
  }

  /**
   * `mknod(S_IFIFO)`: creates a FIFO, as {@linkcode Fifo.create}.
   *
   * See [mknod(2)](https://man7.org/linux/man-pages/man2/mknod.2.html).
   *
   * @throws {IpcError} As `create`.
   */
  static createNode(path: string | URL, options: FifoCreateOptions = {}): Fifo {
    const call = (name: Uint8Array<ArrayBuffer>, mode: number) =>
      sys_stat().mknod(name, S_IFIFO | mode, 0n);
    return Fifo.#create(path, options, { syscall: "mknod", call });
  }

  /**
   * `open(O_PATH)`: finds the FIFO of a path, without opening an end of it.
   *
   * See [open(2)](https://man7.org/linux/man-pages/man2/open.2.html).
   *
   * @throws {IpcError} `ENOENT` when there is none, `ELOOP` when it is a
   * symbolic link, `ENODEV` when it is another kind of file, `EACCES` when its
   * directory may not be searched.
   */
  static open(path: string | URL): Fifo {
    return new Fifo(absolutePath(path, "path"), false, false);
  }

  /**
   * `open(O_PATH)` and `mkfifo`: finds the FIFO of a path, or creates it when
   * there is none; {@linkcode created} says which.
   *
   * See [mkfifo(3)](https://man7.org/linux/man-pages/man3/mkfifo.3.html).
   *
   * @throws {IpcError} As `open` and `create`.
   */
  static openOrCreate(
    path: string | URL,
    options: FifoCreateOptions = {},
  ): Fifo {
    for (;;) {
      const fifo = unless("ENOENT", () => Fifo.open(path)) ??
        unless(
          "EEXIST",
          () => Fifo.create(path, { owner: false, ...options }),
        );
      if (fifo !== undefined) return fifo;
    }
  }

  static #create(
    path: string | URL,
    options: FifoCreateOptions,
    maker: {
      syscall: string;
      call: (name: Uint8Array<ArrayBuffer>, mode: number) => number;
    },
  ): Fifo {
    const { mode = 0o600, ignoreUmask = false, owner = true } = options;
    checkMode(mode);
    const text = absolutePath(path, "path");
    const label = labelOf(text);
    const name = cstring(text, "path");
    check0(maker.call(name, mode), maker.syscall, "create", label);
    let fifo: Fifo | undefined;
    try {
      fifo = new Fifo(text, true, owner);
      if (ignoreUmask) fifo.#setMode(mode);
      return fifo;
    } catch (error) {
      fifo?.close();
      unistd().unlink(name);
      throw error;
    }
  }

  /** Its absolute path. */
  get path(): string {
    return this.#path;
  }

  /** Whether this handle created it. */
  get created(): boolean {
    return this.#created;
  }

  /** Whether this handle is closed. */
  get closed(): boolean {
    return this.#node.closed;
  }

  /**
   * `open(O_RDONLY)`: opens the reading end, at once.
   *
   * Reads wait for the first writer; they do not take its absence for the end.
   *
   * See [fifo(7)](https://man7.org/linux/man-pages/man7/fifo.7.html).
   *
   * @throws {IpcError} `EACCES` without permission, `ENOENT` when it was
   * removed, `ESTALE` when something else has taken its place, `EMFILE`.
   */
  openReader(): PipeReader {
    const fd = this.#open(O_RDONLY | O_NONBLOCK, "reading");
    const label = `${this.#label} (descriptor ${fd})`;
    return new FifoReader(INTERNAL, new Fd(INTERNAL, fd, label), {
      label,
      nonBlocking: true,
    });
  }

  /**
   * `open(O_WRONLY)`: opens the writing end as soon as there is a reader.
   *
   * No event tells of a reader that comes, so it is looked for again and again:
   * after a millisecond at first, later every 20 ms.
   *
   * See [fifo(7)](https://man7.org/linux/man-pages/man7/fifo.7.html).
   *
   * @throws {IpcError} `ETIMEDOUT` when nobody has opened it for reading;
   * `EACCES`, `ENOENT`, `ESTALE`, `EMFILE` as `openReader`.
   */
  openWriter(options?: WaitOptions): Promise<PipeWriter> {
    return waitUntil(
      () => this.tryOpenWriter(),
      options,
      { syscall: "open", action: "open", object: this.#unread() },
      this.#source,
    );
  }

  /**
   * `open(O_WRONLY)`: as {@linkcode openWriter}, blocking this thread.
   *
   * See [fifo(7)](https://man7.org/linux/man-pages/man7/fifo.7.html).
   *
   * @throws {IpcError} As `openWriter`.
   */
  openWriterSync(options?: SyncWaitOptions): PipeWriter {
    const timeout = timeoutOf(options);
    // At first without waiting, which also refuses what is no FIFO any more.
    let writer = this.tryOpenWriter();
    const block = (mayBlock: boolean) =>
      this.#openWriter(mayBlock ? O_WRONLY : O_WRONLY | O_NONBLOCK);
    if (timeout === undefined) {
      while (writer === undefined) writer = block(true);
    } else {
      writer ??= callUntil(new Deadline(timeout), block);
    }
    if (writer !== undefined) return writer;
    throw timeoutError("open", "open", this.#unread(), timeout ?? 0);
  }

  /**
   * `open(O_WRONLY | O_NONBLOCK)`: opens the writing end; undefined when nobody
   * has opened the other one for reading (`ENXIO`).
   *
   * See [fifo(7)](https://man7.org/linux/man-pages/man7/fifo.7.html).
   *
   * @throws {IpcError} As `openWriter`, but for `ETIMEDOUT`.
   */
  tryOpenWriter(): PipeWriter | undefined {
    return this.#openWriter(O_WRONLY | O_NONBLOCK);
  }

  /**
   * `open(O_RDWR)`: opens both ends, at once.
   *
   * While this writer is open the reader sees no end, however many others come
   * and go: what a server wants. Linux allows it, POSIX leaves it undefined.
   *
   * See [fifo(7)](https://man7.org/linux/man-pages/man7/fifo.7.html).
   *
   * @throws {IpcError} As `openReader`.
   */
  openReadWrite(): PipeEnds {
    const fd = this.#open(O_RDWR | O_NONBLOCK, "reading and writing");
    const label = `${this.#label} (descriptor ${fd})`;
    const handle = new Fd(INTERNAL, fd, label);
    const init = { label, nonBlocking: true };
    try {
      const writer = new PipeWriter(INTERNAL, handle.duplicate(), init);
      return endsOf(new PipeReader(INTERNAL, handle, init), writer);
    } catch (error) {
      handle.close();
      throw error;
    }
  }

  /**
   * `fstat`: what the kernel knows of it.
   *
   * See [fstat(2)](https://man7.org/linux/man-pages/man2/fstat.2.html).
   *
   * @throws {TypeError} When this handle is closed.
   */
  stat(): FileStat {
    return fileStat(this.#node.use("stat"), this.#label);
  }

  /**
   * `unlink`: removes the path; ends that are open go on working.
   *
   * See [unlink(2)](https://man7.org/linux/man-pages/man2/unlink.2.html).
   *
   * @throws {IpcError} `ENOENT` when it is gone, `ESTALE` when something else
   * has taken its place, `EACCES` or `EPERM` without permission.
   */
  remove(): void {
    this.#node.use("remove");
    const error = this.#unlink();
    this.#owner = false;
    if (error !== undefined) throw error;
  }

  /** Gives up this handle; its ends and the FIFO itself stay. */
  close(): void {
    this.#node.close();
    this.#source.poke();
  }

  /**
   * Closes the handle, and removes the path when it is the `owner`, closed or
   * not; not when something else has taken its place.
   */
  [Symbol.dispose](): void {
    try {
      if (!this.#owner) return;
      this.#owner = false;
      const error = this.#unlink();
      if (error && error.code !== "ENOENT" && error.code !== "ESTALE") {
        throw error;
      }
    } finally {
      this.close();
    }
  }

  #openWriter(flags: number): PipeWriter | undefined {
    const fd = this.#tryOpen(flags, "writing");
    if (fd === undefined) return undefined;
    const label = `${this.#label} (descriptor ${fd})`;
    return new PipeWriter(INTERNAL, new Fd(INTERNAL, fd, label), {
      label,
      nonBlocking: (flags & O_NONBLOCK) !== 0,
    });
  }

  #open(flags: number, purpose: string): number {
    for (;;) {
      const fd = this.#tryOpen(flags, purpose);
      if (fd !== undefined) return fd;
    }
  }

  /** Undefined when there is no other end yet, or a signal came first. */
  #tryOpen(flags: number, purpose: string): number | undefined {
    this.#node.use("open");
    const object = `${this.#label} for ${purpose}`;
    const path = cstring(this.#path, "path");
    const fd = fcntl().open(path, flags | SAFE, 0);
    const error = errnoOf(fd);
    if (error === ERRNO.EINTR) return undefined;
    if (error === ERRNO.ENXIO) {
      // A socket that has taken its place says so too.
      const flaw = this.#flaw("open", object);
      if (flaw !== undefined) throw flaw;
      return undefined;
    }
    if (error !== 0) throw ipcError(error, "open", "open", object);
    try {
      if (this.#isSame(rawStat(fd, object))) return fd;
      throw this.#replaced("open", object);
    } catch (error) {
      closeFd(fd, object);
      throw error;
    }
  }

  #unlink(): IpcError | undefined {
    const flaw = this.#flaw("remove", this.#label);
    if (flaw !== undefined) return flaw;
    const path = cstring(this.#path, "path");
    const error = errnoOf(unistd().unlink(path));
    return error === 0
      ? undefined
      : ipcError(error, "unlink", "remove", this.#label);
  }

  /** Why the path is not that of this FIFO, if so. */
  #flaw(action: string, object: string): IpcError | undefined {
    const path = cstring(this.#path, "path");
    const found = new Uint8Array(stat.size);
    const error = errnoOf(sys_stat().lstat(path, found));
    if (error !== 0) return ipcError(error, "lstat", action, object);
    return this.#isSame(stat.read(found))
      ? undefined
      : this.#replaced(action, object);
  }

  #isSame(found: RawStat): boolean {
    const { st_dev, st_ino } = this.#identity;
    return found.st_dev === st_dev && found.st_ino === st_ino &&
      (found.st_mode & S_IFMT) === S_IFIFO;
  }

  #replaced(action: string, object: string): IpcError {
    const reason = "another file has taken its place";
    return fileError(ERRNO.ESTALE, action, object, reason);
  }

  #setMode(mode: number): void {
    // A descriptor of O_PATH has no fchmod, and the path may be another's.
    const path = `/proc/self/fd/${this.#node.use("change")}`;
    check0(
      sys_stat().chmod(cstring(path, "path"), mode),
      "chmod",
      "change",
      this.#label,
    );
  }

  #unread(): string {
    return `${this.#label} for writing, which nobody reads yet`;
  }
}

function checkKind(found: RawStat, label: string): void {
  const type = found.st_mode & S_IFMT;
  if (type === S_IFIFO) return;
  if (type === S_IFLNK) {
    throw fileError(ERRNO.ELOOP, "open", label, "it is a symbolic link");
  }
  const kind = KINDS.get(type) ?? "a device";
  throw fileError(ERRNO.ENODEV, "open", label, `it is ${kind}, not a FIFO`);
}

const KINDS: ReadonlyMap<number, string> = new Map([
  [S_IFREG, "a regular file"],
  [S_IFDIR, "a directory"],
  [S_IFSOCK, "a socket"],
]);

function labelOf(path: string): string {
  return `FIFO ${JSON.stringify(path)}`;
}

function unless<T>(code: string, make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof IpcError && error.code === code) return undefined;
    throw error;
  }
}
