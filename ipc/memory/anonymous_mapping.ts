/**
 * Anonymous memory: {@linkcode mapAnonymous}.
 *
 * @module
 */

import { checkPtr, ipcError } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import { MFD_NOEXEC_SEAL } from "../../ffi/libc/linux_memfd.ts";
import {
  MAP_ANONYMOUS,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  PROT_READ,
  PROT_WRITE,
  sys_mman,
} from "../../ffi/libc/sys_mman.ts";
import { size as checkSize } from "../core/convert/argument.ts";
import { growFile } from "../core/file/file.ts";
import { Fd } from "../core/handle/fd.ts";
import { INTERNAL } from "../core/handle/internal.ts";
import { unmap } from "../core/memory/map_fd.ts";
import { Mapping, type MappingInit } from "../core/memory/mapping.ts";
import { cname, hintOf, memfdCreate } from "./_memfd.ts";
import { addSeals, sealBits } from "./_seals.ts";

/** Options of {@linkcode mapAnonymous}. */
export interface MapAnonymousOptions {
  /**
   * Makes memory that child processes can map as well.
   *
   * @default {false}
   */
  shared?: boolean;
  /**
   * Faults in every page at once (`MAP_POPULATE`).
   *
   * @default {false}
   */
  populate?: boolean;
}

/**
 * Anonymous memory that can be passed to another process, made by
 * {@linkcode mapAnonymous} with `shared`.
 */
export class SharedMapping extends Mapping {
  readonly #fd: Fd;

  /** @ignore Use `mapAnonymous()`. */
  constructor(token: unknown, init: MappingInit, fd: Fd) {
    super(token, init);
    this.#fd = fd;
  }

  /**
   * The descriptor of the memory, to pass to another process:
   * `spawn("./worker", { fds: { 3: mapping } })`. It is closed with this
   * mapping.
   *
   * @throws {TypeError} When the mapping is closed.
   */
  get fd(): Fd {
    this.#fd.use("take the descriptor of");
    return this.#fd;
  }

  /**
   * `munmap`, `close`: detaches every view, unmaps the memory and closes the
   * descriptor. Other processes keep theirs. Closing twice does nothing.
   *
   * See [munmap(2)](https://man7.org/linux/man-pages/man2/munmap.2.html).
   */
  override close(): void {
    try {
      super.close();
    } finally {
      this.#fd.close();
    }
  }

  /** @ignore */
  override overtaken(): void {
    try {
      super.overtaken();
    } finally {
      this.#fd.close();
    }
  }
}

/**
 * `memfd_create` and `mmap(MAP_SHARED)`: maps zeroed memory that belongs to no
 * file and can be passed to child processes.
 *
 * A C program shares such memory through `fork`; here a child process gets the
 * descriptor. Nobody can change its size.
 *
 * See [memfd_create(2)](https://man7.org/linux/man-pages/man2/memfd_create.2.html)
 * and [mmap(2)](https://man7.org/linux/man-pages/man2/mmap.2.html).
 *
 * @example Memory for this process and one that it starts
 * ```ts ignore
 * using memory = mapAnonymous(4096, { shared: true });
 * using child = spawn("deno", {
 *   args: ["run", "--allow-ffi", "worker.ts"],
 *   fds: { 3: memory },
 * });
 * // worker.ts: using memory = mapFile(inheritedFd(3));
 * // in C: mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 3, 0)
 * ```
 *
 * @param size Its size in bytes, at least 1.
 * @throws {IpcError} `ENOMEM` without memory, `EMFILE`, `ENFILE`, `ENOSYS`
 * where there are no memfds.
 */
export function mapAnonymous(
  size: number,
  options: MapAnonymousOptions & { shared: true },
): SharedMapping;
/**
 * `mmap(MAP_ANONYMOUS)`: maps zeroed memory that belongs to no file, for this
 * process alone.
 *
 * See [mmap(2)](https://man7.org/linux/man-pages/man2/mmap.2.html).
 *
 * @example A page outside of the JavaScript heap
 * ```ts
 * import { mapAnonymous } from "@libc/ipc/mmap";
 *
 * using page = mapAnonymous(4096);
 * page.lock();
 * page.bytes.set([1, 2, 3]);
 * ```
 *
 * @param size Its size in bytes, at least 1.
 * @throws {IpcError} `ENOMEM` without memory.
 */
export function mapAnonymous(
  size: number,
  options?: MapAnonymousOptions,
): Mapping;
export function mapAnonymous(
  size: number,
  options: MapAnonymousOptions = {},
): Mapping {
  const { shared = false, populate = false } = options;
  checkSize(size, "size", 1);
  const label = `${size} bytes of anonymous memory`;
  if (!shared) {
    const init = mapPages(size, MAP_ANONYMOUS | MAP_PRIVATE, populate, label);
    return new Mapping(INTERNAL, init);
  }
  using stack = new DisposableStack();
  const fd = stack.use(anonymousFile(size, label));
  const init = mapPages(size, MAP_SHARED, populate, label, fd.number);
  stack.move();
  return new SharedMapping(INTERNAL, init, fd);
}

/** `memfd_create`: makes memory whose size nobody can change. */
function anonymousFile(size: number, label: string): Fd {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const made = memfdCreate(cname("anonymous"), flags, MFD_NOEXEC_SEAL);
  if (made.error !== 0) {
    const hint = hintOf(made.error, { size });
    throw ipcError(made.error, "memfd_create", "make", label, hint);
  }
  using stack = new DisposableStack();
  const fd = stack.use(new Fd(INTERNAL, made.fd, label));
  const options = { reserve: false, label, creating: true };
  growFile(made.fd, 0, size, options);
  addSeals(made.fd, sealBits(["shrink", "grow"]), label);
  stack.move();
  return fd;
}

function mapPages(
  size: number,
  flags: number,
  populate: boolean,
  label: string,
  fd = -1,
): MappingInit {
  const pointer = checkPtr(
    sys_mman().mmap(
      null,
      BigInt(size),
      PROT_READ | PROT_WRITE,
      flags | (populate ? MAP_POPULATE : 0),
      fd,
      0n,
    ),
    errno[0],
    "mmap",
    "map",
    label,
  );
  return {
    pointer,
    size,
    readOnly: false,
    label,
    release: (pointer, size) => unmap(pointer, size, label),
  };
}
