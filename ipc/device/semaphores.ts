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
 * A device raises DEVICE from 0 to 1 in one operation with `SEM_UNDO`: of all
 * that try only one succeeds, and the kernel itself lowers it when that process
 * ends, however it ends. Nobody has to guess by process ids.
 *
 * @module
 */

import { hasCode, type Key } from "../../ffi/core/_sysv.ts";
import { SysvSemaphoreSet } from "../sysv/semaphore_set.ts";
import type { DeviceObject } from "./inspect.ts";
import { type Transport, TRANSPORTS } from "./types.ts";

/** The writers' lock. */
export const LOCK = 0;
/** Whether the device lives. */
export const DEVICE = 1;
const KIND = 2;
const FD = 3;
const LENGTH = 4;

/** Marks a set as a device's: "LW" as two bytes, the transport is added. */
const SIGNATURE = 0x4c57;

/** The semaphore set of a device. */
export class DeviceSemaphores implements Disposable {
  /** The set itself. */
  readonly set: SysvSemaphoreSet;

  private constructor(set: SysvSemaphoreSet) {
    this.set = set;
  }

  /**
   * Makes the set of a key. Nobody is the device yet.
   *
   * @throws {IpcError} `EEXIST` when there is one.
   */
  static create(
    key: Key,
    transport: Transport,
    mode: number,
  ): DeviceSemaphores {
    const kind = SIGNATURE + TRANSPORTS.indexOf(transport);
    return new DeviceSemaphores(
      SysvSemaphoreSet.create(key, [1, 0, kind, 0], { mode, owner: false }),
    );
  }

  /**
   * The set of a key, whosever it is; undefined when there is none.
   *
   * @param initialized Whether to wait until its maker has set its values.
   */
  static find(
    key: Key,
    initialized: "wait" | "any" = "any",
  ): DeviceSemaphores | undefined {
    try {
      return new DeviceSemaphores(SysvSemaphoreSet.open(key, { initialized }));
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

  /** Where the memory lives; undefined when the set is not a device's. */
  get transport(): Transport | undefined {
    return this.set.length === LENGTH
      ? TRANSPORTS[this.set.value(KIND) - SIGNATURE]
      : undefined;
  }

  /**
   * Whether its maker died before it gave the set its values, so that nothing
   * else can have been made either.
   */
  get blank(): boolean {
    return this.set.length === LENGTH &&
      this.set.values().every((value) => value === 0);
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

  /** The descriptor of the memfd in the device; undefined while it has none. */
  get fd(): number | undefined {
    const value = this.set.value(FD);
    return value === 0 ? undefined : value - 1;
  }

  set fd(fd: number) {
    this.set.setValue(FD, fd + 1);
  }

  /** Becomes the device, unless another one lives. */
  claim(): boolean {
    return this.set.tryOperate([
      { index: DEVICE, delta: 0, noWait: true },
      { index: DEVICE, delta: 1, noWait: true, undo: true },
    ]);
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
    try {
      this.set.value(DEVICE);
      return false;
    } catch (error) {
      if (isGone(error)) return true;
      throw error;
    }
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

/** Whether an error says that a kernel object is no longer, or not, there. */
export function isGone(error: unknown): boolean {
  return hasCode(error, "ENOENT") || hasCode(error, "EINVAL") ||
    hasCode(error, "EIDRM");
}

/** Removes something that somebody else may have removed before. */
export function ignoreGone(remove: () => void): void {
  try {
    remove();
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}
