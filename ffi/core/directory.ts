/**
 * Directories read through libc; see `proc.ts`.
 *
 * @module
 */

import { errno } from "../libc/_open.ts";
import { dirent } from "../libc/dirent.ts";
import { unistd } from "../libc/unistd.ts";
import { cstring } from "./cstring.ts";
import { errnoOf, ipcError } from "./errno.ts";
import { isExhausted } from "./proc.ts";

/** Offset of `d_name` in `struct dirent` of Linux, both architectures. */
const D_NAME = 19;

/**
 * `opendir`, `readdir`: the names in a directory without `.` and `..`, in no
 * order; undefined when it cannot be read.
 *
 * @throws {IpcError} `EMFILE`, `ENFILE`, `ENOMEM`: these say nothing about the
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
  try {
    for (;;) {
      const entry = dirent().readdir(directory);
      if (entry === null) return names;
      const name = Deno.UnsafePointerView.getCString(entry, D_NAME);
      if (name !== "." && name !== "..") names.push(name);
    }
  } finally {
    dirent().closedir(directory);
  }
}

/** `readlink`: what a symbolic link says, or undefined when it cannot be read. */
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
