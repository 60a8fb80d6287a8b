/**
 * The history of samples: a ring that one device writes and any number of
 * clients read at their own pace.
 *
 * The writer never waits for a reader. The sequence number of a slot changes
 * before and after each write, so that a reader can tell whether it has read
 * one whole sample. The counter in the header tells how many were overwritten.
 *
 * @module
 */

import { corruptError } from "../../../ffi/errno.ts";
import type { Reading } from "../types.ts";
import { Cells, type Memory } from "./cells.ts";
import { Header, HEADER_OFFSET, type Sample, Slot } from "./layout.ts";
import { reading } from "./record.ts";

const SAMPLES = HEADER_OFFSET + Header.offsets.samples;
const { sequence: SEQUENCE, value: VALUE, state: STATE, waveform: WAVEFORM } =
  Slot.offsets;
const { time: TIME, period: PERIOD } = Slot.offsets;

/** The location of a ring. */
export interface RingPlace {
  /** First byte. */
  offset: number;
  /** Number of slots, a power of two. */
  capacity: number;
}

/** The writer, in the device. */
export class RingWriter {
  readonly #cells: Cells;
  readonly #place: RingPlace;
  #count = 0;

  constructor(source: Memory, place: RingPlace) {
    this.#cells = new Cells(source);
    this.#place = place;
  }

  /** The number of samples written. */
  get count(): number {
    return this.#count;
  }

  /** Appends a sample; readers see it after {@linkcode publish}. */
  append(sample: Sample): void {
    const cells = this.#cells;
    const n = this.#count++;
    const at = slotOffset(this.#place, n);
    cells.set32(at + SEQUENCE, beingWritten(n));
    cells.set32(at + VALUE, sample.value);
    cells.set32(at + STATE, sample.state);
    cells.set32(at + WAVEFORM, sample.waveform);
    cells.setSplitF64(at + TIME, sample.time);
    cells.setSplitF64(at + PERIOD, sample.period);
    cells.set32(at + SEQUENCE, written(n));
  }

  /** Makes the appended samples visible to readers. */
  publish(): void {
    this.#cells.setU64(SAMPLES, BigInt(this.#count));
  }
}

/** The reader, in a client. */
export class RingReader {
  readonly #cells: Cells;
  readonly #place: RingPlace;
  readonly #label: string;
  #next = 0;
  #lost = 0;

  constructor(source: Memory, place: RingPlace, label: string) {
    this.#cells = new Cells(source);
    this.#place = place;
    this.#label = label;
  }

  /** The number of samples overwritten before they were read. */
  get lost(): number {
    return this.#lost;
  }

  /** The number of samples the device has written. */
  get count(): number {
    const count = Number(this.#cells.u64(SAMPLES));
    if (count > Number.MAX_SAFE_INTEGER) {
      throw this.#corrupt(`it claims ${count} samples`);
    }
    return count;
  }

  /** Moves to `past` samples before the next one. */
  seek(past: number): void {
    const count = this.count;
    this.#next = count - Math.min(past, count, this.#place.capacity);
  }

  /** The samples since the last call, oldest first, at most `limit`. */
  take(limit: number): Reading[] {
    const { capacity } = this.#place;
    const count = this.count;
    if (count < this.#next) {
      throw this.#corrupt(
        `its sample counter went back from ${this.#next} to ${count}`,
      );
    }
    this.#skip(count - capacity);
    const found: Reading[] = [];
    while (this.#next < count && found.length < limit) {
      const sample = this.#read(this.#next);
      if (sample !== undefined) {
        found.push(sample);
        this.#next++;
        continue;
      }
      // Overtaken while reading: the counter tells where the writer is now.
      const now = this.count;
      this.#skip(Math.max(now - capacity, this.#next) + 1);
    }
    return found;
  }

  /** The newest whole sample, if any. */
  newest(): Reading | undefined {
    const count = this.count;
    const oldest = Math.max(0, count - 8);
    for (let n = count - 1; n >= oldest; n--) {
      const sample = this.#read(n);
      if (sample !== undefined) return sample;
    }
    return undefined;
  }

  #skip(to: number): void {
    if (to <= this.#next) return;
    this.#lost += to - this.#next;
    this.#next = to;
  }

  /** Sample n; undefined when its slot does not hold it yet, or no longer. */
  #read(n: number): Reading | undefined {
    const cells = this.#cells;
    const at = slotOffset(this.#place, n);
    if (cells.i32(at + SEQUENCE) !== written(n)) return undefined;
    const value = cells.i32(at + VALUE);
    const state = cells.i32(at + STATE);
    const waveform = cells.i32(at + WAVEFORM);
    const time = cells.splitF64(at + TIME);
    const period = cells.splitF64(at + PERIOD);
    if (cells.i32(at + SEQUENCE) !== written(n)) return undefined;
    return reading(
      { state, waveform, value, time, period },
      n,
      this.#label,
    );
  }

  #corrupt(found: string): Error {
    return corruptError("shmat", "read", this.#label, found);
  }
}

function slotOffset(place: RingPlace, n: number): number {
  return place.offset + (n % place.capacity) * Slot.size;
}

function beingWritten(n: number): number {
  return (2 * (n % 2 ** 31) + 1) | 0;
}

function written(n: number): number {
  return (2 * (n % 2 ** 31) + 2) | 0;
}
