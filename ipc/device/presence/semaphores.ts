/**
 * The semaphore set of a device: who is the device, and who may write.
 *
 * | index | name    | meaning |
 * |-------|---------|---------|
 * | 0     | LOCK    | 1, or 0 while somebody writes to the memory |
 * | 1     | DEVICE  | 0, or 1 while the device lives |
 * | 2     | KIND    | says that the set is a device's, and its transport |
 * | 3     | FD      | the descriptor of its memfd in the device, plus one |
 *
 * A new set is all zeros, so that its lock is held. A device raises LOCK, DEVICE
 * and KIND in one operation, DEVICE with `SEM_UNDO`: of all that try only one
 * succeeds, and the kernel itself lowers it when that process ends, however it
 * ends. So nobody has to guess by process ids, and a set of a KIND whose DEVICE
 * is 0 is that of a dead device, never that of one which is just being made.
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
/** Whether the device lives. */
export const DEVICE = 1;
const KIND = 2;
const FD = 3;
const LENGTH = 4;

/** Marks a set as a device's: "LW" as two bytes, the transport is added. */
const SIGNATURE = 0x4c57;

/** What the values of a set say. */
export interface DeviceSigns {
  /** Where the memory lives; undefined when the set is not a device's. */
  transport: Transport | undefined;
  /** Whether the device lives. */
  claimed: boolean;
  /** The descriptor of its memfd; undefined while it has none. */
  fd: number | undefined;
  /**
   * Whether nobody has claimed it since it was made, so that nothing else can
   * have been made either.
   */
  blank: boolean;
}

/** The semaphore set of a device. */
export class DeviceSemaphores implements Disposable {
  /** The set itself. */
  readonly set: SysvSemaphoreSet;
  /** Whether this handle has made it. */
  readonly created: boolean;

  private constructor(set: SysvSemaphoreSet, created: boolean) {
    this.set = set;
    this.created = created;
  }

  /**
   * `semget`: makes the set of a key. Nobody is the device yet.
   *
   * @returns Undefined when somebody has removed it at once.
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
      // Not by the class's own create(), which gives values in a second step.
      return new DeviceSemaphores(SysvSemaphoreSet.fromId(id), true);
    } catch (error) {
      if (isGone(error)) return undefined;
      sys_sem().semctl(id, 0, IPC_RMID);
      throw error;
    }
  }

  /**
   * The set of a key, whosever it is; undefined when there is none.
   *
   * @param initialized Whether to wait until its maker has claimed it.
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
   * As {@linkcode find}, but gives undefined also for a set that may not be
   * read or is not a device's.
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

  /** What its values say, at one moment. */
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

  /** Where the memory lives; undefined when the set is not a device's. */
  get transport(): Transport | undefined {
    return this.read().transport;
  }

  /** Whether a device lives. */
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

  /** Says which descriptor of the device is its memfd, or that none is. */
  setFd(fd?: number): void {
    this.set.setValue(FD, fd === undefined ? 0 : fd + 1);
  }

  /**
   * Becomes the device, unless another one lives.
   *
   * @param transport Where the memory of the first one shall live.
   * @returns Whether it is the `"first"` one of this set or comes after one that
   * has died; undefined when another one lives.
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
      // Fails where there was none: that set is about to be claimed.
      { index: KIND, delta: -SIGNATURE, noWait: true },
      { index: KIND, delta: SIGNATURE, noWait: true },
      device,
    ]);
    return next ? "next" : undefined;
  }

  /** Is the device no longer. */
  unclaim(): void {
    this.set.tryOperate([
      { index: DEVICE, delta: -1, noWait: true, undo: true },
    ]);
  }

  /** The process that holds the writers' lock, if one does. */
  get lockHolder(): number | undefined {
    return this.set.value(LOCK) > 0 ? undefined : this.set.lastPid(LOCK);
  }

  /** Whether somebody has removed the set. */
  get gone(): boolean {
    return isRemoved(() => this.set.value(DEVICE));
  }

  /** What the kernel says of it. */
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

  /** Removes the set; that somebody else has done it is no error. */
  remove(): void {
    ignoreGone(() => this.set.remove());
  }

  /** Gives up the handle. */
  [Symbol.dispose](): void {
    this.set.close();
  }
}

/** Whether a look at a kernel object finds that it is no longer there. */
export function isRemoved(look: () => void): boolean {
  try {
    look();
    return false;
  } catch (error) {
    if (isGone(error)) return true;
    throw error;
  }
}
