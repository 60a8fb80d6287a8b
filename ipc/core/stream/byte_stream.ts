/**
 * Byte streams on a descriptor, for pipes, FIFOs and stream sockets.
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

/**
 * Most calls of one attempt, so that a long write does not block the event
 * loop.
 */
const MAX_CALLS = 16;

/**
 * The reading end of a byte stream.
 *
 * Pending reads are served in order: while one is pending, {@linkcode tryRead}
 * returns `undefined` and {@linkcode readSync} throws. A read that is aborted
 * or times out has consumed nothing.
 *
 * @example Read from a pipe
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

  /** The number of bytes that this object has read. */
  get bytesRead(): number {
    return this.moved;
  }

  /**
   * `read`: reads the available bytes, and waits until there is at least one.
   *
   * Resolves with the number of bytes, or null when all writers have closed
   * their end and everything has been read. Do not touch the buffer until then.
   *
   * See [read(2)](https://man7.org/linux/man-pages/man2/read.2.html).
   *
   * @throws {IpcError} `ETIMEDOUT`; `ECONNRESET` on a socket.
   * @throws {TypeError} When this end is closed before or during the call.
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
   * `read`: as {@linkcode read}, but blocks this thread.
   *
   * @throws {TypeError} When this end is closed, or a `read()` is pending.
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
   * `read`: as {@linkcode read}, but returns undefined instead of waiting.
   */
  tryRead(buffer: Uint8Array): number | null | undefined {
    if (!this.source.busy) return this.attempt(buffer);
    this.use();
    return undefined;
  }

  /**
   * The bytes up to the end as a web stream, which can read into the consumer's
   * buffers (BYOB). It reads no more than requested.
   *
   * The end of the stream, an error or `cancel()` closes this object.
   */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= readableOf(this);
  }

  /**
   * Yields the bytes up to the end, each piece as it arrives. Leaving the loop
   * early loses no bytes and does not close this end.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array<ArrayBuffer>> {
    return chunks(this, CHUNK);
  }

  /** @ignore */
  [READINESS](): Readiness {
    return fdReadiness(this.handle, this.#subject);
  }

  /**
   * Makes the call that reads, which must not block. Returns -1 and sets errno
   * when it fails.
   *
   * @ignore
   */
  protected receive(fd: number, buffer: Uint8Array, length: number): number {
    const bytes = buffer as Uint8Array<ArrayBuffer>;
    return unistd().read(fd, bytes, length);
  }

  /**
   * Returns the meaning of a read of 0 bytes: the `"end"`, `"wait"` for more
   * bytes, or read `"again"`.
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
   * Reads without waiting, even if other reads are pending.
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
 * The writing end of a byte stream.
 *
 * Pending writes are made in order and never mixed: while one is pending,
 * {@linkcode tryWrite} returns `undefined` and {@linkcode writeSync} throws.
 *
 * A write that is aborted or times out may have been made in part;
 * {@linkcode bytesWritten} counts these bytes. Up to 4,096 bytes (`PIPE_BUF`)
 * are written to a pipe or FIFO completely or not at all.
 *
 * Writing without a reader fails with an `IpcError` of code `EPIPE`. Deno
 * ignores `SIGPIPE`, so it does not end the process.
 *
 * @example Find out how much an aborted write has written
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
   * The number of bytes that this object has written, including those of writes
   * that were aborted or failed halfway.
   */
  get bytesWritten(): number {
    return this.moved;
  }

  /**
   * `write`: writes all of the data, and waits for writability as needed.
   *
   * @param data Bytes, which must not change until the promise is settled, or
   * text to write as UTF-8.
   *
   * See [write(2)](https://man7.org/linux/man-pages/man2/write.2.html).
   *
   * @throws {IpcError} `ETIMEDOUT`, `EPIPE` without a reader; `ECONNRESET` on a
   * socket.
   * @throws {TypeError} When this end is closed before or during the call.
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
   * `write`: as {@linkcode write}, but blocks this thread.
   *
   * @throws {TypeError} When this end is closed, or a `write()` is pending.
   */
  writeSync(data: Uint8Array | string, options?: SyncWaitOptions): void {
    const timeout = timeoutOf(options);
    const bytes = payloadOf(data);
    this.refuseWhileBusy();
    // Usually this is enough.
    const count = this.#attempt(bytes);
    if (count === bytes.length) return;
    const rest = new Rest(bytes, this);
    rest.offset = count ?? 0;
    const place = { fd: this.handle, events: POLLOUT };
    blockUntil(() => this.#advance(rest), timeout, rest, place);
  }

  /**
   * `write`: as {@linkcode write}, but writes only as much as is possible at
   * once. Returns the number of bytes, or undefined when none can be written.
   */
  tryWrite(data: Uint8Array | string): number | undefined {
    const bytes = payloadOf(data);
    if (!this.source.busy) return this.#attempt(bytes);
    this.use();
    return undefined;
  }

  /**
   * This end as a web stream. A write is done when the kernel has all its
   * bytes.
   *
   * Its `close()` or `abort()`, or an error, closes this object.
   */
  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= writableOf(this);
  }

  /**
   * Makes the call that writes, which must not block. Returns -1 and sets errno
   * when it fails.
   *
   * @ignore
   */
  protected send(fd: number, data: Uint8Array, length: number): number {
    const bytes = data as Uint8Array<ArrayBuffer>;
    return unistd().write(fd, bytes, length);
  }

  /** Continues a write; true when it is complete. */
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

/** A write in progress, which is also the subject of its wait. */
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

  /** The bytes that are still to be written. */
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
