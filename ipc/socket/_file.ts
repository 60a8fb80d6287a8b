/**
 * The files of Unix sockets, which outlive their sockets.
 *
 * @module
 */

import { cstring } from "../../ffi/cstring.ts";
import {
  check0,
  checkInt,
  ERRNO,
  errnoOf,
  type IpcError,
  ipcError,
  isInterruption,
} from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  fcntl,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
} from "../../ffi/libc/fcntl.ts";
import { LOCK_EX, LOCK_NB, sys_file } from "../../ffi/libc/sys_file.ts";
import {
  AF_UNIX,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  sys_socket,
} from "../../ffi/libc/sys_socket.ts";
import { S_IFMT, S_IFSOCK, stat, sys_stat } from "../../ffi/libc/sys_stat.ts";
import { unistd } from "../../ffi/libc/unistd.ts";
import { type FileIdentity, isSameFile, tryLstat } from "../core/file/file.ts";
import { absolutePath } from "../core/file/path.ts";
import { closeFd } from "../core/handle/close_fd.ts";
import { pause } from "../core/wait/timer_interrupt.ts";
import { addressText, encodeAddress, type SocketAddress } from "./_address.ts";

/** How often to try to lock a directory, once a millisecond. */
const LOCK_ATTEMPTS = 1000;

/** Whether an address has a file, and whether its path is text or bytes. */
type FileKind = "text" | "bytes" | "none";

/** The kind of file that a socket bound to an address has. */
export function fileKindOf(address: SocketAddress): FileKind {
  if (address.family !== "unix") return "none";
  const { path, bytes } = address;
  const first = bytes === undefined ? path.charCodeAt(0) : bytes[0];
  // An empty path lets the kernel choose an abstract name.
  if (!first) return "none";
  return bytes === undefined ? "text" : "bytes";
}

/**
 * Refuses file options for an address without a file, or with a path in bytes.
 */
export function refuseFileOptions(
  address: SocketAddress,
  options: {
    mode?: number | undefined;
    ignoreUmask?: boolean | undefined;
    replaceStale?: boolean | undefined;
  },
): void {
  const kind = fileKindOf(address);
  if (kind === "text") return;
  const option = options.mode !== undefined && kind === "none"
    ? "mode"
    : options.ignoreUmask
    ? "ignoreUmask"
    : options.replaceStale
    ? "replaceStale"
    : undefined;
  if (option === undefined) return;
  const why = kind === "bytes"
    ? "a path in bytes cannot be looked up"
    : address.family === "unix"
    ? "an abstract name has no file"
    : "an Internet address has no file";
  throw new TypeError(
    `${option} must not be given for ${addressText(address)}: ${why}`,
  );
}

/** The file of a bound socket, known by its inode. */
export class SocketFile {
  readonly #path: string;
  readonly #identity: FileIdentity;

  private constructor(path: string, identity: FileIdentity) {
    this.#path = path;
    this.#identity = identity;
  }

  /** The socket file at an absolute path; undefined when there is none. */
  static at(path: string): SocketFile | undefined {
    const found = tryLstat(cstring(path, "path"));
    return typeof found === "object" && (found.st_mode & S_IFMT) === S_IFSOCK
      ? new SocketFile(path, found)
      : undefined;
  }

