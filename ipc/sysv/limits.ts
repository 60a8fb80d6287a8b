/**
 * Limits of System V IPC on this machine: {@linkcode sysvLimits}.
 *
 * ```ts
 * import { sysvLimits } from "@libc/ipc/sysv-limits";
 *
 * console.log(sysvLimits().messageQueues.maxMessageSize);
 * ```
 *
 * @module
 */

import {
  messageQueueInfo,
  semaphoreInfo,
  sharedMemoryInfo,
  type SysvMessageQueueInfo,
  type SysvSemaphoreInfo,
  type SysvSharedMemoryInfo,
} from "./_info.ts";

export type { SysvMessageQueueInfo, SysvSemaphoreInfo, SysvSharedMemoryInfo };

/** Limits and use of System V IPC on this machine (in this IPC namespace). */
export interface SysvLimits {
  /**
   * Shared memory. The administrator sets `maxSize` in
   * `/proc/sys/kernel/shmmax` (bytes), `maxPages` in `/proc/sys/kernel/shmall`
   * (pages) and `maxSegments` in `/proc/sys/kernel/shmmni`.
   */
  sharedMemory: SysvSharedMemoryInfo;
  /**
   * Semaphores. The administrator sets `maxLength`, `maxSemaphores`,
   * `maxOperations` and `maxSets`, in this order, in `/proc/sys/kernel/sem`.
   */
  semaphores: SysvSemaphoreInfo;
  /**
   * Message queues. The administrator sets `maxMessageSize` in
   * `/proc/sys/kernel/msgmax` (bytes), `maxBytes` in `/proc/sys/kernel/msgmnb`
   * and `maxQueues` in `/proc/sys/kernel/msgmni`.
   */
  messageQueues: SysvMessageQueueInfo;
}

/**
 * `shmctl`, `semctl`, `msgctl` with `IPC_INFO` and their own `…_INFO`: returns
 * the limits of System V IPC on this machine, and its use.
 *
 * `ipcs -l` and `ipcs -u` show the same. `SysvSharedMemory.list()`,
 * `SysvSemaphoreSet.list()` and `SysvMessageQueue.list()` list the objects.
 *
 * See [sysvipc(7)](https://man7.org/linux/man-pages/man7/sysvipc.7.html).
 *
 * @example Check the limit before creating a queue
 * ```ts
 * import { sysvLimits } from "@libc/ipc/sysv-limits";
 *
 * const { queues, maxQueues } = sysvLimits().messageQueues;
 * console.log(queues < maxQueues);
 * ```
 *
 * @throws {IpcError} `ENOSYS` when the kernel was built without System V IPC.
 */
export function sysvLimits(): SysvLimits {
  return {
    sharedMemory: sharedMemoryInfo(),
    semaphores: semaphoreInfo(),
    messageQueues: messageQueueInfo(),
  };
}
