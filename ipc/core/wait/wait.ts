/**
 * Waits that do not block the event loop.
 *
 * A wait is an attempt that would otherwise block, and a source that says when
 * the next attempt is worth making. Nothing is taken while waiting, so a wait
 * that is aborted or times out has consumed nothing.
 *
 * | what is waited for                | its source                                 |
 * | --------------------------------- | ------------------------------------------ |
 * | a descriptor                      | `reactor.ts`: one `epoll` for all          |
 * | a System V message or semaphore   | `thread_source.ts`: a thread for each call |
 * | a POSIX semaphore                 | `thread_source.ts`, by `futex`             |
 * | what has neither: room in a queue | `source.ts`: a timer that tries, one for   |
 * | of System V, a lock, a FIFO       | all                                        |
 *
 * Waits that block their thread are in `poll.ts` for descriptors, and elsewhere
 * end by the signal of a timer: `timer_interrupt.ts`.
 *
 * @module
 */

import { timeoutError } from "../../../ffi/errno.ts";
import { spinner } from "./_spinner.ts";
import { timeoutOf, type WaitOptions } from "./options.ts";
import {
  type BlockingCall,
  type Source,
  SweepSource,
  type Waiter,
} from "./source.ts";

/** What waits, for messages: `msgrcv`, `receive from`, `message queue 5`. */
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
 * How many waits in a row may end at once before the event loop turns: a peer
 * that is never behind would otherwise keep timers from running.
 */
const MAX_STREAK = 128;

let streak = 0;
let turn: Promise<void> | undefined;

/**
 * A promise of what is there already: settled, but for every
 * {@linkcode MAX_STREAK}th, which lets the event loop turn first.
 */
export function ready<T>(value: T): Promise<T> {
  if (turn === undefined) {
    if (++streak < MAX_STREAK) return Promise.resolve(value);
    turn = new Promise((resolve) => setImmediate(resolve)).then(() => {
      streak = 0;
      turn = undefined;
    });
  }
  // Those that follow in this turn must not overtake it.
  return turn.then(() => value);
}

/**
 * Starts a wait; what that throws rejects the promise, as in an `async`
 * function, which would take more microtasks. A promise of `true` is one of
 * nothing: an attempt must not return `undefined` when it is done.
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
 * Tries at once, so that what is ready costs neither timer nor thread, and one
 * microtask. `attempt` must not block; what it throws rejects the promise.
 * After an abort or a timeout it is not called again.
 */
export function waitUntil<T>(
  attempt: () => T | undefined,
  options: WaitOptions | undefined,
  subject: WaitSubject,
  source: Source = new SweepSource(),
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
    // It was made in a timer or the reactor: show who awaits it instead. The
    // reason of an abort is the caller's, and is left as it is.
    const ours = !signal?.aborted || error !== signal.reason;
    if (ours && error instanceof Error) Error.captureStackTrace(error, wait);
    throw error;
  }
}

/** Calls back once after so many milliseconds; the result cancels that. */
function after(
  milliseconds: number,
  referenced: boolean,
  callback: () => void,
): () => void {
  // Deno cuts off fractions; a wait never ends before its time.
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
