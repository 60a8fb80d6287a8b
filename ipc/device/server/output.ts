/**
 * The device's writes to the memory, under the writers' lock.
 *
 * @module
 */

import { isGone } from "../../../ffi/errno.ts";
import { ownIdentity } from "../identity.ts";
import { processStartTime } from "../../core/process/proc.ts";
import { Heartbeat, writeHeader } from "../memory/header.ts";
import { RING_OFFSET, type Sample } from "../memory/layout.ts";
import { RecordWriter, type Settings } from "../memory/record.ts";
import { RingWriter } from "../memory/ring.ts";
import type { Segment } from "../memory/segment.ts";
import { type DeviceSemaphores, LOCK } from "../presence/semaphores.ts";

/**
 * How long another process may hold the writers' lock, in milliseconds, before
 * the device continues without it.
 */
export const LOCK_PATIENCE = 1000;

/**
 * Writes samples and state.
 *
 * Each write takes the writers' lock, semaphore 0. While another process holds
 * it (a C program that makes a consistent copy, or changes something), the
 * memory does not change, for at most {@linkcode LOCK_PATIENCE} milliseconds:
 * then the device continues, so that no other program can stop it.
 */
export class Output {
  readonly #segment: Segment;
  readonly #capacity: number;
  readonly #semaphores: DeviceSemaphores;
  readonly #record: RecordWriter;
  readonly #ring: RingWriter;
  readonly #heartbeat: Heartbeat;
  readonly #publish: () => void;
  #locked = false;
  #lockGone = false;
  #refusedSince: number | undefined;
  #overruns = 0;

  constructor(
    segment: Segment,
    semaphores: DeviceSemaphores,
    capacity: number,
  ) {
    const { mapping } = segment;
    this.#segment = segment;
    this.#capacity = capacity;
    this.#semaphores = semaphores;
    this.#record = new RecordWriter(mapping);
    this.#ring = new RingWriter(mapping, { offset: RING_OFFSET, capacity });
    this.#heartbeat = new Heartbeat(mapping);
    this.#publish = () => this.#ring.publish();
  }

  /** The number of samples written. */
  get samples(): number {
    return this.#ring.count;
  }

  /** The number of writes without the lock. */
  get overruns(): number {
    return this.#overruns;
  }

  /** Writes the header, which makes the memory valid. */
  begin(): void {
    writeHeader(this.#segment.mapping, ownIdentity(), this.#capacity);
  }

  /** Takes the lock; false if another process holds it. */
  enter(now: number): boolean {
    if (this.#lockGone) return true;
    try {
      this.#locked = this.#semaphores.set.tryAcquire(LOCK);
    } catch (error) {
      if (!isGone(error)) throw error;
      this.#lockGone = true;
      return true;
    }
    if (this.#locked) {
      this.#refusedSince = undefined;
      return true;
    }
    this.#refusedSince ??= now;
    if (now - this.#refusedSince < LOCK_PATIENCE) return false;
    if (this.#overruns++ === 0) this.#recover();
    return true;
  }

  /** Releases a lock whose dead holder took it without `SEM_UNDO`. */
  #recover(): void {
    const holder = this.#semaphores.lockHolder ?? 0;
    if (holder > 0 && processStartTime(holder) === undefined) {
      this.#semaphores.set.release(LOCK, 1, { undo: false });
    }
  }

  /** Releases the lock, if it was taken. */
  leave(): void {
    if (!this.#locked) return;
    this.#locked = false;
    try {
      this.#semaphores.set.release(LOCK);
    } catch (error) {
      if (!isGone(error)) throw error;
      this.#lockGone = true;
    }
  }

  /** Appends a sample to the history; visible after the next write. */
  append(sample: Sample): void {
    this.#ring.append(sample);
  }

  /** Writes the C struct and the settings. */
  write(sample: Sample, settings: Settings): void {
    this.#record.write(sample, settings, this.#publish);
  }

  /** Writes a heartbeat. */
  beat(now: number): void {
    this.#heartbeat.beat(now);
  }
}
