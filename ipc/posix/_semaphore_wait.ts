/**
 * Waiting for a POSIX semaphore on another thread, without taking a unit.
 *
 * `sem_wait` would take a unit that the thread cannot hand over safely: it
 * would be lost if the process died in between. So the thread only sleeps on
 * the value, as `sem_wait` does internally, and is counted as a waiter for
 * `sem_post`.
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

/** The memory of a semaphore. */
export interface SemaphoreMemory {
  /** Keeps it mapped until the result is disposed. */
  pin(): Disposable;
  /** Whether its pages are now read-only. */
  readonly readOnly: boolean;
}

/**
 * One waiter in a `sem_t`'s first word, which counts them in its upper half.
 */
const WAITER = 1n << 32n;
/** The mask of the lower half, the value. */
const VALUE = WAITER - 1n;

/** The number of this isolate's threads in such a wait. */
let asleep = 0;

/**
 * Whether a post may wake a thread of this isolate. Its unit is not taken
 * before the event loop turns, so a blocking call must check the value by
 * itself.
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
      // Count us before the kernel compares the value: any later post sees us.
      Atomics.add(word, 0, WAITER);
      asleep++;
      const address = BigInt(Deno.UnsafePointer.value(sem));
      return [SYS_futex, address, BigInt(FUTEX_WAIT), 0n, 0n];
    },
    finish() {
      asleep--;
      // A write to pages that are now read-only would end the process.
      if (word !== undefined && !memory.readOnly) {
        const before = Atomics.sub(word, 0, WAITER);
        // A post wakes one thread. If it woke this one after its waiter had
        // given up, pass the wakeup on.
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
