/**
 * Streams of bytes on a descriptor: what pipes, FIFOs and stream sockets share.
 *
 * @module
 */

import { ERRNO, ipcError } from "../../../ffi/errno.ts";
import { errno } from "../../../ffi/libc/errno.ts";
import { POLLIN, POLLOUT } from "../../../ffi/libc/poll.ts";
import { unistd } from "../../../ffi/libc/unistd.ts";
import { shown } from "../convert/argument.ts";
import {
  checkLength,
  checkMemory,
  MAX_COUNT,
  payloadOf,
} from "../convert/bytes.ts";
import type { Fd } from "../handle/fd.ts";
import { onlyInternal } from "../handle/internal.ts";
import {
  type SyncWaitOptions,
  timeoutOf,
  type WaitOptions,
} from "../wait/options.ts";
import { blockUntil } from "../wait/poll.ts";
import { fdReadiness } from "../wait/readiness.ts";
import { type WaitSubject, waitUntil } from "../wait/wait.ts";
import { READINESS, type Readiness, type Waitable } from "../wait/wait_any.ts";
import { CHUNK, chunks, readableOf, writableOf } from "./_web_streams.ts";
import { FdEnd, type FdEndInit } from "./fd_end.ts";

export { FdEnd, type FdEndInit } from "./fd_end.ts";

/** Most calls of one attempt, so that a long write lets the event loop turn. */
const MAX_CALLS = 16;

/**
 * The reading end of a stream of bytes.
 *
 * Reads that wait are served in their order, and never overtaken: while one
 * waits, {@linkcode tryRead} gives `undefined` and {@linkcode readSync} throws.
 * A read that is aborted or times out has taken nothing.
 *
 * @example Read what a pipe holds
 * ```ts
 * import { pipe } from "@libc/ipc/pipe";
 * import { assertEquals } from "@std/assert";
 *
 * using ends = pipe();
 * ends.writer.writeSync("hello");
 * ends.writer.close();
 *
 * const buffer = new Uint8Array(100);
 * assertEquals(await ends.reader.read(buffer), 5);
 * assertEquals(await ends.reader.read(buffer), null);
 * ```
 */
export class FdReader extends FdEnd implements Waitable {
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;

  /** @ignore Use the functions that open something. */
  constructor(token: unknown, handle: Fd, init: FdEndInit) {
    onlyInternal(token, new.target.name);
    super(handle, init, false);
  }

  /** How many bytes have been read by this object. */
  get bytesRead(): number {
    return this.moved;
  }

  /**
   * `read`: reads what there is, at least one byte; waits for it if need be.
   *
   * Resolves with the number of bytes, or null when all writers have closed
   * their end and everything is read. The buffer must stay as it is meanwhile.
   *
   * See [read(2)](https://man7.org/linux/man-pages/man2/read.2.html).
   *
   * @throws {IpcError} `ETIMEDOUT`; `ECONNRESET` of a socket.
   * @throws {TypeError} When this end is closed, before or meanwhile.
   */
  read(buffer: Uint8Array, options?: WaitOptions): Promise<number | null> {
    return waitUntil(
      () => this.attempt(buffer),
      options,
      this.#subject,
      this.source,
    );
  }

  /**
   * `read`: as {@linkcode read}, blocking this thread.
   *
   * See [read(2)](https://man7.org/linux/man-pages/man2/read.2.html).
   *
   * @throws {IpcError} As `read`.
   * @throws {TypeError} When this end is closed, or a `read()` waits on it.
   */
  readSync(buffer: Uint8Array, options?: SyncWaitOptions): number | null {
    const timeout = timeoutOf(options);
    this.refuseWhileBusy();
    const place = { fd: this.handle, events: POLLIN };
    return blockUntil(
      () => this.attempt(buffer),
      timeout,
      this.#subject,
      place,
    );
  }

  /**
   * `read`: reads what there is at once; undefined when it would have to wait.
   *
   * See [read(2)](https://man7.org/linux/man-pages/man2/read.2.html).
   *
   * @throws {IpcError} As `read`, but for `ETIMEDOUT`.
   * @throws {TypeError} When this end is closed.
   */
  tryRead(buffer: Uint8Array): number | null | undefined {
    if (!this.source.busy) return this.attempt(buffer);
    this.use();
    return undefined;
  }

