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
 * With a name it lives until it is unlinked and the last process that has it
 * open lets go of it, at the latest until the next boot. Without one it lives
 * in a {@linkcode Mapping} of shared memory.
 *
 * A process that dies has not released what it had acquired: the value stays as
 * it is. Where that must not be, use a `SysvSemaphoreSet`, whose operations the
 * kernel takes back.
 *
 * Any thread of any process that waits may get the next unit; there is no
 * order.
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
  /** Bytes that a semaphore takes in a mapping, where it starts at a multiple of 8. */
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
   * Nobody sees it before it has its value.
   *
   * See [sem_open(3)](https://man7.org/linux/man-pages/man3/sem_open.3.html).
   *
   * @param name A slash and more characters, 252 bytes at the most; or null for
   * a name that nobody uses: see {@linkcode PosixSemaphore.name}.
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
   * What is there is looked at first: a link, another kind of file, one of
   * another size, or one that was never a semaphore is refused. Nobody can put
   * something else in its place after that; only the owner of the file can
   * still make it shorter, see `foreign`.
   *
   * See [sem_open(3)](https://man7.org/linux/man-pages/man3/sem_open.3.html).
   *
   * @throws {IpcError} `ENOENT` when there is none, `EACCES` without
   * permission to read and write it, `ELOOP` for a symbolic link, `ENODEV` or
   * `EBADMSG` for what is no semaphore, `EPERM` when it is foreign and must not
   * be, `EMFILE`, `ENFILE`.
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
   * Whoever has the memory mapped can use it, in C at the same address. Nobody
   * may use it yet: one that exists there would be overwritten. It ends with
   * the memory; while the mapping is open it must not be used for anything else.
   *
   * See [sem_init(3)](https://man7.org/linux/man-pages/man3/sem_init.3.html).
   *
   * @param offset Where it begins: at a multiple of 8 in memory.
   * @throws {RangeError} When it would reach over the end or is misaligned.
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
   * `sem_init`, done before by somebody else: the unnamed semaphore at a place
   * in shared memory.
   *
   * @param offset Where it begins: at a multiple of 8 in memory.
   * @throws {IpcError} `EBADMSG` when there is none, or one that is not for
   * several processes.
   * @throws {RangeError} When it would reach over the end or is misaligned.
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
   * `sem_unlink`: removes a name, without opening what it stands for.
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

  /** Whether this handle is closed, or the mapping that it is in. */
  get closed(): boolean {
    return this.#closed || this.#mapping?.closed === true;
  }

  /**
   * `sem_trywait`, and `futex` to wait: lowers it by one, as soon as its value
   * is above zero.
   *
   * Aborted or timed out, it has taken nothing.
   *
   * See [sem_wait(3)](https://man7.org/linux/man-pages/man3/sem_wait.3.html).
   *
   * @throws {IpcError} `ETIMEDOUT`.
   * @throws {TypeError} When it is closed, also meanwhile.
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
   * `sem_wait`, `sem_clockwait`: as {@linkcode acquire}, blocking this thread.
   *
   * A `timeout` goes by the monotonic clock: setting the machine's time does
   * not change it.
   *
   * See [sem_wait(3)](https://man7.org/linux/man-pages/man3/sem_wait.3.html).
   *
   * @throws {IpcError} `ETIMEDOUT`.
   * @throws {TypeError} When it is closed.
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
    // A post may have woken somebody who has not taken the unit yet.
    if (this.tryAcquire()) return;
    throw timeoutError("sem_clockwait", "acquire", this.#label, timeout ?? 0);
  }

  /**
   * `sem_trywait`: lowers it by one if its value is above zero now; false when
   * it is not.
   *
   * See [sem_wait(3)](https://man7.org/linux/man-pages/man3/sem_wait.3.html).
   *
   * @throws {TypeError} When it is closed.
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
   * `sem_post`: raises it by one, or one after the other by `count`, at once,
   * and wakes who waits for it.
   *
   * See [sem_post(3)](https://man7.org/linux/man-pages/man3/sem_post.3.html).
   *
   * @param count How often, 1 to 2147483647.
   * @throws {IpcError} `EOVERFLOW` when the value would exceed 2147483647; it
   * is then as before, unless others raised it at the same time.
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
   * `sem_getvalue`: its value now, 0 when somebody waits for it.
   *
   * See [sem_getvalue(3)](https://man7.org/linux/man-pages/man3/sem_getvalue.3.html).
   *
   * @throws {IpcError} `EBADMSG` when somebody has written something else over
   * the semaphore.
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
   * `sem_unlink`: removes the name; who has it open can go on using it.
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
   * `sem_close`: gives up this handle; the semaphore itself stays. Who waits
   * with {@linkcode acquire} gets a `TypeError`. Closing twice does nothing.
   *
   * See [sem_close(3)](https://man7.org/linux/man-pages/man3/sem_close.3.html).
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // Synchronous calls have returned, and asynchronous ones only try: nothing
    // is inside the semaphore now, and nothing comes in any more.
    this.#source.poke();
    this.#watching?.[Symbol.dispose]();
    this.#named?.close();
  }

  /**
   * Closes the handle, and unlinks the name when it is the `owner`, closed or
   * not. That somebody else has removed it before is no error, and what another
   * process has put under the name since then stays.
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
   * How `waitAny()` waits for it.
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

  /** Where it is, for a call that is about to do what `action` says. */
  #use(action: string): Deno.PointerObject {
    const mapping = this.#mapping;
    if (this.#closed || mapping?.closed) {
      throw new TypeError(`Cannot ${action} a closed ${this.#label}`);
    }
    // Its pages may have been protected since.
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
