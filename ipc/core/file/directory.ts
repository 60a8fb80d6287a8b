/**
 * Directories and links read through libc; see `read_file.ts`.
 *
 * @module
 */

import { cstring } from "../../../ffi/cstring.ts";
import { errnoOf, ipcError } from "../../../ffi/errno.ts";
import { dirent, struct_dirent } from "../../../ffi/libc/dirent.ts";
import { errno } from "../../../ffi/libc/errno.ts";
import { unistd } from "../../../ffi/libc/unistd.ts";
import { isExhausted } from "./read_file.ts";

/**
 * `opendir`, `readdir`: returns the names in a directory except `.` and `..`,
 * in no particular order, or undefined when it cannot be read.
 *
 * @throws {IpcError} `EMFILE`, `ENFILE`, `ENOMEM`, which say nothing about the
 * directory.
 */
export function tryReadDirectory(path: string): string[] | undefined {
  const directory = dirent().opendir(cstring(path, "path"));
  const error = errno[0];
  if (directory === null) {
    if (isExhausted(error)) throw ipcError(error, "opendir", "read", path);
    return undefined;
  }
  const names: string[] = [];
  const { d_name } = struct_dirent.offsets;
  try {
    for (;;) {
      const entry = dirent().readdir(directory);
      if (entry === null) return names;
      const name = Deno.UnsafePointerView.getCString(entry, d_name);
      if (name !== "." && name !== "..") names.push(name);
    }
  } finally {
    dirent().closedir(directory);
  }
}

/**
 * `readlink`: returns the target of a symbolic link, or undefined when it
 * cannot be read.
 */
export function tryReadLink(path: string): string | undefined {
  const buffer = new Uint8Array(4096);
  const length = unistd().readlink(
    cstring(path, "path"),
    buffer,
    buffer.length,
  );
  return errnoOf(length, errno[0]) === 0
    ? new TextDecoder().decode(buffer.subarray(0, length))
    : undefined;
}
