/**
 * The ends of pipes and FIFOs.
 *
 * @module
 */

import { checkInt, ERRNO, errnoOf, ipcError } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  F_GETPIPE_SZ,
  F_SETPIPE_SZ,
  fcntl,
  O_RDONLY,
  O_WRONLY,
} from "../../ffi/libc/fcntl.ts";
import { POLLHUP, POLLIN } from "../../ffi/libc/poll.ts";
import { integer } from "../core/convert/argument.ts";
import type { AdoptOptions } from "../core/handle/adopt_fd.ts";
import type { Fd } from "../core/handle/fd.ts";
import { INTERNAL } from "../core/handle/internal.ts";
import { FdReader, FdWriter } from "../core/stream/byte_stream.ts";
import type { SyncWaitOptions, WaitOptions } from "../core/wait/options.ts";
import { pollNow } from "../core/wait/poll.ts";
import { promised } from "../core/wait/wait.ts";
import { adoptPipe } from "./_adopt.ts";
import { Splice } from "./_splice.ts";

/** Options of {@linkcode PipeReader.spliceSync}. */
export interface SpliceSyncOptions extends SyncWaitOptions {
  /**
   * The maximum number of bytes to move.
   *
   * @default {1048576}
   */
  length?: number | undefined;
}

/** Options of {@linkcode PipeReader.splice}. */
export interface SpliceOptions extends SpliceSyncOptions, WaitOptions {}

/** The reading end of a pipe or FIFO. */
export class PipeReader extends FdReader {
  /**
   * `open("/proc/self/fd/…")`: wraps the reading end behind a descriptor that
   * was inherited, or received over a socket. Standard input is 0.
   *
   * The descriptor is opened a second time, so that only this end is
   * non-blocking, and stays the caller's, unless `takeOver` is set.
   *
   * See [proc_pid_fd(5)](https://man7.org/linux/man-pages/man5/proc_pid_fd.5.html).
   *
   * @throws {IpcError} `EINVAL` when it is not a pipe, `EBADF` when it is not
   * open, or open for writing only, `EMFILE`.
   *
   * @example In a program that spawn() gave a pipe as descriptor 3
   * ```ts ignore
   * import { PipeReader } from "@libc/ipc/pipe";
   * import { inheritedFd } from "@libc/ipc/spawn";
   *
   * using reader = PipeReader.fromFd(inheritedFd(3), { takeOver: true });
   * ```
   */
  static fromFd(fd: Fd | number, options: AdoptOptions = {}): PipeReader {
    return new PipeReader(INTERNAL, ...adoptPipe(fd, options, O_WRONLY));
  }

  /**
   * `fcntl(F_GETPIPE_SZ)`: the capacity of the pipe in bytes.
   *
   * See [pipe(7)](https://man7.org/linux/man-pages/man7/pipe.7.html).
   *
   * @throws {TypeError} When this end is closed.
   */
  get capacity(): number {
    return capacityOf(this.handle.use("look at"), this.label);
  }

  /**
   * `fcntl(F_SETPIPE_SZ)`: sets the capacity of the pipe in bytes, rounded up
   * to a power of two of at least a page; returns the new capacity.
   *
   * See [fcntl(2)](https://man7.org/linux/man-pages/man2/fcntl.2.html).
   *
   * @throws {IpcError} `EPERM` beyond `/proc/sys/fs/pipe-max-size` (1 MiB)
   * without `CAP_SYS_RESOURCE`, `EBUSY` when the pipe holds more bytes now.
   */
  resize(capacity: number): number {
    return resize(this.handle.use("resize"), this.label, capacity);
  }

  /**
   * An empty pipe without writers is at its end only if it had a writer: a FIFO
   * may still wait for its first one.
   *
   * @ignore
   */
  override nothing(fd: number): "end" | "wait" | "again" {
    // The kernel reports POLLHUP only if there has been a writer.
    const events = pollNow(fd, POLLIN);
    if ((events & POLLIN) !== 0) return "again";
    return (events & POLLHUP) === 0 ? "wait" : "end";
  }

