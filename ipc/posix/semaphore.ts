/**
 * POSIX semaphores, named and in shared memory: {@linkcode PosixSemaphore}.
 *
 * ```ts
 * import { PosixSemaphore } from "@libc/ipc/posix-sem";
 *
 * using semaphore = PosixSemaphore.create(`/door-${Deno.pid}`, { value: 1 });
 * semaphore.acquireSync({ timeout: 1000 });
 * try {
 *   // What only one process may do at a time.
 * } finally {
 *   semaphore.release();
 * }
 * ```
 *
 * @module
 */

import {
  check0,
  corruptError,
  ERRNO,
  errnoOf,
  ipcError,
  isInterruption,
  timeoutError,
  unless,
} from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import { SEM_VALUE_MAX } from "../../ffi/libc/limits.ts";
import { sem_t, semaphore } from "../../ffi/libc/semaphore.ts";
import { checkMode, integer, shown } from "../core/convert/argument.ts";
import { showing } from "../core/handle/inspect.ts";
import { INTERNAL, onlyInternal } from "../core/handle/internal.ts";
import { openOrCreate } from "../core/handle/open_or_create.ts";
import { Mapping } from "../core/memory/mapping.ts";
import { Deadline } from "../core/wait/deadline.ts";
import {
  type SyncWaitOptions,
  timeoutOf,
  type WaitOptions,
} from "../core/wait/options.ts";
import { ThreadSource } from "../core/wait/thread_source.ts";
import { promised, waitUntil } from "../core/wait/wait.ts";
import {
  READINESS,
  type Readiness,
  type Waitable,
} from "../core/wait/wait_any.ts";
import { createNamed, posixName } from "./_name.ts";
import {
  acquireBefore,
  createSemaphore,
  isReplaced,
  isShared,
  namedLabel,
  type NamedSemaphore,
  openSemaphore,
  type PosixSemaphoreCreateOptions,
  type PosixSemaphoreOpenOptions,
  type PosixSemaphoreOpenOrCreateOptions,
  type PosixSemaphoreValueOptions,
  SEM_NAME_MAX,
  type SemaphorePlace,
  unlinkSemaphore,
} from "./_semaphore.ts";
import { competes, waitForUnit } from "./_semaphore_wait.ts";

export type {
  PosixSemaphoreCreateOptions,
  PosixSemaphoreOpenOptions,
  PosixSemaphoreOpenOrCreateOptions,
  PosixSemaphoreValueOptions,
  SyncWaitOptions,
  Waitable,
  WaitOptions,
};

/**
 * A POSIX semaphore: a number from 0 to 2147483647 that several processes
 * raise, lower, and wait for.
 *
 * A named semaphore exists until it is unlinked and no process has it open any
 * more, or until the next boot. An unnamed one is part of a {@linkcode Mapping}
 * of shared memory.
 *
 * A process that dies does not release its units: the value does not change. If
 * this must not happen, use a `SysvSemaphoreSet`, whose operations the kernel
 * undoes.
 *
 * Any waiting thread of any process may get the next unit; there is no order.
 *
 * @example A lock between processes
 * ```ts
 * import { PosixSemaphore } from "@libc/ipc/posix-sem";
 * import { assertEquals } from "@std/assert";
 *
 * using lock = PosixSemaphore.create(null, { value: 1 });
 * using same = PosixSemaphore.open(lock.name ?? "");
 * await lock.acquire({ timeout: 1000 });
 * assertEquals(same.tryAcquire(), false);
 * lock.release();
 * assertEquals(same.value(), 1);
 * ```
 */
export class PosixSemaphore implements Disposable, Waitable {
  /** The size of a semaphore in a mapping; it must start at a multiple of 8. */
  static readonly byteLength: number = sem_t.size;

  readonly #pointer: Deno.PointerObject;
  readonly #mapping: Mapping | undefined;
  readonly #named: SemaphorePlace["named"];
  readonly #label: string;
  readonly #created: boolean;
  readonly #source = new ThreadSource();
  readonly #watching: Disposable | undefined;
  #owner: boolean;
  #closed = false;

  private constructor(
    token: unknown,
    place: SemaphorePlace,
    created: boolean,
    owner: boolean,
  ) {
    onlyInternal(token, "PosixSemaphore");
    this.#pointer = place.pointer;
    this.#mapping = place.mapping;
    this.#named = place.named;
    this.#label = place.label;
    this.#created = created;
    this.#owner = owner;
    this.#watching = place.mapping?.beforeUnmap(() => this.#source.poke());
  }

