/**
 * What all kinds of waits have in common for the tests, see `kinds.ts`.
 */

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

/** An object on which a wait has to wait. */
export interface Subject extends Disposable {
  /** The wait. */
  wait(options?: WaitOptions): Promise<unknown>;
  /** Gives up what a wait resolved with. */
  release?(result: unknown): void;
  /** The same wait, blocking this thread. */
  waitSync?(options?: SyncWaitOptions): unknown;
  /** Lets one wait end, or more. */
  wake(): void;
  /**
   * How many waits have had their effect, as the kernel tells it: messages that
   * are gone, units taken, bytes written. Takes what is left, so it comes last.
   */
  effects?(): number;
  /** Gives up the handle that waits. */
  close(): void;
  /** What `waitAny()` waits for instead. */
  target?: Waitable;
  /** The other end, or another handle: what makes waits end when it goes. */
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
  /** Whether it is woken once and for all. */
  once?: boolean;
  /** Whether those who wait are served in the order of their arrival. */
  ordered?: boolean;
  /** Whether it is looked at now and then, so that it takes milliseconds. */
  slow?: boolean;
  /** Whether one event wakes those who wait on all objects of the process. */
  broadcast?: boolean;
  /** Whether what an aborted wait had in hands comes back a moment later. */
  delayed?: boolean;
}

/** What both functions below need. */
export interface Init extends Omit<Subject, "wake" | "effects" | "close"> {
  /** What to close so that the wait fails. */
  handle: { close(): void };
}

/** A wait that takes one of what `give` gives; `left` takes all there is. */
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
 * A wait that puts one where there is no room, until `take` has made some;
 * `left` takes all there is.
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

/** How often something can be done before it would have to wait. */
export function exhaust(attempt: () => unknown): number {
  for (let count = 0;; count++) {
    const value = attempt();
    if (value === undefined || value === null || value === false) return count;
  }
}
