/**
 * Writes and reads the C struct and the settings consistently.
 *
 * @module
 */

import { corruptError } from "../../../ffi/errno.ts";
import { DEVICE_STATES, type Reading } from "../types.ts";
import { MAX_BITS, WAVEFORMS } from "../waveform.ts";
import { Cells, type Memory } from "./cells.ts";
import { Header, HEADER_OFFSET, type Sample, Wave } from "./layout.ts";

const SEQLOCK = HEADER_OFFSET + Header.offsets.seqlock;
const SAMPLES = HEADER_OFFSET + Header.offsets.samples;
const INTERVAL = HEADER_OFFSET + Header.offsets.interval;
const BITS = HEADER_OFFSET + Header.offsets.bits;
const { state: STATE, waveform: WAVEFORM, value: VALUE } = Wave.offsets;
const { time: TIME, period: PERIOD } = Wave.offsets;

/**
 * The number of attempts before a reader gives up on the writer: about 100
 * microseconds, while a write takes one.
 */
const TRIES = 500;

/** The settings in the header. */
export interface Settings {
  /** Seconds between two samples. */
  interval: number;
  /** Resolution. */
  bits: number;
}

/** The writer, in the device. */
export class RecordWriter {
  readonly #cells: Cells;
  #writes = 0;

  constructor(source: Memory) {
    this.#cells = new Cells(source);
  }

  /**
   * Writes the record; a reader sees either the old or the new one.
   *
   * The sequence is kept here and not read from the memory, so that the next
   * write repairs any value that another process wrote there.
   */
  write(sample: Sample, settings: Settings, publish: () => void): void {
    const cells = this.#cells;
    cells.set32(SEQLOCK, 2 * this.#writes + 1);
    cells.set32(STATE, sample.state);
    cells.set32(WAVEFORM, sample.waveform);
    cells.set32(VALUE, sample.value);
    cells.setF64(TIME, sample.time);
    cells.setF64(PERIOD, sample.period);
    cells.setF64(INTERVAL, settings.interval);
    cells.set32(BITS, settings.bits);
    publish();
    this.#writes = (this.#writes + 1) % 2 ** 31;
    cells.set32(SEQLOCK, 2 * this.#writes);
  }
}

/** One consistent read. */
export interface Record {
  /** The C struct. */
  reading: Reading;
  /** The settings; undefined for a foreign device. */
  settings: Settings | undefined;
}

/** The reader, in a client. */
export class RecordReader {
  readonly #cells: Cells;
  readonly #foreign: boolean;
  readonly #label: string;

  constructor(source: Memory, foreign: boolean, label: string) {
    this.#cells = new Cells(source);
    this.#foreign = foreign;
    this.#label = label;
  }

  /** The state's number, unchecked. */
  get state(): number {
    return this.#cells.i32(STATE);
  }

  /**
   * Reads the record; undefined when the writer died or was stopped in the
   * middle of a write.
   *
   * @throws {IpcError} `EBADMSG` when it is invalid.
   */
  read(): Record | undefined {
    return this.#foreign ? this.#readForeign() : this.#readLocked();
  }

  #readLocked(): Record | undefined {
    const cells = this.#cells;
    for (let i = 0; i < TRIES; i++) {
      const before = cells.i32(SEQLOCK);
      if ((before & 1) !== 0) continue;
      const sample = this.#sample();
      const samples = cells.u64(SAMPLES);
      const interval = cells.f64(INTERVAL);
      const bits = cells.i32(BITS);
      if (cells.i32(SEQLOCK) !== before) continue;
      if (!(interval > 0 && interval < Infinity)) {
        throw this.#corrupt(`its interval is ${interval}`);
      }
      if (bits < 1 || bits > MAX_BITS) {
        throw this.#corrupt(`its resolution is ${bits} bits`);
      }
      if (samples > BigInt(Number.MAX_SAFE_INTEGER)) {
        throw this.#corrupt(`it claims ${samples} samples`);
      }
      const sequence = samples === 0n ? undefined : Number(samples) - 1;
      return {
        reading: reading(sample, sequence, this.#label),
        settings: { interval, bits },
      };
    }
    return undefined;
  }

  /** Nothing marks a half-written struct; two equal reads make one unlikely. */
  #readForeign(): Record {
    let sample = this.#sample();
    for (let i = 0; i < 8; i++) {
      const again = this.#sample();
      const same = sample.value === again.value && sample.time === again.time;
      sample = again;
      if (same) break;
    }
    return {
      reading: reading(sample, undefined, this.#label),
      settings: undefined,
    };
  }

  #sample(): Sample {
    const cells = this.#cells;
    return {
      state: cells.i32(STATE),
      waveform: cells.i32(WAVEFORM),
      value: cells.i32(VALUE),
      time: cells.f64(TIME),
      period: cells.f64(PERIOD),
    };
  }

  #corrupt(found: string): Error {
    return corruptError("shmat", "read", this.#label, found);
  }
}

/**
 * Converts a sample from shared memory, with names for its enums.
 *
 * @throws {IpcError} `EBADMSG` when it is invalid.
 */
export function reading(
  sample: Sample,
  sequence: number | undefined,
  label: string,
): Reading {
  const state = DEVICE_STATES[sample.state];
  const waveform = WAVEFORMS[sample.waveform];
  const { value, time, period } = sample;
  const wrong = state === undefined
    ? `its state is ${sample.state}`
    : waveform === undefined
    ? `its waveform is ${sample.waveform}`
    : !Number.isFinite(time)
    ? `its time is ${time}`
    : !Number.isFinite(period)
    ? `its period is ${period}`
    : undefined;
  if (state === undefined || waveform === undefined || wrong !== undefined) {
    throw corruptError("shmat", "read", label, String(wrong));
  }
  return { state, waveform, value, time, period, sequence };
}