  /**
   * `sem_open(O_CREAT | O_EXCL)`: creates a named semaphore.
   *
   * It has its value before any process can open it.
   *
   * See [sem_open(3)](https://man7.org/linux/man-pages/man3/sem_open.3.html).
   *
   * @param name A slash and more characters, at most 252 bytes, or null for an
   * unused name: see {@linkcode PosixSemaphore.name}.
   * @throws {IpcError} `EEXIST` when the name is taken, `ENOSPC` when
   * `/dev/shm` is full, `EACCES`, `EMFILE`, `ENFILE`.
   */
  static create(
    name: string | null = null,
    options: PosixSemaphoreCreateOptions = {},
  ): PosixSemaphore {
    const { owner = true, mode = 0o600, ignoreUmask: exact = false } = options;
    const value = valueOf(options);
    checkMode(mode);
    return createNamed(name, (name) => {
      const made = createSemaphore(name, { value, mode, exact });
      return new PosixSemaphore(INTERNAL, placeOf(name, made), true, owner);
    }, SEM_NAME_MAX);
  }

  /**
   * `sem_open`: opens a named semaphore, which must exist.
   *
   * The file is checked first. A symbolic link, another kind of file, a file of
   * another size or one that was never a semaphore is refused. The checked file
   * cannot be replaced afterwards, but its owner can still truncate it, see
   * `foreign`.
   *
   * See [sem_open(3)](https://man7.org/linux/man-pages/man3/sem_open.3.html).
   *
   * @throws {IpcError} `ENOENT` when there is none, `EACCES` without permission
   * to read and write it, `ELOOP` for a symbolic link, `ENODEV` or `EBADMSG`
   * when it is not a semaphore, `EPERM` when it is foreign and `foreign` is
   * false, `EMFILE`, `ENFILE`.
   */
  static open(
    name: string,
    options: PosixSemaphoreOpenOptions = {},
  ): PosixSemaphore {
    const checked = posixName(name, SEM_NAME_MAX);
    const found = openSemaphore(checked, options.foreign ?? true);
    return new PosixSemaphore(INTERNAL, placeOf(checked, found), false, false);
  }

  /**
   * `sem_open(O_CREAT)`: opens a named semaphore, or creates it with a value
   * when there is none; {@linkcode PosixSemaphore.created} says which.
   *
   * See [sem_open(3)](https://man7.org/linux/man-pages/man3/sem_open.3.html).
   *
   * @throws {IpcError} As `open` and `create`.
   */
  static openOrCreate(
    name: string,
    options: PosixSemaphoreOpenOrCreateOptions = {},
  ): PosixSemaphore {
    const { foreign = true, mode = 0o600 } = options;
    valueOf(options);
    checkMode(mode);
    return openOrCreate(
      () => PosixSemaphore.open(name, { foreign }),
      () =>
        PosixSemaphore.create(name, {
          ...options,
          owner: options.owner ?? false,
        }),
    );
  }

  /**
   * `sem_init`: makes an unnamed semaphore in shared memory.
   *
   * Any process that has mapped the memory can use it, in C at the same offset.
   * An existing semaphore there is overwritten, so it must not be in use. It
   * ends with the memory. Do not use its bytes for anything else while the
   * mapping is open.
   *
   * See [sem_init(3)](https://man7.org/linux/man-pages/man3/sem_init.3.html).
   *
   * @param offset Its offset. Its address must be a multiple of 8.
   * @throws {RangeError} When it would extend past the end or is misaligned.
   * @throws {TypeError} When the mapping is closed or read-only.
   *
   * @example Beside the data that it guards
   * ```ts
   * import { PosixSemaphore } from "@libc/ipc/posix-sem";
   * import { PosixSharedMemory } from "@libc/ipc/posix-shm";
   * import { assertEquals } from "@std/assert";
   *
   * using memory = PosixSharedMemory.create(null, { size: 4096 });
   * using mapping = memory.map();
   * using lock = PosixSemaphore.inMapping(mapping, 0, { value: 1 });
   * using same = PosixSemaphore.at(mapping, 0);
   * same.acquireSync();
   * assertEquals(lock.value(), 0);
   * ```
   */
  static inMapping(
    mapping: Mapping,
    offset = 0,
    options: PosixSemaphoreValueOptions = {},
  ): PosixSemaphore {
    const value = valueOf(options);
    const place = placeIn(mapping, offset);
    check0(
      semaphore().sem_init(place.pointer, 1, value),
      errno[0],
      "sem_init",
      "make",
      place.label,
    );
    return new PosixSemaphore(INTERNAL, place, true, false);
  }

