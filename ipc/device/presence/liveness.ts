/**
 * Whether a device is alive, for its clients: by the semaphore that the kernel
 * lowers when it ends (`semaphores.ts`), or by the process that its header
 * names (`owner.ts`).
 *
 * @module
 */

import { isGone } from "../../../ffi/errno.ts";
import type { Key } from "../../core/convert/key.ts";
import { type Identity, lives } from "../identity.ts";
import type { Segment } from "../memory/segment.ts";
import { plainOwner } from "./owner.ts";
import { DeviceSemaphores } from "./semaphores.ts";

/** Milliseconds between checks that cost more than a system call. */
const CHECK = 200;

/** Tells whether a device is alive. */
export interface Liveness extends Disposable {
  /** Whether the device is alive. */
  lives(): boolean;
}

/**
 * The liveness of a device of this module.
 *
 * The kernel lowers its semaphore DEVICE at the moment the device ends. If the
 * semaphores cannot be read, or were removed, the process id and start time
 * decide. A device of which nothing is known counts as alive.
 */
export class DeviceLiveness implements Liveness {
  readonly #identity: Identity;
  readonly #semaphores: DeviceSemaphores | undefined;
  #looked = -Infinity;
  #seen = true;

  constructor(key: Key, identity: Identity) {
    this.#identity = identity;
    this.#semaphores = DeviceSemaphores.findReadable(key);
  }

  lives(): boolean {
    return (this.#claimed() ?? true) && this.#isThere();
  }

  [Symbol.dispose](): void {
    this.#semaphores?.[Symbol.dispose]();
  }

  #claimed(): boolean | undefined {
    try {
      return this.#semaphores?.claimed;
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  #isThere(): boolean {
    const now = performance.now();
    if (now - this.#looked >= CHECK) {
      this.#looked = now;
      this.#seen = lives(this.#identity) ?? true;
    }
    return this.#seen;
  }
}

/** The liveness of a C program that made only the struct. */
export class PlainLiveness implements Liveness {
  readonly #segment: Segment;
  #looked = -Infinity;
  #seen = true;

  constructor(segment: Segment) {
    this.#segment = segment;
  }

  lives(): boolean {
    const now = performance.now();
    if (now - this.#looked >= CHECK) {
      this.#seen = this.#look();
      this.#looked = performance.now();
    }
    return this.#seen;
  }

  [Symbol.dispose](): void {
    // It owns nothing.
  }

  #look(): boolean {
    try {
      return plainOwner(this.#segment).alive;
    } catch (error) {
      // The memory was removed: the caller checks for that as well.
      if (isGone(error)) return this.#seen;
      throw error;
    }
  }
}
