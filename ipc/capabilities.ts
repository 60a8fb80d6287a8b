/**
 * The calls that this kernel has and its sandbox allows:
 * {@linkcode capabilities}.
 *
 * ```ts
 * import { capabilities } from "@libc/ipc/capabilities";
 *
 * if (!capabilities().memfd) console.log("no anonymous shared memory here");
 * ```
 *
 * @module
 */

import { F_SEAL_FUTURE_WRITE } from "../ffi/libc/fcntl.ts";
import { MFD_NOEXEC_SEAL } from "../ffi/libc/linux_memfd.ts";
import { MFD_ALLOW_SEALING, MFD_HUGETLB } from "../ffi/libc/sys_mman.ts";
import { AF_INET6 } from "../ffi/libc/sys_socket.ts";
import {
  copiesMessages,
  hasSocketsOf,
  locksDescriptors,
  makesPosixFiles,
  makesSignalfd,
  memfdWith,
  pidfdWorks,
  readsItself,
  speaksPosixQueues,
  speaksSysv,
} from "./_probes.ts";

/**
 * The calls and features of this machine.
 *
 * Calls that Deno itself needs are left out, and so are calls for which this
 * module has a substitute.
 */
export interface Capabilities {
  /** `memfd_create`, from Linux 3.17. */
  readonly memfd: boolean;
  /** `F_SEAL_FUTURE_WRITE`, from Linux 5.1. */
  readonly memfdFutureWrite: boolean;
  /** `MFD_EXEC` and `MFD_NOEXEC_SEAL`, from Linux 6.3. */
  readonly memfdExec: boolean;
  /**
   * `MFD_HUGETLB`, from Linux 4.14 with `CONFIG_HUGETLBFS`. It does not tell
   * whether huge pages are free.
   */
  readonly memfdHugePages: boolean;
  /** `pidfd_open`, from Linux 5.3. */
  readonly pidfd: boolean;
  /** `pidfd_getfd`, from Linux 5.6. */
  readonly pidfdGetfd: boolean;
  /** `process_vm_readv` on this process, which some sandboxes forbid. */
  readonly processVmRead: boolean;
  /** `shmget`, `semget` and `msgget`, with `CONFIG_SYSVIPC`. */
  readonly sysv: boolean;
  /** `msgrcv(MSG_COPY)`, from Linux 3.8 with `CONFIG_CHECKPOINT_RESTORE`. */
  readonly messageCopy: boolean;
  /** `mq_open`, with `CONFIG_POSIX_MQUEUE`. */
  readonly posixMessageQueue: boolean;
  /**
   * `shm_open` and `sem_open`, which create files in `/dev/shm`: whether it
   * exists and may be written to.
   */
  readonly devShm: boolean;
  /** `signalfd`, with `CONFIG_SIGNALFD`. */
  readonly signalfd: boolean;
  /** `fcntl(F_OFD_SETLK)`, from Linux 3.15: locks of parts of a file. */
  readonly ofdLocks: boolean;
  /** `socket(AF_INET6)`, with `CONFIG_IPV6`. */
  readonly inet6: boolean;
}

let known: Capabilities | undefined;

/**
 * Returns the calls and features of this machine. The first call tries each of
 * them; later calls return the same object.
 *
 * A missing call fails with an `IpcError` of code `ENOSYS`, a call that a
 * sandbox forbids often with `EPERM`.
 *
 * @throws {IpcError} `EMFILE`, `ENFILE` or `ENOMEM` when a call could not be
 * tried.
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
    memfdHugePages: memfdWith(MFD_HUGETLB, 0),
    pidfd: pidfdWorks(false),
    pidfdGetfd: pidfdWorks(true),
    processVmRead: readsItself(),
    sysv: speaksSysv(),
    messageCopy: copiesMessages(),
    posixMessageQueue: speaksPosixQueues(),
    devShm: makesPosixFiles(),
    signalfd: makesSignalfd(),
    ofdLocks: locksDescriptors(),
    inet6: hasSocketsOf(AF_INET6),
  });
}
