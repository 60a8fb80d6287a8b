/**
 * The inode of a FIFO: creates, finds, opens and removes it, and never a file
 * that has taken its place.
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
} from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  fcntl,
  O_CLOEXEC,
  O_NOCTTY,
  O_NOFOLLOW,
  O_PATH,
} from "../../ffi/libc/fcntl.ts";
import {
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  sys_stat,
} from "../../ffi/libc/sys_stat.ts";
import { unistd } from "../../ffi/libc/unistd.ts";
import { checkMode } from "../core/convert/argument.ts";
import {
  fileError,
  isSameFile,
  type RawStat,
  rawStat,
  tryLstat,
} from "../core/file/file.ts";
import { absolutePath } from "../core/file/path.ts";
import { closingOnError } from "../core/handle/close_fd.ts";
import { Fd } from "../core/handle/fd.ts";
import { INTERNAL } from "../core/handle/internal.ts";

/** Flags of every open of an end. */
const SAFE = O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;

/**
 * The inode of a FIFO, held by a descriptor that is not an end of it.
 *
 * The kernel does not reuse the inode number while it is held.
 */
export class FifoNode {
  readonly path: string;
  readonly label: string;
  readonly #fd: Fd;
  readonly #identity: RawStat;

  private constructor(path: string) {
    this.path = path;
    this.label = fifoLabel(path);
    const fd = checkInt(
      fcntl().open(cstring(path, "path"), O_PATH | O_NOFOLLOW | O_CLOEXEC, 0),
      errno[0],
      "open",
      "open",
      this.label,
    );
    this.#fd = new Fd(INTERNAL, fd, this.label);
    try {
      this.#identity = rawStat(fd, this.label);
      checkKind(this.#identity, this.label);
    } catch (error) {
      this.#fd.close();
      throw error;
    }
  }

  /** Finds an existing FIFO. */
  static open(path: string | URL): FifoNode {
    return new FifoNode(absolutePath(path, "path"));
  }

  /** Creates one; leaves nothing behind if that fails half-way. */
  static create(
    syscall: "mkfifo" | "mknod",
    path: string | URL,
    options: { mode: number; ignoreUmask: boolean },
  ): FifoNode {
    const mode = checkMode(options.mode);
    const text = absolutePath(path, "path");
    const name = cstring(text, "path");
    const result = syscall === "mkfifo"
      ? sys_stat().mkfifo(name, mode)
      : sys_stat().mknod(name, S_IFIFO | mode, 0n);
    check0(result, errno[0], syscall, "create", fifoLabel(text));
    let node: FifoNode | undefined;
    try {
      node = new FifoNode(text);
      if (options.ignoreUmask) node.#setMode(mode);
      return node;
    } catch (error) {
      node?.close();
      unistd().unlink(name);
      throw error;
    }
  }

  get closed(): boolean {
    return this.#fd.closed;
  }

  /** The descriptor's number; `action` names its use in errors. */
  use(action: string): number {
    return this.#fd.use(action);
  }

  close(): void {
    this.#fd.close();
  }

  /** Opens an end that never has to wait for the other one. */
  open(flags: number, purpose: string): number {
    for (;;) {
      const fd = this.tryOpen(flags, purpose);
      if (fd !== undefined) return fd;
    }
  }

  /**
   * Opens an end; undefined when the other end is not open yet, or a signal
   * interrupted the call.
   */
  tryOpen(flags: number, purpose: string): number | undefined {
    this.#fd.use("open");
    const object = `${this.label} for ${purpose}`;
    const fd = fcntl().open(cstring(this.path, "path"), flags | SAFE, 0);
    const error = errnoOf(fd, errno[0]);
    if (error === ERRNO.EINTR) return undefined;
    if (error === ERRNO.ENXIO) {
      // A socket that has taken its place fails with ENXIO too.
      const flaw = this.#flaw("open", object);
      if (flaw !== undefined) throw flaw;
      return undefined;
    }
    if (error !== 0) throw ipcError(error, "open", "open", object);
    return closingOnError(fd, object, () => {
      if (this.#isSame(rawStat(fd, object))) return fd;
      throw replaced("open", object);
    });
  }

  /** Removes the path, or returns the error. */
  unlink(): IpcError | undefined {
    const flaw = this.#flaw("remove", this.label);
    if (flaw !== undefined) return flaw;
    const error = errnoOf(
      unistd().unlink(cstring(this.path, "path")),
      errno[0],
    );
    return error === 0
      ? undefined
      : ipcError(error, "unlink", "remove", this.label);
  }

  /** The error if the path no longer names this FIFO. */
  #flaw(action: string, object: string): IpcError | undefined {
    const found = tryLstat(cstring(this.path, "path"));
    if (typeof found === "number") {
      return ipcError(found, "lstat", action, object);
    }
    return this.#isSame(found) ? undefined : replaced(action, object);
  }

  #isSame(found: RawStat): boolean {
    return isSameFile(found, this.#identity) &&
      (found.st_mode & S_IFMT) === S_IFIFO;
  }

  #setMode(mode: number): void {
    // fchmod refuses O_PATH descriptors, and the path may name another file
    // now.
    const path = `/proc/self/fd/${this.#fd.use("change")}`;
    check0(
      sys_stat().chmod(cstring(path, "path"), mode),
      errno[0],
      "chmod",
      "change",
      this.label,
    );
  }
}

const KINDS: ReadonlyMap<number, string> = new Map([
  [S_IFREG, "a regular file"],
  [S_IFDIR, "a directory"],
  [S_IFSOCK, "a socket"],
]);

function checkKind(found: RawStat, label: string): void {
  const type = found.st_mode & S_IFMT;
  if (type === S_IFIFO) return;
  if (type === S_IFLNK) {
    throw fileError(ERRNO.ELOOP, "open", label, "it is a symbolic link");
  }
  const kind = KINDS.get(type) ?? "a device";
  throw fileError(ERRNO.ENODEV, "open", label, `it is ${kind}, not a FIFO`);
}

function replaced(action: string, object: string): IpcError {
  const reason = "another file has taken its place";
  return fileError(ERRNO.ESTALE, action, object, reason);
}

function fifoLabel(path: string): string {
  return `FIFO ${JSON.stringify(path)}`;
}
