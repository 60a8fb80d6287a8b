/**
 * System V semaphore sets below the class: state, lists, race-free creation.
 *
 * @module
 */

import { check0, checkInt, errnoOf } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import { IPC_RMID, IPC_SET, IPC_STAT } from "../../ffi/libc/sys_ipc.ts";
import {
  GETPID,
  SEM_INFO,
  SEM_STAT_ANY,
  semid_ds,
  seminfo,
  SEMVMX,
  SETALL,
  sys_sem,
} from "../../ffi/libc/sys_sem.ts";
import { integer, shown } from "../core/convert/argument.ts";
import { dateOf } from "./_time.ts";
import { Deadline } from "../core/wait/deadline.ts";
import { pause } from "../core/wait/timer_interrupt.ts";
import {
  applyChanges,
  checkExists,
  type PermissionChanges,
  type Permissions,
  permissionsOf,
  permissionsOfRow,
  procTable,
} from "./_object.ts";

/** The state of a set: every field of `struct semid_ds`. */
export interface SysvSemaphoreSetStat extends Permissions {
  /** Its id. */
  id: number;
  /** How many semaphores it has. */
  length: number;
  /** When an operation was last made; `create()` makes one. */
  operationTime: Date | null;
  /** When it was created, or last changed by `set()` or `setValue()`. */
  changeTime: Date | null;
}

/** Checks initial values, given as a count of zeros or as an array. */
export function checkValues(
  semaphores: number | readonly number[],
): number[] {
  if (typeof semaphores === "number") {
    integer(semaphores, "semaphores", 1, 0xffff);
    return new Array(semaphores).fill(0);
  }
  if (!Array.isArray(semaphores)) {
    throw new TypeError(
      `semaphores must be a count or an array of values, got ${
        shown(semaphores)
      }`,
    );
  }
  integer(semaphores.length, "the number of semaphores", 1, 0xffff);
  return semaphores.map((value, i) =>
    integer(value, `semaphores[${i}]`, 0, SEMVMX)
  );
}

/**
 * Sets the values of a new set, and then the time of its last operation. This
 * tells processes that open it that the values are set.
 */
export function initialize(
  id: number,
  values: number[],
  mode: number,
  label: string,
): void {
  const { semctl_buf, semop } = sys_sem();
  try {
    check0(
      semctl_buf(id, 0, SETALL, Uint16Array.from(values)),
      errno[0],
      "semctl",
      "initialize",
      label,
    );
    // One atomic call that changes no value and never waits.
    const same = values[0] === 0 ? [0, 0, 0] : [0, -1, 0, 0, 1, 0];
    check0(
      semop(id, Int16Array.from(same), same.length / 3),
      errno[0],
      "semop",
      "initialize",
      label,
    );
    if ((mode & OWNER) !== OWNER) changePermissions(id, { mode }, label);
  } catch (error) {
    sys_sem().semctl(id, 0, IPC_RMID);
    throw error;
  }
}

/**
 * The permission bits that `initialize` needs; the set is created with them.
 */
export const OWNER = 0o600;

/** How long `open` waits for an uninitialized set, in milliseconds. */
const PATIENCE = 1000;

/**
 * Waits until another process that is creating a set has set its values.
 *
 * A set is initialized when an operation was made on it, or when each semaphore
 * has been set. If neither has happened after a second, its program does not
 * initialize it.
 */
export function awaitInitialized(
  id: number,
  stat: SysvSemaphoreSetStat,
  label: string,
): void {
  if (stat.operationTime !== null) return;
  // The kernel's times are in whole seconds.
  const age = Date.now() - (stat.changeTime?.getTime() ?? 0);
  if (age > PATIENCE + 1000) return;
  const deadline = new Deadline(PATIENCE);
  while (!deadline.expired && !isInitialized(id, stat.length)) {
    pause(1);
    if (statById(id, label).operationTime !== null) return;
  }
}

function isInitialized(id: number, length: number): boolean {
  const { semctl } = sys_sem();
  // Check the last one first: most programs set them in order.
  for (let index = length - 1; index >= 0; index--) {
    if (!(semctl(id, index, GETPID) > 0)) return false;
  }
  return true;
}

/** `semctl(IPC_SET)`: changes the permissions of a set. */
export function changePermissions(
  id: number,
  changes: PermissionChanges,
  label: string,
): void {
  const buffer = statBuffer(id, label);
  applyChanges(semid_ds.view(buffer).sem_perm, changes);
  checkExists(
    sys_sem().semctl_buf(id, 0, IPC_SET, buffer),
    errno[0],
    "semctl",
    "change",
    label,
  );
}

/** `semctl(IPC_STAT)`: returns the state of a set. */
export function statById(id: number, label: string): SysvSemaphoreSetStat {
  return statOf(id, statBuffer(id, label));
}

/**
 * `semctl(SEM_STAT_ANY)`: lists all sets, from `/proc/sysvipc/sem` if need be.
 */
export function listSets(): SysvSemaphoreSetStat[] {
  const { semctl_buf } = sys_sem();
  const highest = checkInt(
    semctl_buf(0, 0, SEM_INFO, new Uint8Array(seminfo.size)),
    errno[0],
    "semctl",
    "list",
    "System V semaphore sets",
  );
  const buffer = new Uint8Array(semid_ds.size);
  const found: SysvSemaphoreSetStat[] = [];
  for (let index = 0; index <= highest; index++) {
    const id = semctl_buf(index, 0, SEM_STAT_ANY, buffer);
    if (errnoOf(id, errno[0]) === 0) found.push(statOf(id, buffer));
  }
  // Kernels before 4.17 and some sandboxes have no SEM_STAT_ANY.
  return found.length > 0 ? found : procTable("sem").map(statOfRow);
}

function statBuffer(id: number, label: string): Uint8Array<ArrayBuffer> {
  const buffer = new Uint8Array(semid_ds.size);
  checkExists(
    sys_sem().semctl_buf(id, 0, IPC_STAT, buffer),
    errno[0],
    "semctl",
    "stat",
    label,
  );
  return buffer;
}

function statOf(
  id: number,
  buffer: Uint8Array<ArrayBuffer>,
): SysvSemaphoreSetStat {
  const ds = semid_ds.read(buffer);
  return {
    id,
    ...permissionsOf(ds.sem_perm),
    length: Number(ds.sem_nsems),
    operationTime: dateOf(ds.sem_otime),
    changeTime: dateOf(ds.sem_ctime),
  };
}

function statOfRow(row: Record<string, number>): SysvSemaphoreSetStat {
  const column = (name: string) => row[name] ?? 0;
  const id = column("semid");
  return {
    id,
    ...permissionsOfRow(id, column),
    length: column("nsems"),
    operationTime: dateOf(BigInt(column("otime"))),
    changeTime: dateOf(BigInt(column("ctime"))),
  };
}
