/**
 * The device's end of the command queue.
 *
 * @module
 */

import { hasCode, ignoreGone, isGone } from "../../../ffi/errno.ts";
import type { Key } from "../../core/convert/key.ts";
import { SysvMessageQueue } from "../../sysv/message_queue.ts";
import { parseRequest, REQUEST, type Request } from "../command.ts";

/** An answer that nobody fetched is taken back after so many milliseconds. */
const KEEP = 5000;

/** How many answers are kept track of; of more, the oldest are taken back. */
const MAX_PENDING = 64;

const encoder = new TextEncoder();

/** The queue, as the device sees it. */
export class Mailbox implements Disposable {
  readonly #queue: SysvMessageQueue;
  /** Answers on their way: message type, and when they were sent. */
  readonly #pending = new Map<number, number>();
  #gone = false;

  private constructor(queue: SysvMessageQueue) {
    this.#queue = queue;
  }

  /**
   * Makes the queue of a key.
   *
   * @throws {IpcError} `EEXIST` when there is one.
   */
  static create(key: Key, mode: number): Mailbox {
    return new Mailbox(SysvMessageQueue.create(key, { mode, owner: false }));
  }

  /** Whether somebody has removed the queue. */
  get gone(): boolean {
    return this.#gone;
  }

  /**
   * The next request; `"malformed"` for a message that is none, undefined when
   * there is nothing.
   */
  next(): Request | "malformed" | undefined {
    const message = this.#receive(REQUEST);
    if (message === undefined) return undefined;
    return parseRequest(message) ?? "malformed";
  }

  /**
   * Sends an answer, without ever waiting: if the queue is full of what nobody
   * fetches, the asker gets none.
   */
  answer(reply: number, text: string, now: number): void {
    if (this.#pending.has(reply)) this.#takeBack(reply);
    while (this.#pending.size >= MAX_PENDING) this.#takeBackOldest();
    const data = encoder.encode(text);
    while (!this.#send(reply, data)) {
      if (this.#pending.size === 0) return;
      this.#takeBackOldest();
    }
    this.#pending.set(reply, now);
  }

  /** Takes back what nobody fetches. */
  tidy(now: number): void {
    for (const [reply, sent] of this.#pending) {
      if (now - sent < KEEP) return;
      this.#takeBack(reply);
    }
  }

  /** Whether there is a message that nobody has fetched. */
  get busy(): boolean {
    if (this.#gone) return false;
    try {
      return this.#queue.stat().messages > 0;
    } catch (error) {
      return this.#lost(error);
    }
  }

  /** Removes the queue; that somebody else has done it is no error. */
  remove(): void {
    ignoreGone(() => this.#queue.remove());
  }

  /** Gives up the handle. */
  [Symbol.dispose](): void {
    this.#queue.close();
  }

  #takeBackOldest(): void {
    const [oldest] = this.#pending.keys();
    if (oldest !== undefined) this.#takeBack(oldest);
  }

  #takeBack(reply: number): void {
    this.#pending.delete(reply);
    this.#receive(reply);
  }

  #receive(type: number): Uint8Array | undefined {
    if (this.#gone) return undefined;
    try {
      return this.#queue.tryReceive({ type })?.data;
    } catch (error) {
      this.#lost(error);
      return undefined;
    }
  }

  #send(type: number, data: Uint8Array<ArrayBuffer>): boolean {
    if (this.#gone) return true;
    try {
      return this.#queue.trySend(type, data);
    } catch (error) {
      return !this.#lost(error);
    }
  }

  /** Notes that the queue is gone, or no longer permitted; never comes back. */
  #lost(error: unknown): false {
    if (!isGone(error) && !hasCode(error, "EACCES")) throw error;
    this.#gone = true;
    return false;
  }
}
