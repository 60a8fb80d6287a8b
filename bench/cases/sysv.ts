/**
 * System V: the cost of a call through the wrappers, the raw tables and C.
 *
 * @module
 */

import {
  IPC_PRIVATE,
  SysvMessageQueue,
  SysvSemaphoreSet,
  SysvSharedMemory,
} from "@libc/ipc";
import { sys_msg, sys_sem, sys_shm, unistd } from "@libc/ipc/ffi";
import type { Case } from "../harness.ts";

const KEEP = { undo: false } as const;

/** The cases of System V. */
export const cases: Case[] = [
  {
    name: "getppid",
    c: "getppid",
    iterations: 200_000,
    setup() {
      const { getpid } = unistd();
      const run = (n: number) => {
        while (n-- > 0) getpid();
      };
      return { wrapper: run, raw: run, [Symbol.dispose]() {} };
    },
  },
  {
    name: "semop down + up",
    c: "semop_pair",
    iterations: 50_000,
    limit: 1.2,
    setup() {
      const set = SysvSemaphoreSet.create(IPC_PRIVATE, [1]);
      const { semop } = sys_sem();
      const down = new Int16Array([0, -1, 0]);
      const up = new Int16Array([0, 1, 0]);
      return {
        wrapper(n) {
          while (n-- > 0) {
            set.acquireSync(0, KEEP);
            set.release(0, 1, KEEP);
          }
        },
        raw(n) {
          while (n-- > 0) {
            semop(set.id, down, 1);
            semop(set.id, up, 1);
          }
        },
        [Symbol.dispose]: () => set[Symbol.dispose](),
      };
    },
  },
  // C and the raw call reuse one buffer, so the wrapper with a limit does too;
  // the other one allocates bytes for each message.
  queueCase("msgsnd + msgrcv 64 B into", new Uint8Array(64), 1.2),
  queueCase("msgsnd + msgrcv 64 B", undefined),
  attachCase("shmat + shmdt 4 KiB", "attach_detach_4k", 4096),
  attachCase("shmat + shmdt 1 MiB", "attach_detach_1m", 1 << 20),
];

function queueCase(
  name: string,
  into: Uint8Array<ArrayBuffer> | undefined,
  limit?: number,
): Case {
  return {
    name,
    c: "msg_pair",
    iterations: 50_000,
    ...(limit === undefined ? {} : { limit }),
    setup() {
      const queue = SysvMessageQueue.create(IPC_PRIVATE);
      const { msgsnd, msgrcv } = sys_msg();
      const data = new Uint8Array(64);
      const options = into === undefined ? {} : { into };
      const message = new Uint8Array(72);
      message[0] = 1;
      return {
        wrapper(n) {
          while (n-- > 0) {
            queue.sendSync(1, data);
            queue.receiveSync(options);
          }
        },
        raw(n) {
          while (n-- > 0) {
            msgsnd(queue.id, message, 64, 0);
            msgrcv(queue.id, message, 64, 0n, 0);
          }
        },
        [Symbol.dispose]: () => queue[Symbol.dispose](),
      };
    },
  };
}

function attachCase(name: string, c: string, size: number): Case {
  return {
    name,
    c,
    iterations: 20_000,
    setup() {
      const segment = SysvSharedMemory.create(IPC_PRIVATE, size);
      const { shmat, shmdt } = sys_shm();
      return {
        wrapper(n) {
          while (n-- > 0) segment.attach().close();
        },
        raw(n) {
          while (n-- > 0) shmdt(shmat(segment.id, null, 0));
        },
        [Symbol.dispose]: () => segment[Symbol.dispose](),
      };
    },
  };
}
