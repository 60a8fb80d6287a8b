/**
 * The memory layout of a device: the C struct in the first 32 bytes, the header
 * of this module at 64, then the ring of samples.
 *
 * Only the device writes to it, with atomic stores. A client that finds no
 * header, or one of another version, can still read the C struct.
 *
 * @module
 */

import { struct } from "../../../ffi/struct/struct.ts";

/** `struct wave`, which C programs share: 32 bytes. */
export const Wave = struct({
  /** `enum wave_state` */
  state: "i32",
  /** `enum wave_form` */
  waveform: "i32",
  /** The newest sample. */
  value: "i32",
  /** Device time of it in seconds. */
  time: "f64",
  /** Seconds of one period. */
  period: "f64",
});

/** The header behind the C struct. */
export const Header = struct({
  /** {@linkcode MAGIC}, written last. */
  magic: "u64",
  /** {@linkcode layoutHash} */
  layout: "u64",
  /** {@linkcode VERSION} */
  version: "u32",
  /** Process id of the device in its own PID namespace. */
  pid: "i32",
  /** When it started, in clock ticks since boot. */
  startTime: "u64",
  /** Inode number of its PID namespace. */
  namespace: "u64",
  /** `CLOCK_MONOTONIC` of the last heartbeat, in nanoseconds. */
  heartbeat: "u64",
  /** The number of samples written. */
  samples: "u64",
  /** Seconds between two samples. */
  interval: "f64",
  /** Resolution. */
  bits: "i32",
  /** Odd while the C struct, interval, bits and samples are being written. */
  seqlock: "u32",
  /** The offset of the ring from the start of the memory. */
  ringOffset: "u32",
  /** The number of slots: a power of two. */
  ringCapacity: "u32",
});

/** One sample of the ring. */
export const Slot = struct({
  /**
   * 2n+1 while sample n is being written, 2n+2 when it is complete (mod 2^32).
   */
  sequence: "u32",
  /** The sample. */
  value: "i32",
  /** `enum wave_state` when it was written */
  state: "i32",
  /** `enum wave_form` */
  waveform: "i32",
  /** Device time in seconds, low word first. */
  time: "f64",
  /** Seconds of one period, low word first. */
  period: "f64",
});

/** `"LIBCWAVE"` as bytes in memory. */
export const MAGIC = 0x4556_4157_4342_494cn;

/** Changes with the meaning of any field. */
export const VERSION = 1;

/** The hash of all three layouts. */
export function layoutHash(): bigint {
  // Computed on demand, to keep the import cheap.
  return hash ??= BigInt.asUintN(
    64,
    Wave.hash * 3n + Header.hash * 5n + Slot.hash * 7n,
  );
}

let hash: bigint | undefined;

/** The offset of the header; the C struct may grow up to here. */
export const HEADER_OFFSET = 64;

/** The offset of the ring, on a cache line of its own. */
export const RING_OFFSET = 256;

/** The default number of slots: 8 seconds at 1 kHz. */
export const DEFAULT_CAPACITY = 8192;

/** The limits of the number of slots. */
export const CAPACITIES = { min: 16, max: 2 ** 20 } as const;

/** The size of a device's memory in bytes. */
export function memorySize(capacity: number): number {
  return RING_OFFSET + capacity * Slot.size;
}

/** Whether a number of slots is a power of two in the allowed range. */
export function isCapacity(capacity: number): boolean {
  return Number.isInteger(capacity) && capacity >= CAPACITIES.min &&
    capacity <= CAPACITIES.max && (capacity & (capacity - 1)) === 0;
}

/** A sample with its enums as numbers. */
export interface Sample {
  /** The state's number. */
  state: number;
  /** The waveform's number. */
  waveform: number;
  /** The sample. */
  value: number;
  /** Device time in seconds. */
  time: number;
  /** Seconds of one period. */
  period: number;
}
