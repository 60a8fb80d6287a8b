/**
 * System V shared memory: {@linkcode SysvSharedMemory}.
 *
 * ```ts
 * import { IPC_PRIVATE, SysvSharedMemory } from "@libc/ipc";
 *
 * // Instead of IPC_PRIVATE, a key that others know: ftok("some/file", "d").
 * using segment = SysvSharedMemory.create(IPC_PRIVATE, 4096);
 * using mapping = segment.attach();
 * mapping.bytes[0] = 42;
 * ```
 *
 * @module
 */

import {
  check0,
  checkInt,
  checkPtr,
  ERRNO,
  errnoOf,
  ignoreGone,
  ipcError,
} from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  IPC_CREAT,
  IPC_EXCL,
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
} from "../../ffi/libc/sys_ipc.ts";
import {
  SHM_DEST,
  SHM_EXEC,
  SHM_HUGETLB,
  SHM_INFO,
  shm_info,
  SHM_LOCK,
  SHM_LOCKED,
  SHM_NORESERVE,
  SHM_RDONLY,
  SHM_REMAP,
  SHM_RND,
  SHM_STAT_ANY,
  SHM_UNLOCK,
  shmid_ds,
  sys_shm,
} from "../../ffi/libc/sys_shm.ts";
import { checkMode, size as checkSize } from "../core/convert/argument.ts";
import { type Key, keyText } from "../core/convert/key.ts";
import { dateOf } from "./_time.ts";
import { showing } from "../core/handle/inspect.ts";
import { INTERNAL, onlyInternal } from "../core/handle/internal.ts";
import { openOrCreate } from "../core/handle/open_or_create.ts";
import { Mapping, overtake } from "../core/memory/mapping.ts";
import { sharedMemoryInfo, type SysvSharedMemoryInfo } from "./_info.ts";
import {
  applyChanges,
  checkExists,
  checkId,
  checkKey,
  findAndUse,
  type PermissionChanges,
  type Permissions,
  permissionsOf,
  permissionsOfRow,
  procTable,
  type SysvCreateOptions,
  type SysvInit,
  type SysvOpenOptions,
} from "./_object.ts";

export type {
  Key,
  PermissionChanges,
  Permissions,
  SysvCreateOptions,
  SysvOpenOptions,
  SysvSharedMemoryInfo,
};

/** Options of {@linkcode SysvSharedMemory.create}. */
export interface SysvSharedMemoryCreateOptions extends SysvCreateOptions {
  /**
   * Backs the segment with huge pages (`SHM_HUGETLB`).
   *
   * @default {false}
   */
  hugePages?: boolean;
  /**
   * Reserves no swap for it (`SHM_NORESERVE`).
   *
   * @default {false}
   */
  noReserve?: boolean;
}

/** Options of {@linkcode SysvSharedMemory.open}. */
export interface SysvSharedMemoryOpenOptions extends SysvOpenOptions {
  /**
   * The minimum size in bytes: a smaller segment fails with `EINVAL`.
   *
   * @default {0}
   */
  size?: number;
}

/** Options of {@linkcode SysvSharedMemory.attach}. */
export interface AttachOptions {
  /**
   * Maps the pages read-only (`SHM_RDONLY`).
   *
   * @default {false}
   */
  readOnly?: boolean;
  /**
   * The address to map it at, on a page boundary.
   *
   * @default {undefined} chosen by the kernel
   */
  address?: bigint;
  /**
   * Rounds `address` down to a page boundary (`SHM_RND`).
   *
   * @default {false}
   */
  round?: boolean;
  /**
   * Replaces the mapping at `address` (`SHM_REMAP`), which is closed. It must
   * be a mapping of this module with the same number of pages.
   *
   * @default {false}
   */
  remap?: boolean;
  /**
   * Allows the content to be executed (`SHM_EXEC`).
   *
   * @default {false}
   */
  execute?: boolean;
}

/** The state of a segment: every field of `struct shmid_ds`. */
export interface SysvSharedMemoryStat extends Permissions {
  /** Its id. */
  id: number;
  /** Its size in bytes. */
  size: number;
  /** How many mappings of it there are. */
  attachCount: number;
  /** When it was last attached. */
  attachTime: Date | null;
  /** When it was last detached. */
  detachTime: Date | null;
  /** When it was created or last changed by `set()`. */
  changeTime: Date | null;
  /** The process that created it. */
  creatorPid: number;
  /** The process that attached or detached it last; 0 for none. */
  lastPid: number;
  /** Whether it is removed and ends with its last detach (`SHM_DEST`). */
  removed: boolean;
  /** Whether it is locked in memory (`SHM_LOCKED`). */
  locked: boolean;
}

