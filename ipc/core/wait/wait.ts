/**
 * Waits that do not block the event loop.
 *
 * A wait is a non-blocking attempt and a source that says when the next attempt
 * is worth making. Nothing is taken while waiting, so a wait that is aborted or
 * times out has consumed nothing.
 *
 * | wait for                          | source                                     |
 * | --------------------------------- | ------------------------------------------ |
 * | a descriptor                      | `reactor.ts`: one `epoll` for all          |
 * | a System V message or semaphore   | `thread_source.ts`: a thread for each call |
 * | a POSIX semaphore                 | `thread_source.ts`, by `futex`             |
 * | others: space in a System V       | `source.ts`: polling, with one timer for   |
 * | queue, a lock, a FIFO             | all                                        |
 *
 * Waits that block their thread use `poll.ts` for descriptors. Other calls use
 * their own timeout, or the signal of a timer: `timer_interrupt.ts`.
 *
 * @module
 */

import { timeoutError } from "../../../ffi/errno.ts";
import { spinner } from "./_spinner.ts";
import { timeoutOf, type WaitOptions } from "./options.ts";
import {
  type BlockingCall,
  PollingSource,
  type Source,
  type Waiter,
} from "./source.ts";

/** The parts of a message: `msgrcv`, `receive from`, `message queue 5`. */
export interface WaitSubject {
  /** The C call. */
  readonly syscall: string;
  /** The verb of the message. */
  readonly action: string;
  /** The object of the message. */
  readonly object: string;
  /** A call that waits and takes nothing, for a {@linkcode ThreadSource}. */
  readonly call?: BlockingCall | undefined;
}

/** The longest delay of a JavaScript timer, in milliseconds. */
const MAX_DELAY = 0x7fff_ffff;
/**
 * How many waits in a row may succeed at once before the event loop turns. A
 * fast peer would otherwise keep timers from running.
 */
const MAX_STREAK = 128;

let streak = 0;
let turn: Promise<void> | undefined;

/**
 * Returns a promise of an available value. It is already settled, except that
 * every {@linkcode MAX_STREAK}th one lets the event loop turn first.
 */
export function ready<T>(value: T): Promise<T> {
  if (turn === undefined) {
    if (++streak < MAX_STREAK) return Promise.resolve(value);
    turn = new Promise((resolve) => setImmediate(resolve)).then(() => {
      streak = 0;
      turn = undefined;
    });
  }
  // Later ones in this turn must not overtake it.
  return turn.then(() => value);
}

/**
 * Starts a wait. An exception rejects the promise, as in an `async` function,
 * which would take more microtasks. A promise of `true` is typed as `void`: an
 * attempt that is done must not return `undefined`.
 */
export function promised<T>(
  start: () => Promise<T>,
): Promise<T extends true ? void : T>;
export function promised<T>(start: () => Promise<T>): Promise<T> {
  try {
    return start();
  } catch (error) {
    return Promise.reject(error);
  }
}

/** What a handle receives, again and again, until it is closed. */
export async function* untilClosed<T>(
  handle: { readonly closed: boolean },
  receive: () => Promise<T>,
): AsyncGenerator<T, void, void> {
  while (!handle.closed) {
    let value: T;
    try {
      value = await receive();
    } catch (error) {
      if (handle.closed) return;
      throw error;
    }
    yield value;
  }
}

/** Why what must not overtake those who wait cannot be done now. */
export function busyError({ action, object }: WaitSubject): TypeError {
  return new TypeError(
    `Cannot ${action} ${object} now: an asynchronous call is under way`,
  );
}

/**
 * Resolves with the first value that `attempt` returns other than `undefined`.
 *
 * It tries at once, so a value that is ready costs one microtask, and neither
 * timer nor thread. `attempt` must not block; an exception rejects the promise.
 * It is not called again after an abort or a timeout.
 */
export function waitUntil<T>(
  attempt: () => T | undefined,
  options: WaitOptions | undefined,
  subject: WaitSubject,
  source: Source = new PollingSource(),
): Promise<T> {
  try {
    const timeout = timeoutOf(options);
    options?.signal?.throwIfAborted();
    if (!source.busy) {
      const value = attempt();
      if (value !== undefined) return ready(value);
    }
    return wait(attempt, timeout, options, subject, source);
  } catch (error) {
    return Promise.reject(error);
  }
}

async function wait<T>(
  attempt: () => T | undefined,
  timeout: number | undefined,
  options: WaitOptions | undefined,
  subject: WaitSubject,
  source: Source,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const signal = options?.signal;
  let settled = false;
  let cancelTimer: (() => void) | undefined;
  const leave = () => {
    settled = true;
    cancelTimer?.();
    signal?.removeEventListener("abort", abort);
    source.leave(waiter);
  };
  const fail = (error: unknown) => {
    leave();
    reject(error);
  };
  const abort = () => fail(signal?.reason);
  const waiter: Waiter = {
    parked: false,
    referenced: !options?.unref,
    call: subject.call,
    fail,
    poke() {
      if (settled) return true;
      try {
        const value = attempt();
        if (value === undefined) return false;
        leave();
        resolve(value);
      } catch (error) {
        fail(error);
      }
      return true;
    },
  };
  signal?.addEventListener("abort", abort, { once: true });
  if (timeout !== undefined) {
    cancelTimer = after(timeout, waiter.referenced, () => {
      const { syscall, action, object } = subject;
      fail(timeoutError(syscall, action, object, timeout));
    });
  }
  source.waiters.add(waiter);
  spinner.start(waiter, source);
  try {
    return await promise;
  } catch (error) {
    // The error was made in a timer or the reactor: give it the stack of the
    // awaiting code. The reason of an abort belongs to the caller and stays.
    const ours = !signal?.aborted || error !== signal.reason;
    if (ours && error instanceof Error) Error.captureStackTrace(error, wait);
    throw error;
  }
}

/** Calls back once after this many milliseconds; the result cancels it. */
function after(
  milliseconds: number,
  referenced: boolean,
  callback: () => void,
): () => void {
  // Deno cuts off fractions, and a wait must not end early.
  let left = Math.ceil(milliseconds);
  let timer: ReturnType<typeof setTimeout>;
  const start = () => {
    const delay = Math.min(left, MAX_DELAY);
    left -= delay;
    timer = setTimeout(() => left > 0 ? start() : callback(), delay);
    if (!referenced) Deno.unrefTimer(timer);
  };
  start();
  return () => clearTimeout(timer);
}
