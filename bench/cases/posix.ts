/**
 * POSIX semaphores and message queues: the cost of a call through the wrappers,
 * the raw tables and C.
 *
 * @module
 */

import { PosixMessageQueue, PosixSemaphore } from "@libc/ipc";
import { checkPtr, errno, mqueue, semaphore } from "@libc/ipc/ffi";
import type { Case } from "../harness.ts";

const SIZE = 64;
const O_RDWR = 2;

/** The cases of POSIX semaphores and queues. */
export const cases: Case[] = [
  {
    name: "sem_post + sem_wait",
    c: "posix_sem_pair",
    iterations: 1_000_000,
    setup() {
      const made = PosixSemaphore.create();
      const { sem_open, sem_close, sem_post, sem_wait } = semaphore();
      const name = new TextEncoder().encode(`${made.name}\0`);
      const pointer = checkPtr(
        sem_open(name, O_RDWR),
        errno[0],
        "sem_open",
        "open",
        "it",
      );
      return {
        wrapper(n) {
          while (n-- > 0) {
            made.release();
            made.acquireSync();
          }
        },
        raw(n) {
          while (n-- > 0) {
            sem_post(pointer);
            sem_wait(pointer);
          }
        },
        [Symbol.dispose]() {
          sem_close(pointer);
          made[Symbol.dispose]();
        },
      };
    },
  },
  // C and the raw call reuse one buffer, so the wrapper with a limit does too;
  // the other one allocates bytes for each message.
  queueCase("mq_send + mq_receive 64 B into", new Uint8Array(SIZE), 1.25),
  queueCase("mq_send + mq_receive 64 B", undefined),
];

function queueCase(
  name: string,
  into: Uint8Array<ArrayBuffer> | undefined,
  limit?: number,
): Case {
  return {
    name,
    c: "mq_pair",
    iterations: 50_000,
    ...(limit === undefined ? {} : { limit }),
    setup() {
      const queue = PosixMessageQueue.create(null, { messageSize: SIZE });
      const { mq_send, mq_receive } = mqueue();
      const data = new Uint8Array(SIZE);
      const buffer = new Uint8Array(SIZE);
      const priority = new Uint32Array(1);
      const fd = queue.fd.number;
      const options = { into };
      return {
        wrapper(n) {
          while (n-- > 0) {
            queue.sendSync(data);
            queue.receiveSync(options);
          }
        },
        raw(n) {
          while (n-- > 0) {
            mq_send(fd, data, SIZE, 0);
            mq_receive(fd, buffer, SIZE, priority);
          }
        },
        [Symbol.dispose]: () => queue[Symbol.dispose](),
      };
    },
  };
}
