/**
 * The simulated device: {@linkcode WaveDevice}.
 *
 * @module
 */

import { checkMode, shown } from "../../core/convert/argument.ts";
import { type Key, keyText } from "../../core/convert/key.ts";
import { showing } from "../../core/handle/inspect.ts";
import { INTERNAL, onlyInternal } from "../../core/handle/internal.ts";
import { checkTransport, placeOf } from "../address.ts";
import type { DeviceCommand } from "../command.ts";
import {
  CAPACITIES,
  DEFAULT_CAPACITY,
  isCapacity,
  memorySize,
} from "../memory/layout.ts";
import { createSegment } from "../memory/segment.ts";
import type { DeviceObject } from "../object.ts";
import { claim } from "../presence/claim.ts";
import type {
  DeviceAddress,
  DeviceState,
  DeviceStatus,
  RunSummary,
  Transport,
  WaveChanges,
} from "../types.ts";
import {
  checkBits,
  checkInterval,
  checkPeriod,
  checkWaveform,
  type Waveform,
} from "../waveform.ts";
import { Engine, type Parts } from "./engine.ts";
import { Mailbox } from "./mailbox.ts";
import { Output } from "./output.ts";

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
   * The kind of memory. C programs find only `"sysv"`. Semaphores and queue are
   * always System V objects.
   *
   * @default {"sysv"}
   */
  transport?: Transport | undefined;
  /**
   * Permission bits of the memory, the semaphores and the queue. With 0o600 all
   * programs of the same user have access, even a C client that asks for 0666;
   * with 0o644 everybody can read, with 0o666 write and send commands. The
   * owner must be able to read and write.
   *
   * @default {0o600}
   */
  mode?: number | undefined;
  /**
   * The capacity of the history in samples: a power of two from 16 to 2^20. A
   * following client loses none if it reads at least once in that many
   * intervals.
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

/**
 * A simulated device that writes samples of a waveform into shared memory.
 *
 * The first 32 bytes are a C struct that any program can read; settings, a
 * heartbeat and the history of samples follow. Commands arrive through a
 * message queue, see {@linkcode WaveControl}. All objects have the key
 * `ftok(path, projectId)`, and the device removes them when it ends. If it is
 * killed, the next device or {@linkcode detach} removes them.
 *
 * Samples are written on the event loop, several at once if the interval is
 * shorter than its timers (about two milliseconds): device time keeps up with
 * the clock as long as the program does not block the loop.
 *
 * @example A device for a moment
 * ```ts
 * import { WaveClient, WaveDevice } from "@libc/ipc/device";
 * import { assertEquals } from "@std/assert";
 *
 * const path = Deno.makeTempDirSync();
 * const settings = { waveform: "TRI", period: 4, interval: 0.01 } as const;
 * using device = WaveDevice.create({ ...settings, path });
 * const done = device.run();
 * using client = WaveClient.open({ path });
 * for await (const reading of client.follow({ past: 8, count: 3 })) {
 *   console.log(reading.time, reading.value);
 * }
 * device.exit();
 * assertEquals((await done).reason, "exit");
 * Deno.removeSync(path);
 * ```
 */
export class WaveDevice implements Disposable {
  readonly #engine: Engine;
  readonly #parts: Parts;

  private constructor(token: unknown, engine: Engine, parts: Parts) {
    onlyInternal(token, "WaveDevice");
    this.#engine = engine;
    this.#parts = parts;
  }

  /**
   * `semget`, `shmget`, `msgget`: creates the semaphores, the memory and the
   * queue of a device, in state `"initializing"`.
   *
   * It first removes the objects of a dead device, see {@linkcode removed}. It
   * leaves nothing behind if it fails.
   *
   * See [sysvipc(7)](https://man7.org/linux/man-pages/man7/sysvipc.7.html).
   *
   * @throws {IpcError} `EEXIST` when another device has the key (the message
   * names the process) or another object is in the way; `ENOENT` when the path
   * does not exist; `EACCES` or `EPERM` when a dead device's objects belong to
   * another user; `ENOSPC`, `ENOMEM` when the system is out of objects or
   * memory.
   */
  static create(options: WaveDeviceOptions): WaveDevice {
    const settings = {
      waveform: checkWaveform(options.waveform),
      period: checkPeriod(options.period),
      interval: checkInterval(options.interval ?? 0.1),
      bits: checkBits(options.bits ?? 10),
    };
    const transport = checkTransport(options.transport ?? "sysv");
    const mode = ownerMode(options.mode ?? 0o600);
    const capacity = checkCapacity(options.history ?? DEFAULT_CAPACITY);
    const place = placeOf(options);
    const claimed = claim(place, {
      transport,
      mode,
      action: "create",
      code: "EEXIST",
    });
    const { key } = place;
    const undo: (() => void)[] = [() => claimed.semaphores.remove()];
    try {
      const size = memorySize(capacity);
      const segment = createSegment(transport, { key, size, mode });
      undo.push(() => segment[Symbol.dispose](), () => segment.remove());
      const mailbox = Mailbox.create(key, mode);
      undo.push(() => mailbox.remove());
      const output = new Output(segment, claimed.semaphores, capacity);
      const parts = { ...claimed, place, segment, mailbox, output, capacity };
      const device = new WaveDevice(
        INTERNAL,
        new Engine(parts, settings),
        parts,
      );
      output.begin();
      if (segment.fd !== undefined) {
        claimed.semaphores.setFd(segment.fd);
      }
      return device;
    } catch (error) {
      for (const step of undo.reverse()) step();
      throw error;
    }
  }

