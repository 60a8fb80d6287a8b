/**
 * Keys of System V objects: {@linkcode ftok} and {@linkcode IPC_PRIVATE}.
 *
 * ```ts
 * import { ftok } from "@libc/ipc/sysv-key";
 *
 * const key = ftok(".", "x");
 * console.log(key.toString(16));
 * ```
 *
 * @module
 */

import { cpath, pathString } from "../../ffi/cstring.ts";
import { checkInt } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import { IPC_PRIVATE as PRIVATE, sys_ipc } from "../../ffi/libc/sys_ipc.ts";
import { integer } from "../core/convert/argument.ts";
import type { Key } from "../core/convert/key.ts";

export type { Key };

/** The key that always creates a new object, which has no key. */
export const IPC_PRIVATE: Key = PRIVATE;

/**
 * `ftok`: returns the key for a path and a project id, which is the same in
 * every program and language.
 *
 * The key is made from the lowest bits of the file's inode number, its device
 * and the project id. It changes when the file is deleted and created again,
 * and two files can have the same key.
 *
 * See [ftok(3)](https://man7.org/linux/man-pages/man3/ftok.3.html).
 *
 * @example The key of a directory
 * ```ts
 * import { ftok } from "@libc/ipc/sysv-key";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(ftok(".", "x"), ftok(".", 120));
 * ```
 *
 * @param path An existing file or directory.
 * @param projectId A 32-bit number, whose lowest eight bits are used, or one
 * character up to U+00FF, as the C literal `'x'`.
 * @throws {IpcError} `ENOENT`, `ENOTDIR`, `ELOOP`, `EACCES` when the path
 * cannot be looked up.
 */
export function ftok(path: string | URL, projectId: number | string): Key {
  if (projectId === undefined) {
    throw new TypeError(
      "projectId must be a number or one character, got none",
    );
  }
  const project = typeof projectId === "string"
    ? characterCode(projectId)
    : integer(projectId, "projectId", -0x8000_0000, 0xffff_ffff) | 0;
  return checkInt(
    sys_ipc().ftok(cpath(path, "path"), project),
    errno[0],
    "ftok",
    "make a key of",
    JSON.stringify(pathString(path, "path")),
  );
}

function characterCode(text: string): number {
  const code = text.length === 1 ? text.charCodeAt(0) : NaN;
  if (!(code <= 0xff)) {
    throw new RangeError(
      `projectId must be one character up to U+00FF, got ${
        JSON.stringify(text)
      }`,
    );
  }
  return code;
}
