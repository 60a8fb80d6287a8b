/**
 * Keys, permissions and lists of the three System V mechanisms.
 *
 * @module
 */

import { ERRNO, errnoOf, ipcError, isGone } from "../../ffi/errno.ts";
import type { ipc_perm } from "../../ffi/libc/sys_ipc.ts";
import { checkMode, integer } from "../core/convert/argument.ts";
import type { Key } from "../core/convert/key.ts";
import { tryReadTextFile } from "../core/file/read_file.ts";
import { pause } from "../core/wait/timer_interrupt.ts";

/** The argument of the constructors of System V objects. */
export interface SysvInit {
  id: number;
  key: Key;
  /** Whether this call created it. */
  created: boolean;
  /** Whether dispose removes the object. */
  owner: boolean;
}

/** Owner and permissions of a System V object: `struct ipc_perm`. */
export interface Permissions {
  /** The key it was created with; 0 is `IPC_PRIVATE`. */
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
  /**
   * Sequence number: the upper bits of the id, which tell uses of a slot apart.
   */
  sequence: number;
}

/** The changes of owner and permissions that `set()` makes. */
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

/** Options for opening an existing System V object. */
export interface SysvOpenOptions {
  /**
   * Permission bits to check, such as 0o400 or 0o600: the call fails with
   * `EACCES` when they are not granted. With 0, permission is checked on use.
   *
   * @default {0}
   */
  mode?: number;
}

/** Options for creating a System V object. */
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

/** Checks a key, signed or unsigned, and returns it signed. */
export function checkKey(key: Key): Key {
  return integer(key, "key", -0x8000_0000, 0xffff_ffff) | 0;
}

/** Checks the id of an object. */
export function checkId(id: number): number {
  return integer(id, "id", 0, 0x7fff_ffff);
}

/**
 * Checks a call on an object that is known by its id. It explains `EINVAL`, the
 * kernel's error for an id that is not in use.
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

/** Converts the permissions of a `struct ipc_perm`. */
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

/** The same of a line of `/proc/sysvipc`. */
export function permissionsOfRow(
  id: number,
  column: (name: string) => number,
): Permissions {
  return {
    key: column("key"),
    uid: column("uid"),
    gid: column("gid"),
    creatorUid: column("cuid"),
    creatorGid: column("cgid"),
    mode: column("perms") & 0o777,
    // An id is its slot and, above bit 15, the sequence number.
    sequence: id >>> 15,
  };
}

/** Checks changes and writes them into a `struct ipc_perm`. */
export function applyChanges(
  perm: { uid: number; gid: number; mode: number },
  changes: PermissionChanges,
): void {
  // Check all of them before the first one is written.
  const uid = integer(changes.uid ?? perm.uid, "uid", 0, 0xffff_ffff);
  const gid = integer(changes.gid ?? perm.gid, "gid", 0, 0xffff_ffff);
  const mode = changes.mode === undefined
    ? perm.mode
    : checkMode(changes.mode, 0o777);
  perm.uid = uid;
  perm.gid = gid;
  perm.mode = mode;
}

/** Most tries to use an object that is removed each time. */
const MOST_TRIES = 100;
/** Tries without a pause. */
const QUICK_TRIES = 5;
/** The longest pause between later tries, in ms. */
const MAX_PAUSE = 0.2;

/**
 * Finds an object and uses its id. Starts again when the object is removed in
 * between: then there is none, or a new one.
 */
export function findAndUse<T>(find: () => number, use: (id: number) => T): T {
  for (let tries = 1;; tries++) {
    const id = find();
    try {
      return use(id);
    } catch (error) {
      if (!isGone(error) || tries === MOST_TRIES) throw error;
    }
    // Break step with a loop that creates and removes as fast as this one.
    if (tries >= QUICK_TRIES) pause(Math.random() * MAX_PAUSE);
  }
}

/** Returns the lines of `/proc/sysvipc/<kind>` by column, if it is readable. */
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
      // The permissions are the only octal column.
      header[i] === "perms" ? Number.parseInt(cell, 8) : Number(cell),
    ]))
  );
}
