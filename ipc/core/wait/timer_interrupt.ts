/**
 * Timeouts for blocking calls that have none but can be interrupted by a
 * signal.
 *
 * A kernel timer sends this thread a real-time signal at the deadline. Its
 * handler is a C library function without side effects. The call then fails
 * with `EINTR`, at once and without polling.
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

/**
 * The range of real-time signals to choose from, those least used by programs.
 */
const HIGHEST_SIGNAL = 62;
const LOWEST_SIGNAL = 40;
/** Nanoseconds between further signals, in case the first comes too early. */
const REPEAT = 1_000_000n;
/** Longest pause between two attempts without a timer, in ms. */
const MAX_PAUSE = 5;

/**
 * Repeats a call until it succeeds or the deadline has passed. Returns
 * `undefined` in the latter case.
 *
 * `call(true)` may block, and returns `undefined` when it was interrupted.
 * `call(false)` must not block, and returns `undefined` instead.
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

/** `clock_nanosleep`: blocks this thread for at most this many milliseconds. */
export function pause(milliseconds: number): void {
  writeTimespec(timespec, milliseconds);
  // An interrupted sleep will do: callers check the clock anyway.
  time().clock_nanosleep(CLOCK_MONOTONIC, 0, timespec, null);
}

/** A timer of this thread, with a signal that it claims until disposed. */
class InterruptTimer implements Disposable {
  readonly #signal: ClaimedSignal;
  readonly #timer: Deno.PointerValue;

  private constructor(signal: ClaimedSignal, timer: Deno.PointerValue) {
    this.#signal = signal;
    this.#timer = timer;
  }

  /** Starts a timer, or returns undefined when that is not possible. */
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
    // A pending signal is handled at the latest when this call returns.
    time().timer_delete(this.#timer);
    this.#signal.release();
  }
}

interface ClaimedSignal {
  readonly number: number;
  release(): void;
}

/** The signal handlers: C library functions that only compute. */
const TEMPORARY = "abs";
const SHARED = "labs";

/**
 * Returns a signal that interrupts the call of a thread. It is claimed for good
 * and shared by all isolates of this process, and is sent only to a thread,
 * never to the process.
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
 * Claims a signal that is unused, also by other threads of this process.
 *
 * All threads share the disposition. Exchanging it is atomic: the thread that
 * gets the default back owns the signal. Restoring the default while another
 * thread's timer uses the signal would end the process.
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
    // Another claimant was faster. Undo the exchange, unless it was another
    // thread of ours, which installed the same action.
    if (view.sa_handler !== harmless) calls.sigaction(number, before, null);
  }
  return undefined;
}

const addresses = new Map<string, bigint>();

/** `dlsym`: returns the address of a C library function. */
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
