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

import { timeoutError } from "../../ffi/errno.ts";
import {
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
} from "../../ffi/libc/fcntl.ts";
import { type FileStat, fileStat } from "../core/file/file.ts";
import { Fd } from "../core/handle/fd.ts";
import { showing } from "../core/handle/inspect.ts";
import { INTERNAL, onlyInternal } from "../core/handle/internal.ts";
import { openOrCreate } from "../core/handle/open_or_create.ts";
import { Deadline } from "../core/wait/deadline.ts";
import {
  type SyncWaitOptions,
  timeoutOf,
  type WaitOptions,
} from "../core/wait/options.ts";
import { PollingSource } from "../core/wait/source.ts";
import { callUntil } from "../core/wait/timer_interrupt.ts";
import { waitUntil } from "../core/wait/wait.ts";
import { FifoNode } from "./_fifo_node.ts";
import { endsOf, type PipeEnds, PipeReader, PipeWriter } from "./pipe_end.ts";

export type { FileStat } from "../core/file/file.ts";
export type { AdoptOptions } from "../core/handle/adopt_fd.ts";
export type { SyncWaitOptions, WaitOptions } from "../core/wait/options.ts";
export type { FdEnd, FdEndInit } from "../core/stream/fd_end.ts";
export { FdReader, FdWriter } from "../core/stream/byte_stream.ts";
export { Fd } from "../core/handle/fd.ts";
export {
  type PipeEnds,
  PipeReader,
  PipeWriter,
  type SpliceOptions,
  type SpliceSyncOptions,
} from "./pipe_end.ts";
export { PIPE_BUF } from "../../ffi/libc/limits.ts";
export type { Waitable } from "../core/wait/wait_any.ts";

/** Options of {@linkcode Fifo.create} and {@linkcode Fifo.createNode}. */
export interface FifoCreateOptions {
  /**
   * Permission bits, less the umask.
   *
   * @default {0o600}
   */
  mode?: number | undefined;
  /**
   * Sets `mode` exactly, regardless of the umask (`chmod`).
   *
   * @default {false}
   */
  ignoreUmask?: boolean | undefined;
  /**
   * Whether disposing also removes the path.
   *
   * @default {true} false for `openOrCreate`
   */
  owner?: boolean | undefined;
}

