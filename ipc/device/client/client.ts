/**
 * Reading a device: {@linkcode WaveClient}.
 *
 * @module
 */

import { corruptError } from "../../../ffi/errno.ts";
import { integer } from "../../core/convert/argument.ts";
import { type Key, keyText } from "../../core/convert/key.ts";
import { showing } from "../../core/handle/inspect.ts";
import { INTERNAL, onlyInternal } from "../../core/handle/internal.ts";
import { type Peer, peerOf } from "../identity.ts";
import type { WaitOptions } from "../../core/wait/options.ts";
import { PollingSource } from "../../core/wait/source.ts";
import { waitUntil } from "../../core/wait/wait.ts";
import {
  checkTransport,
  deviceError,
  type Place,
  placeOf,
} from "../address.ts";
import { silence } from "../memory/header.ts";
import { RecordReader } from "../memory/record.ts";
import { type RingPlace, RingReader } from "../memory/ring.ts";
import { findDevice, type Found, tryFindDevice } from "../presence/find.ts";
import {
  type ClientEnd,
  type ClientFeatures,
  type ClientSettings,
  DEVICE_STATES,
  type DeviceAddress,
  type Reading,
  type SampleStream,
  type Transport,
} from "../types.ts";
import { seconds } from "../waveform.ts";
import { paced, Samples, type StreamSource } from "./stream.ts";

const OFF = DEVICE_STATES.indexOf("off");
/** Milliseconds between two checks that the memory still exists. */
const CHECK = 200;

/** Options of {@linkcode WaveClient.open}. */
export interface WaveClientOptions extends DeviceAddress {
  /**
   * The kind of memory.
   *
   * @default {undefined} the one that the device uses
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
   * Maximum number of readings.
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
   * Maximum number of samples.
   *
   * @default {Infinity}
   */
  count?: number | undefined;
  /**
   * The number of past samples to begin with, as far as the history has them.
   *
   * @default {0}
   */
  past?: number | undefined;
  /** Ends the iteration, which rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** The longest interval between two reads of the history, in milliseconds. */
const MAX_DELAY = 20;

/**
 * A reader of a device, attached read-only.
 *
 * It works with any program that provides the C struct under the key. With a
 * device of this module its readings are consistent, it can read every sample,
 * and it knows for certain when the device has died; see {@linkcode features}.
 *
 * It trusts no data in the memory: impossible values are an `IpcError`
 * `EBADMSG`.
 *
 * @example Wait for a device and read it
 * ```ts
 * import { WaveClient, WaveDevice } from "@libc/ipc/device";
 * import { assertEquals } from "@std/assert";
 *
 * const address = { path: Deno.makeTempDirSync() };
 * const waiting = WaveClient.wait({ ...address, timeout: 5000 });
 *
 * // This would be another process.
 * using device = WaveDevice.create({ ...address, waveform: "SIN", period: 2 });
 * const done = device.run();
 *
 * using client = await waiting;
 * for await (const { state, value } of client.readings({ count: 1 })) {
 *   console.log(state, value);
 * }
 * assertEquals(client.foreign, false);
 * device.exit();
 * await done;
 * Deno.removeSync(address.path);
 * ```
 */
export class WaveClient implements Disposable {
  readonly #place: Place;
  readonly #found: Found;
  readonly #record: RecordReader;
  readonly #ring: RingPlace | undefined;
  readonly #peer: Peer;
  #end: ClientEnd | undefined;
  #looked = 0;
  #closed = false;

  private constructor(token: unknown, place: Place, found: Found) {
    onlyInternal(token, "WaveClient");
    const { segment, kind, pid } = found;
    this.#place = place;
    this.#found = found;
    this.#ring = kind.kind === "device" ? kind.header.ring : undefined;
    this.#record = new RecordReader(
      segment.mapping,
      kind.kind === "plain",
      place.label,
    );
    this.#peer = peerOf(pid, true);
  }

  /**
   * `shmat`: attaches to the device, read-only.
   *
   * See [shmat(2)](https://man7.org/linux/man-pages/man2/shmop.2.html).
   *
   * @throws {IpcError} `ENOENT` when there is no device, `EOWNERDEAD` when it
   * has died and left its memory, `EACCES` without permission, `EBADMSG` when
   * the memory cannot be a device's.
   */
  static open(options: WaveClientOptions = {}): WaveClient {
    const transport = transportOf(options);
    const place = placeOf(options);
    return new WaveClient(INTERNAL, place, findDevice(place, transport));
  }

