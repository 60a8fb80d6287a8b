/**
 * What the device, its clients and its tools say to each other and to you.
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
 * Where the device's memory lives: a System V segment (which C programs find
 * by its key), a POSIX shared memory object, or a sealed memfd.
 */
export type Transport = "sysv" | "posix" | "memfd";

/** The transports. */
export const TRANSPORTS: readonly Transport[] = Object.freeze([
  "sysv",
  "posix",
  "memfd",
]);

/** Which device: the two arguments of `ftok`. */
export interface DeviceAddress {
  /**
   * An existing file or directory; the device and its clients name the same.
   *
   * @default {"."}
   */
  path?: string | URL | undefined;
  /**
   * The project id: one character, or a number of which eight bits count.
   *
   * @default {"x"}
   */
  projectId?: string | number | undefined;
}

/** What a device produces. */
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

/** What of a device's settings changes; the others stay. */
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
   * How many samples came before this one; undefined when there is none yet,
   * and with a foreign device, which does not count them.
   */
  sequence: number | undefined;
}

/** The state of a running device, as it reports it. */
export interface DeviceStatus extends WaveSettings {
  /** The key of its System V objects. */
  key: number;
  /** Its process id. */
  pid: number;
  /** Where its memory lives. */
  transport: Transport;
  /** The state. */
  state: DeviceState;
  /** The newest sample. */
  value: number;
  /** Device time of the newest sample in seconds. */
  time: number;
  /** How many samples it has written. */
  samples: number;
  /** Samples a second over the last second or so; 0 while it does not run. */
  rate: number;
  /** Seconds since it was created. */
  uptime: number;
  /** How many samples its history holds. */
  history: number;
  /** How many other mappings of its memory there are; undefined if unknown. */
  clients: number | undefined;
  /** How many commands it has served. */
  commands: number;
}

/** Why a device ended: by command, by its signal, or its memory was removed. */
export type RunEnd = "exit" | "aborted" | "removed";

/** What a device did, when it is done. */
export interface RunSummary {
  /** Why it ended. */
  reason: RunEnd;
  /** How many samples it has written. */
  samples: number;
  /** Seconds that it was producing; pauses do not count. */
  seconds: number;
  /** Samples a second over these seconds. */
  rate: number;
  /** Samples a second that the last interval asked for. */
  nominalRate: number;
  /**
   * How many samples were left out because the process could not run (stopped,
   * or a machine too slow), so that device time is behind the clock by that
   * many intervals.
   */
  skipped: number;
  /** How many commands it has served. */
  commands: number;
  /** How many messages were no commands. */
  malformed: number;
  /** How often it wrote without the lock because somebody kept it too long. */
  lockOverruns: number;
}

/** Why the readings of a device ended. */
export type ClientEnd = "off" | "died" | "removed";

/** What a device offers to a client. */
export interface ClientFeatures {
  /** Whether several fields are read together, never half old, half new. */
  consistent: boolean;
  /** Whether every sample can be had: {@linkcode WaveClient.follow}. */
  history: boolean;
  /** Whether it takes commands: {@linkcode WaveControl}. */
  control: boolean;
  /** Whether its death is certain knowledge and not an inference. */
  liveness: boolean;
  /** Why something is not offered; undefined when everything is. */
  reason: string | undefined;
}

/** The settings of a device as far as a client can know them. */
export interface ClientSettings {
  /** The waveform. */
  waveform: Waveform;
  /** Seconds of one period. */
  period: number;
  /** Seconds between two samples; not in memory of a foreign device. */
  interval?: number;
  /** Resolution: full scale is ±2^(bits-1); not in that memory either. */
  bits?: number;
}

/** Every sample of a device, in order, as {@linkcode WaveClient.follow} gives. */
export interface SampleStream
  extends AsyncIterableIterator<Reading, undefined>, AsyncDisposable {
  /**
   * How many samples were overwritten before they could be read, so far. The
   * `sequence` of the readings shows where.
   */
  readonly lost: number;
  /** Why the device ended; undefined while it has not, or after the count. */
  readonly end: ClientEnd | undefined;
}
