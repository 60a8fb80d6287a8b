/**
 * The running part of a device: its state, its clock and its commands.
 *
 * @module
 */

import { ignoreGone } from "../../../ffi/errno.ts";
import { shown } from "../../core/convert/argument.ts";
import { ownIdentity } from "../identity.ts";
import type { Place } from "../address.ts";
import {
  checkChanges,
  type DeviceCommand,
  formatError,
  formatStatus,
  parseCommand,
  type Request,
} from "../command.ts";
import type { Sample } from "../memory/layout.ts";
import type { Segment } from "../memory/segment.ts";
import type { Claim } from "../presence/claim.ts";
import {
  DEVICE_STATES,
  type DeviceState,
  type DeviceStatus,
  type RunEnd,
  type RunSummary,
  type WaveChanges,
  type WaveSettings,
} from "../types.ts";
import { rawSample, WAVEFORMS } from "../waveform.ts";
import type { Mailbox } from "./mailbox.ts";
import type { Output } from "./output.ts";
import { Meter, Schedule } from "./schedule.ts";

/** The longest interval between two ticks, in milliseconds. */
const MAX_DELAY = 20;
/** Milliseconds before a retry while another process holds the lock. */
const RETRY = 2;
/** The maximum number of commands per tick. */
const MAX_COMMANDS = 32;
/** Milliseconds between two checks that the memory still exists. */
const CHECK = 250;
/** Milliseconds that the end waits for the last answers to be fetched. */
const GRACE = 1000;

/** The parts of a device. */
export interface Parts extends Claim {
  /** Its key and its name in messages. */
  place: Place;
  /** Its memory. */
  segment: Segment;
  /** Its command queue. */
  mailbox: Mailbox;
  /** The writer of the memory. */
  output: Output;
  /** The capacity of the history in samples. */
  capacity: number;
}

/**
 * The implementation of {@linkcode WaveDevice}, without its checks for use
 * after close.
 */
export class Engine {
  readonly #parts: Parts;
  readonly #settings: WaveSettings;
  readonly #schedule: Schedule;
  readonly #meter = new Meter();
  readonly #created = performance.now();
  #state: DeviceState = "initializing";
  #value = 0;
  #time = 0;
  /** Whether the state is not in the memory yet. */
  #dirty = false;
  #paused = false;
  #configuring = 0;
  #closed = false;
  #commands = 0;
  #malformed = 0;
  #checked = 0;
  readonly #next = () => this.#tick();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #run: PromiseWithResolvers<RunSummary> | undefined;
  #ending: RunEnd | undefined;

  constructor(parts: Parts, settings: WaveSettings) {
    this.#parts = parts;
    this.#settings = settings;
    // At most half of the history at once, so that a client that reads often
    // loses nothing.
    this.#schedule = new Schedule(settings.interval, parts.capacity / 2);
    this.#publish();
  }

  /** Its state. */
  get state(): DeviceState {
    return this.#state;
  }

  /** Whether all its objects are removed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** See {@linkcode WaveDevice.run}. */
  run(signal: AbortSignal | undefined): Promise<RunSummary> {
    if (this.#run !== undefined) {
      throw new TypeError("Cannot run a device that runs already");
    }
    this.#run = Promise.withResolvers();
    const abort = () => this.#end("aborted");
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
    try {
      if (!this.#paused && this.#configuring === 0) this.#setState("on");
      this.#tick();
    } catch (error) {
      this.#fail(error);
    }
    return this.#run.promise.finally(() =>
      signal?.removeEventListener("abort", abort)
    );
  }

  /** See {@linkcode WaveDevice.start}. */
  start(): void {
    this.#paused = false;
    this.#resume();
  }

