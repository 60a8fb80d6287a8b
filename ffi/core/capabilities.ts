/**
 * What this kernel and what sandboxes it offer: {@linkcode capabilities}.
 *
 * ```ts
 * import { capabilities } from "@libc/ipc/capabilities";
 *
 * if (!capabilities().memfd) console.log("no anonymous shared memory here");
 * ```
 *
 * @module
 */

import { sys_pidfd } from "../libc/sys_pidfd.ts";
import { sys_uio } from "../libc/sys_uio.ts";
import { unistd } from "../libc/unistd.ts";
import { cstring } from "./cstring.ts";
import { ERRNO, errnoOf, ipcError } from "./errno.ts";
import { closeFd } from "./fd.ts";
import {
  F_ADD_SEALS,
  F_SEAL_FUTURE_WRITE,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  SYS_pidfd_getfd,
  SYS_pidfd_open,
} from "./platform.ts";
import { MFD_NOEXEC_SEAL } from "./_seals.ts";
import { fcntl } from "../libc/fcntl.ts";
import { sys_mman } from "../libc/sys_mman.ts";

/** Which calls and features this machine has. */
export interface Capabilities {
  /** `memfd_create`, from Linux 3.17. */
  readonly memfd: boolean;
  /** `F_SEAL_FUTURE_WRITE`, from Linux 5.1. */
  readonly memfdFutureWrite: boolean;
  /** `MFD_EXEC` and `MFD_NOEXEC_SEAL`, from Linux 6.3. */
  readonly memfdExec: boolean;
  /** `pidfd_open`, from Linux 5.3. */
  readonly pidfd: boolean;
  /** `pidfd_getfd`, from Linux 5.6. */
  readonly pidfdGetfd: boolean;
  /** `process_vm_readv` on this process, which some sandboxes forbid. */
  readonly processVmRead: boolean;
}

let known: Capabilities | undefined;

/**
 * Which calls and features this machine has; found out once, by trying each.
 *
 * A call that is missing is an `IpcError` with the code `ENOSYS`.
 *
 * @throws {IpcError} `EMFILE`, `ENFILE`, `ENOMEM` when nothing could be tried.
 *
 * @example Choose between two kinds of memory
 * ```ts
 * import { capabilities } from "@libc/ipc/capabilities";
 *
 * const transport = capabilities().memfd ? "memfd" : "posix";
 * console.log(transport);
 * ```
 */
export function capabilities(): Capabilities {
  return known ??= Object.freeze({
    memfd: memfdWith(0, 0),
    memfdFutureWrite: memfdWith(MFD_ALLOW_SEALING, F_SEAL_FUTURE_WRITE),
    memfdExec: memfdWith(MFD_NOEXEC_SEAL, 0),
    pidfd: pidfdWorks(false),
    pidfdGetfd: pidfdWorks(true),
    processVmRead: readsItself(),
  });
}

/** What has nothing to do with what a machine can do. */
const FOR_NOW: readonly number[] = [ERRNO.EMFILE, ERRNO.ENFILE, ERRNO.ENOMEM];

/** Whether a call succeeded, unless it could not even be tried. */
function succeeds(error: number, syscall: string): boolean {
  if (FOR_NOW.includes(error)) {
    throw ipcError(error, syscall, "try", "what this machine can do");
  }
  return error === 0;
}

/** Whether a memfd can be made with these flags and given these seals. */
function memfdWith(flags: number, seals: number): boolean {
  const name = cstring("libc-ipc-probe", "name");
  const fd = sys_mman().memfd_create(name, MFD_CLOEXEC | flags);
  if (!succeeds(errnoOf(fd), "memfd_create")) return false;
  const sealed = errnoOf(fcntl().fcntl_int(fd, F_ADD_SEALS, seals)) === 0;
  closeFd(fd, "memfd");
  return sealed || seals === 0;
}

/** Whether this process can have a pidfd of itself, and a descriptor by it. */
function pidfdWorks(getfd: boolean): boolean {
  const calls = sys_pidfd();
  const pidfd = calls.pidfd_open(SYS_pidfd_open, unistd().getpid(), 0);
  if (!succeeds(errnoOf(pidfd), "pidfd_open")) return false;
  if (!getfd) {
    closeFd(pidfd, "pidfd");
    return true;
  }
  try {
    const copy = calls.pidfd_getfd(SYS_pidfd_getfd, pidfd, pidfd, 0);
    const works = succeeds(errnoOf(copy), "pidfd_getfd");
    if (works) closeFd(copy, "pidfd");
    return works;
  } finally {
    closeFd(pidfd, "pidfd");
  }
}

function readsItself(): boolean {
  const source = new Uint8Array([1]);
  const target = new Uint8Array(1);
  const count = sys_uio().process_vm_readv(
    unistd().getpid(),
    iovec(target),
    1n,
    iovec(source),
    1n,
    0n,
  );
  return errnoOf(count) === 0 && target[0] === 1;
}

/** A `struct iovec` of bytes. */
function iovec(bytes: Uint8Array<ArrayBuffer>): BigUint64Array<ArrayBuffer> {
  const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
  return new BigUint64Array([address, BigInt(bytes.length)]);
}
