/**
 * The semaphore set of a device: identifies the device, and locks writes.
 *
 * | index | name    | meaning |
 * |-------|---------|---------|
 * | 0     | LOCK    | 1, or 0 while a process writes to the memory |
 * | 1     | DEVICE  | 0, or 1 while the device is alive |
 * | 2     | KIND    | marks the set as a device's, and holds its transport |
 * | 3     | FD      | the descriptor of its memfd in the device, plus one |
 *
 * A new set is all zeros, so its lock is held. A device raises LOCK, DEVICE and
 * KIND in one operation, DEVICE with `SEM_UNDO`: only one process succeeds, and
 * the kernel lowers DEVICE when that process ends, however it ends. So there is
 * no guessing by process ids, and a set with KIND set and DEVICE 0 is that of a
 * dead device, never of one that is being created.
 *
 * @module
 */

import { checkInt, hasCode, ignoreGone, isGone } from "../../../ffi/errno.ts";
import { errno } from "../../../ffi/libc/errno.ts";
import { IPC_CREAT, IPC_EXCL, IPC_RMID } from "../../../ffi/libc/sys_ipc.ts";
import { sys_sem } from "../../../ffi/libc/sys_sem.ts";
import { type Key, keyText } from "../../core/convert/key.ts";
import { SysvSemaphoreSet } from "../../sysv/semaphore_set.ts";
import type { DeviceObject } from "../object.ts";
import { type Transport, TRANSPORTS } from "../types.ts";

/** The writers' lock. */
export const LOCK = 0;
/** Whether the device is alive. */
export const DEVICE = 1;
const KIND = 2;
const FD = 3;
const LENGTH = 4;

/** Marks a set as a device's: "LW" as two bytes, plus the transport. */
const SIGNATURE = 0x4c57;

/** The decoded values of a set. */
export interface DeviceSigns {
  /** The kind of memory; undefined when the set is not a device's. */
  transport: Transport | undefined;
  /** Whether the device is alive. */
  claimed: boolean;
  /** The descriptor of its memfd; undefined while it has none. */
  fd: number | undefined;
  /** Whether it was never claimed, so that no other object can exist either. */
  blank: boolean;
}

/** The semaphore set of a device. */
export class DeviceSemaphores implements Disposable {
  /** The set itself. */
  readonly set: SysvSemaphoreSet;
  /** Whether this handle created it. */
  readonly created: boolean;

  private constructor(set: SysvSemaphoreSet, created: boolean) {
    this.set = set;
    this.created = created;
  }

  /**
   * `semget`: creates the set of a key, unclaimed.
   *
   * @returns Undefined when another process has already removed it.
   * @throws {IpcError} `EEXIST` when there is one.
   */
  static create(key: Key, mode: number): DeviceSemaphores | undefined {
    const id = checkInt(
      sys_sem().semget(key, LENGTH, IPC_CREAT | IPC_EXCL | mode),
      errno[0],
      "semget",
      "create",
      `System V semaphore set with key ${keyText(key)}`,
    );
    try {
      // Not SysvSemaphoreSet.create(), which sets values in a second step.
      return new DeviceSemaphores(SysvSemaphoreSet.fromId(id), true);
    } catch (error) {
      if (isGone(error)) return undefined;
      sys_sem().semctl(id, 0, IPC_RMID);
      throw error;
    }
  }

  /**
   * Opens the set of a key, whoever owns it; undefined when there is none.
   *
   * @param initialized Whether to wait until its creator has claimed it.
   */
  static find(
    key: Key,
    initialized: "wait" | "any" = "any",
  ): DeviceSemaphores | undefined {
    try {
      const set = SysvSemaphoreSet.open(key, { initialized });
      return new DeviceSemaphores(set, false);
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  /**
   * As {@linkcode find}, but undefined also for a set that may not be read or
   * is not a device's.
   */
  static findReadable(key: Key): DeviceSemaphores | undefined {
    try {
      const found = DeviceSemaphores.find(key);
      return found?.transport === undefined ? undefined : found;
    } catch (error) {
      if (hasCode(error, "EACCES") || isGone(error)) return undefined;
      throw error;
    }
  }

  /** Reads all values at one moment. */
  read(): DeviceSigns {
    const { set } = this;
    const values = set.length === LENGTH ? set.values() : [];
    const [, device = 0, kind = 0, fd = 0] = values;
    return {
      transport: TRANSPORTS[kind - SIGNATURE],
      claimed: device > 0,
      fd: fd === 0 ? undefined : fd - 1,
      blank: values.length > 0 && values.every((value) => value === 0),
    };
  }

  /** The kind of memory; undefined when the set is not a device's. */
  get transport(): Transport | undefined {
    return this.read().transport;
  }

  /** Whether a device is alive. */
  get claimed(): boolean {
    return this.set.value(DEVICE) > 0;
  }

  /**
   * The process that is, or last was, the device; 0 when it is in another PID
   * namespace.
   */
  get holder(): number {
    return this.set.lastPid(DEVICE);
  }

  /** Sets the descriptor of the device's memfd, or none. */
  setFd(fd?: number): void {
    this.set.setValue(FD, fd === undefined ? 0 : fd + 1);
  }

  /**
   * Becomes the device, unless another one is alive.
   *
   * @param transport The kind of memory, if this is the first claim.
   * @returns `"first"` for the first claim of this set, `"next"` after a dead
   * device; undefined when another device is alive.
   */
  claim(transport: Transport): "first" | "next" | undefined {
    const kind = SIGNATURE + TRANSPORTS.indexOf(transport);
    const isZero = (index: number) => ({ index, delta: 0, noWait: true });
    const device = { index: DEVICE, delta: 1, noWait: true, undo: true };
    const first = this.set.tryOperate([
      isZero(LOCK),
      isZero(DEVICE),
      isZero(KIND),
      device,
      { index: KIND, delta: kind, noWait: true },
      { index: LOCK, delta: 1, noWait: true },
    ]);
    if (first) return "first";
    const next = this.set.tryOperate([
      isZero(DEVICE),
      // Fails for a set without KIND, which is about to be claimed.
      { index: KIND, delta: -SIGNATURE, noWait: true },
      { index: KIND, delta: SIGNATURE, noWait: true },
      device,
    ]);
    return next ? "next" : undefined;
  }

  /** Stops being the device. */
  unclaim(): void {
    this.set.tryOperate([
      { index: DEVICE, delta: -1, noWait: true, undo: true },
    ]);
  }

  /** The process that holds the writers' lock, if one does. */
  get lockHolder(): number | undefined {
    return this.set.value(LOCK) > 0 ? undefined : this.set.lastPid(LOCK);
  }

  /** Whether the set was removed. */
  get gone(): boolean {
    return isRemoved(() => this.set.value(DEVICE));
  }

  /** Describes the kernel object. */
  describe(): DeviceObject {
    const { id, length, uid, mode } = this.set.stat();
    return {
      kind: "semaphores",
      transport: "sysv",
      id,
      name: undefined,
      size: length,
      uid,
      mode,
    };
  }

  /** Removes the set; it is no error if it is already removed. */
  remove(): void {
    ignoreGone(() => this.set.remove());
  }

  /** Closes the handle. */
  [Symbol.dispose](): void {
    this.set.close();
  }
}

/** Whether a call on a kernel object fails because it was removed. */
export function isRemoved(look: () => void): boolean {
  try {
    look();
    return false;
  } catch (error) {
    if (isGone(error)) return true;
    throw error;
  }
}
