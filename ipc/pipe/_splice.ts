/**
 * `splice`: bytes of a pipe moved on without passing through this process.
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

/** Where to move bytes: an end of ours, or any descriptor. */
export type Target = FdWriter | Fd | number;

/** A move of bytes from a pipe to another descriptor. */
export class Splice implements WaitSubject {
  readonly syscall = "splice";
  readonly action = "splice from";
  readonly #reader: FdReader;
  readonly #target: Target;
  readonly #length: number;
  /** Taken down at once: a descriptor that is closed has no number any more. */
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

  /** Whether others must go first, at this end or the other. */
  #busy(): boolean {
    const target = this.#target;
    if (typeof target === "number") return false;
    // That of a writer given as its descriptor is the same.
    return target instanceof Fd
      ? fdSource(target, "write").busy
      : target.source.busy;
  }

  /** While others go first at the target; there must be something to move. */
  #turn(): "input" | "output" {
    // Else it would have to begin waiting here anew, behind those who came later.
    return pollNow(this.#reader.use(), POLLIN) === 0 ? "input" : "output";
  }

  /** Moves what can be moved; else says which end is not ready. */
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

  /** At once; undefined when an end is not ready. */
  try(): number | null | undefined {
    if (this.#reader.source.busy || this.#busy()) {
      this.#reader.use();
      return undefined;
    }
    const moved = this.#attempt();
    return typeof moved === "string" ? undefined : moved;
  }

  /** Blocking this thread. */
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

  /** Without blocking the event loop. */
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

  /** Waits for its turn and for bytes; keeps its turn when it must go on. */
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

  /** Waits for room, while nobody else may read. */
  async #atOutput(
    duplicate: Duplicate,
    options: WaitOptions,
  ): Promise<number | null | "input"> {
    const reader = this.#reader;
    const attempt = () => {
      const moved = this.#attempt();
      return moved === "output" ? undefined : moved;
    };
    // Those who wait for the target do not hear that the reader was closed.
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
      // Already, when it was closed since its turn came.
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

/** How messages name a target. */
function nameOf(target: Target): string {
  if (target instanceof FdWriter) return target.label;
  if (typeof target === "number") return `descriptor ${target}`;
  return target.closed ? target.label : `descriptor ${target.number}`;
}

/** What to wait for a target with, made when it is needed. */
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
    // A number may be closed behind our back, a descriptor of our own not.
    const label = `descriptor ${target}`;
    this.#fd ??= new Fd(INTERNAL, duplicateFd(target, label), label);
    return fdSource(this.#fd, "write");
  }

  [Symbol.dispose](): void {
    this.#fd?.close();
  }
}