  /**
   * All bytes to the end as a web stream, which can read into buffers of the
   * consumer's (BYOB). It reads no more than is asked for.
   *
   * Its end, an error and `cancel()` close this end of the stream.
   */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= readableOf(this);
  }

  /**
   * The bytes to the end, in the pieces in which they come. Leaving the loop
   * early loses nothing and closes nothing: reading can go on.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array<ArrayBuffer>> {
    return chunks(this, CHUNK);
  }

  /** @ignore */
  [READINESS](): Readiness {
    return fdReadiness(this.handle, this.#subject);
  }

  /**
   * The call that reads, which must not block. Gives -1 and errno when it fails.
   *
   * @ignore
   */
  protected receive(fd: number, buffer: Uint8Array, length: number): number {
    const bytes = buffer as Uint8Array<ArrayBuffer>;
    return unistd().read(fd, bytes, length);
  }

  /**
   * What reading 0 bytes means: `"end"`, `"wait"` for what may still come, or
   * to read `"again"`.
   *
   * @ignore
   */
  nothing(_fd: number): "end" | "wait" | "again" {
    return "end";
  }

  get #subject(): WaitSubject {
    const { syscall, action, label } = this;
    return { syscall, action, object: label };
  }

  /**
   * Reads without waiting, and without regard to those who wait.
   *
   * @ignore
   */
  attempt(buffer: Uint8Array): number | null | undefined {
    const fd = this.use();
    const length = roomOf(buffer);
    if (length === 0) return 0;
    for (;;) {
      const count = this.receive(fd, buffer, length);
      if (count > 0) {
        this.moved += count;
        return count;
      }
      const error = errno[0];
      if (count === 0) {
        const meaning = this.nothing(fd);
        if (meaning === "end") return null;
        if (meaning === "wait") return undefined;
      } else if (error === ERRNO.EAGAIN) {
        return undefined;
      } else if (error !== ERRNO.EINTR) {
        throw ipcError(error, this.syscall, this.action, this.label);
      }
    }
  }
}

/**
 * The writing end of a stream of bytes.
 *
 * Writes that wait are done in their order and never mixed: while one is under
 * way, {@linkcode tryWrite} gives `undefined` and {@linkcode writeSync} throws.
 *
 * A write that is aborted or times out may have gone out in part;
 * {@linkcode bytesWritten} counts what did. To a pipe or FIFO, up to 4,096
 * bytes (`PIPE_BUF`) go out whole or not at all.
 *
 * Writing when nobody can read any more is an `IpcError` `EPIPE`: Deno ignores
 * `SIGPIPE`, so it never ends the process.
 *
 * @example Know what an aborted write has done
 * ```ts
 * import { pipe } from "@libc/ipc/pipe";
 * import { assert, assertRejects } from "@std/assert";
 *
 * using ends = pipe({ capacity: 65536 });
 * const data = new Uint8Array(100_000);
 * await assertRejects(() => ends.writer.write(data, { timeout: 10 }));
 * assert(ends.writer.bytesWritten === 65536);
 * ```
 */
export class FdWriter extends FdEnd {
  #writable: WritableStream<Uint8Array> | undefined;

  /** @ignore Use the functions that open something. */
  constructor(token: unknown, handle: Fd, init: FdEndInit) {
    onlyInternal(token, new.target.name);
    super(handle, init, true);
  }

  /**
   * How many bytes this object has written, those of writes that were aborted
   * or failed half-way included.
   */
  get bytesWritten(): number {
    return this.moved;
  }

