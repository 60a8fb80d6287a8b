/**
 * The source of waits on System V objects: a thread for each wait that has a
 * call to block in, and the shared timer for those beyond.
 *
 * @module
 */

import { SweepSource, type Waiter } from "./_source.ts";
import { WaitThread } from "./wait_thread.ts";

/** Wakes a waiter when its blocking call returns. */
export class ThreadSource extends SweepSource {
  readonly #threads = new Map<Waiter, WaitThread>();

  /** Takes over a waiter, with a thread if there is one. */
  override park(waiter: Waiter): void {
    if (waiter.call === undefined || !this.#start(waiter)) {
      super.park(waiter);
    }
  }

  /** Lets a waiter go, and its thread. */
  override leave(waiter: Waiter): void {
    super.leave(waiter);
    const thread = this.#threads.get(waiter);
    if (thread === undefined) return;
    this.#threads.delete(waiter);
    thread.interrupt();
  }

  #start(waiter: Waiter): boolean {
    const { call } = waiter;
    if (call === undefined) return false;
    try {
      const thread = WaitThread.take();
      if (thread === undefined) return false;
      this.#threads.set(waiter, thread);
      thread.run(call, waiter.referenced, () => {
        this.#threads.delete(waiter);
        // Somebody else may have been faster: wait again.
        if (!waiter.poke()) this.park(waiter);
      });
      return true;
    } catch (error) {
      waiter.fail(error);
      return true;
    }
  }
}