/**
 * A System V shared memory segment.
 *
 * Segments outlive their processes: a segment that is not removed remains until
 * the next boot. A segment that is removed while attached exists until its last
 * mapping is closed.
 *
 * @example Create, fill, read and remove
 * ```ts
 * import { IPC_PRIVATE, SysvSharedMemory } from "@libc/ipc";
 * import { assertEquals } from "@std/assert";
 *
 * using segment = SysvSharedMemory.create(IPC_PRIVATE, 4096);
 * using mapping = segment.attach();
 * mapping.bytes.set([1, 2, 3]);
 *
 * using other = SysvSharedMemory.fromId(segment.id);
 * using view = other.attach({ readOnly: true });
 * assertEquals(view.read(0, 3), new Uint8Array([1, 2, 3]));
 * ```
 */
export class SysvSharedMemory implements Disposable {
  readonly #id: number;
  readonly #key: Key;
  readonly #size: number;
  readonly #created: boolean;
  readonly #label: string;
  #owner: boolean;
  #closed = false;

  private constructor(token: unknown, init: SysvInit & { size: number }) {
    onlyInternal(token, "SysvSharedMemory");
    const { id, key } = init;
    this.#id = id;
    this.#key = key;
    this.#size = init.size;
    this.#created = init.created;
    this.#owner = init.owner;
    this.#label = `System V shared memory ${id} (key ${keyText(key)})`;
  }

  /**
   * `shmget(IPC_CREAT | IPC_EXCL)`: creates a segment filled with zeros.
   *
   * See [shmget(2)](https://man7.org/linux/man-pages/man2/shmget.2.html).
   *
   * @param key A key, or `IPC_PRIVATE` for a segment that has none.
   * @param size Its size in bytes, at least 1.
   * @throws {IpcError} `EEXIST` when the key is taken, `EINVAL` beyond
   * `SHMMAX`, `ENOSPC` beyond `SHMMNI` or `SHMALL`, `ENOMEM`, `EPERM` for huge
   * pages without permission.
   */
  static create(
    key: Key,
    size: number,
    options: SysvSharedMemoryCreateOptions = {},
  ): SysvSharedMemory {
    const { mode = 0o600, owner = true } = options;
    const checked = checkKey(key);
    checkSize(size, "size", 1);
    const flags = IPC_CREAT | IPC_EXCL | checkMode(mode, 0o777) |
      (options.hugePages ? SHM_HUGETLB : 0) |
      (options.noReserve ? SHM_NORESERVE : 0);
    const id = sys_shm().shmget(checked, BigInt(size), flags);
    const error = errnoOf(id, errno[0]);
    if (error !== 0) {
      const object = `System V shared memory with key ${
        keyText(checked)
      } of ${size} bytes`;
      const hint = error === ERRNO.EPERM && options.hugePages
        ? "huge pages take CAP_IPC_LOCK, or the group in vm.hugetlb_shm_group"
        : undefined;
      throw ipcError(error, "shmget", "create", object, hint);
    }
    return new SysvSharedMemory(INTERNAL, {
      id,
      key: checked,
      size,
      created: true,
      owner,
    });
  }

  /**
   * `shmget`: opens the segment of a key, which must exist.
   *
   * See [shmget(2)](https://man7.org/linux/man-pages/man2/shmget.2.html).
   *
   * @throws {IpcError} `ENOENT` when there is none, `EACCES` when `mode` or
   * reading its state is not permitted, `EINVAL` when it is smaller than `size`.
   */
  static open(
    key: Key,
    options: SysvSharedMemoryOpenOptions = {},
  ): SysvSharedMemory {
    const { size = 0, mode = 0 } = options;
    const checked = checkKey(key);
    if (checked === 0) {
      throw new RangeError(
        "key must not be IPC_PRIVATE: such a segment is found by fromId()",
      );
    }
    const find = () =>
      checkInt(
        sys_shm().shmget(
          checked,
          BigInt(checkSize(size, "size")),
          checkMode(mode, 0o777),
        ),
        errno[0],
        "shmget",
        "open",
        `System V shared memory with key ${keyText(checked)}`,
      );
    return findAndUse(find, (id) => SysvSharedMemory.fromId(id));
  }

  /**
   * `shmget`: opens the segment of a key, or creates it when there is none;
   * {@linkcode created} says which.
   *
   * See [shmget(2)](https://man7.org/linux/man-pages/man2/shmget.2.html).
   *
   * @throws {IpcError} As `open` and `create`.
   */
  static openOrCreate(
    key: Key,
    size: number,
    options: SysvSharedMemoryCreateOptions = {},
  ): SysvSharedMemory {
    checkSize(size, "size", 1);
    return openOrCreate(
      () => SysvSharedMemory.open(key, { size }),
      () =>
        SysvSharedMemory.create(key, size, {
          ...options,
          owner: options.owner ?? false,
        }),
    );
  }

