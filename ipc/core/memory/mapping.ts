/**
 * Memory mapped into this process: {@linkcode Mapping}.
 *
 * ```ts
 * import { SysvSharedMemory } from "@libc/ipc";
 *
 * using segment = SysvSharedMemory.create(0, 4096);
 * using mapping = segment.attach();
 * mapping.bytes.set([1, 2, 3]);
 * ```
 *
 * @module
 */

import { check0, checkSize } from "../../../ffi/errno.ts";
import { iovecOf, memoryAddress } from "../../../ffi/iovec.ts";
import { errno } from "../../../ffi/libc/errno.ts";
import {
  ADVICE,
  MS_ASYNC,
  MS_INVALIDATE,
  MS_SYNC,
  PROT_READ,
  PROT_WRITE,
  sys_mman,
} from "../../../ffi/libc/sys_mman.ts";
import { sys_uio } from "../../../ffi/libc/sys_uio.ts";
import { SC_PAGESIZE, unistd } from "../../../ffi/libc/unistd.ts";
import type { Fields, Struct, View } from "../../../ffi/struct/struct.ts";
import { integer, shown, size as checkedSize } from "../convert/argument.ts";
import { showing } from "../handle/inspect.ts";
import { onlyInternal } from "../handle/internal.ts";

/** Advice about the use of memory, for {@linkcode Mapping.advise}. */
export type Advice =
  | "normal"
  | "random"
  | "sequential"
  | "willneed"
  | "dontneed"
  | "free"
  | "remove"
  | "mergeable"
  | "unmergeable"
  | "hugepage"
  | "nohugepage"
  | "dontdump"
  | "dodump"
  | "cold"
  | "pageout"
  | "populate_read"
  | "populate_write";

/** Options of {@linkcode Mapping.flush}. */
export interface FlushOptions {
  /**
   * First byte of the range.
   *
   * @default {0}
   */
  offset?: number;
  /**
   * Length of the range in bytes.
   *
   * @default {number} up to the end
   */
  length?: number;
  /**
   * Starts the write-back and does not wait for it (`MS_ASYNC`).
   *
   * @default {false}
   */
  async?: boolean;
  /**
   * Makes other mappings of the file see the new bytes (`MS_INVALIDATE`).
   *
   * @default {false}
   */
  invalidate?: boolean;
}

/**
 * The parts of a new mapping.
 *
 * @ignore
 */
export interface MappingInit {
  /** The first byte. */
  pointer: Deno.PointerObject;
  /** Its length in bytes. */
  size: number;
  /** Whether the pages refuse writes. */
  readOnly: boolean;
  /** Its name in messages. */
  label: string;
  /** Undoes the mapping: `shmdt`, `munmap`. */
  release: (pointer: Deno.PointerObject, size: number) => void;
  /** Called instead of `release` when other pages have replaced the mapping. */
  overtaken?: () => void;
}

/**
 * A range of memory that this process shares with other processes or a file.
 *
 * `close()` detaches every view of it before the memory is unmapped: a typed
 * array then has length 0, and a struct view throws. Use after close never
 * reaches the memory.
 *
 * A buffer that was transferred away (`buffer.transfer()`, `postMessage` with a
 * transfer list) can no longer be detached from here. Its memory stays mapped
 * until the process ends, since it may still be in use.
 *
 * @example Share a struct
 * ```ts
 * import { struct, SysvSharedMemory } from "@libc/ipc";
 *
 * const Point = struct({ x: "f64", y: "f64" });
 * using segment = SysvSharedMemory.create(0, Point.size);
 * using mapping = segment.attach();
 * const point = mapping.view(Point);
 * point.x = 1.5;
 * ```
 */
export class Mapping implements Disposable {
  readonly #label: string;
  readonly #size: number;
  readonly #release: MappingInit["release"];
  readonly #overtaken: MappingInit["overtaken"];
  #pointer: Deno.PointerObject | undefined;
  #buffer: ArrayBuffer | undefined;
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #readOnly: boolean;
  #escaped = false;
  #pins = 0;
  readonly #closing = new Set<() => void>();

  /** @ignore Use `attach()`, `map()`, `mapFile()` or `mapAnonymous()`. */
  constructor(token: unknown, init: MappingInit) {
    onlyInternal(token, "Mapping");
    this.#label = init.label;
    this.#size = init.size;
    this.#readOnly = init.readOnly;
    this.#release = init.release;
    this.#overtaken = init.overtaken;
    this.#pointer = init.pointer;
    live.set(this.address, this);
  }

  /** Its length in bytes, as requested, not rounded up to pages. */
  get size(): number {
    return this.#size;
  }

