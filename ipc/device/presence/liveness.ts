/**
 * Whether a device still lives, as its clients see it: by the semaphore that the
 * kernel lowers at its end (`semaphores.ts`), or by the process that its header
 * names (`owner.ts`).
 *
 * @module
 */

import { isGone } from "../../../ffi/errno.ts";
import type { Key } from "../../core/convert/key.ts";
import { type Identity, lives } from "../../core/process/identity.ts";
import type { Segment } from "../memory/segment.ts";
import { plainOwner } from "./owner.ts";
import { DeviceSemaphores } from "./semaphores.ts";

/** Milliseconds between two looks at what costs more than a system call. */
const CHECK = 200;

/** Says whether a device lives, as often as it is asked. */
export interface Liveness extends Disposable {
  /** Whether the device lives. */
  lives(): boolean;
}

/**
 * Of a device of this module.
 *
 * The kernel knows: its semaphore DEVICE is lowered the moment the device ends.
 * When the semaphores may not be read, or somebody has removed them, its process
 * id and start time have to do. A device of which nothing can be known lives.
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

/** Of a C program that made only the struct. */
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
    // Nothing of its own.
  }

  #look(): boolean {
    try {
      return plainOwner(this.#segment).alive;
    } catch (error) {
      // Removed, and nothing says by whom: the caller looks at that as well.
      if (isGone(error)) return this.#seen;
      throw error;
    }
  }
}