  /**
   * `shmat`: as {@linkcode open}, waiting until there is a device that is alive
   * and not off.
   *
   * See [shmat(2)](https://man7.org/linux/man-pages/man2/shmop.2.html).
   *
   * @throws {IpcError} `ETIMEDOUT`; `EACCES`, `EBADMSG` as `open`.
   */
  static async wait(options: WaveClientWaitOptions = {}): Promise<WaveClient> {
    const transport = transportOf(options);
    const place = placeOf(options);
    const attempt = () => {
      const found = tryFindDevice(place, transport);
      if (found === undefined) return undefined;
      const client = new WaveClient(INTERNAL, place, found);
      if (client.#record.state !== OFF) return client;
      client.close();
      return undefined;
    };
    return await waitUntil(attempt, options, {
      syscall: "shmget",
      action: "wait for",
      object: place.label,
    }, new PollingSource());
  }

  /** The key of the device. */
  get key(): Key {
    return this.#place.key;
  }

  /** Where the memory lives. */
  get transport(): Transport {
    return this.#found.segment.transport;
  }

  /**
   * Whether the device is another program that made only the C struct. A
   * reading may then have the value of one sample and the time of the next.
   */
  get foreign(): boolean {
    return this.#ring === undefined;
  }

  /** The features of the device. */
  get features(): ClientFeatures {
    const ours = !this.foreign;
    const { kind } = this.#found;
    return {
      consistent: ours,
      history: ours,
      control: ours,
      liveness: ours,
      reason: kind.kind === "plain" ? kind.why : undefined,
    };
  }

  /** The process of the device, identified when this client was opened. */
  get device(): Peer {
    return { ...this.#peer, alive: this.end !== "died" };
  }

  /**
   * Its current settings; interval and bits are undefined with a foreign
   * device.
   *
   * @throws {IpcError} `EBADMSG` when they are invalid.
   */
  get settings(): ClientSettings {
    this.#check("read");
    const record = this.#record.read();
    const { waveform, period } = record?.reading ?? this.read();
    return { waveform, period, ...record?.settings };
  }

  /**
   * Why the device ended; undefined while it runs. Checks the device each time.
   */
  get end(): ClientEnd | undefined {
    return this.#closed ? this.#end : this.#look(true);
  }

  /**
   * Milliseconds since the last heartbeat, which the device writes about every
   * 250 ms: much more means that it is stopped or blocked. Undefined for a
   * foreign device, which has none.
   */
  get silence(): number | undefined {
    this.#check("look at");
    return this.#ring && silence(this.#found.segment.mapping);
  }

  /** Whether this client is closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Reads the current values, consistently unless the device is foreign.
   * Returns the last reading of a device that has ended.
   *
   * @throws {IpcError} `EBADMSG` when it is invalid.
   */
  read(): Reading {
    this.#check("read");
    const record = this.#record.read();
    if (record !== undefined) return record.reading;
    // The device stopped in the middle of a write: use the sample before it.
    const reading = this.#history()?.newest();
    if (reading !== undefined) return reading;
    throw corruptError(
      "shmat",
      "read",
      this.#place.label,
      "it stopped in the middle of a write",
    );
  }

  /**
   * Reads at a steady pace, until the count or the end of the device, which
   * {@linkcode WaveClient.end} explains. A device that goes off has a last
   * reading with that state; one that dies has none.
   *
   * @throws {RangeError} When interval or count is out of its range.
   */
  readings(
    options: ReadingsOptions = {},
  ): AsyncIterableIterator<Reading, undefined> {
    this.#check("read");
    const interval = seconds(options.interval ?? 0.1, "interval", 0.001, 3600);
    const count = countOf(options.count, "count", Infinity);
    return paced(this.#source(), interval * 1000, count, options.signal);
  }

  /**
   * Reads every sample, until the count or the end of the device. `lost` tells
   * a reader that is too slow how many samples it has missed.
   *
   * @throws {RangeError} When count or past is out of its range.
   * @throws {IpcError} `EOPNOTSUPP` when the device is foreign.
   */
  follow(options: FollowOptions = {}): SampleStream {
    this.#check("follow");
    const count = countOf(options.count, "count", Infinity);
    const past = countOf(options.past, "past", 0);
    const history = this.#history();
    if (history === undefined) {
      throw deviceError(
        "EOPNOTSUPP",
        "shmat",
        `Cannot follow ${this.#place.label}: it has no history, since ${this.features.reason}`,
      );
    }
    history.seek(past);
    return new Samples(this.#source(), history, {
      count,
      signal: options.signal,
      delay: () => this.#delay(),
    });
  }

  /**
   * `shmdt`: detaches. The device keeps running. Closing twice does nothing.
   *
   * See [shmdt(2)](https://man7.org/linux/man-pages/man2/shmop.2.html).
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#found.segment[Symbol.dispose]();
    this.#found.liveness[Symbol.dispose]();
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  #check(action: string): void {
    if (this.#closed) {
      throw new TypeError(`Cannot ${action} a closed client of a device`);
    }
  }

  #source(): StreamSource {
    return {
      look: () => {
        this.#check("read");
        return this.#look(false);
      },
      read: () => this.read(),
    };
  }

  #history(): RingReader | undefined {
    if (this.#ring === undefined) return undefined;
    const { mapping } = this.#found.segment;
    return new RingReader(mapping, this.#ring, this.#place.label);
  }

  /**
   * Half an interval, so that samples arrive one by one where that is cheap.
   */
  #delay(): number {
    const interval = this.#record.read()?.settings?.interval ?? 0;
    return Math.min(MAX_DELAY, Math.max(2, interval * 500));
  }

  #look(always: boolean): ClientEnd | undefined {
    const { segment, liveness } = this.#found;
    if (this.#end !== undefined) return this.#end;
    if (this.#record.state === OFF) return this.#end = "off";
    const now = performance.now();
    let end: ClientEnd | undefined;
    if (!liveness.lives()) {
      end = "died";
    } else if (always || now - this.#looked >= CHECK) {
      this.#looked = now;
      if (segment.removed) end = "removed";
    }
    // It may have gone off properly since the first check.
    if (end !== undefined && this.#record.state === OFF) end = "off";
    return this.#end = end;
  }
}

showing(WaveClient, ({ key, transport, device, end }) => ({
  key: keyText(key),
  transport,
  device,
  end,
}));

function transportOf(options: WaveClientOptions): Transport | undefined {
  const { transport } = options;
  return transport === undefined ? undefined : checkTransport(transport);
}

function countOf(
  value: number | undefined,
  what: string,
  otherwise: number,
): number {
  if (value === undefined || value === Infinity) return value ?? otherwise;
  return integer(value, what, 0, Number.MAX_SAFE_INTEGER);
}
