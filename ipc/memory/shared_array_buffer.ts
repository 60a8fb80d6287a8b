/**
 * Memory of several processes as a `SharedArrayBuffer`:
 * {@linkcode sharedArrayBuffer}, experimental.
 *
 * ```ts
 * import { Memfd, sharedArrayBuffer } from "@libc/ipc";
 *
 * using memory = Memfd.create("frames", { size: 65536 });
 * const buffer = sharedArrayBuffer(memory);
 * Atomics.store(new Int32Array(buffer), 0, 42);
 * ```
 *
 * @experimental
 * @module
 */

import { checkPtr, ERRNO, ipcError } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  MAP_FIXED,
  MAP_SHARED,
  PROT_READ,
  PROT_WRITE,
  sys_mman,
} from "../../ffi/libc/sys_mman.ts";
import { shown, size as checkSize } from "../core/convert/argument.ts";
import { checkRegular, rawStat, remember } from "../core/file/file.ts";
import { Fd } from "../core/handle/fd.ts";
import { mapDescriptor, rangeOf } from "../core/memory/map_fd.ts";
import { pageSize } from "../core/memory/mapping.ts";

export { Fd };

/** Bytes in a page of WebAssembly memory. */
const WASM_PAGE = 65536;

/** The maximum number of pages of a WebAssembly memory. */
const MAX_PAGES = 65536;

/** The memory of a `SharedArrayBuffer`: a `PosixSharedMemory` or a `Memfd`. */
export interface SharedSource {
  /** Its descriptor. */
  readonly fd: Fd;
  /** Whether it is open for reading only. */
  readonly readOnly: boolean;
}

/** Options of {@linkcode sharedArrayBuffer}. */
export interface SharedArrayBufferOptions {
  /**
   * First byte, a multiple of the page size.
   *
   * @default {0}
   */
  offset?: number;
  /**
   * Length in bytes, a multiple of 65,536.
   *
   * @default {number} up to the end
   */
  length?: number;
}

/**
 * `mmap(MAP_FIXED)`: maps memory that other processes map too as a genuine
 * `SharedArrayBuffer`. Unlike a `Mapping`, it can be posted to Workers, and
 * `Atomics.wait` works on it.
 *
 * The buffer is that of a `WebAssembly.Memory` whose pages are replaced by
 * those of the source. Therefore:
 *
 * - Its length is a multiple of 64 KiB, at most 4 GiB.
 * - It cannot be closed. The memory stays mapped while this thread or a Worker
 *   holds the buffer, and is unmapped when the buffer is garbage-collected.
 * - `Atomics.notify` wakes waiters of this process only.
 * - Making the source shorter kills every process that touches the missing
 *   pages (`SIGBUS`): use a `Memfd` with its `"shrink"` seal.
 * - It depends on how V8 keeps WebAssembly memory, which is not documented.
 *
 * See [mmap(2)](https://man7.org/linux/man-pages/man2/mmap.2.html).
 *
 * @experimental
 *
 * @example Count together with a Worker and another process
 * ```ts
 * import { Memfd, sharedArrayBuffer } from "@libc/ipc";
 * import { assertEquals } from "@std/assert";
 *
 * using memory = Memfd.create("counters", { size: 65536 });
 * const counters = new Int32Array(sharedArrayBuffer(memory));
 * Atomics.add(counters, 0, 1);
 *
 * using view = memory.map();
 * assertEquals(new Int32Array(view.buffer)[0], 1);
 * ```
 *
 * @throws {RangeError} When the range is not within the source, or not a
 * multiple of these sizes.
 * @throws {TypeError} When the source is closed or open for reading only.
 * @throws {IpcError} `ENOMEM` without address space, `EPERM` when the source is
 * sealed against writing.
 */
export function sharedArrayBuffer(
  source: SharedSource,
  options: SharedArrayBufferOptions = {},
): SharedArrayBuffer {
  if (!(source?.fd instanceof Fd)) {
    throw new TypeError(
      `source must have a descriptor, as a Memfd has, got ${shown(source)}`,
    );
  }
  const fd = source.fd.number;
  const label = `descriptor ${fd} as a SharedArrayBuffer`;
  if (source.readOnly) {
    throw new TypeError(`Cannot map ${label}: it is open for reading only`);
  }
  const raw = rawStat(fd, label);
  checkRegular(raw, "map", label);
  const { offset, length } = rangeOf(Number(raw.st_size), {
    ...options,
    label,
  });
  if (checkSize(offset, "offset") % pageSize() !== 0) {
    throw new RangeError(
      `offset must be a multiple of ${pageSize()}, got ${offset}`,
    );
  }
  const pages = length / WASM_PAGE;
  if (!Number.isInteger(pages) || pages > MAX_PAGES) {
    throw new RangeError(
      `length must be a multiple of ${WASM_PAGE} up to 2^32, got ${length}`,
    );
  }
  // A failing MAP_FIXED may already have unmapped the pages below, and V8 would
  // later unmap whatever has come in their place. So map the source elsewhere
  // first, to see that it can be mapped.
  using _trial = mapDescriptor(fd, { offset, length, label, writable: true });
  const buffer = reserve(pages, label);
  checkPtr(
    sys_mman().mmap(
      Deno.UnsafePointer.of(new Uint8Array(buffer)),
      BigInt(length),
      PROT_READ | PROT_WRITE,
      MAP_SHARED | MAP_FIXED,
      fd,
      BigInt(offset),
    ),
    errno[0],
    "mmap",
    "map",
    label,
    (error) =>
      error === ERRNO.EINVAL
        ? "its pages are larger than those of the buffer"
        : undefined,
  );
  // Never forgotten: this thread cannot know whether a Worker still holds it.
  remember(raw, offset + length);
  return buffer;
}

/** A page-aligned shared buffer with pages of its own. */
function reserve(pages: number, label: string): SharedArrayBuffer {
  try {
    const memory = new WebAssembly.Memory({
      initial: pages,
      maximum: pages,
      shared: true,
    });
    // TypeScript declares an ArrayBuffer for every memory.
    return memory.buffer as unknown as SharedArrayBuffer;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw ipcError(ERRNO.ENOMEM, "mmap", "map", label, error.message);
  }
}
