/**
 * The device's side of the command queue.
 *
 * @module
 */

import { hasCode, ignoreGone, isGone } from "../../../ffi/errno.ts";
import type { Key } from "../../core/convert/key.ts";
import { SysvMessageQueue } from "../../sysv/message_queue.ts";
import { parseRequest, REQUEST, type Request } from "../command.ts";

/** Milliseconds after which an answer that nobody fetched is discarded. */
const KEEP = 5000;

/** The maximum number of pending answers; beyond it the oldest is discarded. */
const MAX_PENDING = 64;

const encoder = new TextEncoder();

/** The command queue, as the device sees it. */
export class Mailbox implements Disposable {
  readonly #queue: SysvMessageQueue;
  /** Pending answers: message type, and when they were sent. */
  readonly #pending = new Map<number, number>();
  #gone = false;

  private constructor(queue: SysvMessageQueue) {
    this.#queue = queue;
  }

  /**
   * Creates the queue of a key.
   *
   * @throws {IpcError} `EEXIST` when there is one.
   */
  static create(key: Key, mode: number): Mailbox {
    return new Mailbox(SysvMessageQueue.create(key, { mode, owner: false }));
  }

  /** Whether the queue was removed. */
  get gone(): boolean {
    return this.#gone;
  }

  /**
   * The next request; `"malformed"` for an invalid message, undefined when
   * there is none.
   */
  next(): Request | "malformed" | undefined {
    const message = this.#receive(REQUEST);
    if (message === undefined) return undefined;
    return parseRequest(message) ?? "malformed";
  }

  /**
   * Sends an answer without waiting: if the queue stays full, the answer is
   * dropped.
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

  /** Discards answers that nobody fetches. */
  tidy(now: number): void {
    for (const [reply, sent] of this.#pending) {
      if (now - sent < KEEP) return;
      this.#takeBack(reply);
    }
  }

  /** Whether the queue holds a message. */
  get busy(): boolean {
    if (this.#gone) return false;
    try {
      return this.#queue.stat().messages > 0;
    } catch (error) {
      return this.#lost(error);
    }
  }

  /** Removes the queue; it is no error if it is already removed. */
  remove(): void {
    ignoreGone(() => this.#queue.remove());
  }

  /** Closes the handle. */
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

  /** Records that the queue is gone or no longer accessible, for good. */
  #lost(error: unknown): false {
    if (!isGone(error) && !hasCode(error, "EACCES")) throw error;
    this.#gone = true;
    return false;
  }
}
