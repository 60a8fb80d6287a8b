/**
 * Time limits for calls that have none, but that a signal interrupts.
 *
 * A timer of the kernel sends this thread a real-time signal at the deadline,
 * whose handler is a function of the C library that does nothing to the
 * program. The call then returns `EINTR`, at once and without polling.
 *
 * @module
 */

import { cstring } from "../../../ffi/cstring.ts";
import { errnoOf } from "../../../ffi/errno.ts";
import { dlfcn } from "../../../ffi/libc/dlfcn.ts";
import { errno } from "../../../ffi/libc/errno.ts";
import {
  SIG_BLOCK,
  SIG_DFL,
  sigaction,
  SIGEV_THREAD_ID,
  sigevent,
  signal,
} from "../../../ffi/libc/signal.ts";
import { CLOCK_MONOTONIC, itimerspec, time } from "../../../ffi/libc/time.ts";
import { unistd } from "../../../ffi/libc/unistd.ts";
import { writeTimespec } from "../../../ffi/timespec.ts";
import type { Deadline } from "./deadline.ts";

/** Real-time signals to choose from: those that programs use least. */
const HIGHEST_SIGNAL = 62;
const LOWEST_SIGNAL = 40;
/** Nanoseconds between further signals, should the first come too early. */
const REPEAT = 1_000_000n;
/** Longest pause between two attempts where there is no timer, in ms. */
const MAX_PAUSE = 5;

/**
 * Does a call until it succeeds or the deadline has passed, which gives
 * `undefined`.
 *
 * `call(true)` may block, and returns `undefined` when it was interrupted.
 * `call(false)` must not block, and returns `undefined` when it would have to.
 */
export function callUntil<T>(
  deadline: Deadline,
  call: (mayBlock: boolean) => T | undefined,
): T | undefined {
  using timer = InterruptTimer.start(deadline);
  let wait = 0.05;
  while (!deadline.expired) {
    const value = call(timer !== undefined);
    if (value !== undefined) return value;
    if (timer !== undefined) continue;
    pause(Math.min(wait, deadline.remaining));
    wait = Math.min(wait * 1.5, MAX_PAUSE);
  }
  return call(false);
}

const timespec = new BigInt64Array(2);

/** `clock_nanosleep`: blocks this thread for so many milliseconds or less. */
export function pause(milliseconds: number): void {
  writeTimespec(timespec, milliseconds);
  // Interrupted is good enough: who pauses looks at the clock anyway.
  time().clock_nanosleep(CLOCK_MONOTONIC, 0, timespec, null);
}

/** A timer of this thread, and the signal that it holds until disposed. */
class InterruptTimer implements Disposable {
  readonly #signal: ClaimedSignal;
  readonly #timer: Deno.PointerValue;

  private constructor(signal: ClaimedSignal, timer: Deno.PointerValue) {
    this.#signal = signal;
    this.#timer = timer;
  }

  /** Starts a timer, or gives undefined where that is not possible. */
  static start(deadline: Deadline): InterruptTimer | undefined {
    const signal = claimSignal(TEMPORARY);
    if (signal === undefined) return undefined;
    const event = new Uint8Array(sigevent.size);
    sigevent.write(event, {
      sigev_signo: signal.number,
      sigev_notify: SIGEV_THREAD_ID,
      sigev_notify_thread_id: unistd().gettid(),
    });
    const id = new BigUint64Array(1);
    if (
      errnoOf(time().timer_create(CLOCK_MONOTONIC, event, id), errno[0]) !== 0
    ) {
      signal.release();
      return undefined;
    }
    const pointer = Deno.UnsafePointer.create(id[0] ?? 0n);
    const timer = new InterruptTimer(signal, pointer);
    if (timer.#arm(deadline)) return timer;
    timer[Symbol.dispose]();
    return undefined;
  }

  #arm(deadline: Deadline): boolean {
    const [seconds = 0n, nanoseconds = 0n] = deadline.timespec();
    const never = seconds === 0n && nanoseconds === 0n;
    const setting = new Uint8Array(itimerspec.size);
    itimerspec.write(setting, {
      it_value: { tv_sec: seconds, tv_nsec: never ? 1n : nanoseconds },
      it_interval: { tv_sec: 0n, tv_nsec: REPEAT },
    });
    return errnoOf(
      time().timer_settime(this.#timer, 0, setting, null),
      errno[0],
    ) === 0;
  }

  [Symbol.dispose](): void {
    // A signal under way is handled at the latest when this returns.
    time().timer_delete(this.#timer);
    this.#signal.release();
  }
}

interface ClaimedSignal {
  readonly number: number;
  release(): void;
}

/** What the handlers of our signals do: nothing but compute. */
const TEMPORARY = "abs";
const SHARED = "labs";

/**
 * A signal that interrupts the call that a thread is in, for good, and for all
 * isolates of this process: it is sent to a thread, and never to the process.
 */
export function shareSignal(): number | undefined {
  const handler = functionAddress(SHARED);
  const current = new Uint8Array(sigaction.size);
  const view = sigaction.view(current);
  for (let number = HIGHEST_SIGNAL; number >= LOWEST_SIGNAL; number--) {
    if (errnoOf(signal().sigaction(number, null, current), errno[0]) !== 0) {
      continue;
    }
    if (view.sa_handler === handler) return number;
  }
  return claimSignal(SHARED)?.number;
}

/**
 * Takes a signal that nobody uses, not even another thread of this process.
 *
 * The disposition is shared by all threads. Exchanging it is atomic: who gets
 * the default back has the signal to himself. Restoring it while the timer of
 * another thread ran on it would let that one's signal end the process.
 */
function claimSignal(handlerName: string): ClaimedSignal | undefined {
  const harmless = functionAddress(handlerName);
  if (harmless === undefined) return undefined;
  const calls = signal();
  const blocked = new BigUint64Array(16);
  if (calls.pthread_sigmask(SIG_BLOCK, null, blocked) !== 0) return undefined;
  const action = new Uint8Array(sigaction.size);
  sigaction.write(action, { sa_handler: harmless });
  const before = new Uint8Array(sigaction.size);
  const view = sigaction.view(before);
  for (let number = HIGHEST_SIGNAL; number >= LOWEST_SIGNAL; number--) {
    if (((blocked[0] ?? 0n) >> BigInt(number - 1) & 1n) !== 0n) continue;
    if (errnoOf(calls.sigaction(number, null, before), errno[0]) !== 0) {
      continue;
    }
    if (view.sa_handler !== SIG_DFL) continue;
    if (errnoOf(calls.sigaction(number, action, before), errno[0]) !== 0) {
      continue;
    }
    if (view.sa_handler === SIG_DFL) {
      return {
        number,
        release: () => void calls.sigaction(number, before, null),
      };
    }
    // Somebody was faster. Another thread of ours put the same action there.
    if (view.sa_handler !== harmless) calls.sigaction(number, before, null);
  }
  return undefined;
}

const addresses = new Map<string, bigint>();

/** The address of a function of the C library. */
function functionAddress(name: string): bigint | undefined {
  let address = addresses.get(name);
  if (address === undefined) {
    const pointer = dlfcn().dlsym(null, cstring(name, "symbol"));
    if (pointer === null) return undefined;
    address = BigInt(Deno.UnsafePointer.value(pointer));
    addresses.set(name, address);
  }
  return address;
}
