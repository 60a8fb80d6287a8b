// Raw calls that the library does not wrap.

import { assertArrayIncludes } from "@std/assert";
import { IPC_PRIVATE } from "@libc/ipc";
import {
  MSG_INFO,
  MSG_STAT,
  msqid_ds,
  SEM_INFO,
  SEM_STAT,
  semid_ds,
  SHM_INFO,
  SHM_STAT,
  shmid_ds,
  sys_msg,
  sys_sem,
  sys_shm,
} from "@libc/ipc/ffi";
import { SysvMessageQueue } from "@libc/ipc/sysv-msg";
import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
import { SysvSharedMemory } from "@libc/ipc/sysv-shm";

/** The results of a call for each index up to the highest one in use. */
function upTo(highest: number, idAt: (index: number) => number): number[] {
  return Array.from({ length: highest + 1 }, (_, index) => idAt(index));
}

Deno.test("shmctl(SHM_STAT) finds a segment by its index", () => {
  using segment = SysvSharedMemory.create(IPC_PRIVATE, 4096);
  const { shmctl_buf } = sys_shm();
  const bytes = new Uint8Array(shmid_ds.size);
  try {
    const highest = shmctl_buf(0, SHM_INFO, bytes);
    const ids = upTo(highest, (index) => shmctl_buf(index, SHM_STAT, bytes));
    assertArrayIncludes(ids, [segment.id]);
  } finally {
    segment.remove();
  }
});

Deno.test("msgctl(MSG_STAT) finds a queue by its index", () => {
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  const { msgctl_buf } = sys_msg();
  const bytes = new Uint8Array(msqid_ds.size);
  try {
    const highest = msgctl_buf(0, MSG_INFO, bytes);
    const ids = upTo(highest, (index) => msgctl_buf(index, MSG_STAT, bytes));
    assertArrayIncludes(ids, [queue.id]);
  } finally {
    queue.remove();
  }
});

Deno.test("semctl(SEM_STAT) finds a set by its index", () => {
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, 1);
  const { semctl_buf } = sys_sem();
  const bytes = new Uint8Array(semid_ds.size);
  try {
    const highest = semctl_buf(0, 0, SEM_INFO, bytes);
    const ids = upTo(
      highest,
      (index) => semctl_buf(index, 0, SEM_STAT, bytes),
    );
    assertArrayIncludes(ids, [set.id]);
  } finally {
    set.remove();
  }
});