  /** Whether it is read-only. */
  get readOnly(): boolean {
    return this.#readOnly;
  }

  /** Whether it is closed. */
  get closed(): boolean {
    return this.#pointer === undefined;
  }

  /**
   * The address of its first byte in this process, for other FFI code.
   *
   * @throws {TypeError} When it is closed.
   */
  get address(): bigint {
    return Deno.UnsafePointer.value(this.#use("take the address of"));
  }

  /**
   * The memory as a buffer. Always the same object until `close()` or
   * {@linkcode protect} detaches it.
   *
   * @throws {TypeError} When the mapping is closed or read-only: a write into
   * read-only pages would end the process.
   */
  get buffer(): ArrayBuffer {
    this.#checkWritable();
    return this.memory();
  }

  /**
   * The memory as bytes. Always the same object until `close()` or
   * {@linkcode protect} detaches it.
   *
   * @throws {TypeError} When the mapping is closed or read-only; see
   * {@linkcode read} and {@linkcode unsafeBytes}.
   */
  get bytes(): Uint8Array<ArrayBuffer> {
    this.#checkWritable();
    return this.unsafeBytes;
  }

  /**
   * The memory as bytes, even if it is read-only.
   *
   * Writing to the bytes of a read-only mapping ends the process (`SIGSEGV`).
   *
   * @throws {TypeError} When the mapping is closed.
   */
  get unsafeBytes(): Uint8Array<ArrayBuffer> {
    const buffer = this.memory();
    return this.#bytes ??= new Uint8Array(buffer);
  }

  /**
   * Returns the live buffer even if it is read-only, for code that checks this
   * itself.
   *
   * @ignore
   */
  memory(): ArrayBuffer {
    const pointer = this.#use("read");
    return this.#buffer ??= Deno.UnsafePointerView.getArrayBuffer(
      pointer,
      this.#size,
    );
  }

  /**
   * Returns a live, typed view of a C struct at a byte offset.
   *
   * @throws {RangeError} When it would extend past the end or is misaligned.
   */
  view<F extends Fields>(layout: Struct<F>, offset = 0): View<F> {
    return layout.view(this, offset);
  }

  /**
   * Returns a copy of `length` bytes from `offset` on.
   *
   * @throws {RangeError} When the range extends past the end.
   */
  read(
    offset = 0,
    length: number = this.#size - offset,
  ): Uint8Array<ArrayBuffer> {
    this.#checkRange(offset, length);
    return new Uint8Array(this.memory(), offset, length).slice();
  }

  /**
   * Copies bytes into the memory from `offset` on.
   *
   * @throws {RangeError} When the range extends past the end.
   * @throws {TypeError} When the mapping is closed or read-only.
   */
  write(bytes: Uint8Array, offset = 0): void {
    this.#checkRange(offset, bytes.length);
    this.bytes.set(bytes, offset);
  }

  /**
   * `process_vm_readv`: copies memory of this process from `offset` on into
   * `target`. Missing pages do not end the process.
   *
   * Access beyond the end of a file that its owner has truncated ends a process
   * (`SIGBUS`). A system call that copies this memory fails instead. Read
   * memory that a stranger owns this way. A call takes about a microsecond.
   *
   * See [process_vm_readv(2)](https://man7.org/linux/man-pages/man2/process_vm_readv.2.html).
   *
   * @returns The number of bytes copied, fewer than requested when later pages
   * are missing.
   * @throws {IpcError} `EFAULT` when the first page is missing, `EPERM` or
   * `ENOSYS` when a sandbox forbids the call.
   */
  readInto(target: Uint8Array<ArrayBuffer>, offset = 0): number {
    this.#checkRange(offset, target.length);
    const base = this.address + BigInt(offset);
    if (target.length === 0) return 0;
    const local = iovecOf(memoryAddress(target), target.length);
    const remote = iovecOf(base, target.length);
    return checkSize(
      sys_uio().process_vm_readv(
        unistd().getpid(),
        local,
        1n,
        remote,
        1n,
        0n,
      ),
      errno[0],
      "process_vm_readv",
      "read",
      this.#label,
    );
  }

  /**
   * `msync`: writes changed bytes back to the file and waits until it is done.
   *
   * See [msync(2)](https://man7.org/linux/man-pages/man2/msync.2.html).
   *
   * @throws {IpcError} `EIO` when the file cannot be written, `EBUSY` when
   * `invalidate` finds locked pages.
   */
  flush(options: FlushOptions = {}): void {
    const { offset = 0, async = false, invalidate = false } = options;
    const length = options.length ?? this.#size - offset;
    const [start, bytes] = this.#pages(offset, length);
    const flags = (async ? MS_ASYNC : MS_SYNC) |
      (invalidate ? MS_INVALIDATE : 0);
    check0(
      sys_mman().msync(start, bytes, flags),
      errno[0],
      "msync",
      "flush",
      this.#label,
    );
  }