  /** The key of its System V objects. */
  get key(): Key {
    return this.#parts.place.key;
  }

  /** Its state. */
  get state(): DeviceState {
    return this.#engine.state;
  }

  /** Whether it is closed, with all its objects removed. */
  get closed(): boolean {
    return this.#engine.closed;
  }

  /**
   * The objects of a dead device that were removed before this one was created.
   */
  get removed(): readonly DeviceObject[] {
    return this.#parts.removed;
  }

  /** {@linkcode removed} in words, one line each. */
  get notices(): readonly string[] {
    return this.removed.map(({ kind, id, name }) =>
      `removed the ${kind} ${name ?? id} of a device that has died`
    );
  }

  /**
   * Produces samples and serves commands until {@linkcode exit}, the command
   * `exit`, the signal aborts, or the memory is removed; then sets the state to
   * closing and off and removes all objects. An abort is a normal end: the
   * promise resolves.
   *
   * @throws {TypeError} When it is already running or is closed.
   */
  run(options: RunOptions = {}): Promise<RunSummary> {
    this.#check("run");
    return this.#engine.run(options.signal);
  }

  /** Resumes producing after a pause, with device time where it stopped. */
  start(): void {
    this.#check("start");
    this.#engine.start();
  }

  /** Stops producing; device time stands still. */
  pause(): void {
    this.#check("pause");
    this.#engine.pause();
  }

  /**
   * Changes the settings, from the next sample on. Device time continues.
   *
   * @throws {TypeError} When there is no change, or the waveform is not known.
   * @throws {RangeError} When a number is out of its range.
   */
  configure(changes: WaveChanges): void {
    this.#check("configure");
    this.#engine.configure(changes);
  }

  /**
   * Puts the device into the state `"config"`, in which it produces nothing,
   * until the result is disposed; for an operator who makes several changes.
   */
  beginConfiguration(): Disposable {
    this.#check("configure");
    return this.#engine.beginConfiguration();
  }

  /** Returns the current status. */
  status(): DeviceStatus {
    return this.#engine.status();
  }

  /**
   * Executes a command as if it had come through the queue, and returns the
   * status after it.
   *
   * @param command A command, or its text (see {@linkcode parseCommand}).
   * @throws {TypeError} When it is not a command.
   * @throws {RangeError} When a setting is out of its range.
   */
  execute(command: DeviceCommand | string): DeviceStatus {
    this.#check("command");
    return this.#engine.execute(command);
  }

  /** Ends the run, or closes the device when it does not run. */
  exit(): void {
    this.#engine.exit();
  }

  /**
   * Sets the state to off, for attached clients, and removes the memory, the
   * queue and the semaphores. A run ends with `reason: "exit"`. Closing twice
   * does nothing.
   */
  close(): void {
    this.#engine.close();
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  #check(action: string): void {
    if (this.#engine.closed) {
      throw new TypeError(`Cannot ${action} a closed device`);
    }
  }
}

showing(WaveDevice, ({ key, state }) => ({ key: keyText(key), state }));

function ownerMode(mode: number): number {
  if ((checkMode(mode, 0o777) & 0o600) !== 0o600) {
    throw new RangeError(
      `mode must let the owner read and write, got 0o${mode.toString(8)}`,
    );
  }
  return mode;
}

function checkCapacity(history: number): number {
  if (!isCapacity(history)) {
    throw new RangeError(
      `history must be a power of two from ${CAPACITIES.min} to ${CAPACITIES.max}, got ${
        shown(history)
      }`,
    );
  }
  return history;
}
