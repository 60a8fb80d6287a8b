/**
 * `splice`: moves bytes of a pipe without copying them through this process.
 *
 * @module
 */

import {
  ERRNO,
  errnoOf,
  IpcError,
  ipcError,
  timeoutError,
} from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  fcntl,
  SPLICE_F_MOVE,
  SPLICE_F_NONBLOCK,
} from "../../ffi/libc/fcntl.ts";
import { POLLIN, POLLOUT } from "../../ffi/libc/poll.ts";
import { integer, size } from "../core/convert/argument.ts";
import { MAX_COUNT } from "../core/convert/bytes.ts";
import { duplicateFd } from "../core/handle/duplicate_fd.ts";
import { Fd } from "../core/handle/fd.ts";
import { INTERNAL } from "../core/handle/internal.ts";
import { type FdReader, FdWriter } from "../core/stream/byte_stream.ts";
import { Deadline } from "../core/wait/deadline.ts";
import {
  type SyncWaitOptions,
  timeoutOf,
  type WaitOptions,
} from "../core/wait/options.ts";
import { pollNow, pollUntil } from "../core/wait/poll.ts";
import { type FdSource, fdSource } from "../core/wait/reactor.ts";
import type { Waiter } from "../core/wait/source.ts";
import {
  busyError,
  ready,
  type WaitSubject,
  waitUntil,
} from "../core/wait/wait.ts";

const FLAGS = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
const LENGTH = 1 << 20;

/** The target of a splice: a writer of this library, or any descriptor. */
export type Target = FdWriter | Fd | number;

/** A move of bytes from a pipe to another descriptor. */
export class Splice implements WaitSubject {
  readonly syscall = "splice";
  readonly action = "splice from";
  readonly #reader: FdReader;
  readonly #target: Target;
  readonly #length: number;
  /** Read at once: a closed descriptor has no number any more. */
  readonly #name: string;

  constructor(
    reader: FdReader,
    target: Target,
    length: number = LENGTH,
  ) {
    this.#reader = reader;
    this.#target = target instanceof FdWriter || target instanceof Fd
      ? target
      : integer(target, "target", 0, 0x7fff_ffff);
    this.#length = Math.min(size(length, "length", 1), MAX_COUNT);
    this.#name = nameOf(this.#target);
  }

  get object(): string {
    return `${this.#reader.label} to ${this.#name}`;
  }