  /**
   * `madvise`: tells the kernel how the memory will be used.
   *
   * `"dontneed"` on private memory discards its content.
   *
   * See [madvise(2)](https://man7.org/linux/man-pages/man2/madvise.2.html).
   *
   * @throws {IpcError} `EINVAL` when the kernel does not know the advice.
   */
  advise(advice: Advice): void {
    if (!Object.hasOwn(ADVICE, advice)) {
      throw new TypeError(
        `advice must be one of ${
          Object.keys(ADVICE).join(", ")
        }, got ${advice}`,
      );
    }
    this.#use("advise on");
    const [start, bytes] = this.#pages();
    check0(
      sys_mman().madvise(start, bytes, ADVICE[advice]),
      errno[0],
      "madvise",
      "advise on",
      this.#label,
    );
  }

  /**
   * `mlock`: keeps the memory out of swap.
   *
   * See [mlock(2)](https://man7.org/linux/man-pages/man2/mlock.2.html).
   *
   * @throws {IpcError} `ENOMEM` or `EPERM` beyond `RLIMIT_MEMLOCK`, `EAGAIN`
   * when pages could not be locked.
   */
  lock(): void {
    check0(
      sys_mman().mlock(this.#use("lock"), BigInt(this.#size)),
      errno[0],
      "mlock",
      "lock",
      this.#label,
    );
  }

  /**
   * `munlock`: lets the memory be swapped again.
   *
   * See [munlock(2)](https://man7.org/linux/man-pages/man2/munlock.2.html).
   */
  unlock(): void {
    check0(
      sys_mman().munlock(this.#use("unlock"), BigInt(this.#size)),
      errno[0],
      "munlock",
      "unlock",
      this.#label,
    );
  }

  /**
   * `mprotect`: makes the memory read-only, or writable again.
   *
   * Existing views are detached, since writing through them would end the
   * process: take new ones.
   *
   * See [mprotect(2)](https://man7.org/linux/man-pages/man2/mprotect.2.html).
   *
   * @throws {IpcError} `EACCES` when the file or segment was opened read-only.
   * @throws {TypeError} When its buffer was transferred away and could still be
   * written to.
   */
  protect(options: { readOnly: boolean }): void {
    this.#use("protect");
    if (typeof options?.readOnly !== "boolean") {
      throw new TypeError(
        `readOnly must be true or false, got ${shown(options?.readOnly)}`,
      );
    }
    if (this.transferred) {
      throw new TypeError(
        `Cannot protect a mapping of ${this.#label}: its buffer was transferred away`,
      );
    }
    const [start, bytes] = this.#pages();
    check0(
      sys_mman().mprotect(
        start,
        bytes,
        options.readOnly ? PROT_READ : PROT_READ | PROT_WRITE,
      ),
      errno[0],
      "mprotect",
      "protect",
      this.#label,
    );
    this.#readOnly = options.readOnly;
    this.#detach();
  }

  /**
   * Returns a pointer to `length` bytes from `offset` on, for a C call.
   *
   * It is a bare address: {@linkcode pin} the mapping for as long as C uses it.
   *
   * @throws {RangeError} When the range extends past the end.
   */
  pointer(offset = 0, length = 1): Deno.PointerObject {
    const base = this.#use("take the address of");
    this.#checkRange(offset, length);
    return offset === 0 ? base : Deno.UnsafePointer.offset(
      base,
      offset,
    ) as Deno.PointerObject;
  }

  /**
   * Keeps the memory mapped, even after `close()`, until the result is
   * disposed, for a call that uses it on another thread.
   */
  pin(): Disposable {
    this.#use("pin");
    const pointer = this.#pointer;
    this.#pins++;
    let pinned = true;
    return {
      [Symbol.dispose]: () => {
        if (!pinned) return;
        pinned = false;
        this.#pins--;
        if (this.#pins === 0 && this.closed && pointer !== undefined) {
          this.#unmap(pointer);
        }
      },
    };
  }

  /**
   * Whether a call still uses the memory.
   *
   * @ignore
   */
  get pinned(): boolean {
    return this.#pins > 0;
  }

  /**
   * Whether its buffer was transferred away and still reaches the memory.
   *
   * @ignore
   */
  get transferred(): boolean {
    return this.#escaped || this.#buffer?.detached === true;
  }

  /**
   * `shmdt` or `munmap`: detaches every view, then unmaps the memory. Closing
   * twice does nothing. The kernel object behind it remains.
   *
   * See [munmap(2)](https://man7.org/linux/man-pages/man2/munmap.2.html) and
   * [shmdt(2)](https://man7.org/linux/man-pages/man2/shmop.2.html).
   */
  close(): void {
    const pointer = this.#pointer;
    if (pointer === undefined) return;
    live.delete(this.address);
    this.#detach();
    this.#pointer = undefined;
    for (const callback of this.#closing) callback();
    if (this.#pins === 0) this.#unmap(pointer);
  }

  /**
   * Registers a callback for `close()`, called before the memory is unmapped.
   * Disposing the result removes it.
   *
   * @ignore
   */
  beforeUnmap(callback: () => void): Disposable {
    this.#closing.add(callback);
    return { [Symbol.dispose]: () => void this.#closing.delete(callback) };
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Detaches every view and closes without unmapping, when other pages have
   * replaced these.
   *
   * @ignore
   */
  overtaken(): void {
    live.delete(this.address);
    this.#detach();
    this.#pointer = undefined;
    for (const callback of this.#closing) callback();
    this.#overtaken?.();
  }

  #unmap(pointer: Deno.PointerObject): void {
    if (!this.#escaped) this.#release(pointer, this.#size);
  }

  #detach(): void {
    if (this.#buffer === undefined) return;
    if (this.#buffer.detached) this.#escaped = true;
    // Detaches the buffer. Length 0 avoids a copy.
    else this.#buffer.transfer(0);
    this.#buffer = undefined;
    this.#bytes = undefined;
  }

  #use(action: string): Deno.PointerObject {
    if (this.#pointer === undefined) {
      throw new TypeError(
        `Cannot ${action} a closed mapping of ${this.#label}`,
      );
    }
    return this.#pointer;
  }

  #checkWritable(): void {
    this.#use("write to");
    if (this.#readOnly) {
      throw new TypeError(
        `Cannot hand out writable bytes of a read-only mapping of ${this.#label}: use read() or unsafeBytes`,
      );
    }
  }

  #checkRange(offset: number, length: number): void {
    checkedSize(offset, "offset", 0, this.#size);
    integer(length, "length", 0, this.#size - offset);
  }

  /** Extends a range to the start of its first page, as the kernel requires. */
  #pages(
    offset = 0,
    length: number = this.#size,
  ): [Deno.PointerObject, bigint] {
    this.#checkRange(offset, length);
    // A mapped part of a file need not begin at a page boundary.
    const from = this.address + BigInt(offset);
    const before = from % BigInt(pageSize());
    return [
      Deno.UnsafePointer.create(from - before) as Deno.PointerObject,
      before + BigInt(length),
    ];
  }
}

showing(Mapping, ({ address, size, readOnly }) => ({
  address: `0x${address.toString(16)}`,
  size,
  readOnly,
}));

/** The open mappings of this isolate by their addresses. */
const live = new Map<bigint, Mapping>();

/**
 * Checks that an open mapping at an address has as many pages as `size` bytes
 * need, so that new pages may replace it. Call the result once they have: it
 * closes the mapping.
 *
 * @ignore
 */
export function overtake(
  address: bigint | undefined,
  size: number,
): () => void {
  const mapping = address === undefined ? undefined : live.get(address);
  if (mapping === undefined) {
    throw new RangeError(
      `address must be that of an open mapping to be replaced, got ${address}`,
    );
  }
  if (mapping.transferred) {
    throw new RangeError(
      `Cannot replace the mapping at ${address}: its buffer was transferred away`,
    );
  }
  const pages = Math.ceil(size / pageSize());
  const before = Number(mapping.address % BigInt(pageSize()));
  const room = Math.ceil((before + mapping.size) / pageSize());
  if (pages !== room || mapping.pinned) {
    throw new RangeError(
      mapping.pinned
        ? `Cannot replace the mapping at ${address} while it is in use`
        : `Cannot replace a mapping of ${room} pages by one of ${pages}`,
    );
  }
  return () => mapping.overtaken();
}

let cachedPageSize: number | undefined;

/**
 * `sysconf(_SC_PAGESIZE)`: returns the size of a memory page in bytes.
 *
 * See [sysconf(3)](https://man7.org/linux/man-pages/man3/sysconf.3.html).
 */
export function pageSize(): number {
  return cachedPageSize ??= Number(unistd().sysconf(SC_PAGESIZE));
}