  /**
   * `sem_init`, called earlier elsewhere: opens an unnamed semaphore in shared
   * memory.
   *
   * @param offset Its offset. Its address must be a multiple of 8.
   * @throws {IpcError} `EBADMSG` when there is none, or one that is not for
   * several processes.
   * @throws {RangeError} When it would extend past the end or is misaligned.
   * @throws {TypeError} When the mapping is closed or read-only.
   */
  static at(mapping: Mapping, offset = 0): PosixSemaphore {
    const place = placeIn(mapping, offset);
    if (!isShared(mapping.read(offset, sem_t.size))) {
      const found = "its content is not that of a semaphore";
      throw corruptError("sem_init", "use", place.label, found);
    }
    return new PosixSemaphore(INTERNAL, place, false, false);
  }

  /**
   * `sem_unlink`: removes a name without opening the semaphore.
   *
   * See [sem_unlink(3)](https://man7.org/linux/man-pages/man3/sem_unlink.3.html).
   *
   * @throws {IpcError} `ENOENT` when there is none, `EACCES` or `EPERM` when it
   * belongs to another user.
   */
  static unlink(name: string): void {
    unlinkSemaphore(posixName(name, SEM_NAME_MAX));
  }

  /** Its name, with the slash; null for one in a mapping. */
  get name(): string | null {
    return this.#named?.name ?? null;
  }

  /** Whether this handle created it. */
  get created(): boolean {
    return this.#created;
  }

  /** Whether this handle or its mapping is closed. */
  get closed(): boolean {
    return this.#closed || this.#mapping?.closed === true;
  }

  /**
   * `sem_trywait`, and `futex` to wait: lowers the value by one, and waits
   * while it is zero.
   *
   * A call that is aborted or times out has taken nothing.
   *
   * See [sem_wait(3)](https://man7.org/linux/man-pages/man3/sem_wait.3.html).
   *
   * @throws {IpcError} `ETIMEDOUT`.
   * @throws {TypeError} When it is closed before or during the call.
   */
  acquire(options: WaitOptions = {}): Promise<void> {
    return promised(() =>
      waitUntil(
        () => this.tryAcquire() || undefined,
        options,
        this.#subject(),
        this.#source,
      )
    );
  }

