/**
 * The simulated device: {@linkcode WaveDevice}.
 *
 * @module
 */

import type { Key } from "../../ffi/core/_sysv.ts";
import type { DeviceCommand } from "./command.ts";
import type {
  DeviceAddress,
  DeviceState,
  DeviceStatus,
  RunSummary,
  Transport,
  WaveChanges,
} from "./types.ts";
import type { Waveform } from "./waveform.ts";

/** Options of {@linkcode WaveDevice.create}. */
export interface WaveDeviceOptions extends DeviceAddress {
  /** The waveform. */
  waveform: Waveform;
  /** Seconds of one period, 0.000001 to 1000000000. */
  period: number;
  /**
   * Seconds between two samples, 0.000001 to 3600.
   *
   * @default {0.1}
   */
  interval?: number | undefined;
  /**
   * Resolution, 2 to 31: full scale is ±2^(bits-1).
   *
   * @default {10}
   */
  bits?: number | undefined;
  /**
   * Where the memory lives.
   *
   * @default {"sysv"}
   */
  transport?: Transport | undefined;
  /**
   * Permission bits of the memory, the semaphores and the queue. With 0o600 the
   * programs of the same user get in, also a C client that asks for 0666; 0o644
   * lets everybody read, 0o666 lets everybody read, write and command.
   *
   * @default {0o600}
   */
  mode?: number | undefined;
  /**
   * How many samples the history holds: a power of two from 16 to 2^20.
   *
   * @default {8192}
   */
  history?: number | undefined;
}

/** Options of {@linkcode WaveDevice.run}. */
export interface RunOptions {
  /** Ends the run: its promise resolves with `reason: "aborted"`. */
  signal?: AbortSignal | undefined;
}

/** A simulated device. */
export class WaveDevice implements Disposable {
  private constructor() {}

  /** Creates the memory, the semaphores and the queue of a device. */
  static create(options: WaveDeviceOptions): WaveDevice {
    void options;
    return new WaveDevice();
  }

  /** The key of its System V objects. */
  get key(): Key {
    throw new TypeError("not yet");
  }

  /** Its state. */
  get state(): DeviceState {
    throw new TypeError("not yet");
  }

  /** Whether it is over: everything it made is removed. */
  get closed(): boolean {
    throw new TypeError("not yet");
  }

  /**
   * What a dead device had left under the key and was removed before this one
   * was made: one line each, empty when there was nothing.
   */
  get notices(): readonly string[] {
    throw new TypeError("not yet");
  }

  /**
   * Produces samples and serves commands until `exit()`, the command `exit`, or
   * the signal; then sets the state to off and removes everything.
   */
  run(options: RunOptions = {}): Promise<RunSummary> {
    void options;
    throw new TypeError("not yet");
  }

  /** Goes on producing after a pause. */
  start(): void {}

  /** Stops producing; device time stands still. */
  pause(): void {}

  /** Changes what is produced, from the next sample on. */
  configure(changes: WaveChanges): void {
    void changes;
  }

  /** What it is doing. */
  status(): DeviceStatus {
    throw new TypeError("not yet");
  }

  /**
   * Does what a command says, as if it had come through the queue (see
   * {@linkcode parseCommand}), and gives the state after it.
   */
  execute(command: DeviceCommand): DeviceStatus {
    void command;
    throw new TypeError("not yet");
  }

  /** Ends the run. */
  exit(): void {}

  /** Sets the state to off and removes everything it made. */
  close(): void {}

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}