/**
 * A FIFO: a pipe that processes find by a path.
 *
 * The handle holds the inode, so that it opens and removes this FIFO and never
 * a file that has taken its place. The ends are independent of the handle and
 * have to be closed separately.
 *
 * Opening never hangs. A reader opens at once, and its reads wait for the first
 * writer. A writer opens when there is a reader: where `open(2)` fails with
 * `ENXIO`, {@linkcode Fifo.tryOpenWriter} returns `undefined` and
 * {@linkcode Fifo.openWriter} waits.
 *
 * A reader sees the end when all writers have closed, and can read on when
 * another opens. A server that wants no end uses
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
  readonly #node: FifoNode;
  readonly #created: boolean;
  readonly #source = new PollingSource();
  #owner: boolean;

  private constructor(
    token: unknown,
    node: FifoNode,
    created: boolean,
    owner: boolean,
  ) {
    onlyInternal(token, "Fifo");
    this.#node = node;
    this.#created = created;
    this.#owner = owner;
  }

  /**
   * `mkfifo`: creates a FIFO; the path must not exist.
   *
   * See [mkfifo(3)](https://man7.org/linux/man-pages/man3/mkfifo.3.html).
   *
   * @param path A path or a `file:` URL.
   * @throws {IpcError} `EEXIST` when the path exists, even as a dangling
   * symbolic link, `ENOENT` or `ENOTDIR` when its directory does not exist or
   * is not one, `EACCES`, `EROFS`, `ENOSPC`, `ENAMETOOLONG`, `EMFILE`.
   */
  static create(path: string | URL, options: FifoCreateOptions = {}): Fifo {
    return Fifo.#create("mkfifo", path, options);
  }

  /**
   * `mknod(S_IFIFO)`: as {@linkcode Fifo.create}.
   *
   * See [mknod(2)](https://man7.org/linux/man-pages/man2/mknod.2.html).
   */
  static createNode(path: string | URL, options: FifoCreateOptions = {}): Fifo {
    return Fifo.#create("mknod", path, options);
  }

  /**
   * `open(O_PATH)`: finds an existing FIFO, without opening an end of it.
   *
   * See [open(2)](https://man7.org/linux/man-pages/man2/open.2.html).
   *
   * @throws {IpcError} `ENOENT` when there is none, `ELOOP` when it is a
   * symbolic link, `ENODEV` when it is another kind of file, `EACCES` when its
   * directory may not be searched.
   */
  static open(path: string | URL): Fifo {
    return new Fifo(INTERNAL, FifoNode.open(path), false, false);
  }

  /**
   * `open(O_PATH)` and `mkfifo`: finds an existing FIFO, or creates it;
   * {@linkcode created} says which.
   *
   * See [mkfifo(3)](https://man7.org/linux/man-pages/man3/mkfifo.3.html).
   *
   * @throws {IpcError} As `open` and `create`.
   */
  static openOrCreate(
    path: string | URL,
    options: FifoCreateOptions = {},
  ): Fifo {
    return openOrCreate(
      () => Fifo.open(path),
      () => Fifo.create(path, { ...options, owner: options.owner ?? false }),
    );
  }

  static #create(
    syscall: "mkfifo" | "mknod",
    path: string | URL,
    options: FifoCreateOptions,
  ): Fifo {
    const { mode = 0o600, ignoreUmask = false, owner = true } = options;
    const node = FifoNode.create(syscall, path, { mode, ignoreUmask });
    return new Fifo(INTERNAL, node, true, owner);
  }

  /** Its absolute path. */
  get path(): string {
    return this.#node.path;
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
   * `open(O_RDONLY)`: opens the reading end at once.
   *
   * Reads wait for the first writer instead of reporting the end.
   *
   * See [fifo(7)](https://man7.org/linux/man-pages/man7/fifo.7.html).
   *
   * @throws {IpcError} `EACCES` without permission, `ENOENT` when it was
   * removed, `ESTALE` when something else has taken its place, `EMFILE`.
   */
  openReader(): PipeReader {
    const fd = this.#node.open(O_RDONLY | O_NONBLOCK, "reading");
    const { handle, label } = this.#end(fd);
    return new PipeReader(INTERNAL, handle, { label, nonBlocking: true });
  }

  /**
   * `open(O_WRONLY)`: opens the writing end as soon as there is a reader.
   *
   * The kernel reports no event when a reader opens, so this polls: after a
   * millisecond at first, later every 25 ms.
   *
   * See [fifo(7)](https://man7.org/linux/man-pages/man7/fifo.7.html).
   *
   * @throws {IpcError} `ETIMEDOUT` without a reader; `EACCES`, `ENOENT`,
   * `ESTALE`, `EMFILE` as `openReader`.
   */
  openWriter(options?: WaitOptions): Promise<PipeWriter> {
    return waitUntil(
      () => this.tryOpenWriter(),
      options,
      { syscall: "open", action: "open", object: this.#unread() },
      this.#source,
    );
  }

  /** `open(O_WRONLY)`: as {@linkcode openWriter}, blocking this thread. */
  openWriterSync(options?: SyncWaitOptions): PipeWriter {
    const timeout = timeoutOf(options);
    // Try without blocking first: this also refuses a file that replaced the
    // FIFO.
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
   * `open(O_WRONLY | O_NONBLOCK)`: as {@linkcode openWriter}, without waiting;
   * undefined when there is no reader (`ENXIO`).
   */
  tryOpenWriter(): PipeWriter | undefined {
    return this.#openWriter(O_WRONLY | O_NONBLOCK);
  }

  /**
   * `open(O_RDWR)`: opens both ends at once.
   *
   * The reader sees no end, however many other writers come and go, as a server
   * wants. Linux allows this; POSIX leaves it undefined.
   *
   * See [fifo(7)](https://man7.org/linux/man-pages/man7/fifo.7.html).
   *
   * @throws {IpcError} As `openReader`.
   */
  openReadWrite(): PipeEnds {
    const fd = this.#node.open(O_RDWR | O_NONBLOCK, "reading and writing");
    const { handle, label } = this.#end(fd);
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
   * `fstat`: owner, permissions and times.
   *
   * See [fstat(2)](https://man7.org/linux/man-pages/man2/fstat.2.html).
   *
   * @throws {TypeError} When this handle is closed.
   */
  stat(): FileStat {
    return fileStat(this.#node.use("stat"), this.#node.label);
  }

  /**
   * `unlink`: removes the path; open ends continue to work.
   *
   * See [unlink(2)](https://man7.org/linux/man-pages/man2/unlink.2.html).
   *
   * @throws {IpcError} `ENOENT` when it was removed, `ESTALE` when something
   * else has taken its place, `EACCES` or `EPERM` without permission.
   */
  remove(): void {
    this.#node.use("remove");
    const error = this.#node.unlink();
    this.#owner = false;
    if (error !== undefined) throw error;
  }

  /** Closes this handle; its ends and the FIFO itself stay. */
  close(): void {
    this.#node.close();
    this.#source.poke();
  }

  /**
   * Closes the handle. An `owner` also removes the path, even if it was closed
   * before, unless something else has taken the FIFO's place.
   */
  [Symbol.dispose](): void {
    try {
      if (!this.#owner) return;
      this.#owner = false;
      const error = this.#node.unlink();
      if (error && error.code !== "ENOENT" && error.code !== "ESTALE") {
        throw error;
      }
    } finally {
      this.close();
    }
  }

  #openWriter(flags: number): PipeWriter | undefined {
    const fd = this.#node.tryOpen(flags, "writing");
    if (fd === undefined) return undefined;
    const { handle, label } = this.#end(fd);
    const nonBlocking = (flags & O_NONBLOCK) !== 0;
    return new PipeWriter(INTERNAL, handle, { label, nonBlocking });
  }

  #end(fd: number): { handle: Fd; label: string } {
    const label = `${this.#node.label} (descriptor ${fd})`;
    return { handle: new Fd(INTERNAL, fd, label), label };
  }

  #unread(): string {
    return `${this.#node.label} for writing, which nobody reads yet`;
  }
}

showing(Fifo, ({ path, created }) => ({ path, created }));
