/**
 * `semop` and `semtimedop`: operations on System V semaphores.
 *
 * @module
 */

import {
  check0,
  ERRNO,
  errnoOf,
  ipcError,
  isInterruption,
  timeoutError,
} from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import { IPC_NOWAIT } from "../../ffi/libc/sys_ipc.ts";
import { GETALL, SEM_UNDO, SEMVMX, sys_sem } from "../../ffi/libc/sys_sem.ts";
import { integer, shown } from "../core/convert/argument.ts";
import { Deadline } from "../core/wait/deadline.ts";
import type { BlockingCall } from "../core/wait/source.ts";
import { semaphoreInfo } from "./_info.ts";

/** One of several operations that are made at once: `struct sembuf`. */
export interface SemaphoreOperation {
  /** The index of the semaphore in the set, from 0 on. */
  index: number;
  /**
   * The number to add to its value, -32767 to 32767. A negative number waits
   * until the value is large enough; 0 waits until the value is zero.
   */
  delta: number;
  /**
   * Undoes the operation when this process ends in any way (`SEM_UNDO`).
   *
   * @default {false}
   */
  undo?: boolean;
  /**
   * Fails with `EAGAIN` when this operation would have to wait (`IPC_NOWAIT`).
   *
   * @default {false}
   */
  noWait?: boolean;
}

/** The set for operations. */
export interface SemaphoreTarget {
  /** Its id. */
  readonly id: number;
  /** How many semaphores it has. */
  readonly length: number;
  /** Its name in messages. */
  readonly label: string;
}

/** The default of `SEMOPM`. */
const USUAL_OPERATIONS = 500;

// An array of `struct sembuf`, three fields each, filled just before a call.
// Calls do not interleave on a thread, so all sets share it.
let sembufs = new Int16Array(3 * 8);

/** Prepares a single operation. */
export function single(
  target: SemaphoreTarget,
  index: number,
  delta: number,
  flags: number,
): void {
  sembufs[0] = integer(index, "index", 0, target.length - 1);
  sembufs[1] = delta;
  sembufs[2] = flags;
}

/** Checks and prepares operations with common `flags`. Returns their number. */
export function prepare(
  target: SemaphoreTarget,
  operations: readonly SemaphoreOperation[],
  flags = 0,
): number {
  if (!Array.isArray(operations)) {
    throw new TypeError(
      `operations must be an array, got ${shown(operations)}`,
    );
  }
  const count = operations.length;
  checkCount(count);
  const last = target.length - 1;
  // Read all of them first: an accessor of the caller may itself use a set.
  const fields: number[] = [];
  for (let i = 0; i < count; i++) {
    const { index, delta, undo, noWait } = operations[i] as SemaphoreOperation;
    fields.push(
      integer(index, "index", 0, last),
      integer(delta, "delta", -SEMVMX, SEMVMX),
      flags | (undo ? SEM_UNDO : 0) | (noWait ? IPC_NOWAIT : 0),
    );
  }
  if (sembufs.length < fields.length) sembufs = new Int16Array(fields.length);
  sembufs.set(fields);
  return count;
}

function checkCount(count: number): void {
  if (count === 0) throw new RangeError("operations must not be empty");
  if (count <= USUAL_OPERATIONS) return;
  const { maxOperations } = semaphoreInfo();
  if (count > maxOperations) {
    throw new RangeError(
      `operations must be at most ${maxOperations}, got ${count}`,
    );
  }
}

/**
 * `semop`: makes the prepared operations; false when they would have to wait.
 */
export function attempt(
  target: SemaphoreTarget,
  count: number,
  action: string,
): boolean {
  const error = errnoOf(sys_sem().semop(target.id, sembufs, count), errno[0]);
  if (error === 0) return true;
  if (error === ERRNO.EAGAIN) return false;
  throw ipcError(error, "semop", action, target.label);
}

/** How often `EAGAIN` is confirmed: a signal may have left it in errno. */
const REFUSALS = 3;

/**
 * `semop`, `semtimedop`: makes the prepared operations, and blocks as needed.
 */
export function block(
  target: SemaphoreTarget,
  count: number,
  timeout: number | undefined,
  action: string,
): void {
  if (timeout !== undefined) return blockFor(target, count, timeout, action);
  const { semop } = sys_sem();
  for (let refusals = 0;;) {
    const error = errnoOf(semop(target.id, sembufs, count), errno[0]);
    if (error === 0) return;
    if (error === ERRNO.EAGAIN && hasNoWait(count)) {
      if (++refusals < REFUSALS) continue;
    } else if (isInterruption(error)) continue;
    throw ipcError(error, "semop", action, target.label);
  }
}

function blockFor(
  target: SemaphoreTarget,
  count: number,
  timeout: number,
  action: string,
): void {
  const deadline = new Deadline(timeout);
  const { semtimedop } = sys_sem();
  for (let refusals = 0;;) {
    const error = errnoOf(
      semtimedop(target.id, sembufs, count, deadline.timespec()),
      errno[0],
    );
    if (error === 0) return;
    if (error === ERRNO.EAGAIN) {
      if (deadline.expired && refusals === 0) {
        throw timeoutError("semtimedop", action, target.label, timeout);
      }
      // Then it is not a timeout: an operation with noWait would have to wait.
      if (!hasNoWait(count) || ++refusals < REFUSALS) continue;
    } else if (error === ERRNO.EINTR) continue;
    throw ipcError(error, "semtimedop", action, target.label);
  }
}

function hasNoWait(count: number): boolean {
  for (let i = 0; i < count; i++) {
    if (((sembufs[3 * i + 2] as number) & IPC_NOWAIT) !== 0) return true;
  }
  return false;
}

/**
 * Throws `EAGAIN` if, with the values of now, the first operation that would
 * have to wait has `noWait`. The kernel does the same when it may wait for the others.
 */
export function refuseToWait(
  target: SemaphoreTarget,
  operations: readonly SemaphoreOperation[],
  action: string,
): void {
  const values = readValues(target, action);
  for (const { index, delta, noWait } of operations) {
    const value = (values[index] as number) + delta;
    if (delta === 0 ? value !== 0 : value < 0) {
      if (!noWait) return;
      throw ipcError(ERRNO.EAGAIN, "semop", action, target.label);
    }
    values[index] = value;
  }
}

/** `semctl(GETALL)`: returns all values. */
export function readValues(
  target: SemaphoreTarget,
  action: string,
): number[] {
  const values = new Uint16Array(target.length);
  check0(
    sys_sem().semctl_buf(target.id, 0, GETALL, values),
    errno[0],
    "semctl",
    action,
    target.label,
  );
  return Array.from(values);
}

/**
 * `semop`: waits until operations are possible, and changes nothing: their
 * inverses follow in the same call, which is atomic. Returns undefined when
 * there are too many.
 */
export function waitForOperations(
  target: SemaphoreTarget,
  operations: readonly SemaphoreOperation[],
): BlockingCall | undefined {
  const inverses = operations
    .filter(({ delta }) => delta !== 0)
    .map(({ index, delta }) => ({ index, delta: -delta }))
    .reverse();
  const all = [...operations, ...inverses];
  if (all.length > USUAL_OPERATIONS) return undefined;
  return {
    symbol: "semop",
    prepare(memory, address) {
      const view = new DataView(memory.buffer, memory.byteOffset);
      all.forEach(({ index, delta }, i) => {
        view.setUint16(6 * i, index, true);
        view.setInt16(6 * i + 2, delta, true);
        view.setInt16(6 * i + 4, 0, true);
      });
      return [BigInt(target.id), address, BigInt(all.length)];
    },
  };
}
