/**
 * Waiting for a POSIX semaphore on another thread, without taking a unit.
 *
 * `sem_wait` takes one, and a thread cannot hand it over: it would be lost with
 * a process that dies in between. So the thread only sleeps on the value, as
 * `sem_wait` does inside, and is counted among those that `sem_post` wakes.
 *
 * @module
 */

import {
  FUTEX_WAIT,
  FUTEX_WAKE,
  linux_futex,
} from "../../ffi/libc/linux_futex.ts";
import { SYS_futex } from "../../ffi/libc/sys_syscall.ts";
import type { BlockingCall } from "../core/wait/source.ts";

/** The memory that a semaphore is in. */
export interface SemaphoreMemory {
  /** Keeps it mapped until the result is disposed. */
  pin(): Disposable;
  /** Whether its pages refuse writes by now. */
  readonly readOnly: boolean;
}

/** One more in the upper half of a `sem_t`'s first word: who waits. */
const WAITER = 1n << 32n;
/** The lower half: the value. */
const VALUE = WAITER - 1n;

/** How many threads of this isolate are in such a wait. */
let asleep = 0;

/**
 * Whether a post may wake a thread of this isolate, which takes nothing before
 * the event loop turns: who blocks it must look at the value by itself.
 */
export function competes(): boolean {
  return asleep > 0;
}

/** `futex(FUTEX_WAIT)`: blocks while the value is zero. */
export function waitForUnit(
  sem: Deno.PointerObject,
  memory: SemaphoreMemory,
): BlockingCall {
  let pinned: Disposable | undefined;
  let word: BigUint64Array | undefined;
  return {
    symbol: "syscall",
    prepare() {
      pinned = memory.pin();
      word = new BigUint64Array(Deno.UnsafePointerView.getArrayBuffer(sem, 8));
      // Before the kernel compares the value: who posts after that sees us.
      Atomics.add(word, 0, WAITER);
      asleep++;
      const address = BigInt(Deno.UnsafePointer.value(sem));
      return [SYS_futex, address, BigInt(FUTEX_WAIT), 0n, 0n];
    },
    finish() {
      asleep--;
      // Where nobody can write any more, nobody can post either.
      if (word !== undefined && !memory.readOnly) {
        const before = Atomics.sub(word, 0, WAITER);
        // A post wakes one thread. If that was this one and its waiter has
        // given up meanwhile, another one must know.
        if ((before & VALUE) !== 0n && before >> 32n > 1n) {
          linux_futex().futex(SYS_futex, sem, FUTEX_WAKE, 1, null, null, 0);
        }
      }
      word = undefined;
      pinned?.[Symbol.dispose]();
      pinned = undefined;
    },
  };
}
