/**
 * What the three System V mechanisms share: keys, permissions, lists.
 *
 * @module
 */

import { ERRNO, errnoOf, IpcError, ipcError } from "./errno.ts";
import { integer, shown } from "./_argument.ts";
import { tryReadTextFile } from "./proc.ts";
import type { ipc_perm } from "./layouts.ts";
import { pause } from "./timer_interrupt.ts";

/** The key of a System V object: a 32-bit number, signed as in C. */
export type Key = number;

/** What the constructor of a System V object's class is given. */
export interface SysvInit {
  id: number;
  key: Key;
  /** Whether this call has made it. */
  created: boolean;
  /** Whether disposing of it removes the object. */
  owner: boolean;
}

/** Owner and permissions of a System V object: `struct ipc_perm`. */
export interface Permissions {
  /** The key it was made with; 0 is `IPC_PRIVATE`. */
  key: Key;
  /** Effective user id of the owner. */
  uid: number;
  /** Effective group id of the owner. */
  gid: number;
  /** Effective user id of the creator. */
  creatorUid: number;
  /** Effective group id of the creator. */
  creatorGid: number;
  /** Permission bits, the lowest nine. */
  mode: number;
  /** Sequence number: how often the slot of the id was used before. */
  sequence: number;
}

/** What of the owner and permissions `set()` changes. */
export interface PermissionChanges {
  /**
   * New owner.
   *
   * @default {undefined} unchanged
   */
  uid?: number;
  /**
   * New group.
   *
   * @default {undefined} unchanged
   */
  gid?: number;
  /**
   * New permission bits, 0 to 0o777.
   *
   * @default {undefined} unchanged
   */
  mode?: number;
}

/** Options of opening an existing System V object. */
export interface SysvOpenOptions {
  /**
   * Permission bits to ask for, such as 0o400 or 0o600: the call fails with
   * `EACCES` when they are not granted. With 0 the first use decides.
   *
   * @default {0}
   */
  mode?: number;
}

/** Options of creating a System V object. */
export interface SysvCreateOptions {
  /**
   * Permission bits.
   *
   * @default {0o600}
   */
  mode?: number;
  /**
   * Whether dispose also removes the object.
   *
   * @default {true}
   */
  owner?: boolean;
}

/** Options of opening an object, or creating it when there is none. */
export interface SysvOpenOrCreateOptions extends SysvCreateOptions {
  /**
   * Whether dispose also removes the object, if this call created it.
   *
   * @default {false}
   */
  owner?: boolean;
}

/** Checks a key, signed or unsigned, and gives it signed. */
export function checkKey(key: Key): Key {
  return integer(key, "key", -0x8000_0000, 0xffff_ffff) | 0;
}

/** Checks the id of an object. */
export function checkId(id: number): number {
  return integer(id, "id", 0, 0x7fff_ffff);
}

/** A key as `ipcs` shows it. */
export function keyText(key: Key): string {
  return `0x${(key >>> 0).toString(16).padStart(8, "0")}`;
}

/**
 * Checks a call on an object that is known by its id: `EINVAL`, as the kernel
 * says of an id that is not in use, says little to the user of a handle.
 */
export function checkExists(
  result: number,
  errno: number,
  syscall: string,
  action: string,
  object: string,
): void {
  const error = errnoOf(result, errno);
  if (error === 0) return;
  const hint = error === ERRNO.EINVAL
    ? "there is none with this id, or no longer"
    : undefined;
  throw ipcError(error, syscall, action, object, hint);
}

/** Checks the lowest nine permission bits. */
export function checkMode(mode: number): number {
  if (typeof mode !== "number") {
    throw new TypeError(`mode must be a number, got ${shown(mode)}`);
  }
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o777) {
    throw new RangeError(
      `mode must be permission bits from 0 to 0o777, got ${
        Number.isInteger(mode) && mode >= 0 ? `0o${mode.toString(8)}` : mode
      }`,
    );
  }
  return mode;
}

/** Makes the permissions of a `struct ipc_perm` readable. */
export function permissionsOf(
  perm: ReturnType<typeof ipc_perm.read>,
): Permissions {
  return {
    key: perm.__key,
    uid: perm.uid,
    gid: perm.gid,
    creatorUid: perm.cuid,
    creatorGid: perm.cgid,
    mode: perm.mode & 0o777,
    sequence: perm.__seq,
  };
}

/** Checks changes and writes them into a `struct ipc_perm`. */
export function applyChanges(
  perm: { uid: number; gid: number; mode: number },
  changes: PermissionChanges,
): void {
  // Checked as a whole before the first one is written.
  const uid = integer(changes.uid ?? perm.uid, "uid", 0, 0xffff_ffff);
  const gid = integer(changes.gid ?? perm.gid, "gid", 0, 0xffff_ffff);
  const mode = changes.mode === undefined ? perm.mode : checkMode(changes.mode);
  perm.uid = uid;
  perm.gid = gid;
  perm.mode = mode;
}

/**
 * Opens an object, or creates it when there is none, however many others try
 * the same at once.
 */
export function openOrCreate<T>(open: () => T, create: () => T): T {
  for (;;) {
    try {
      return open();
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw error;
    }
    try {
      return create();
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error;
    }
  }
}

/** How often to look for an object that is removed while one looks at it. */
const MOST_TRIES = 100;
/** After how many tries to break step with whoever removes it. */
const QUICK_TRIES = 5;
/** The longest pause between two tries then, in ms. */
const MAX_PAUSE = 0.2;

/**
 * Finds an object and goes on with its id: from the beginning when it is
 * removed in between, since there is none then, or another one.
 */
export function findAndUse<T>(find: () => number, use: (id: number) => T): T {
  for (let tries = 1;; tries++) {
    const id = find();
    try {
      return use(id);
    } catch (error) {
      if (!isGone(error) || tries === MOST_TRIES) throw error;
    }
    // A loop that makes and removes, as fast as this one, can keep step with it.
    if (tries >= QUICK_TRIES) pause(Math.random() * MAX_PAUSE);
  }
}

/** Removes an object that somebody else may have removed before. */
export function ignoreGone(remove: () => void): void {
  try {
    remove();
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** Whether a call failed because there is no object with its id any more. */
function isGone(error: unknown): boolean {
  return hasCode(error, "EINVAL") || hasCode(error, "EIDRM");
}

/** Whether an error is an {@linkcode IpcError} with one of these codes. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof IpcError && codes.includes(error.code);
}

/** Lines of `/proc/sysvipc/<kind>` by column, where it can be read. */
export function procTable(
  kind: "shm" | "sem" | "msg",
): Record<string, number>[] {
  const text = tryReadTextFile(`/proc/sysvipc/${kind}`);
  if (text === undefined) return [];
  const [header = [], ...rows] = text.trim().split("\n").map((line) =>
    line.trim().split(/\s+/)
  );
  return rows.map((row) =>
    Object.fromEntries(row.map((cell, i) => [
      header[i] ?? "",
      // Permissions are the one octal column.
      header[i] === "perms" ? Number.parseInt(cell, 8) : Number(cell),
    ]))
  );
}
