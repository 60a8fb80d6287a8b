/**
 * Creating memfds, and checking those that came from elsewhere.
 *
 * @module
 */

import { cstring } from "../../ffi/cstring.ts";
import { ERRNO, errnoOf } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  MFD_EXEC,
  MFD_HUGE_SHIFT,
  MFD_NOEXEC_SEAL,
} from "../../ffi/libc/linux_memfd.ts";
import {
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  MFD_HUGETLB,
  sys_mman,
} from "../../ffi/libc/sys_mman.ts";
import { shown, size as checkSize } from "../core/convert/argument.ts";
import { tryReadLink } from "../core/file/directory.ts";
import { checkRegular, fileError, rawStat } from "../core/file/file.ts";
import type { AdoptOptions } from "../core/handle/adopt_fd.ts";
import { readSeals, type Seal, sealBits, sealNames } from "./_seals.ts";

/** Options of `Memfd.create()`. */
export interface MemfdCreateOptions {
  /** Its size in bytes, at least 0; the content is zeros. */
  size: number;
  /**
   * The seals to add once it has its size.
   *
   * @default {["shrink", "grow"]} none for a size of 0, which has to grow
   */
  seals?: Iterable<Seal>;
  /**
   * Uses huge pages (`MFD_HUGETLB`): true for the default size, or the size of
   * a page in bytes. `size` must be a multiple of it.
   *
   * @default {false}
   */
  hugePages?: boolean | number;
  /**
   * Whether the content may ever be executed (`MFD_EXEC`, `MFD_NOEXEC_SEAL`);
   * false also seals `"exec"`. Kernels before 6.3 do not know the difference.
   *
   * @default {undefined} what the kernel's `vm.memfd_noexec` says
   */
  executable?: boolean;
  /**
   * Reserves the memory at once (`posix_fallocate`), not page by page.
   *
   * @default {false}
   */
  reserve?: boolean;
}

/** The seals that a descriptor from elsewhere must have. */
export interface MemfdAcceptOptions {
  /**
   * A descriptor without these seals is refused. Without `"shrink"` its sender
   * can kill this process by making it shorter (`SIGBUS`); without `"write"` it
   * can change data that was just checked.
   *
   * @default {[]}
   */
  requireSeals?: Iterable<Seal>;
}

/** Options of `Memfd.fromFd()`. */
export interface MemfdFromFdOptions extends MemfdAcceptOptions, AdoptOptions {}

/** Options of `Memfd.open()`. */
export interface MemfdOpenOptions extends MemfdAcceptOptions {
  /**
   * Opens it for reading only.
   *
   * @default {false}
   */
  readOnly?: boolean;
}

/** A descriptor of a process. */
export interface ProcessFd {
  /** The process id. */
  pid: number;
  /** The number of the descriptor in that process. */
  fd: number;
}

/** The name of a memfd in messages. */
export function memfdLabel(name: string): string {
  return `memfd ${JSON.stringify(name)}`;
}

/** The kernel prepends `memfd:` and allows 255 bytes. */
const NAME_BYTES = 249;

/** Checks a name and converts it to a C string. */
export function cname(name: string): Uint8Array<ArrayBuffer> {
  const bytes = cstring(name, "name");
  if (bytes.length - 1 > NAME_BYTES) {
    throw new TypeError(
      `name must have at most ${NAME_BYTES} bytes, got ${JSON.stringify(name)}`,
    );
  }
  return bytes;
}

/** The checked options of `Memfd.create()`. */
export interface Creation {
  size: number;
  flags: number;
  exec: number;
  seals: number;
  reserve: boolean;
}

/** Checks the options of `Memfd.create()`. */
export function creation(options: MemfdCreateOptions): Creation {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(
      `options must be an object with a size, got ${shown(options)}`,
    );
  }
  const size = checkSize(options.size, "size");
  const { executable, hugePages = false, reserve = false } = options;
  const seals = options.seals ?? (size > 0 ? ["shrink", "grow"] as const : []);
  return {
    size,
    flags: MFD_CLOEXEC | MFD_ALLOW_SEALING | hugeFlags(hugePages),
    exec: executable === undefined
      ? 0
      : executable
      ? MFD_EXEC
      : MFD_NOEXEC_SEAL,
    seals: sealBits(seals),
    reserve,
  };
}

function hugeFlags(hugePages: boolean | number): number {
  if (typeof hugePages === "boolean") return hugePages ? MFD_HUGETLB : 0;
  const bytes = checkSize(hugePages, "hugePages", 1);
  const log = Math.log2(bytes);
  if (!Number.isInteger(log) || log < 12 || log > 40) {
    throw new RangeError(
      `hugePages must be the size of a page in bytes, got ${bytes}`,
    );
  }
  return MFD_HUGETLB | log << MFD_HUGE_SHIFT;
}

/** A hint for an error of `memfd_create`. */
export function hintOf(
  error: number,
  options: MemfdCreateOptions,
): string | undefined {
  switch (error) {
    case ERRNO.ENODEV:
      return `this machine has no pages of ${options.hugePages} bytes`;
    case ERRNO.ENOSYS:
      return options.hugePages
        ? "this kernel was built without huge pages (CONFIG_HUGETLBFS), or has no memfds"
        : "neither this kernel nor what sandboxes it offers memfds";
    case ERRNO.EACCES:
      return "vm.memfd_noexec forbids executable ones";
    default:
      return undefined;
  }
}

/** Refuses a descriptor that is not memory, or lacks seals. */
export function checkMemory(fd: number, required: number, label: string): void {
  checkRegular(rawStat(fd, label), "open", label);
  const missing = required & ~readSeals(fd, label);
  if (missing === 0) return;
  throw fileError(
    ERRNO.EPERM,
    "open",
    label,
    `it is not sealed against ${sealNames(missing).join(", ")}`,
  );
}

/** The name that the kernel shows for a descriptor. */
export function nameOf(fd: number): string {
  const link = tryReadLink(`/proc/self/fd/${fd}`) ?? "";
  return link.replace(/^\/memfd:/, "").replace(/ \(deleted\)$/, "");
}

/** `memfd_create`; an old kernel fails with `EINVAL` for new flags. */
export function memfdCreate(
  name: Uint8Array<ArrayBuffer>,
  flags: number,
  exec: number,
): { fd: number; error: number } {
  const fd = sys_mman().memfd_create(name, flags | exec);
  const error = errnoOf(fd, errno[0]);
  if (error !== ERRNO.EINVAL || exec === 0) return { fd, error };
  const plain = sys_mman().memfd_create(name, flags);
  return { fd: plain, error: errnoOf(plain, errno[0]) };
}
