/** The common interface of all kinds of waits, see `kinds.ts`. */

import type {
  PipeReader,
  PipeWriter,
  Socket,
  SyncWaitOptions,
  SysvMessageQueue,
  SysvSemaphoreSet,
  Waitable,
  WaitOptions,
} from "@libc/ipc";

/** An object to wait on. */
export interface Subject extends Disposable {
  /** The wait. */
  wait(options?: WaitOptions): Promise<unknown>;
  /** Releases the result of a wait. */
  release?(result: unknown): void;
  /** The same wait, blocking this thread. */
  waitSync?(options?: SyncWaitOptions): unknown;
  /** Lets at least one wait end. */
  wake(): void;
  /**
   * The number of waits with an effect, according to the kernel: messages
   * received, units taken, bytes written. It takes the rest, so call it last.
   */
  effects?(): number;
  /** Closes the waiting handle. */
  close(): void;
  /** The target of `waitAny()`, if it is another object. */
  target?: Waitable;
  /** The other end, or another handle, whose end ends the waits. */
  other?: Other;
}

/** What {@linkcode Subject.other} may be. */
export type Other =
  | SysvMessageQueue
  | SysvSemaphoreSet
  | PipeReader
  | PipeWriter
  | Socket;

/** A kind of wait. */
export interface Kind {
  /** The symbol that waits. */
  name: string;
  /** Makes an object. */
  make(): Subject;
  /** Whether one wake lasts for ever. */
  once?: boolean;
  /** Whether waits are served in the order of their arrival. */
  ordered?: boolean;
  /** Whether it is polled, and so takes milliseconds. */
  slow?: boolean;
  /** Whether one event wakes the waits on all objects of the process. */
  broadcast?: boolean;
  /** Whether an aborted wait may return what it has taken a moment later. */
  delayed?: boolean;
}

/** Options of both functions below. */
export interface Init extends Omit<Subject, "wake" | "effects" | "close"> {
  /** What to close so that the wait fails. */
  handle: { close(): void };
}

/** A wait that takes one unit of `give`; `left` takes the rest. */
export function taking(
  init: Omit<Init, keyof Disposable> & { give(): void; left(): number },
  stack: DisposableStack,
): Subject {
  let given = 0;
  let left = 0;
  return {
    ...init,
    wake() {
      init.give();
      given++;
    },
    effects: () => given - (left += init.left()),
    close: () => init.handle.close(),
    [Symbol.dispose]: () => stack.dispose(),
  };
}

/**
 * A wait that adds one unit to a full object after `take` has made space;
 * `left` takes the rest.
 */
export function putting(
  init: Omit<Init, keyof Disposable> & {
    initial: number;
    take(): number;
    left(): number;
  },
  stack: DisposableStack,
): Subject {
  let taken = 0;
  return {
    ...init,
    wake: () => void (taken += init.take()),
    effects: () => (taken += init.left()) - init.initial,
    close: () => init.handle.close(),
    [Symbol.dispose]: () => stack.dispose(),
  };
}

/** The number of attempts that succeed before one would have to wait. */
export function exhaust(attempt: () => unknown): number {
  for (let count = 0;; count++) {
    const value = attempt();
    if (value === undefined || value === null || value === false) return count;
  }
}
