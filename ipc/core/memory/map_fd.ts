/**
 * Mappings of open files, within their size.
 *
 * @module
 */

import { check0, checkPtr, ERRNO } from "../../../ffi/errno.ts";
import { errno } from "../../../ffi/libc/errno.ts";
import { HUGETLBFS_MAGIC } from "../../../ffi/libc/linux_magic.ts";
import {
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_READ,
  PROT_WRITE,
  sys_mman,
} from "../../../ffi/libc/sys_mman.ts";
import { statfs, sys_vfs } from "../../../ffi/libc/sys_vfs.ts";
import { size as checkSize } from "../convert/argument.ts";
import { checkRegular, type RawStat, rawStat, remember } from "../file/file.ts";
import { INTERNAL } from "../handle/internal.ts";
import { Mapping, pageSize } from "./mapping.ts";

/** Options for mapping a file into memory. */
export interface MapOptions {
  /**
   * First byte to map. It need not be on a page boundary.
   *
   * @default {0}
   */
  offset?: number;
  /**
   * Bytes to map.
   *
   * @default {number} up to the end
   */
  length?: number;
  /**
   * Maps the pages read-only.
   *
   * @default {false} true for a shared mapping of a read-only descriptor
   */
  readOnly?: boolean;
  /**
   * Keeps writes private to this mapping (`MAP_PRIVATE`): no other process sees
   * them, and they are lost on close.
   *
   * @default {false}
   */
  private?: boolean;
  /**
   * Loads every page at once (`MAP_POPULATE`), so that the first access causes
   * no page fault.
   *
   * @default {false}
   */
  populate?: boolean;
}

/** `mmap`: maps a part of an open file, within its size. */
export function mapDescriptor(
  fd: number,
  options: MapOptions & { label: string; writable: boolean },
): Mapping {
  const { private: own = false, populate = false, label } = options;
  const readOnly = options.readOnly ?? (!own && !options.writable);
  const raw = rawStat(fd, label);
  checkRegular(raw, "map", label);
  const range = rangeOf(Number(raw.st_size), options);
  const { offset, length } = range;
  const huge = isHuge(fd, raw, label);
  if (huge) checkHuge(raw, range, label);
  // The kernel maps whole pages, beginning with the page of offset.
  const inside = offset % pageSize();
  const base = checkPtr(
    sys_mman().mmap(
      null,
      BigInt(inside + length),
      readOnly ? PROT_READ : PROT_READ | PROT_WRITE,
      (own ? MAP_PRIVATE : MAP_SHARED) | (populate ? MAP_POPULATE : 0),
      fd,
      BigInt(offset - inside),
    ),
    errno[0],
    "mmap",
    "map",
    label,
    (error) =>
      huge && error === ERRNO.ENOMEM
        ? "too few huge pages are free (vm.nr_hugepages)"
        : undefined,
  );
  const forget = remember(raw, offset + length);
  return new Mapping(INTERNAL, {
    pointer: pointerAt(base, inside),
    size: length,
    readOnly,
    label,
    release: () => {
      unmap(base, inside + length, label);
      forget();
    },
    overtaken: forget,
  });
}

/** `munmap`: unmaps whole pages. */
export function unmap(
  base: Deno.PointerObject,
  length: number,
  label: string,
): void {
  check0(
    sys_mman().munmap(base, BigInt(length)),
    errno[0],
    "munmap",
    "unmap",
    label,
  );
}

function pointerAt(
  base: Deno.PointerObject,
  offset: number,
): Deno.PointerObject {
  return offset === 0
    ? base
    : Deno.UnsafePointer.offset(base, offset) as Deno.PointerObject;
}

/** A range of bytes in a file. */
interface Range {
  offset: number;
  length: number;
}

/** Checks that a range lies within a file of that size, and returns it. */
export function rangeOf(
  size: number,
  options: MapOptions & { label: string },
): Range {
  const { label } = options;
  const offset = checkSize(options.offset ?? 0, "offset");
  if (options.length !== undefined) checkSize(options.length, "length", 1);
  if (size === 0) {
    throw new RangeError(`Cannot map ${label}: it has no bytes`);
  }
  const end = options.length === undefined ? size : offset + options.length;
  if (offset >= size || end > size) {
    throw new RangeError(
      `Cannot map bytes ${offset} to ${
        Math.max(offset, end)
      } of ${label}: it ends at ${size}`,
    );
  }
  return { offset, length: end - offset };
}

/** Whether a file consists of huge pages. */
function isHuge(fd: number, raw: RawStat, label: string): boolean {
  // Cheap check first: here only huge pages have blocks larger than a page.
  return Number(raw.st_blksize) > pageSize() &&
    fileSystem(fd, label) === HUGETLBFS_MAGIC;
}

/** Refuses a part of a huge page: it could be mapped but not unmapped. */
function checkHuge(raw: RawStat, range: Range, label: string): void {
  const page = Number(raw.st_blksize);
  if (range.offset % page !== 0 || range.length % page !== 0) {
    throw new RangeError(
      `Cannot map ${range.length} bytes from ${range.offset} of ${label}: its pages have ${page}`,
    );
  }
}

/** `fstatfs`: returns the magic number of the file system of a file. */
function fileSystem(fd: number, label: string): number {
  const buffer = new Uint8Array(statfs.size);
  check0(sys_vfs().fstatfs(fd, buffer), errno[0], "fstatfs", "stat", label);
  return Number(statfs.view(buffer).f_type);
}
