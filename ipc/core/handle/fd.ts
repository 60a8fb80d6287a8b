/**
 * File descriptors that are closed once and not used afterwards.
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
 * It is close-on-exec. It closes once and refuses every use after that, because
 * the number may already belong to another file.
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
   * The descriptor number, for other FFI code. This object still owns it: do
   * not close the number.
   *
   * @throws {TypeError} When it is closed.
   */
  get number(): number {
    return this.use("use");
  }

  /** Its name in messages. */
  get label(): string {
    return this.#label;
  }

  /** Whether it is closed. */
  get closed(): boolean {
    return this.#fd < 0;
  }

  /**
   * Returns the number, for a call that `action` names in the error.
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
   * `fcntl(F_DUPFD_CLOEXEC)`: makes a second descriptor of the same open file.
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
   * `close`: closes the descriptor. Closing twice does nothing.
   *
   * See [close(2)](https://man7.org/linux/man-pages/man2/close.2.html).
   *
   * @throws {IpcError} `EIO`, `ENOSPC` or `EDQUOT` when data written before
   * could not be stored. The descriptor is closed all the same.
   */
  close(): void {
    const fd = this.#fd;
    if (fd < 0) return;
    this.#fd = -1;
    for (const callback of this.#closing) callback(fd);
    closeFd(fd, this.#label);
  }

  /**
   * Registers a callback that gets the number just before it is closed. The
   * handle then already refuses use.
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
