/**
 * Reading a device: {@linkcode WaveClient}.
 *
 * @module
 */

import type { WaitOptions } from "../../ffi/core/_argument.ts";
import type { Key } from "../../ffi/core/_sysv.ts";
import type {
  ClientEnd,
  ClientFeatures,
  DeviceAddress,
  Peer,
  Reading,
  Transport,
  WaveSettings,
} from "./types.ts";

/** Options of {@linkcode WaveClient.open}. */
export interface WaveClientOptions extends DeviceAddress {
  /**
   * Where the memory lives.
   *
   * @default {undefined} where the device says it lives
   */
  transport?: Transport | undefined;
}

/** Options of {@linkcode WaveClient.wait}. */
export interface WaveClientWaitOptions extends WaveClientOptions, WaitOptions {}

/** Options of {@linkcode WaveClient.readings}. */
export interface ReadingsOptions {
  /**
   * Seconds between two readings, 0.001 to 3600.
   *
   * @default {0.1}
   */
  interval?: number | undefined;
  /**
   * How many readings there are at the most, from 0 on.
   *
   * @default {Infinity}
   */
  count?: number | undefined;
  /** Ends the readings: the iteration rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Options of {@linkcode WaveClient.follow}. */
export interface FollowOptions {
  /**
   * How many samples there are at the most, from 0 on.
   *
   * @default {Infinity}
   */
  count?: number | undefined;
  /**
   * How many samples of the past come first, as far as the history has them.
   *
   * @default {0}
   */
  past?: number | undefined;
  /** Ends the iteration, which rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Every sample of a device, in order. */
export interface SampleStream
  extends AsyncIterableIterator<Reading, undefined> {
  /**
   * How many samples were overwritten before they could be read, so far. The
   * `sequence` of the readings shows where.
   */
  readonly lost: number;
  /** Why it ended; undefined while it has not, or after its count. */
  readonly end: ClientEnd | undefined;
}

/** A reader of a device. */
export class WaveClient implements Disposable {
  private constructor() {}

  /**
   * Attaches to the device, read-only.
   *
   * @throws {IpcError} `ENOENT` when there is no device, `EOWNERDEAD` when it
   * has died and left its memory, `EACCES`, `EBADMSG` when what is there cannot
   * be a device.
   */
  static open(options: WaveClientOptions = {}): WaveClient {
    void options;
    return new WaveClient();
  }

  /**
   * Attaches to the device as soon as there is one, without blocking the event
   * loop. What a dead device has left is waited out.
   */
  static wait(options: WaveClientWaitOptions = {}): Promise<WaveClient> {
    void options;
    throw new TypeError("not yet");
  }

  /** The key of the device. */
  get key(): Key {
    throw new TypeError("not yet");
  }

  /** Where the memory lives. */
  get transport(): Transport {
    throw new TypeError("not yet");
  }

  /**
   * Whether the device is another program's that made only the C struct. A
   * reading may then have the value of one sample and the time of the next.
   */
  get foreign(): boolean {
    throw new TypeError("not yet");
  }

  /** What the device offers. */
  get features(): ClientFeatures {
    throw new TypeError("not yet");
  }

  /** The process of the device. */
  get device(): Peer {
    throw new TypeError("not yet");
  }

  /** Its settings; interval and bits are undefined with a foreign device. */
  get settings(): Partial<WaveSettings> {
    throw new TypeError("not yet");
  }

  /** Why the device is over; undefined while it is not. */
  get end(): ClientEnd | undefined {
    throw new TypeError("not yet");
  }

  /** Whether this client is closed. */
  get closed(): boolean {
    throw new TypeError("not yet");
  }

  /** One reading, now. */
  read(): Reading {
    throw new TypeError("not yet");
  }

  /**
   * Readings at a steady pace, until the count, or until the device ends: then
   * {@linkcode WaveClient.end} says why. A device that goes off gives a last
   * reading with that state.
   */
  readings(
    options: ReadingsOptions = {},
  ): AsyncIterableIterator<Reading, undefined> {
    void options;
    throw new TypeError("not yet");
  }

  /**
   * Every sample, however fast, until the count or the end of the device.
   *
   * @throws {IpcError} `EOPNOTSUPP` when the device is foreign.
   */
  follow(options: FollowOptions = {}): SampleStream {
    void options;
    throw new TypeError("not yet");
  }

  /** Detaches. The device goes on. */
  close(): void {}

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}