  /** Whether earlier calls wait at the target. */
  #busy(): boolean {
    const target = this.#target;
    if (typeof target === "number") return false;
    // A writer and its descriptor share one source.
    return target instanceof Fd
      ? fdSource(target, "write").busy
      : target.source.busy;
  }

  /** The end to wait for while earlier calls wait at the target. */
  #turn(): "input" | "output" {
    // Without input, wait at the input: a call that gets its turn at the output
    // with nothing to move would queue at the input again, behind later calls.
    return pollNow(this.#reader.use(), POLLIN) === 0 ? "input" : "output";
  }

  /** Moves what it can; otherwise returns the end that is not ready. */
  #attempt(): number | null | "input" | "output" {
    const input = this.#reader.use();
    const target = this.#target;
    const output = this.#output();
    for (;;) {
      const count = fcntl()
        .splice(input, null, output, null, this.#length, FLAGS);
      const error = errnoOf(count, errno[0]);
      if (count > 0) {
        this.#reader.moved += count;
        if (target instanceof FdWriter) target.moved += count;
        return count;
      } else if (error === 0) {
        const meaning = this.#reader.nothing(input);
        if (meaning === "end") return null;
        if (meaning === "wait") return "input";
      } else if (error === ERRNO.EAGAIN) {
        return pollNow(input, POLLIN) & POLLIN ? "output" : "input";
      } else if (error !== ERRNO.EINTR) {
        throw ipcError(
          error,
          "splice",
          this.action,
          this.object,
          error === ERRNO.EINVAL
            ? "the target must not be in append mode or the same pipe"
            : undefined,
        );
      }
    }
  }

  /** The try form. */
  try(): number | null | undefined {
    if (this.#reader.source.busy || this.#busy()) {
      this.#reader.use();
      return undefined;
    }
    const moved = this.#attempt();
    return typeof moved === "string" ? undefined : moved;
  }

  /** The Sync form. */
  sync(options: SyncWaitOptions | undefined): number | null {
    const timeout = timeoutOf(options);
    this.#reader.refuseWhileBusy();
    if (this.#target instanceof FdWriter) this.#target.refuseWhileBusy();
    else if (this.#busy()) throw busyError(this);
    const deadline = timeout === undefined ? undefined : new Deadline(timeout);
    for (;;) {
      const moved = this.#attempt();
      if (typeof moved !== "string") return moved;
      if (timeout !== undefined && deadline?.expired) {
        throw timeoutError("splice", this.action, this.object, timeout);
      }
      if (moved === "input") pollUntil(this.#reader.use(), POLLIN, deadline);
      else pollUntil(this.#output(), POLLOUT, deadline);
    }
  }

  /** The promise form. */
  async(options: WaitOptions | undefined): Promise<number | null> {
    const timeout = timeoutOf(options);
    options?.signal?.throwIfAborted();
    const moved = this.try();
    return moved === undefined ? this.#wait(options, timeout) : ready(moved);
  }

  async #wait(
    options: WaitOptions | undefined,
    timeout: number | undefined,
  ): Promise<number | null> {
    const deadline = timeout === undefined ? undefined : new Deadline(timeout);
    const { signal, unref } = options ?? {};
    const left = () => ({ signal, unref, timeout: deadline?.remaining });
    using duplicate = new Duplicate(this.#target);
    try {
      for (;;) {
        const moved = await this.#atInput(left());
        if (moved !== "output") return moved;
        const second = await this.#atOutput(duplicate, left());
        if (second !== "input") return second;
      }
    } catch (error) {
      const late = error instanceof IpcError && error.code === "ETIMEDOUT";
      throw late && timeout !== undefined
        ? timeoutError("splice", this.action, this.object, timeout)
        : error;
    }
  }

  /**
   * Waits for its turn and for bytes; keeps its turn if it must wait for the
   * output next.
   */
  #atInput(options: WaitOptions): Promise<number | null | "output"> {
    const { source } = this.#reader;
    const attempt = () => {
      const moved = this.#busy() ? this.#turn() : this.#attempt();
      if (moved === "input") return undefined;
      if (moved === "output") source.held = true;
      return moved;
    };
    return waitUntil(attempt, options, this, source);
  }

  /** Waits for writability, while no other call may read. */
  async #atOutput(
    duplicate: Duplicate,
    options: WaitOptions,
  ): Promise<number | null | "input"> {
    const reader = this.#reader;
    const attempt = () => {
      const moved = this.#attempt();
      return moved === "output" ? undefined : moved;
    };
    // A waiter at the target is not told when the reader is closed.
    const closing = new AbortController();
    const signals = [closing.signal];
    if (options.signal) signals.push(options.signal);
    const signal = AbortSignal.any(signals);
    const place: Waiter = {
      parked: false,
      referenced: false,
      fail() {},
      poke() {
        try {
          reader.use();
          return false;
        } catch (error) {
          closing.abort(error);
          return true;
        }
      },
    };
    reader.source.waiters.add(place);
    try {
      // The reader may have been closed since its turn came.
      place.poke();
      const output = duplicate.source;
      return await waitUntil(attempt, { ...options, signal }, this, output);
    } finally {
      reader.source.waiters.delete(place);
      reader.source.release();
    }
  }

  #output(): number {
    const target = this.#target;
    if (typeof target === "number") return target;
    return target instanceof Fd
      ? target.use("write to")
      : target.useNonBlocking();
  }
}

/** The name of a target in messages. */
function nameOf(target: Target): string {
  if (target instanceof FdWriter) return target.label;
  if (typeof target === "number") return `descriptor ${target}`;
  return target.closed ? target.label : `descriptor ${target.number}`;
}

/** The source to wait for a target with, made on demand. */
class Duplicate implements Disposable {
  readonly #target: Target;
  #fd: Fd | undefined;

  constructor(target: Target) {
    this.#target = target;
  }

  get source(): FdSource {
    const target = this.#target;
    if (target instanceof FdWriter) return target.source;
    if (target instanceof Fd) return fdSource(target, "write");
    // Other code may close the number, but not a descriptor of our own.
    const label = `descriptor ${target}`;
    this.#fd ??= new Fd(INTERNAL, duplicateFd(target, label), label);
    return fdSource(this.#fd, "write");
  }

  [Symbol.dispose](): void {
    this.#fd?.close();
  }
}
