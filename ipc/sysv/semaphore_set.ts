/**
 * System V semaphore sets: {@linkcode SysvSemaphoreSet}.
 *
 * ```ts
 * import { IPC_PRIVATE, SysvSemaphoreSet } from "@libc/ipc";
 *
 * // Instead of IPC_PRIVATE, a key that others know: ftok("some/file", "s").
 * using semaphores = SysvSemaphoreSet.create(IPC_PRIVATE, [1]);
 * semaphores.acquireSync();
 * try {
 *   // What only one process may do at a time.
 * } finally {
 *   semaphores.release();
 * }
 * ```
 *
 * @module
 */

import {
  check0,
  checkInt,
  ERRNO,
  hasCode,
  ignoreGone,
  ipcError,
} from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  IPC_CREAT,
  IPC_EXCL,
  IPC_NOWAIT,
  IPC_RMID,
} from "../../ffi/libc/sys_ipc.ts";
import {
  GETNCNT,
  GETPID,
  GETVAL,
  GETZCNT,
  SEM_UNDO,
  SEMVMX,
  SETALL,
  SETVAL,
  sys_sem,
} from "../../ffi/libc/sys_sem.ts";
import { checkMode, integer, shown } from "../core/convert/argument.ts";
import { type Key, keyText } from "../core/convert/key.ts";
import { showing } from "../core/handle/inspect.ts";
import { INTERNAL, onlyInternal } from "../core/handle/internal.ts";
import { openOrCreate } from "../core/handle/open_or_create.ts";
import {
  type SyncWaitOptions,
  timeoutOf,
  type WaitOptions,
} from "../core/wait/options.ts";
import type { BlockingCall } from "../core/wait/source.ts";
import { ThreadSource } from "../core/wait/thread_source.ts";
import { promised, type WaitSubject, waitUntil } from "../core/wait/wait.ts";
import {
  READINESS,
  type Readiness,
  type Waitable,
} from "../core/wait/wait_any.ts";
import { semaphoreInfo, type SysvSemaphoreInfo } from "./_info.ts";
import {
  checkExists,
  checkId,
  checkKey,
  findAndUse,
  type PermissionChanges,
  type Permissions,
  type SysvCreateOptions,
  type SysvInit,
  type SysvOpenOptions,
} from "./_object.ts";
import {
  awaitInitialized,
  changePermissions,
  checkValues,
  initialize,
  listSets,
  OWNER,
  statById,
  type SysvSemaphoreSetStat,
} from "./_semaphore_set.ts";
import {
  attempt,
  block,
  prepare,
  readValues,
  refuseToWait,
  type SemaphoreOperation,
  type SemaphoreTarget,
  single,
  waitForOperations,
} from "./_semop.ts";

export type {
  Key,
  PermissionChanges,
  Permissions,
  SemaphoreOperation,
  SyncWaitOptions,
  SysvCreateOptions,
  SysvOpenOptions,
  SysvSemaphoreInfo,
  SysvSemaphoreSetStat,
  WaitOptions,
};

/** Options of {@linkcode SysvSemaphoreSet.open}. */
export interface SysvSemaphoreSetOpenOptions extends SysvOpenOptions {
  /**
   * How many semaphores it must have at least: a smaller set is `EINVAL`.
   *
   * @default {0}
   */
  count?: number;
  /**
   * What to do with a set whose creator may not have set the values yet:
   * `"wait"` until it has, for a second at most; `"any"` takes it as it is.
   *
   * @default {"wait"}
   */
  initialized?: "wait" | "any";
}

/** Options of {@linkcode SysvSemaphoreSet.release}. */
export interface SemaphoreReleaseOptions {
  /**
   * Takes the change back when this process ends, however it ends
   * (`SEM_UNDO`). Use `false` for a semaphore that one process raises and
   * another one lowers.
   *
   * @default {true}
   */
  undo?: boolean;
}

/** Options of {@linkcode SysvSemaphoreSet.tryAcquire}. */
export interface SemaphoreTryAcquireOptions extends SemaphoreReleaseOptions {
  /**
   * How many units to take, all or none, 1 to 32767.
   *
   * @default {1}
   */
  count?: number;
}

/** Options of {@linkcode SysvSemaphoreSet.acquireSync}. */
export interface SemaphoreAcquireSyncOptions
  extends SemaphoreTryAcquireOptions, SyncWaitOptions {}

