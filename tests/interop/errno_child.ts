/**
 * Makes a failing call of each kind, then many, and reports each wrong code:
 * `<round> <call>: <code>`.
 *
 * The argument is the number of rounds.
 */

import {
  EventFd,
  ftok,
  IpcError,
  kill,
  mapFile,
  Pidfd,
  PosixMessageQueue,
  PosixSemaphore,
  PosixSharedMemory,
  SysvMessageQueue,
  SysvSemaphoreSet,
  SysvSharedMemory,
} from "@libc/ipc";
import { uniqueKey, uniqueName } from "../util.ts";

const name = `/${uniqueName()}`;
const key = uniqueKey();
const NO_ID = 0x7fff_fff0;
const NO_PID = 2 ** 31 - 1;
const NO_FD = 2 ** 30;

/** Calls that fail, and with which code. */
const calls: Record<string, [call: () => unknown, code: string]> = {
  shm_open: [() => PosixSharedMemory.open(name), "ENOENT"],
  shm_unlink: [() => PosixSharedMemory.unlink(name), "ENOENT"],
  sem_open: [() => PosixSemaphore.open(name), "ENOENT"],
  sem_unlink: [() => PosixSemaphore.unlink(name), "ENOENT"],
  mq_open: [() => PosixMessageQueue.open(name), "ENOENT"],
  mq_unlink: [() => PosixMessageQueue.unlink(name), "ENOENT"],
  shmget: [() => SysvSharedMemory.open(key), "ENOENT"],
  semget: [() => SysvSemaphoreSet.open(key), "ENOENT"],
  msgget: [() => SysvMessageQueue.open(key), "ENOENT"],
  shmctl: [() => SysvSharedMemory.fromId(NO_ID), "EINVAL"],
  semctl: [() => SysvSemaphoreSet.fromId(NO_ID), "EINVAL"],
  msgctl: [() => SysvMessageQueue.fromId(NO_ID), "EINVAL"],
  ftok: [() => ftok(name, 1), "ENOENT"],
  open: [() => mapFile(name), "ENOENT"],
  kill: [() => kill(NO_PID, 0), "ESRCH"],
  pidfd_open: [() => Pidfd.open(NO_PID), "ESRCH"],
  fcntl: [() => EventFd.fromFd(NO_FD), "EBADF"],
};

for (let round = 0; round < Number(Deno.args[0]); round++) {
  for (const [what, [call, code]] of Object.entries(calls)) {
    try {
      call();
      console.log(`${round} ${what}: success`);
    } catch (error) {
      if (!(error instanceof IpcError)) throw error;
      if (error.code !== code) console.log(`${round} ${what}: ${error.code}`);
    }
  }
}
