/**
 * Limits and use of the three System V mechanisms, as reported by the kernel.
 *
 * @module
 */

import { checkInt } from "../../ffi/errno.ts";
import { errno } from "../../ffi/libc/errno.ts";
import { IPC_INFO } from "../../ffi/libc/sys_ipc.ts";
import { MSG_INFO, msginfo, sys_msg } from "../../ffi/libc/sys_msg.ts";
import { SEM_INFO, seminfo, sys_sem } from "../../ffi/libc/sys_sem.ts";
import {
  SHM_INFO,
  shm_info,
  shminfo,
  sys_shm,
} from "../../ffi/libc/sys_shm.ts";

/** Limits and use of System V shared memory on this machine. */
export interface SysvSharedMemoryInfo {
  /** `SHMMAX`: the greatest size of a segment in bytes; inexact above 2^53. */
  maxSize: number;
  /** `SHMMIN`: the smallest size of a segment in bytes. */
  minSize: number;
  /** `SHMMNI`: how many segments there may be. */
  maxSegments: number;
  /** `SHMSEG`: how many a process may attach; Linux does not enforce it. */
  maxSegmentsPerProcess: number;
  /** `SHMALL`: how many pages there may be in all; inexact above 2^53. */
  maxPages: number;
  /** How many segments there are. */
  segments: number;
  /** How many pages they have. */
  pages: number;
  /** How many of these pages are in memory. */
  residentPages: number;
  /** How many of these pages are swapped out. */
  swappedPages: number;
}

/** Limits and use of System V semaphores on this machine. */
export interface SysvSemaphoreInfo {
  /** `SEMMNI`: how many sets there may be. */
  maxSets: number;
  /** `SEMMNS`: how many semaphores there may be in all sets. */
  maxSemaphores: number;
  /** `SEMMSL`: how many semaphores a set may have. */
  maxLength: number;
  /** `SEMOPM`: how many operations one call may make. */
  maxOperations: number;
  /** `SEMVMX`: the greatest value of a semaphore. */
  maxValue: number;
  /** `SEMAEM`: the greatest amount that can be undone. */
  maxUndo: number;
  /** `SEMMNU`: how many processes may use `undo`; Linux does not enforce it. */
  maxUndoProcesses: number;
  /** `SEMUME`: undo entries of a process; Linux does not enforce it. */
  maxUndoEntries: number;
  /** How many sets there are. */
  sets: number;
  /** How many semaphores they have. */
  semaphores: number;
}

/** Limits and use of System V message queues on this machine. */
export interface SysvMessageQueueInfo {
  /** `MSGMAX`: the greatest size of a message in bytes. */
  maxMessageSize: number;
  /** `MSGMNB`: how many bytes a new queue may hold. */
  maxBytes: number;
  /** `MSGMNI`: how many queues there may be. */
  maxQueues: number;
  /** How many queues there are. */
  queues: number;
  /** How many messages they hold. */
  messages: number;
  /** How many bytes these messages have. */
  bytes: number;
}

/** `shmctl(IPC_INFO)` and `shmctl(SHM_INFO)`: returns limits and use. */
export function sharedMemoryInfo(): SysvSharedMemoryInfo {
  const { shmctl_buf } = sys_shm();
  const what = "System V shared memory";
  const limit = readInfo(shminfo, (buffer) => {
    checkInt(
      shmctl_buf(0, IPC_INFO, buffer),
      errno[0],
      "shmctl",
      "read the limits of",
      what,
    );
  });
  const use = readInfo(shm_info, (buffer) => {
    checkInt(
      shmctl_buf(0, SHM_INFO, buffer),
      errno[0],
      "shmctl",
      "read the use of",
      what,
    );
  });
  return {
    maxSize: Number(limit.shmmax),
    minSize: Number(limit.shmmin),
    maxSegments: Number(limit.shmmni),
    maxSegmentsPerProcess: Number(limit.shmseg),
    maxPages: Number(limit.shmall),
    segments: use.used_ids,
    pages: Number(use.shm_tot),
    residentPages: Number(use.shm_rss),
    swappedPages: Number(use.shm_swp),
  };
}

/** `semctl(IPC_INFO)` and `semctl(SEM_INFO)`: returns limits and use. */
export function semaphoreInfo(): SysvSemaphoreInfo {
  const { semctl_buf } = sys_sem();
  const what = "System V semaphores";
  const limit = readInfo(seminfo, (buffer) => {
    checkInt(
      semctl_buf(0, 0, IPC_INFO, buffer),
      errno[0],
      "semctl",
      "read the limits of",
      what,
    );
  });
  const use = readInfo(seminfo, (buffer) => {
    checkInt(
      semctl_buf(0, 0, SEM_INFO, buffer),
      errno[0],
      "semctl",
      "read the use of",
      what,
    );
  });
  return {
    maxSets: limit.semmni,
    maxSemaphores: limit.semmns,
    maxLength: limit.semmsl,
    maxOperations: limit.semopm,
    maxValue: limit.semvmx,
    maxUndo: limit.semaem,
    maxUndoProcesses: limit.semmnu,
    maxUndoEntries: limit.semume,
    // SEM_INFO returns its counts in these two fields.
    sets: use.semusz,
    semaphores: use.semaem,
  };
}

/** `msgctl(IPC_INFO)` and `msgctl(MSG_INFO)`: returns limits and use. */
export function messageQueueInfo(): SysvMessageQueueInfo {
  const { msgctl_buf } = sys_msg();
  const what = "System V message queues";
  const limit = readInfo(msginfo, (buffer) => {
    checkInt(
      msgctl_buf(0, IPC_INFO, buffer),
      errno[0],
      "msgctl",
      "read the limits of",
      what,
    );
  });
  const use = readInfo(msginfo, (buffer) => {
    checkInt(
      msgctl_buf(0, MSG_INFO, buffer),
      errno[0],
      "msgctl",
      "read the use of",
      what,
    );
  });
  return {
    maxMessageSize: limit.msgmax,
    maxBytes: limit.msgmnb,
    maxQueues: limit.msgmni,
    // MSG_INFO returns its counts in these three fields.
    queues: use.msgpool,
    messages: use.msgmap,
    bytes: use.msgtql,
  };
}

function readInfo<T>(
  layout: { size: number; read(buffer: Uint8Array<ArrayBuffer>): T },
  fill: (buffer: Uint8Array<ArrayBuffer>) => void,
): T {
  const buffer = new Uint8Array(layout.size);
  fill(buffer);
  return layout.read(buffer);
}