/** Options of {@linkcode SysvSemaphoreSet.acquire}. */
export interface SemaphoreAcquireOptions
  extends SemaphoreTryAcquireOptions, WaitOptions {}

/**
 * A set of System V semaphores.
 *
 * Each semaphore is a number from 0 to 32767. Several operations on a set are
 * done all at once or not at all. With `undo`, the kernel takes back what a
 * process did when that ends, even by `SIGKILL`: a lock that no crash leaves
 * locked.
 *
 * The async forms try again when a thread that waits in the kernel is woken, or
 * now and then: a process that is blocked may be served before them, and
 * `waitZero()` can miss a value that is zero only for a moment.
 *
 * @example A lock between processes
 * ```ts
 * import { IPC_PRIVATE, SysvSemaphoreSet } from "@libc/ipc";
 * import { assertEquals } from "@std/assert";
 *
 * using lock = SysvSemaphoreSet.create(IPC_PRIVATE, [1]);
 * await lock.acquire(0, { timeout: 1000 });
 * assertEquals(lock.tryAcquire(), false);
 * lock.release();
 * assertEquals(lock.value(), 1);
 * ```
 */
export class SysvSemaphoreSet implements Disposable, Waitable {
  readonly #set: SemaphoreTarget;
  readonly #key: Key;
  readonly #created: boolean;
  readonly #source = new ThreadSource();
  #owner: boolean;
  #closed = false;

  private constructor(token: unknown, init: SysvInit & { length: number }) {
    onlyInternal(token, "SysvSemaphoreSet");
    const { id, key, length, created, owner } = init;
    const label = `System V semaphore set ${id} (key ${keyText(key)})`;
    this.#set = { id, length, label };
    this.#key = key;
    this.#created = created;
    this.#owner = owner;
  }

  /**
   * `semget(IPC_CREAT | IPC_EXCL)`: creates a set with its values.
   *
   * Nobody who opens it with {@linkcode open} sees it before it has them.
   *
   * See [semget(2)](https://man7.org/linux/man-pages/man2/semget.2.html).
   *
   * @param key A key, or `IPC_PRIVATE` for a set that has none.
   * @param semaphores The initial values, each from 0 to 32767; or how many
   * semaphores there are, all of them 0.
   * @throws {IpcError} `EEXIST` when the key is taken, `EINVAL` beyond
   * `SEMMSL`, `ENOSPC` beyond `SEMMNI` or `SEMMNS`, `ENOMEM`.
   */
  static create(
    key: Key,
    semaphores: number | readonly number[],
    options: SysvCreateOptions = {},
  ): SysvSemaphoreSet {
    const { mode = 0o600, owner = true } = options;
    const checked = checkKey(key);
    const values = checkValues(semaphores);
    const flags = IPC_CREAT | IPC_EXCL | checkMode(mode, 0o777) | OWNER;
    const label = `System V semaphore set with key ${
      keyText(checked)
    } of ${values.length}`;
    const create = () =>
      checkInt(
        sys_sem().semget(checked, values.length, flags),
        errno[0],
        "semget",
        "create",
        label,
      );
    return findAndUse(create, (id) => {
      initialize(id, values, mode, label);
      return new SysvSemaphoreSet(INTERNAL, {
        id,
        key: checked,
        length: values.length,
        created: true,
        owner,
      });
    });
  }

  /**
   * `semget`: opens the set of a key, which must exist.
   *
   * The kernel creates a set first and gives it values after that. So this
   * waits until somebody has set the values or done an operation, or the set is
   * a second old: a program that does neither can have made it.
   *
   * See [semget(2)](https://man7.org/linux/man-pages/man2/semget.2.html).
   *
   * @throws {IpcError} `ENOENT` when there is none, `EACCES` when `mode` or
   * reading its state is not permitted, `EINVAL` when it has fewer than `count`
   * semaphores.
   */
  static open(
    key: Key,
    options: SysvSemaphoreSetOpenOptions = {},
  ): SysvSemaphoreSet {
    const { count = 0, mode = 0, initialized = "wait" } = options;
    const checked = checkKey(key);
    if (checked === 0) {
      throw new RangeError(
        "key must not be IPC_PRIVATE: such a set is found by fromId()",
      );
    }
    integer(count, "count", 0, 0xffff);
    if (initialized !== "wait" && initialized !== "any") {
      throw new TypeError(
        `initialized must be "wait" or "any", got ${initialized}`,
      );
    }
    const label = `System V semaphore set with key ${keyText(checked)}`;
    const find = () =>
      checkInt(
        sys_sem().semget(checked, count, checkMode(mode, 0o777)),
        errno[0],
        "semget",
        "open",
        label,
      );
    return findAndUse(find, (id) => {
      const stat = statById(id, label);
      if (initialized === "wait") awaitInitialized(id, stat, label);
      return new SysvSemaphoreSet(INTERNAL, {
        id,
        key: checked,
        length: stat.length,
        created: false,
        owner: false,
      });
    });
  }

