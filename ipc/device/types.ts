/**
 * Types that the device, its clients and its tools share.
 *
 * @module
 */

import type { Waveform } from "./waveform.ts";

/** The state of a device, by the names of the C enum, from 0 (off) to 5. */
export type DeviceState =
  | "off"
  | "on"
  | "initializing"
  | "paused"
  | "closing"
  | "config";

/** The states in the order of the C enum: `DEVICE_STATES[0]` is off. */
export const DEVICE_STATES: readonly DeviceState[] = Object.freeze([
  "off",
  "on",
  "initializing",
  "paused",
  "closing",
  "config",
]);

/**
 * The kind of memory of a device: a System V segment (which C programs find by
 * its key), a POSIX shared memory object, or a sealed memfd.
 */
export type Transport = "sysv" | "posix" | "memfd";

/** The transports. */
export const TRANSPORTS: readonly Transport[] = Object.freeze([
  "sysv",
  "posix",
  "memfd",
]);

/** The address of a device: the two arguments of `ftok`. */
export interface DeviceAddress {
  /**
   * An existing file or directory, the same for the device and its clients.
   *
   * @default {"."}
   */
  path?: string | URL | undefined;
  /**
   * The project id: one character, or a number of which the low eight bits
   * count.
   *
   * @default {"x"}
   */
  projectId?: string | number | undefined;
}

/** The settings of a device. */
export interface WaveSettings {
  /** The waveform. */
  waveform: Waveform;
  /** Seconds of one period. */
  period: number;
  /** Seconds between two samples. */
  interval: number;
  /** Resolution: full scale is ±2^(bits-1). */
  bits: number;
}

/** Changes to a device's settings. */
export interface WaveChanges {
  /**
   * The waveform.
   *
   * @default {undefined} unchanged
   */
  waveform?: Waveform | undefined;
  /**
   * Seconds of one period, 0.000001 to 1000000000.
   *
   * @default {undefined} unchanged
   */
  period?: number | undefined;
  /**
   * Seconds between two samples, 0.000001 to 3600.
   *
   * @default {undefined} unchanged
   */
  interval?: number | undefined;
  /**
   * Resolution, 2 to 31.
   *
   * @default {undefined} unchanged
   */
  bits?: number | undefined;
}

/** One reading of a device: the C struct, with names for its enums. */
export interface Reading {
  /** The state. */
  state: DeviceState;
  /** The waveform. */
  waveform: Waveform;
  /** The newest sample, signed. */
  value: number;
  /** Device time of the sample in seconds. */
  time: number;
  /** Seconds of one period. */
  period: number;
  /**
   * The number of samples before this one; undefined before the first sample,
   * and with a foreign device, which does not count samples.
   */
  sequence: number | undefined;
}

/** The state of a running device, as it reports it. */
export interface DeviceStatus extends WaveSettings {
  /** The key of its System V objects. */
  key: number;
  /** Its process id. */
  pid: number;
  /** The kind of its memory. */
  transport: Transport;
  /** The state. */
  state: DeviceState;
  /** The newest sample. */
  value: number;
  /** Device time of the newest sample in seconds. */
  time: number;
  /** How many samples it has written. */
  samples: number;
  /** Samples per second over about the last second; 0 while it does not run. */
  rate: number;
  /** Seconds since it was created. */
  uptime: number;
  /** The capacity of its history in samples. */
  history: number;
  /** The number of other mappings of its memory; undefined if unknown. */
  clients: number | undefined;
  /** How many commands it has served. */
  commands: number;
}

/** Why a device ended: a command, an aborted signal, or removed memory. */
export type RunEnd = "exit" | "aborted" | "removed";

/** The summary of a run. */
export interface RunSummary {
  /** Why it ended. */
  reason: RunEnd;
  /** How many samples it has written. */
  samples: number;
  /** Seconds of producing, without pauses. */
  seconds: number;
  /** Samples per second over these seconds. */
  rate: number;
  /** Samples per second of the last configured interval. */
  nominalRate: number;
  /**
   * The number of samples skipped because the process could not run (stopped,
   * or the machine too slow): device time is behind the clock by that many
   * intervals.
   */
  skipped: number;
  /** How many commands it has served. */
  commands: number;
  /** The number of invalid commands. */
  malformed: number;
  /**
   * The number of writes without the lock because another process held it too
   * long.
   */
  lockOverruns: number;
}

/** Why the readings of a device ended. */
export type ClientEnd = "off" | "died" | "removed";

/** The features that a device offers to a client. */
export interface ClientFeatures {
  /** Whether a reading is consistent: all fields of one moment. */
  consistent: boolean;
  /** Whether every sample can be read: {@linkcode WaveClient.follow}. */
  history: boolean;
  /** Whether it takes commands: {@linkcode WaveControl}. */
  control: boolean;
  /** Whether its death is known for certain, and not inferred. */
  liveness: boolean;
  /** Why a feature is missing; undefined when none is. */
  reason: string | undefined;
}

/** The settings of a device as far as a client can know them. */
export interface ClientSettings {
  /** The waveform. */
  waveform: Waveform;
  /** Seconds of one period. */
  period: number;
  /** Seconds between two samples; unknown for a foreign device. */
  interval?: number;
  /** Resolution: full scale is ±2^(bits-1); unknown for a foreign device. */
  bits?: number;
}

/** Every sample of a device, in order, from {@linkcode WaveClient.follow}. */
export interface SampleStream
  extends AsyncIterableIterator<Reading, undefined>, AsyncDisposable {
  /**
   * The number of samples overwritten before they were read, so far. The
   * `sequence` of the readings shows the gaps.
   */
  readonly lost: number;
  /**
   * Why the device ended; undefined while it runs, or when the count ended the
   * iteration.
   */
  readonly end: ClientEnd | undefined;
}