  /**
   * `shmctl(IPC_STAT)`: opens a segment by its id.
   *
   * See [shmctl(2)](https://man7.org/linux/man-pages/man2/shmctl.2.html).
   *
   * @throws {IpcError} `EINVAL` or `EIDRM` when there is none, `EACCES` when it
   * may not be read.
   */
  static fromId(id: number): SysvSharedMemory {
    const stat = statById(checkId(id), `System V shared memory ${id}`);
    return new SysvSharedMemory(INTERNAL, {
      id,
      key: stat.key,
      size: stat.size,
      created: false,
      owner: false,
    });
  }

  /**
   * `shmctl(IPC_INFO)` and `shmctl(SHM_INFO)`: returns limits and use on this
   * machine.
   *
   * See [shmctl(2)](https://man7.org/linux/man-pages/man2/shmctl.2.html).
   */
  static info(): SysvSharedMemoryInfo {
    return sharedMemoryInfo();
  }

  /**
   * `shmctl(SHM_STAT_ANY)`: lists all segments on this machine (in this IPC
   * namespace), of all users.
   *
   * See [shmctl(2)](https://man7.org/linux/man-pages/man2/shmctl.2.html).
   */
  static list(): SysvSharedMemoryStat[] {
    const buffer = new Uint8Array(shmid_ds.size);
    const highest = checkInt(
      sys_shm().shmctl_buf(0, SHM_INFO, new Uint8Array(shm_info.size)),
      errno[0],
      "shmctl",
      "list",
      "System V shared memory",
    );
    const found: SysvSharedMemoryStat[] = [];
    for (let index = 0; index <= highest; index++) {
      const id = sys_shm().shmctl_buf(index, SHM_STAT_ANY, buffer);
      if (errnoOf(id, errno[0]) === 0) found.push(statOf(id, buffer));
    }
    // Kernels before 4.17 and some sandboxes have no SHM_STAT_ANY.
    return found.length > 0 ? found : procTable("shm").map(statOfRow);
  }

  /** Its id. */
  get id(): number {
    return this.#id;
  }

  /** The key it was created with; 0 is `IPC_PRIVATE`. */
  get key(): Key {
    return this.#key;
  }

