/**
 * Files read through libc: Deno's own calls want more than `--allow-ffi` for
 * `/proc`, `/dev/shm` and `/dev/mqueue`.
 *
 * @module
 */

import { errno } from "../libc/_open.ts";
import { fcntl } from "../libc/fcntl.ts";
import { unistd } from "../libc/unistd.ts";
import { cstring } from "./cstring.ts";
import { checkFd, ERRNO, errnoOf, IpcError, ipcError } from "./errno.ts";
import { closeFd } from "./fd.ts";
import { O_CLOEXEC, O_RDONLY } from "./platform.ts";

/**
 * The bytes of a small file, such as one below `/proc`.
 *
 * @throws {IpcError} `ENOENT`, `EACCES` and whatever else `open` and `read`
 * may answer.
 */
export function readFile(path: string): Uint8Array {
  const fd = checkFd(
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
      if (error === ERRNO.EINTR) continue;
      if (error !== 0) throw ipcError(error, "read", "read", path);
      if (length === 0) return concat(chunks, total);
      chunks.push(chunk.subarray(0, length));
      total += length;
    }
  } finally {
    closeFd(fd, path);
  }
}

/** The text of a small file. */
export function readTextFile(path: string): string {
  return new TextDecoder().decode(readFile(path));
}

/**
 * The text of a small file, or undefined when it cannot be read.
 *
 * @throws {IpcError} `EMFILE`, `ENFILE`, `ENOMEM`: these say nothing about the
 * file. A process whose file cannot be opened for that reason is not gone.
 */
export function tryReadTextFile(path: string): string | undefined {
  try {
    return readTextFile(path);
  } catch (error) {
    if (error instanceof IpcError && isExhausted(error.errno)) throw error;
    return undefined;
  }
}

/** Whether an error says that this process, or the machine, has no more. */
export function isExhausted(error: number): boolean {
  return error === ERRNO.EMFILE || error === ERRNO.ENFILE ||
    error === ERRNO.ENOMEM;
}

/**
 * The start time of a process in clock ticks since boot, or undefined when it
 * is gone: together with the pid it names a process for good.
 *
 * @throws {IpcError} As {@linkcode tryReadTextFile}.
 */
export function processStartTime(pid: number): bigint | undefined {
  const fields = statFields(pid);
  // Field 22 of the line; the state, field 3, comes first here.
  const start = fields?.[19];
  return start === undefined || fields?.[0] === "Z" || fields?.[0] === "X"
    ? undefined
    : BigInt(start);
}

/** The name of a process's program, or undefined when it cannot be read. */
export function processName(pid: number): string | undefined {
  try {
    return readTextFile(`/proc/${pid}/comm`).trimEnd();
  } catch {
    return undefined;
  }
}

function statFields(pid: number): string[] | undefined {
  // Of its first thread: of the process itself an emulator makes up another
  // start time, which only the process sees.
  const line = tryReadTextFile(`/proc/${pid}/task/${pid}/stat`);
  // The name stands in parentheses and may itself hold spaces and parentheses.
  return line?.slice(line.lastIndexOf(")") + 2).split(" ");
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