  /**
   * `semget`: opens the set of a key, or creates it with its values when there
   * is none; {@linkcode created} says which.
   *
   * See [semget(2)](https://man7.org/linux/man-pages/man2/semget.2.html).
   *
   * @throws {IpcError} As `open` and `create`.
   */
  static openOrCreate(
    key: Key,
    semaphores: number | readonly number[],
    options: SysvCreateOptions = {},
  ): SysvSemaphoreSet {
    const count = checkValues(semaphores).length;
    return openOrCreate(
      () => SysvSemaphoreSet.open(key, { count }),
      () =>
        SysvSemaphoreSet.create(key, semaphores, {
          ...options,
          owner: options.owner ?? false,
        }),
    );
  }

  /**
   * `semctl(IPC_STAT)`: the set of an id, as it is.
   *
   * See [semctl(2)](https://man7.org/linux/man-pages/man2/semctl.2.html).
   *
   * @throws {IpcError} `EINVAL` or `EIDRM` when there is none, `EACCES` when it
   * may not be read.
   */
  static fromId(id: number): SysvSemaphoreSet {
    const stat = statById(checkId(id), `System V semaphore set ${id}`);
    return new SysvSemaphoreSet(INTERNAL, {
      id,
      key: stat.key,
      length: stat.length,
      created: false,
      owner: false,
    });
  }

  /**
   * `semctl(IPC_INFO)` and `semctl(SEM_INFO)`: limits and use on this machine.
   *
   * See [semctl(2)](https://man7.org/linux/man-pages/man2/semctl.2.html).
   */
  static info(): SysvSemaphoreInfo {
    return semaphoreInfo();
  }

  /**
   * `semctl(SEM_STAT_ANY)`: every set of this machine (of this IPC namespace),
   * whoever owns it.
   *
   * See [semctl(2)](https://man7.org/linux/man-pages/man2/semctl.2.html).
   */
  static list(): SysvSemaphoreSetStat[] {
    return listSets();
  }

  /** Its id. */
  get id(): number {
    return this.#set.id;
  }

  /** The key it was made with; 0 is `IPC_PRIVATE`. */
  get key(): Key {
    return this.#key;
  }

  /** How many semaphores it has. */
  get length(): number {
    return this.#set.length;
  }

  /** Whether this handle created it. */
  get created(): boolean {
    return this.#created;
  }