  /**
   * `write`: writes all of the data as soon as there is room for it.
   *
   * @param data Bytes, which must stay as they are meanwhile, or text to write
   * as UTF-8.
   *
   * See [write(2)](https://man7.org/linux/man-pages/man2/write.2.html).
   *
   * @throws {IpcError} `ETIMEDOUT`, `EPIPE` when nobody can read any more;
   * `ECONNRESET` of a socket.
   * @throws {TypeError} When this end is closed, before or meanwhile.
   */
  write(data: Uint8Array | string, options?: WaitOptions): Promise<void> {
    try {
      const rest = new Rest(payloadOf(data), this);
      return waitUntil(
        () => this.#advance(rest),
        options,
        rest,
        this.source,
      ) as Promise<unknown> as Promise<void>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * `write`: as {@linkcode write}, blocking this thread.
   *
   * See [write(2)](https://man7.org/linux/man-pages/man2/write.2.html).
   *
   * @throws {IpcError} As `write`.
   * @throws {TypeError} When this end is closed, or a `write()` waits on it.
   */
  writeSync(data: Uint8Array | string, options?: SyncWaitOptions): void {
    const timeout = timeoutOf(options);
    const bytes = payloadOf(data);
    this.refuseWhileBusy();
    // The usual case needs no more than this.
    const count = this.#attempt(bytes);
    if (count === bytes.length) return;
    const rest = new Rest(bytes, this);
    rest.offset = count ?? 0;
    const place = { fd: this.handle, events: POLLOUT };
    blockUntil(() => this.#advance(rest), timeout, rest, place);
  }

  /**
   * `write`: writes as much of the data as there is room for, and gives the
   * number of bytes; undefined when that is none.
   *
   * See [write(2)](https://man7.org/linux/man-pages/man2/write.2.html).
   *
   * @throws {IpcError} As `write`, but for `ETIMEDOUT`.
   * @throws {TypeError} When this end is closed.
   */
  tryWrite(data: Uint8Array | string): number | undefined {
    const bytes = payloadOf(data);
    if (!this.source.busy) return this.#attempt(bytes);
    this.use();
    return undefined;
  }

  /**
   * A web stream whose writes are done when the kernel has all their bytes.
   *
   * `close()` and `abort()` of it, and an error, close this end of the stream.
   */
  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= writableOf(this);
  }

  /**
   * The call that writes, which must not block. Gives -1 and errno when it fails.
   *
   * @ignore
   */
  protected send(fd: number, data: Uint8Array, length: number): number {
    const bytes = data as Uint8Array<ArrayBuffer>;
    return unistd().write(fd, bytes, length);
  }

  /** Writes on; true when everything is out. */
  #advance(rest: Rest): true | undefined {
    for (let calls = 0; calls < MAX_CALLS; calls++) {
      const count = this.#attempt(rest.bytes);
      if (count === undefined) return undefined;
      rest.offset += count;
      if (rest.offset === rest.total) return true;
      this.source.advanced = true;
    }
    return undefined;
  }

  #attempt(bytes: Uint8Array): number | undefined {
    const fd = this.use();
    const length = Math.min(bytes.length, MAX_COUNT);
    if (length === 0) return 0;
    for (;;) {
      const count = this.send(fd, bytes, length);
      if (count >= 0) {
        this.moved += count;
        return count;
      }
      const error = errno[0];
      if (error === ERRNO.EAGAIN) return undefined;
      if (error !== ERRNO.EINTR) {
        throw ipcError(
          error,
          this.syscall,
          this.action,
          this.label,
          error === ERRNO.EPIPE ? "nobody can read it any more" : undefined,
        );
      }
    }
  }
}

/** A write under way, which is also the subject of its wait. */
class Rest implements WaitSubject {
  readonly syscall: string;
  readonly action: string;
  readonly total: number;
  offset = 0;
  readonly #bytes: Uint8Array;
  readonly #label: string;

  constructor(bytes: Uint8Array, writer: FdWriter) {
    this.#bytes = bytes;
    this.#label = writer.label;
    this.syscall = writer.syscall;
    this.action = writer.action;
    this.total = bytes.length;
  }

  /** What is still to be written. */
  get bytes(): Uint8Array {
    checkLength(this.#bytes, this.total, this.action, this.#label);
    return this.offset === 0 ? this.#bytes : this.#bytes.subarray(this.offset);
  }

  get object(): string {
    return this.offset === 0
      ? this.#label
      : `the rest of ${this.total} bytes to ${this.#label} after ${this.offset}`;
  }
}

function roomOf(buffer: Uint8Array): number {
  if (!(buffer instanceof Uint8Array)) {
    throw new TypeError(`buffer must be a Uint8Array, got ${shown(buffer)}`);
  }
  const { length } = buffer;
  if (length === 0) checkMemory(buffer, "buffer");
  return Math.min(length, MAX_COUNT);
}