  /**
   * `splice`: moves bytes to another descriptor without copying them through
   * this process; waits until there are some and the target is writable.
   *
   * Resolves with the number of bytes moved, at least one, or with null at the
   * end. Reads and writes of the same two ends keep their order. A target given
   * by number or as an `Fd` must be a file, a pipe or non-blocking, or this
   * thread may block; for a socket, pass its `writer`. A splice that is aborted
   * or times out has moved nothing.
   *
   * See [splice(2)](https://man7.org/linux/man-pages/man2/splice.2.html).
   *
   * @throws {IpcError} `ETIMEDOUT`, `EPIPE` when nobody reads the target,
   * `EINVAL` when it is in append mode or cannot be spliced to, `EBADF`.
   *
   * @example Pass everything on
   * ```ts
   * import { pipe } from "@libc/ipc/pipe";
   * import { assertEquals } from "@std/assert";
   *
   * using from = pipe();
   * using to = pipe();
   * from.writer.writeSync("hello");
   * from.writer.close();
   *
   * while (await from.reader.splice(to.writer) !== null);
   * to.writer.close();
   * assertEquals(await new Response(to.reader.readable).text(), "hello");
   * ```
   */
  splice(
    target: FdWriter | Fd | number,
    options: SpliceOptions = {},
  ): Promise<number | null> {
    return promised(() =>
      new Splice(this, target, options.length).async(options)
    );
  }

  /**
   * `splice`: as {@linkcode splice}, blocking this thread.
   *
   * @throws {TypeError} When an end is closed, or an asynchronous call waits.
   */
  spliceSync(
    target: FdWriter | Fd | number,
    options: SpliceSyncOptions = {},
  ): number | null {
    return new Splice(this, target, options.length).sync(options);
  }

  /**
   * `splice(SPLICE_F_NONBLOCK)`: as {@linkcode splice}, without waiting;
   * undefined when there is nothing to read or the target is not writable.
   *
   * @param length The maximum number of bytes to move.
   */
  trySplice(
    target: FdWriter | Fd | number,
    length?: number,
  ): number | null | undefined {
    return new Splice(this, target, length).try();
  }
}

/** The writing end of a pipe or FIFO. */
export class PipeWriter extends FdWriter {
  /**
   * `open("/proc/self/fd/…")`: wraps the writing end behind a descriptor, as
   * {@linkcode PipeReader.fromFd}. Standard output is 1.
   *
   * See [proc_pid_fd(5)](https://man7.org/linux/man-pages/man5/proc_pid_fd.5.html).
   *
   * @throws {IpcError} `EINVAL` when it is not a pipe, `EBADF` when it is not
   * open, or open for reading only, `EMFILE`.
   */
  static fromFd(fd: Fd | number, options: AdoptOptions = {}): PipeWriter {
    return new PipeWriter(INTERNAL, ...adoptPipe(fd, options, O_RDONLY));
  }

  /**
   * `fcntl(F_GETPIPE_SZ)`: the capacity of the pipe in bytes.
   *
   * See [pipe(7)](https://man7.org/linux/man-pages/man7/pipe.7.html).
   *
   * @throws {TypeError} When this end is closed.
   */
  get capacity(): number {
    return capacityOf(this.handle.use("look at"), this.label);
  }

  /**
   * `fcntl(F_SETPIPE_SZ)`: sets the capacity of the pipe in bytes, as
   * {@linkcode PipeReader.resize}.
   *
   * See [fcntl(2)](https://man7.org/linux/man-pages/man2/fcntl.2.html).
   *
   * @throws {IpcError} `EPERM` beyond `/proc/sys/fs/pipe-max-size` (1 MiB)
   * without `CAP_SYS_RESOURCE`, `EBUSY` when the pipe holds more bytes now.
   */
  resize(capacity: number): number {
    return resize(this.handle.use("resize"), this.label, capacity);
  }
}

/** Both ends of a pipe or FIFO; disposing closes both. */
export interface PipeEnds extends Disposable {
  /** The end to read from. */
  readonly reader: PipeReader;
  /** The end to write to. */
  readonly writer: PipeWriter;
}

/**
 * Combines two ends into one disposable object.
 *
 * @ignore
 */
export function endsOf(reader: PipeReader, writer: PipeWriter): PipeEnds {
  return {
    reader,
    writer,
    [Symbol.dispose]() {
      writer.close();
      reader.close();
    },
  };
}

function capacityOf(fd: number, label: string): number {
  return checkInt(
    fcntl().fcntl(fd, F_GETPIPE_SZ),
    errno[0],
    "fcntl",
    "look at",
    label,
  );
}

function resize(fd: number, label: string, capacity: number): number {
  integer(capacity, "capacity", 1, 0x7fff_ffff);
  const made = fcntl().fcntl_int(fd, F_SETPIPE_SZ, capacity);
  const error = errnoOf(made, errno[0]);
  if (error === 0) return made;
  const hint = error === ERRNO.EPERM
    ? "/proc/sys/fs/pipe-max-size says how much is permitted"
    : undefined;
  const object = `${label} to ${capacity} bytes`;
  throw ipcError(error, "fcntl", "resize", object, hint);
}