  /** See {@linkcode WaveDevice.pause}. */
  pause(): void {
    this.#paused = true;
    if (this.#configuring === 0) this.#setState("paused");
  }

  /** See {@linkcode WaveDevice.configure}. */
  configure(changes: WaveChanges): void {
    const { waveform, period, interval, bits } = checkChanges(changes);
    const settings = this.#settings;
    using _configuring = this.beginConfiguration();
    settings.waveform = waveform ?? settings.waveform;
    settings.period = period ?? settings.period;
    settings.bits = bits ?? settings.bits;
    settings.interval = interval ?? settings.interval;
    if (interval !== undefined) {
      this.#schedule.change(interval);
      this.#meter.reset();
    }
  }

  /** See {@linkcode WaveDevice.beginConfiguration}. */
  beginConfiguration(): Disposable {
    this.#configuring++;
    this.#setState("config");
    let open = true;
    return {
      [Symbol.dispose]: () => {
        if (!open) return;
        open = false;
        this.#configuring--;
        this.#resume();
      },
    };
  }

  /** See {@linkcode WaveDevice.status}. */
  status(): DeviceStatus {
    const { place, segment, output, capacity } = this.#parts;
    return {
      key: place.key,
      pid: ownIdentity().pid,
      transport: segment.transport,
      state: this.#state,
      ...this.#settings,
      value: this.#value,
      time: this.#time,
      samples: output.samples,
      rate: this.#state === "on" ? this.#meter.rate : 0,
      uptime: (performance.now() - this.#created) / 1000,
      history: capacity,
      clients: this.#clients(),
      commands: this.#commands,
    };
  }

  /** See {@linkcode WaveDevice.execute}. */
  execute(command: DeviceCommand | string): DeviceStatus {
    const checked = typeof command === "string"
      ? parseCommand(command)
      : command;
    switch (checked.name) {
      case "start":
        this.start();
        break;
      case "stop":
        this.pause();
        break;
      case "config":
        this.configure(checked.changes);
        break;
      case "exit":
        this.exit();
        break;
      case "status":
        break;
      default:
        throw new TypeError(`command must be known, got ${shown(command)}`);
    }
    this.#commands++;
    return this.status();
  }

  /** See {@linkcode WaveDevice.exit}. */
  exit(): void {
    if (this.#closed) return;
    if (this.#run === undefined) this.close();
    else this.#end("exit");
  }

  /** See {@linkcode WaveDevice.close}. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    const { segment, mailbox, semaphores } = this.#parts;
    const steps = [
      () => this.#setState("off"),
      // Before the descriptor's number is reused.
      () => segment.fd === undefined || ignoreGone(() => semaphores.setFd()),
      () => segment.remove(),
      () => segment[Symbol.dispose](),
      () => mailbox.remove(),
      () => mailbox[Symbol.dispose](),
      // Last: until then no other process can become the device.
      () => semaphores.remove(),
      () => semaphores[Symbol.dispose](),
    ];
    const failures = steps.flatMap(attempt);
    if (failures.length > 0) {
      this.#run?.reject(failures[0]);
      throw failures[0];
    }
    this.#run?.resolve(this.#summary());
  }

  #resume(): void {
    if (this.#configuring > 0) return;
    if (this.#paused) this.#setState("paused");
    else this.#setState(this.#run === undefined ? "initializing" : "on");
  }

  #setState(state: DeviceState): void {
    // No command can revive a device that is ending.
    const over = this.#closed || this.#ending !== undefined;
    if (over && state !== "closing" && state !== "off") return;
    if (state === this.#state) return;
    this.#state = state;
    const now = performance.now();
    this.#meter.pause();
    if (state === "on") this.#schedule.start(now);
    else this.#schedule.stop(now);
    this.#publish();
  }

  /** Shows the state at once if the lock is free, else at the next tick. */
  #publish(): void {
    const { output } = this.#parts;
    const now = performance.now();
    const entered = output.enter(now);
    this.#dirty = !entered;
    // The state "off" is written even without the lock.
    if (!entered && this.#state !== "off") return;
    output.beat(now);
    output.write(this.#sample(), this.#settings);
    output.leave();
  }

  #sample(): Sample {
    return {
      state: DEVICE_STATES.indexOf(this.#state),
      waveform: WAVEFORMS.indexOf(this.#settings.waveform),
      value: this.#value,
      time: this.#time,
      period: this.#settings.period,
    };
  }

  #end(reason: RunEnd): void {
    if (this.#ending !== undefined) return;
    this.#ending = reason;
    attempt(() => this.#setState("closing"));
    clearTimeout(this.#timer);
    const deadline = performance.now() + GRACE;
    // Answers that are not fetched yet would vanish with the queue.
    const close = () => {
      if (this.#closed) return;
      const { busy } = this.#parts.mailbox;
      if (busy && performance.now() < deadline && reason !== "removed") {
        this.#timer = setTimeout(close, RETRY);
      } else {
        attempt(() => this.close());
      }
    };
    this.#timer = setTimeout(close, 0);
  }

  #tick(): void {
    if (this.#ending !== undefined) return;
    try {
      const now = performance.now();
      const more = this.#serve(now);
      if (now - this.#checked >= CHECK) this.#look(now);
      if (this.#ending !== undefined) return;
      const delay = this.#produce(now);
      this.#timer = setTimeout(this.#next, more ? 0 : delay);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Ends the run with an error, and removes as much as possible. */
  #fail(error: unknown): void {
    this.#run?.reject(error);
    attempt(() => this.close());
  }

  /** Serves commands; true when there may be more. */
  #serve(now: number): boolean {
    const { mailbox } = this.#parts;
    for (let i = 0; i < MAX_COMMANDS; i++) {
      const request = mailbox.next();
      if (request === undefined) return false;
      if (request === "malformed") this.#malformed++;
      else mailbox.answer(request.reply, this.#answer(request), now);
      if (this.#ending !== undefined) return false;
    }
    return true;
  }

  #answer(request: Request): string {
    try {
      return formatStatus(this.execute(request.line));
    } catch (error) {
      this.#malformed++;
      return formatError(error);
    }
  }

  #look(now: number): void {
    this.#checked = now;
    this.#parts.mailbox.tidy(now);
    this.#parts.output.beat(now);
    // Without the semaphores another process could become the device too.
    const { segment, semaphores } = this.#parts;
    if (segment.removed || semaphores.gone) this.#end("removed");
  }

  /** Writes the samples that are due; returns the delay to the next tick. */
  #produce(now: number): number {
    const { output } = this.#parts;
    const due = this.#schedule.due(now);
    if (due > 0 || this.#dirty) {
      if (!output.enter(now)) return RETRY;
      try {
        this.#write(due);
      } finally {
        output.leave();
      }
      this.#dirty = false;
      if (due > 0) this.#meter.add(due, now);
    }
    if (!this.#schedule.running) return MAX_DELAY;
    const delay = this.#schedule.delay(performance.now());
    return Math.min(MAX_DELAY, Math.max(0, delay));
  }

  #write(due: number): void {
    const { output } = this.#parts;
    const { waveform, period, bits } = this.#settings;
    const fullScale = 2 ** (bits - 1);
    const sample = this.#sample();
    for (let i = 0; i < due; i++) {
      sample.time = this.#schedule.advance();
      sample.value = rawSample(waveform, sample.time, period, fullScale);
      output.append(sample);
    }
    this.#value = sample.value;
    this.#time = sample.time;
    output.write(sample, this.#settings);
  }

  #clients(): number | undefined {
    if (this.#closed) return undefined;
    try {
      const count = this.#parts.segment.attachCount();
      return count === undefined ? undefined : count - 1;
    } catch {
      // The memory was removed: the next check will end the device.
      return undefined;
    }
  }

  #summary(): RunSummary {
    const { output } = this.#parts;
    return {
      reason: this.#ending ?? "exit",
      samples: output.samples,
      seconds: this.#meter.seconds,
      rate: this.#meter.average,
      nominalRate: 1 / this.#settings.interval,
      skipped: this.#schedule.skipped,
      commands: this.#commands,
      malformed: this.#malformed,
      lockOverruns: output.overruns,
    };
  }
}

/** Runs a step; returns its error, if any. */
function attempt(step: () => void): unknown[] {
  try {
    step();
    return [];
  } catch (error) {
    return [error];
  }
}
