/**
 * Files read through libc: Deno's own calls need more than `--allow-ffi` for
 * `/proc`, `/dev/shm` and `/dev/mqueue`.
 *
 * @module
 */

import { cstring } from "../../../ffi/cstring.ts";
import {
  checkInt,
  ERRNO,
  errnoOf,
  IpcError,
  ipcError,
  isInterruption,
} from "../../../ffi/errno.ts";
import { errno } from "../../../ffi/libc/errno.ts";
import { fcntl, O_CLOEXEC, O_RDONLY } from "../../../ffi/libc/fcntl.ts";
import { unistd } from "../../../ffi/libc/unistd.ts";
import { closeFd } from "../handle/close_fd.ts";

/**
 * Reads a small file, such as one below `/proc`.
 *
 * @throws {IpcError} `ENOENT`, `EACCES` and other errors of `open` and `read`.
 */
function readFile(path: string): Uint8Array {
  const fd = checkInt(
    fcntl().open(cstring(path, "path"), O_RDONLY | O_CLOEXEC, 0),
    errno[0],
    "open",
    "read",
    path,
  );
  try {
    const chunks: Uint8Array[] = [];
    let total = 0;
    for (;;) {
      const chunk = new Uint8Array(16384);
      const length = unistd().read(fd, chunk, chunk.length);
      const error = errnoOf(length, errno[0]);
      if (isInterruption(error)) continue;
      if (error !== 0) throw ipcError(error, "read", "read", path);
      if (length === 0) return concat(chunks, total);
      chunks.push(chunk.subarray(0, length));
      total += length;
    }
  } finally {
    closeFd(fd, path);
  }
}

/** Reads a small file as text. */
export function readTextFile(path: string): string {
  return new TextDecoder().decode(readFile(path));
}

/**
 * Reads a small file as text. Returns undefined when it cannot be read.
 *
 * @throws {IpcError} `EMFILE`, `ENFILE`, `ENOMEM`, which say nothing about the
 * file: a process whose file cannot be opened for that reason may still exist.
 */
export function tryReadTextFile(path: string): string | undefined {
  try {
    return readTextFile(path);
  } catch (error) {
    if (error instanceof IpcError && isExhausted(error.errno)) throw error;
    return undefined;
  }
}

/** Whether an error says that descriptors or memory are exhausted. */
export function isExhausted(error: number): boolean {
  return error === ERRNO.EMFILE || error === ERRNO.ENFILE ||
    error === ERRNO.ENOMEM;
}

function concat(chunks: Uint8Array[], total: number): Uint8Array {
  const bytes = new Uint8Array(total);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
