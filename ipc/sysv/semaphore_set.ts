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
   * The minimum number of semaphores: a smaller set fails with `EINVAL`.
   *
   * @default {0}
   */
  count?: number;
  /**
   * The handling of a set whose creator may not have set the values yet:
   * `"wait"` waits until it has, for a second at most; `"any"` takes it as it
   * is.
   *
   * @default {"wait"}
   */
  initialized?: "wait" | "any";
}

/** Options of {@linkcode SysvSemaphoreSet.release}. */
export interface SemaphoreReleaseOptions {
  /**
   * Undoes the change when this process ends in any way (`SEM_UNDO`). Use
   * `false` for a semaphore that one process raises and another one lowers.
   *
   * @default {true}
   */
  undo?: boolean;
}

/** Options of {@linkcode SysvSemaphoreSet.tryAcquire}. */
export interface SemaphoreTryAcquireOptions extends SemaphoreReleaseOptions {
  /**
   * The number of units to take, all or none, 1 to 32767.
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
 * made all at once or not at all. With `undo`, the kernel undoes the operations
 * of a process when it ends, even by `SIGKILL`: no crash leaves a lock locked.
 *
 * The async forms try again when a thread that waits in the kernel wakes up, or
 * by polling. A process that is blocked in the kernel may be served before
 * them, and `waitZero()` can miss a value that is zero only for a moment.
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
   * {@linkcode open} does not return it before the values are set.
   *
   * See [semget(2)](https://man7.org/linux/man-pages/man2/semget.2.html).
   *
   * @param key A key, or `IPC_PRIVATE` for a set that has none.
   * @param semaphores The initial values, each from 0 to 32767, or the number
   * of semaphores, with values of 0.
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
   * A set exists before its creator has set its values. So this waits until the
   * values have been set or an operation has been made, but only until the set
   * is a second old: its program may do neither.
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
   * `semctl(IPC_STAT)`: opens a set by its id, initialized or not.
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
   * `semctl(IPC_INFO)` and `semctl(SEM_INFO)`: returns limits and use on this
   * machine.
   *
   * See [semctl(2)](https://man7.org/linux/man-pages/man2/semctl.2.html).
   */
  static info(): SysvSemaphoreInfo {
    return semaphoreInfo();
  }

  /**
   * `semctl(SEM_STAT_ANY)`: lists all sets on this machine (in this IPC
   * namespace), of all users.
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

  /** The key it was created with; 0 is `IPC_PRIVATE`. */
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
   * `semop`: makes all operations at once, and waits until all are possible.
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
      // Copy by name: spreading would leave out accessors of a class.
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
   * `semop`, `semtimedop`: as {@linkcode operate}, but blocks this thread.
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
   * `semop(IPC_NOWAIT)`: as {@linkcode operate}, but returns false when an
   * operation would have to wait.
   */
  tryOperate(operations: readonly SemaphoreOperation[]): boolean {
    this.#check("operate on");
    const count = prepare(this.#set, operations, IPC_NOWAIT);
    return attempt(this.#set, count, "operate on");
  }

  /**
   * `semop`: lowers a semaphore by one, or by `count`, and waits until its
   * value is large enough.
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
   * `semop`, `semtimedop`: as {@linkcode acquire}, but blocks this thread.
   */
  acquireSync(index = 0, options: SemaphoreAcquireSyncOptions = {}): void {
    this.#check("acquire");
    const timeout = timeoutOf(options);
    const flags = options.undo === false ? 0 : SEM_UNDO;
    single(this.#set, index, -units(options.count), flags);
    block(this.#set, 1, timeout, "acquire");
  }

  /**
   * `semop(IPC_NOWAIT)`: as {@linkcode acquire}, but returns false when the
   * value is too small.
   */
  tryAcquire(index = 0, options: SemaphoreTryAcquireOptions = {}): boolean {
    this.#check("acquire");
    const flags = options.undo === false ? IPC_NOWAIT : SEM_UNDO | IPC_NOWAIT;
    single(this.#set, index, -units(options.count), flags);
    return attempt(this.#set, 1, "acquire");
  }

  /**
   * `semop`: raises a semaphore by `count` and wakes waiters. It never waits.
   *
   * By default the kernel undoes this when the process ends, as is right after
   * an `acquire`. Pass `undo: false` to raise a semaphore that others will
   * lower.
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
   * `semop`, `semtimedop`: as {@linkcode waitZero}, but blocks this thread.
   */
  waitZeroSync(index = 0, options: SyncWaitOptions = {}): void {
    this.#check("wait for zero of");
    const timeout = timeoutOf(options);
    single(this.#set, index, 0, 0);
    block(this.#set, 1, timeout, "wait for zero of");
  }

  /**
   * `semop(IPC_NOWAIT)`: as {@linkcode waitZero}, but returns false when the
   * semaphore is not zero.
   */
  tryWaitZero(index = 0): boolean {
    this.#check("wait for zero of");
    single(this.#set, index, 0, IPC_NOWAIT);
    return attempt(this.#set, 1, "wait for zero of");
  }

  /**
   * `semctl(GETVAL)`: returns the value of a semaphore.
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
   * `semctl(SETVAL)`: sets the value of a semaphore, 0 to 32767, and clears its
   * undo entries in all processes.
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
   * `semctl(GETALL)`: returns all values, read atomically.
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
   * `semctl(SETALL)`: sets all values at once, and clears their undo entries in
   * all processes.
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
   * `semctl(GETPID)`: returns the process that last changed a semaphore or
   * found it zero; 0 for none, or for one in another PID namespace.
   *
   * See [semctl(2)](https://man7.org/linux/man-pages/man2/semctl.2.html).
   *
   * @throws {IpcError} As `value`.
   */
  lastPid(index = 0): number {
    return this.#get(GETPID, index, "read");
  }

  /**
   * `semctl(GETNCNT)`: returns how many threads wait for a semaphore to rise.
   *
   * See [semctl(2)](https://man7.org/linux/man-pages/man2/semctl.2.html).
   *
   * @throws {IpcError} As `value`.
   */
  waitingForIncrease(index = 0): number {
    return this.#get(GETNCNT, index, "read");
  }

  /**
   * `semctl(GETZCNT)`: returns how many threads wait for a semaphore to be
   * zero.
   *
   * See [semctl(2)](https://man7.org/linux/man-pages/man2/semctl.2.html).
   *
   * @throws {IpcError} As `value`.
   */
  waitingForZero(index = 0): number {
    return this.#get(GETZCNT, index, "read");
  }

  /**
   * `semctl(IPC_STAT)`: returns the state of the set.
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
   * it may not be read, `EINVAL` or `EIDRM` when it is gone.
   */
  set(changes: PermissionChanges): void {
    this.#check("change");
    changePermissions(this.#set.id, changes, this.#set.label);
  }

  /**
   * `semctl(IPC_RMID)`: removes the set. Waiting calls fail with `EIDRM`.
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

  /** Closes this handle; the set itself remains. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#source.poke();
  }

  /**
   * Closes the handle, and removes the set if the handle is the `owner`, even
   * when it is already closed. A set that is already removed is no error.
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

  /** Turns `EINVAL` after a wait into `EIDRM`, as from a wait in the kernel. */
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

/** A wait for operations; its blocking call is prepared only if needed. */
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
    // Operations with noWait must not wait in a thread either.
    return this.#operations.some(({ noWait }) => noWait)
      ? undefined
      : waitForOperations(this.#set, this.#operations);
  }
}

function units(count = 1): number {
  return integer(count, "count", 1, SEMVMX);
}