  /**
   * `unlink`: removes the file if it is still this one, or returns the error.
   */
  remove(object: string): IpcError | undefined {
    const path = cstring(this.#path, "path");
    const found = tryLstat(path);
    if (typeof found === "number") {
      return ipcError(found, "lstat", "remove", object);
    }
    if (!isSameFile(found, this.#identity)) {
      const hint = "another file has taken its place";
      return ipcError(ERRNO.ESTALE, "lstat", "remove", object, hint);
    }
    const error = errnoOf(unistd().unlink(path), errno[0]);
    return error === 0
      ? undefined
      : ipcError(error, "unlink", "remove", object);
  }
}

/**
 * Binds to a path that is taken by a stale socket file; returns the errno and a
 * hint.
 *
 * @param bind Binds and returns the errno.
 * @param replace Whether to replace such a file.
 */
export function bindToTaken(
  path: string,
  bind: () => number,
  replace: boolean,
): { error: number; hint?: string } {
  const absolute = absolutePath(path, "path");
  using _lock = replace ? lockFolder(absolute) : undefined;
  // The last holder of the lock may have removed it.
  const error = replace ? bind() : ERRNO.EADDRINUSE;
  if (error !== ERRNO.EADDRINUSE) return { error };
  // Identify the file before asking whether it is live: in the reverse order, a
  // live file could take the place of the stale one in between.
  const file = SocketFile.at(absolute);
  if (file === undefined) return { error, hint: "it is no socket" };
  const answer = askWhoAnswers(path);
  if (answer !== ERRNO.ECONNREFUSED) {
    return answer === ERRNO.EACCES
      ? { error }
      : { error, hint: "somebody has that address" };
  }
  if (!replace) {
    const hint = "nobody answers there: replaceStale takes its place";
    return { error, hint };
  }
  const failure = file.remove(absolute);
  return failure === undefined
    ? { error: bind() }
    : { error, hint: failure.message };
}

/**
 * The errno of connecting: `ECONNREFUSED` when no socket uses that file.
 *
 * Probing with a datagram socket disturbs nobody: it does not connect to a
 * stream listener (`EPROTOTYPE`).
 */
function askWhoAnswers(path: string): number {
  const probe = checkInt(
    sys_socket().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0),
    errno[0],
    "socket",
    "ask who answers at",
    path,
  );
  try {
    const bytes = encodeAddress({ family: "unix", path });
    for (;;) {
      const result = sys_socket().connect(probe, bytes, bytes.length);
      const error = errnoOf(result, errno[0]);
      if (!isInterruption(error)) return error;
    }
  } finally {
    closeFd(probe, "socket");
  }
}

/**
 * `flock`: keeps other users of this module from replacing files in the same
 * directory. Proceeds without the lock if the directory cannot be read.
 *
 * @throws {IpcError} `EADDRINUSE` when another process holds it for a second:
 * without the lock, two servers could replace each other's file.
 */
function lockFolder(path: string): Disposable | undefined {
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  const flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  const fd = fcntl().open(cstring(folder, "path"), flags, 0);
  const error = errnoOf(fd, errno[0]);
  // The directory may be searched, but not read.
  if (error === ERRNO.EACCES) return undefined;
  if (error !== 0) throw ipcError(error, "open", "lock", folder);
  for (let i = 0; i < LOCK_ATTEMPTS; i++) {
    if (errnoOf(sys_file().flock(fd, LOCK_EX | LOCK_NB), errno[0]) === 0) {
      return { [Symbol.dispose]: () => closeFd(fd, folder) };
    }
    pause(1);
  }
  closeFd(fd, folder);
  const hint = "another process keeps that folder locked";
  throw ipcError(ERRNO.EADDRINUSE, "flock", "lock", folder, hint);
}

/**
 * `chmod`: sets the mode of the file that a socket has just been bound to.
 *
 * @param change Maps the current mode to the new one.
 */
export function setFileMode(
  path: string,
  object: string,
  change: (mode: number) => number,
): void {
  // By descriptor: the path may now name another file, or a symbolic link.
  const fd = checkInt(
    fcntl().open(cstring(path, "path"), O_PATH | O_NOFOLLOW | O_CLOEXEC, 0),
    errno[0],
    "open",
    "set the mode of",
    object,
  );
  try {
    const found = new Uint8Array(stat.size);
    check0(
      sys_stat().fstat(fd, found),
      errno[0],
      "fstat",
      "set the mode of",
      object,
    );
    const { st_mode } = stat.read(found);
    if ((st_mode & S_IFMT) !== S_IFSOCK) {
      const hint = "another file has taken its place";
      throw ipcError(ERRNO.ESTALE, "fstat", "set the mode of", object, hint);
    }
    const link = cstring(`/proc/self/fd/${fd}`, "path");
    const result = sys_stat().chmod(link, change(st_mode & 0o7777));
    check0(result, errno[0], "chmod", "set the mode of", object);
  } finally {
    closeFd(fd, object);
  }
}
