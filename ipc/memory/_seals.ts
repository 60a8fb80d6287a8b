/**
 * Seals of memfds.
 *
 * @module
 */

import { ERRNO, errnoOf, ipcError } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import {
  F_ADD_SEALS,
  F_GET_SEALS,
  F_SEAL_EXEC,
  F_SEAL_FUTURE_WRITE,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  fcntl,
} from "../../ffi/libc/fcntl.ts";
import { shown } from "../core/convert/argument.ts";

/**
 * A permanent restriction for everybody: `"shrink"` and `"grow"` fix the size,
 * `"write"` fixes the content, `"future_write"` fixes the content for all but
 * existing mappings, `"exec"` fixes the executable bits of the mode, `"seal"`
 * forbids further seals.
 */
export type Seal =
  | "seal"
  | "shrink"
  | "grow"
  | "write"
  | "future_write"
  | "exec";

const BITS: Readonly<Record<Seal, number>> = {
  seal: F_SEAL_SEAL,
  shrink: F_SEAL_SHRINK,
  grow: F_SEAL_GROW,
  write: F_SEAL_WRITE,
  future_write: F_SEAL_FUTURE_WRITE,
  exec: F_SEAL_EXEC,
};

const NAMES = Object.keys(BITS) as Seal[];

/** The bits of seals. */
export function sealBits(seals: Iterable<Seal>): number {
  let bits = 0;
  for (const seal of seals) {
    if (!Object.hasOwn(BITS, seal)) {
      throw new TypeError(
        `seal must be one of ${NAMES.join(", ")}, got ${shown(seal)}`,
      );
    }
    bits |= BITS[seal];
  }
  return bits;
}

/** The seals of bits. */
export function sealNames(bits: number): Seal[] {
  return NAMES.filter((seal) => (bits & BITS[seal]) !== 0);
}

/**
 * `fcntl(F_GET_SEALS)`: the seals of a descriptor.
 *
 * @throws {IpcError} `EINVAL` when its file type has no seals.
 */
export function readSeals(fd: number, label: string): number {
  const bits = fcntl().fcntl(fd, F_GET_SEALS);
  const error = errnoOf(bits, errno[0]);
  if (error === 0) return bits;
  throw ipcError(
    error,
    "fcntl",
    "read the seals of",
    label,
    error === ERRNO.EINVAL ? "it is no memfd" : undefined,
  );
}

/** `fcntl(F_ADD_SEALS)`: adds seals to a descriptor. */
export function addSeals(fd: number, bits: number, label: string): void {
  const error = errnoOf(fcntl().fcntl_int(fd, F_ADD_SEALS, bits), errno[0]);
  if (error === 0) return;
  throw ipcError(error, "fcntl", "seal", label, sealHint(error, bits));
}

function sealHint(error: number, bits: number): string | undefined {
  const names = sealNames(bits).join(", ");
  switch (error) {
    case ERRNO.EBUSY:
      return "it is mapped writable";
    case ERRNO.EPERM:
      return "it takes no more seals, or is open for reading only";
    case ERRNO.EINVAL:
      return `this kernel has not all of: ${names}`;
    default:
      return undefined;
  }
}