  /** Its size in bytes. */
  get size(): number {
    return this.#size;
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
   * `shmat`: maps the segment into this process.
   *
   * The mapping is independent of this handle: close it on its own.
   *
   * See [shmat(2)](https://man7.org/linux/man-pages/man2/shmop.2.html).
   *
   * @throws {IpcError} `EACCES` without permission, `EINVAL` or `EIDRM` when
   * the segment is gone or the address unusable, `ENOMEM` without free memory.
   */
  attach(options: AttachOptions = {}): Mapping {
    this.#check("attach");
    const { readOnly = false, address, remap = false } = options;
    const taken = remap ? overtake(address, this.#size) : undefined;
    const flags = (readOnly ? SHM_RDONLY : 0) |
      (options.round ? SHM_RND : 0) |
      (remap ? SHM_REMAP : 0) |
      (options.execute ? SHM_EXEC : 0);
    const pointer = checkPtr(
      sys_shm().shmat(this.#id, pointerOf(address), flags),
      errno[0],
      "shmat",
      "attach",
      this.#label,
    );
    taken?.();
    return new Mapping(INTERNAL, {
      pointer,
      size: this.#size,
      readOnly,
      label: this.#label,
      release: detach,
    });
  }

  /**
   * `shmctl(IPC_STAT)`: returns the state of the segment.
   *
   * See [shmctl(2)](https://man7.org/linux/man-pages/man2/shmctl.2.html).
   *
   * @throws {IpcError} `EACCES` when it may not be read, `EINVAL` or `EIDRM`
   * when it is gone.
   */
  stat(): SysvSharedMemoryStat {
    this.#check("stat");
    return statById(this.#id, this.#label);
  }

  /**
   * `shmctl(IPC_SET)`: changes owner, group or permissions.
   *
   * See [shmctl(2)](https://man7.org/linux/man-pages/man2/shmctl.2.html).
   *
   * @throws {IpcError} `EPERM` when it belongs to another user, `EACCES` when
   * it may not be read, `EINVAL` or `EIDRM` when it is gone.
   */
  set(changes: PermissionChanges): void {
    this.#check("change");
    const buffer = statBuffer(this.#id, this.#label);
    applyChanges(shmid_ds.view(buffer).shm_perm, changes);
    checkExists(
      sys_shm().shmctl_buf(this.#id, IPC_SET, buffer),
      errno[0],
      "shmctl",
      "change",
      this.#label,
    );
  }

  /**
   * `shmctl(SHM_LOCK)`: keeps the segment out of swap.
   *
   * See [shmctl(2)](https://man7.org/linux/man-pages/man2/shmctl.2.html).
   *
   * @throws {IpcError} `EPERM` when it belongs to another user, `ENOMEM` beyond
   * `RLIMIT_MEMLOCK`.
   */
  lockInMemory(): void {
    this.#check("lock");
    this.#control(SHM_LOCK, "lock");
  }

  /**
   * `shmctl(SHM_UNLOCK)`: lets the segment be swapped again.
   *
   * See [shmctl(2)](https://man7.org/linux/man-pages/man2/shmctl.2.html).
   *
   * @throws {IpcError} `EPERM` when it belongs to another user.
   */
  unlockInMemory(): void {
    this.#check("unlock");
    this.#control(SHM_UNLOCK, "unlock");
  }

  /**
   * `shmctl(IPC_RMID)`: removes the segment. It exists until its last mapping
   * is closed.
   *
   * See [shmctl(2)](https://man7.org/linux/man-pages/man2/shmctl.2.html).
   *
   * @throws {IpcError} `EPERM` when it belongs to another user, `EINVAL` or
   * `EIDRM` when it is gone.
   */
  remove(): void {
    this.#check("remove");
    this.#control(IPC_RMID, "remove");
    this.#owner = false;
  }

  /** Closes this handle; mappings and the segment itself remain. */
  close(): void {
    this.#closed = true;
  }

  /**
   * Closes the handle, and removes the segment if the handle is the `owner`,
   * even when it is already closed. A segment that is already removed is no
   * error.
   */
  [Symbol.dispose](): void {
    this.close();
    if (!this.#owner) return;
    this.#owner = false;
    ignoreGone(() => this.#control(IPC_RMID, "remove"));
  }

  #control(command: number, action: string): void {
    checkExists(
      sys_shm().shmctl(this.#id, command, null),
      errno[0],
      "shmctl",
      action,
      this.#label,
    );
  }

  #check(action: string): void {
    if (this.#closed) {
      throw new TypeError(`Cannot ${action} a closed ${this.#label}`);
    }
  }
}

showing(SysvSharedMemory, ({ id, key, created, size }) => ({
  id,
  key: keyText(key),
  created,
  size,
}));

function detach(pointer: Deno.PointerObject): void {
  check0(
    sys_shm().shmdt(pointer),
    errno[0],
    "shmdt",
    "detach",
    "System V shared memory",
  );
}

function pointerOf(address: bigint | undefined): Deno.PointerValue {
  if (address === undefined) return null;
  if (typeof address !== "bigint") {
    throw new TypeError(`address must be a bigint, got ${typeof address}`);
  }
  if (address <= 0n || address >= 1n << 64n) {
    throw new RangeError(`address must be from 1 to 2^64-1, got ${address}`);
  }
  return Deno.UnsafePointer.create(address);
}

function statBuffer(id: number, label: string): Uint8Array<ArrayBuffer> {
  const buffer = new Uint8Array(shmid_ds.size);
  checkExists(
    sys_shm().shmctl_buf(id, IPC_STAT, buffer),
    errno[0],
    "shmctl",
    "stat",
    label,
  );
  return buffer;
}

function statById(id: number, label: string): SysvSharedMemoryStat {
  return statOf(id, statBuffer(id, label));
}

function statOf(
  id: number,
  buffer: Uint8Array<ArrayBuffer>,
): SysvSharedMemoryStat {
  const ds = shmid_ds.read(buffer);
  return {
    id,
    ...permissionsOf(ds.shm_perm),
    size: Number(ds.shm_segsz),
    attachCount: Number(ds.shm_nattch),
    attachTime: dateOf(ds.shm_atime),
    detachTime: dateOf(ds.shm_dtime),
    changeTime: dateOf(ds.shm_ctime),
    creatorPid: ds.shm_cpid,
    lastPid: ds.shm_lpid,
    removed: (ds.shm_perm.mode & SHM_DEST) !== 0,
    locked: (ds.shm_perm.mode & SHM_LOCKED) !== 0,
  };
}

function statOfRow(row: Record<string, number>): SysvSharedMemoryStat {
  const column = (name: string) => row[name] ?? 0;
  const mode = column("perms");
  const id = column("shmid");
  return {
    id,
    ...permissionsOfRow(id, column),
    size: column("size"),
    attachCount: column("nattch"),
    attachTime: dateOf(BigInt(column("atime"))),
    detachTime: dateOf(BigInt(column("dtime"))),
    changeTime: dateOf(BigInt(column("ctime"))),
    creatorPid: column("cpid"),
    lastPid: column("lpid"),
    removed: (mode & SHM_DEST) !== 0,
    locked: (mode & SHM_LOCKED) !== 0,
  };
}
