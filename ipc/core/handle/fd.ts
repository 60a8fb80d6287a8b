/**
 * File descriptors that are closed once, and never used after.
 *
 * @module
 */

import { closeFd } from "./close_fd.ts";
import { duplicateFd } from "./duplicate_fd.ts";
import { showing } from "./inspect.ts";
import { INTERNAL, onlyInternal } from "./internal.ts";

/**
 * A file descriptor of this process.
 *
 * It is close-on-exec, closed once, and refuses every use after that: the
 * number may long belong to another file.
 */
export class Fd implements Disposable {
  #fd: number;
  readonly #label: string;
  readonly #closing = new Set<(fd: number) => void>();

  /** @ignore Use the functions that open something. */
  constructor(token: unknown, fd: number, label: string) {
    onlyInternal(token, "Fd");
    this.#fd = fd;
    this.#label = label;
  }

  /**
   * The descriptor's number, for other FFI code. It stays ours: do not close it.
   *
   * @throws {TypeError} When it is closed.
   */
  get number(): number {
    return this.use("use");
  }

  /** What messages call it. */
  get label(): string {
    return this.#label;
  }

  /** Whether it is closed. */
  get closed(): boolean {
    return this.#fd < 0;
  }

  /**
   * The number, for a call that is about to do what `action` says.
   *
   * @ignore
   */
  use(action: string): number {
    if (this.#fd < 0) {
      throw new TypeError(`Cannot ${action} a closed ${this.#label}`);
    }
    return this.#fd;
  }

  /**
   * `fcntl(F_DUPFD_CLOEXEC)`: a second descriptor for the same open file.
   *
   * See [fcntl(2)](https://man7.org/linux/man-pages/man2/fcntl.2.html).
   *
   * @throws {IpcError} `EMFILE` when the process has no descriptor left.
   */
  duplicate(): Fd {
    const fd = duplicateFd(this.use("duplicate"), this.#label);
    return new Fd(INTERNAL, fd, this.#label);
  }

  /**
   * `close`: gives the descriptor up. Closing twice does nothing.
   *
   * See [close(2)](https://man7.org/linux/man-pages/man2/close.2.html).
   *
   * @throws {IpcError} `EIO`, `ENOSPC` or `EDQUOT` when data written before
   * could not be kept; the descriptor is closed all the same.
   */
  close(): void {
    const fd = this.#fd;
    if (fd < 0) return;
    this.#fd = -1;
    for (const callback of this.#closing) callback(fd);
    closeFd(fd, this.#label);
  }

  /**
   * Calls back with the number just before it is closed, when this handle
   * already refuses its use.
   *
   * @ignore
   */
  beforeClose(callback: (fd: number) => void): void {
    this.#closing.add(callback);
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}

showing(Fd, ({ number, label }) => ({ number, label }));