  /** Whether this handle is closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * `semop`: does all operations at once, as soon as all of them can be done.
   *
   * See [semop(2)](https://man7.org/linux/man-pages/man2/semop.2.html).
   *
   * @example Take two resources, or none
   * ```ts
   * import { IPC_PRIVATE, SysvSemaphoreSet } from "@libc/ipc";
   * import { assertEquals } from "@std/assert";
   *
   * using set = SysvSemaphoreSet.create(IPC_PRIVATE, [1, 2]);
   * await set.operate([{ index: 0, delta: -1 }, { index: 1, delta: -2 }]);
   * assertEquals(set.values(), [0, 0]);
   * ```
   *
   * @throws {IpcError} `ETIMEDOUT`, `EAGAIN` when an operation with `noWait`
   * would have to wait, `EIDRM` or `EINVAL` when the set is gone, `ERANGE` when
   * a value would exceed 32767, `EACCES` without permission.
   */
  operate(
    operations: readonly SemaphoreOperation[],
    options?: WaitOptions,
  ): Promise<void> {
    return promised(() => {
      prepare(this.#set, operations);
      // By name: spreading leaves out what a class defines.
      const own = operations.map((
        { index, delta, undo = false, noWait = false },
      ) => ({ index, delta, undo, noWait }));
      const selective = own.some((operation) => operation.noWait);
      const attempt = () => {
        if (this.tryOperate(own)) return true;
        if (selective) refuseToWait(this.#set, own, "operate on");
        return undefined;
      };
      return this.#until("operate on", options, attempt, own);
    });
  }

  /**
   * `semop`, `semtimedop`: as {@linkcode operate}, blocking this thread.
   *
   * See [semop(2)](https://man7.org/linux/man-pages/man2/semop.2.html).
   *
   * @throws {IpcError} As `operate`.
   */
  operateSync(
    operations: readonly SemaphoreOperation[],
    options?: SyncWaitOptions,
  ): void {
    this.#check("operate on");
    const timeout = timeoutOf(options);
    const count = prepare(this.#set, operations);
    block(this.#set, count, timeout, "operate on");
  }

  /**
   * `semop(IPC_NOWAIT)`: does all operations at once if that is possible now;
   * false when it is not.
   *
   * See [semop(2)](https://man7.org/linux/man-pages/man2/semop.2.html).
   *
   * @throws {IpcError} As `operate`, but for `ETIMEDOUT` and `EAGAIN`.
   */
  tryOperate(operations: readonly SemaphoreOperation[]): boolean {
    this.#check("operate on");
    const count = prepare(this.#set, operations, IPC_NOWAIT);
    return attempt(this.#set, count, "operate on");
  }

  /**
   * `semop`: lowers a semaphore by one, or by `count`, as soon as its value is
   * large enough.
   *
   * See [semop(2)](https://man7.org/linux/man-pages/man2/semop.2.html).
   *
   * @throws {IpcError} `ETIMEDOUT`, `EIDRM` or `EINVAL` when the set is gone,
   * `EACCES` without permission.
   */
  acquire(
    index = 0,
    options: SemaphoreAcquireOptions = {},
  ): Promise<void> {
    const { count = 1, undo = true } = options;
    return promised(() =>
      this.#until(
        "acquire",
        options,
        () => this.tryAcquire(index, { count, undo }) || undefined,
        [{ index, delta: -count }],
      )
    );
  }

  /**
   * `semop`, `semtimedop`: as {@linkcode acquire}, blocking this thread.
   *
   * See [semop(2)](https://man7.org/linux/man-pages/man2/semop.2.html).
   *
   * @throws {IpcError} As `acquire`.
   */
  acquireSync(index = 0, options: SemaphoreAcquireSyncOptions = {}): void {
    this.#check("acquire");
    const timeout = timeoutOf(options);
    const flags = options.undo === false ? 0 : SEM_UNDO;
    single(this.#set, index, -units(options.count), flags);
    block(this.#set, 1, timeout, "acquire");
  }

  /**
   * `semop(IPC_NOWAIT)`: lowers a semaphore if its value is large enough now;
   * false when it is not.
   *
   * See [semop(2)](https://man7.org/linux/man-pages/man2/semop.2.html).
   *
   * @throws {IpcError} As `acquire`, but for `ETIMEDOUT`.
   */
  tryAcquire(index = 0, options: SemaphoreTryAcquireOptions = {}): boolean {
    this.#check("acquire");
    const flags = options.undo === false ? IPC_NOWAIT : SEM_UNDO | IPC_NOWAIT;
    single(this.#set, index, -units(options.count), flags);
    return attempt(this.#set, 1, "acquire");
  }

  /**
   * `semop`: raises a semaphore by `count`, at once, and wakes who waits for it.
   *
   * By default the kernel takes this back when the process ends, as is right
   * after an `acquire`; pass `undo: false` to raise what others will lower.
   *
   * See [semop(2)](https://man7.org/linux/man-pages/man2/semop.2.html).
   *
   * @throws {IpcError} `ERANGE` when the value would exceed 32767, `EINVAL` or
   * `EIDRM` when the set is gone, `EACCES` without permission.
   */
  release(index = 0, count = 1, options: SemaphoreReleaseOptions = {}): void {
    this.#check("release");
    // Raising never waits.
    const flags = options.undo === false ? 0 : SEM_UNDO;
    single(this.#set, index, units(count), flags);
    block(this.#set, 1, undefined, "release");
  }

  /**
   * `semop`: waits until a semaphore is zero.
   *
   * See [semop(2)](https://man7.org/linux/man-pages/man2/semop.2.html).
   *
   * @throws {IpcError} As `acquire`.
   */
  waitZero(index = 0, options: WaitOptions = {}): Promise<void> {
    return promised(() =>
      this.#until(
        "wait for zero of",
        options,
        () => this.tryWaitZero(index) || undefined,
        [{ index, delta: 0 }],
      )
    );
  }

  /**
   * `semop`, `semtimedop`: as {@linkcode waitZero}, blocking this thread.
   *
   * See [semop(2)](https://man7.org/linux/man-pages/man2/semop.2.html).
   *
   * @throws {IpcError} As `acquire`.
   */
  waitZeroSync(index = 0, options: SyncWaitOptions = {}): void {
    this.#check("wait for zero of");
    const timeout = timeoutOf(options);
    single(this.#set, index, 0, 0);
    block(this.#set, 1, timeout, "wait for zero of");
  }

  /**
   * `semop(IPC_NOWAIT)`: whether a semaphore is zero.
   *
   * See [semop(2)](https://man7.org/linux/man-pages/man2/semop.2.html).
   *
   * @throws {IpcError} As `acquire`, but for `ETIMEDOUT`.
   */
  tryWaitZero(index = 0): boolean {
    this.#check("wait for zero of");
    single(this.#set, index, 0, IPC_NOWAIT);
    return attempt(this.#set, 1, "wait for zero of");
  }

  /**
   * `semctl(GETVAL)`: the value of a semaphore.
   *
   * See [semctl(2)](https://man7.org/linux/man-pages/man2/semctl.2.html).
   *
   * @throws {IpcError} `EACCES` when it may not be read, `EINVAL` or `EIDRM`
   * when the set is gone.
   */
  value(index = 0): number {
    return this.#get(GETVAL, index, "read");
  }

  /**
   * `semctl(SETVAL)`: sets the value of a semaphore, 0 to 32767, and forgets
   * what any process would have undone to it.
   *
   * See [semctl(2)](https://man7.org/linux/man-pages/man2/semctl.2.html).
   *
   * @throws {IpcError} `EACCES` when it may not be changed, `EINVAL` or `EIDRM`
   * when the set is gone.
   */
  setValue(index: number, value: number): void {
    this.#check("set");
    check0(
      sys_sem().semctl_val(
        this.#set.id,
        this.#index(index),
        SETVAL,
        integer(value, "value", 0, SEMVMX),
      ),
      errno[0],
      "semctl",
      "set",
      this.#set.label,
    );
  }

  /**
   * `semctl(GETALL)`: all values, of one moment.
   *
   * See [semctl(2)](https://man7.org/linux/man-pages/man2/semctl.2.html).
   *
   * @throws {IpcError} As `value`.
   */
  values(): number[] {
    this.#check("read");
    return readValues(this.#set, "read");
  }

  /**
   * `semctl(SETALL)`: sets all values at once, and forgets what any process
   * would have undone to them.
   *
   * See [semctl(2)](https://man7.org/linux/man-pages/man2/semctl.2.html).
   *
   * @throws {IpcError} As `setValue`.
   */
  setValues(values: readonly number[]): void {
    this.#check("set");
    if (!Array.isArray(values)) {
      throw new TypeError(`values must be an array, got ${shown(values)}`);
    }
    const checked = checkValues(values);
    if (checked.length !== this.#set.length) {
      throw new RangeError(
        `values must be ${this.#set.length} numbers, got ${checked.length}`,
      );
    }
    check0(
      sys_sem().semctl_buf(this.#set.id, 0, SETALL, Uint16Array.from(checked)),
      errno[0],
      "semctl",
      "set",
      this.#set.label,
    );
  }

  /**
   * `semctl(GETPID)`: the process that changed a semaphore last, or waited for
   * its zero; 0 for none, or one of another PID namespace.
   *
   * See [semctl(2)](https://man7.org/linux/man-pages/man2/semctl.2.html).
   *
   * @throws {IpcError} As `value`.
   */
  lastPid(index = 0): number {
    return this.#get(GETPID, index, "read");
  }

  /**
   * `semctl(GETNCNT)`: how many threads are blocked until a semaphore rises.
   *
   * See [semctl(2)](https://man7.org/linux/man-pages/man2/semctl.2.html).
   *
   * @throws {IpcError} As `value`.
   */
  waitingForIncrease(index = 0): number {
    return this.#get(GETNCNT, index, "read");
  }

  /**
   * `semctl(GETZCNT)`: how many threads are blocked until a semaphore is zero.
   *
   * See [semctl(2)](https://man7.org/linux/man-pages/man2/semctl.2.html).
   *
   * @throws {IpcError} As `value`.
   */
  waitingForZero(index = 0): number {
    return this.#get(GETZCNT, index, "read");
  }

  /**
   * `semctl(IPC_STAT)`: what the kernel knows of it.
   *
   * See [semctl(2)](https://man7.org/linux/man-pages/man2/semctl.2.html).
   *
   * @throws {IpcError} As `value`.
   */
  stat(): SysvSemaphoreSetStat {
    this.#check("stat");
    return statById(this.#set.id, this.#set.label);
  }

  /**
   * `semctl(IPC_SET)`: changes owner, group or permissions.
   *
   * See [semctl(2)](https://man7.org/linux/man-pages/man2/semctl.2.html).
   *
   * @throws {IpcError} `EPERM` when it belongs to another user, `EACCES` when
   * it may not even be read, `EINVAL` or `EIDRM` when it is gone.
   */
  set(changes: PermissionChanges): void {
    this.#check("change");
    changePermissions(this.#set.id, changes, this.#set.label);
  }

  /**
   * `semctl(IPC_RMID)`: removes the set; who waits for it gets `EIDRM`.
   *
   * See [semctl(2)](https://man7.org/linux/man-pages/man2/semctl.2.html).
   *
   * @throws {IpcError} `EPERM` when it belongs to another user, `EINVAL` or
   * `EIDRM` when it is gone.
   */
  remove(): void {
    this.#check("remove");
    this.#remove();
    this.#owner = false;
  }

  /** Gives up this handle; the set itself stays. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#source.poke();
  }

  /**
   * Closes the handle, and removes the set when it is the `owner`, closed or
   * not; that somebody else has removed it before is no error.
   */
  [Symbol.dispose](): void {
    this.close();
    if (!this.#owner) return;
    this.#owner = false;
    ignoreGone(() => this.#remove());
  }

  /**
   * Ready when the first semaphore could be acquired.
   *
   * @ignore
   */
  [READINESS](): Readiness {
    const action = "wait for";
    let waited = false;
    return {
      ready: () => {
        try {
          return this.#get(GETVAL, 0, action) > 0;
        } catch (error) {
          throw this.#since(waited, error, action);
        } finally {
          waited = true;
        }
      },
      source: this.#source,
      subject: {
        syscall: "semop",
        action,
        object: this.#set.label,
        call: waitForOperations(this.#set, [{ index: 0, delta: -1 }]),
      },
    };
  }

  #remove(): void {
    checkExists(
      sys_sem().semctl(this.#set.id, 0, IPC_RMID),
      errno[0],
      "semctl",
      "remove",
      this.#set.label,
    );
  }

  #get(command: number, index: number, action: string): number {
    this.#check(action);
    return checkInt(
      sys_sem().semctl(this.#set.id, this.#index(index), command),
      errno[0],
      "semctl",
      action,
      this.#set.label,
    );
  }

  #index(index: number): number {
    return integer(index, "index", 0, this.#set.length - 1);
  }

  #until(
    action: string,
    options: WaitOptions | undefined,
    attempt: () => true | undefined,
    operations: readonly SemaphoreOperation[],
  ): Promise<true> {
    let waited = false;
    return waitUntil(
      () => {
        try {
          return attempt();
        } catch (error) {
          throw this.#since(waited, error, action);
        } finally {
          waited = true;
        }
      },
      options,
      new OperationWait(this.#set, action, operations),
      this.#source,
    );
  }

  /** The error of who has waited: a call of the kernel would have said so. */
  #since(waited: boolean, error: unknown, action: string): unknown {
    return waited && hasCode(error, "EINVAL")
      ? ipcError(ERRNO.EIDRM, "semop", action, this.#set.label)
      : error;
  }

  #check(action: string): void {
    if (this.#closed) {
      throw new TypeError(`Cannot ${action} a closed ${this.#set.label}`);
    }
  }
}

showing(SysvSemaphoreSet, ({ id, key, created, length }) => ({
  id,
  key: keyText(key),
  created,
  length,
}));

/** What waits for operations; its call is made only if it comes to that. */
class OperationWait implements WaitSubject {
  readonly syscall = "semop";
  readonly action: string;
  readonly object: string;
  readonly #set: SemaphoreTarget;
  readonly #operations: readonly SemaphoreOperation[];

  constructor(
    set: SemaphoreTarget,
    action: string,
    operations: readonly SemaphoreOperation[],
  ) {
    this.action = action;
    this.object = set.label;
    this.#set = set;
    this.#operations = operations;
  }

  get call(): BlockingCall | undefined {
    // What must not wait cannot wait in a thread either.
    return this.#operations.some(({ noWait }) => noWait)
      ? undefined
      : waitForOperations(this.#set, this.#operations);
  }
}

function units(count = 1): number {
  return integer(count, "count", 1, SEMVMX);
}