  /**
   * `sem_wait`, `sem_clockwait`: as {@linkcode acquire}, but blocks this
   * thread. The timeout uses the monotonic clock.
   */
  acquireSync(options?: SyncWaitOptions): void {
    const sem = this.#use("acquire");
    const timeout = timeoutOf(options);
    if (timeout === undefined && !competes()) {
      for (;;) {
        const error = errnoOf(semaphore().sem_wait(sem), errno[0]);
        if (error === 0) return;
        if (!isInterruption(error)) throw this.#error(error, "sem_wait");
      }
    }
    if (this.tryAcquire()) return;
    const deadline = new Deadline(timeout ?? Infinity);
    if (acquireBefore(sem, deadline, this.#label)) return;
    // A post may have woken another waiter that has not taken the unit yet.
    if (this.tryAcquire()) return;
    throw timeoutError("sem_clockwait", "acquire", this.#label, timeout ?? 0);
  }

  /**
   * `sem_trywait`: as {@linkcode acquire}, but returns false when the value is
   * zero.
   */
  tryAcquire(): boolean {
    const error = errnoOf(
      semaphore().sem_trywait(this.#use("acquire")),
      errno[0],
    );
    if (error === 0) return true;
    if (error === ERRNO.EAGAIN) return false;
    throw this.#error(error, "sem_trywait");
  }

  /**
   * `sem_post`: raises the value by one, or by one `count` times, and wakes
   * waiters. It never waits.
   *
   * See [sem_post(3)](https://man7.org/linux/man-pages/man3/sem_post.3.html).
   *
   * @param count The number of units, 1 to 2147483647.
   * @throws {IpcError} `EOVERFLOW` when the value would exceed 2147483647. It
   * is then unchanged, unless others raised it at the same time.
   * @throws {TypeError} When it is closed.
   */
  release(count = 1): void {
    const sem = this.#use("release");
    if (count !== 1) {
      integer(count, "count", 1, SEM_VALUE_MAX);
      if (this.value() + count > SEM_VALUE_MAX) {
        throw this.#error(ERRNO.EOVERFLOW, "sem_post", "release");
      }
    }
    for (let left = count; left > 0; left--) {
      const error = errnoOf(semaphore().sem_post(sem), errno[0]);
      if (error !== 0) throw this.#error(error, "sem_post", "release");
    }
  }

  /**
   * `sem_getvalue`: returns the current value; 0 when there are waiters.
   *
   * See [sem_getvalue(3)](https://man7.org/linux/man-pages/man3/sem_getvalue.3.html).
   *
   * @throws {IpcError} `EBADMSG` when the semaphore has been overwritten with
   * other data.
   * @throws {TypeError} When it is closed.
   */
  value(): number {
    const sem = this.#use("read");
    check0(
      semaphore().sem_getvalue(sem, result),
      errno[0],
      "sem_getvalue",
      "read",
      this.#label,
    );
    const value = result[0] ?? 0;
    if (value < 0) {
      throw corruptError(
        "sem_getvalue",
        "read",
        this.#label,
        `it holds ${value}`,
      );
    }
    return value;
  }

  /**
   * `sem_unlink`: removes the name. Processes that have the semaphore open can
   * still use it.
   *
   * See [sem_unlink(3)](https://man7.org/linux/man-pages/man3/sem_unlink.3.html).
   *
   * @throws {IpcError} `ENOENT` when the name is gone, `EACCES` or `EPERM` when
   * it belongs to another user.
   * @throws {TypeError} When it has no name, or is closed.
   */
  unlink(): void {
    this.#use("unlink");
    const named = this.#named;
    if (named === undefined) {
      throw new TypeError(`Cannot unlink a ${this.#label}: it has no name`);
    }
    unlinkSemaphore(named.name);
    this.#owner = false;
  }

  /**
   * `sem_close`: closes this handle; the semaphore itself remains. Pending
   * {@linkcode acquire} calls are rejected with a `TypeError`. Closing twice
   * does nothing.
   *
   * See [sem_close(3)](https://man7.org/linux/man-pages/man3/sem_close.3.html).
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // Synchronous calls have returned, and asynchronous ones only try: no call
    // is using the semaphore now, and none will start.
    this.#source.poke();
    this.#watching?.[Symbol.dispose]();
    this.#named?.close();
  }

  /**
   * Closes the handle, and unlinks the name if the handle is the `owner`, even
   * when it is already closed. A name that is already removed is no error, and
   * a new semaphore under the name is left alone.
   */
  [Symbol.dispose](): void {
    this.close();
    const named = this.#named;
    if (!this.#owner || named === undefined) return;
    this.#owner = false;
    if (isReplaced(named.name, named.file)) return;
    unless("ENOENT", () => unlinkSemaphore(named.name));
  }

  /**
   * Its readiness, for `waitAny()`.
   *
   * @ignore
   */
  [READINESS](): Readiness {
    return {
      ready: () => this.value() > 0,
      source: this.#source,
      subject: this.#subject(),
    };
  }

  #subject(): Readiness["subject"] {
    const pointer = this.#pointer;
    const memory = this.#named ?? this.#mapping;
    return {
      syscall: "sem_trywait",
      action: "acquire",
      object: this.#label,
      get call() {
        return memory && waitForUnit(pointer, memory);
      },
    };
  }

  /** Returns its pointer, for a call that `action` names in the error. */
  #use(action: string): Deno.PointerObject {
    const mapping = this.#mapping;
    if (this.#closed || mapping?.closed) {
      throw new TypeError(`Cannot ${action} a closed ${this.#label}`);
    }
    // Its pages may have become read-only.
    if (mapping?.readOnly) {
      throw new TypeError(`Cannot ${action} a ${this.#label}: it is read-only`);
    }
    return this.#pointer;
  }

  #error(error: number, syscall: string, action = "acquire"): Error {
    return ipcError(error, syscall, action, this.#label);
  }
}

showing(PosixSemaphore, ({ name, created }) => ({ name, created }));

const result = new Int32Array(1);

function valueOf({ value = 0 }: PosixSemaphoreValueOptions): number {
  return integer(value, "value", 0, SEM_VALUE_MAX);
}

function placeOf(name: string, named: NamedSemaphore): SemaphorePlace {
  return {
    pointer: named.pointer,
    label: namedLabel(name),
    named: { ...named, name },
  };
}

function placeIn(mapping: Mapping, offset: number): SemaphorePlace {
  const { align, size } = sem_t;
  if (!(mapping instanceof Mapping)) {
    throw new TypeError(`mapping must be a Mapping, got ${shown(mapping)}`);
  }
  integer(offset, "offset", 0, Number.MAX_SAFE_INTEGER);
  const skew = Number(mapping.address % BigInt(align));
  if ((skew + offset) % align !== 0) {
    const behind = skew === 0 ? "" : `${align - skew} behind `;
    throw new RangeError(
      `offset must be ${behind}a multiple of ${align}, got ${offset}`,
    );
  }
  const pointer = mapping.pointer(offset, size);
  const label = `semaphore at ${offset} of a mapping`;
  if (mapping.readOnly) {
    throw new TypeError(`Cannot use a ${label}: it is read-only`);
  }
  return { pointer, label, mapping };
}
