/**
 * The files of Unix sockets, which outlive them.
 *
 * @module
 */

import { sys_socket } from "../libc/sys_socket.ts";
import { sys_stat } from "../libc/sys_stat.ts";
import { unistd } from "../libc/unistd.ts";
import { cstring } from "./cstring.ts";
import { checkFd, ERRNO, errnoOf, ipcError } from "./errno.ts";
import { closeFd } from "./fd.ts";
import { stat } from "./layouts.ts";
import {
  AF_UNIX,
  S_IFMT,
  S_IFSOCK,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
} from "./platform.ts";
import { encodeAddress } from "./_socket_address.ts";

/** The file of a bound socket, known by its inode. */
export class SocketFile {
  readonly #path: string;
  readonly #device: bigint;
  readonly #inode: bigint;

  private constructor(path: string, device: bigint, inode: bigint) {
    this.#path = path;
    this.#device = device;
    this.#inode = inode;
  }

  /** The socket file at a path; undefined when there is none. */
  static of(path: string): SocketFile | undefined {
    const buffer = new Uint8Array(stat.size);
    const result = sys_stat().lstat(cstring(path, "path"), buffer);
    if (errnoOf(result) !== 0) return undefined;
    const { st_mode, st_dev, st_ino } = stat.read(buffer);
    if ((st_mode & S_IFMT) !== S_IFSOCK) return undefined;
    return new SocketFile(path, st_dev, st_ino);
  }

  /**
   * Whether a path is a socket file that nobody answers.
   *
   * @param type The number of the socket's type.
   */
  static isStale(path: string, type: number): boolean {
    if (SocketFile.of(path) === undefined) return false;
    const probe = checkFd(
      sys_socket().socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
      "socket",
      "ask who answers at",
      path,
    );
    try {
      const bytes = encodeAddress({ family: "unix", path });
      const result = sys_socket().connect(probe, bytes, bytes.length);
      return errnoOf(result) === ERRNO.ECONNREFUSED;
    } finally {
      closeFd(probe, "socket");
    }
  }

  /**
   * `unlink`: removes the file, if it is still the same one.
   *
   * @throws {IpcError} `EACCES` or `EPERM` when the folder forbids it.
   */
  remove(): void {
    const now = SocketFile.of(this.#path);
    if (now === undefined) return;
    if (now.#inode !== this.#inode || now.#device !== this.#device) return;
    const error = errnoOf(unistd().unlink(cstring(this.#path, "path")));
    if (error !== 0 && error !== ERRNO.ENOENT) {
      throw ipcError(error, "unlink", "remove", this.#path);
    }
  }
}
