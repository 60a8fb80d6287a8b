/**
 * The live plot of a device, for `ipc client --plot` and the demo.
 *
 * @module
 */

import type { ClientEnd, Reading, WaveClient } from "@libc/ipc/device";
import { Trace } from "./chart.ts";
import { Interrupted } from "./errors.ts";
import { isSilent } from "./format.ts";
import type { Output } from "./output.ts";
import { defaultWindow, drawFrame, type PlotState } from "./plot.ts";
import { Screen } from "./screen.ts";

const FRAME_MS = 50;
// Without a terminal, a plot only every few seconds.
const STILL_MS = 3000;
const TICK_MS = 500;
const STILL = { columns: 76, rows: 16 };
// The polling interval for a device without a history.
const POLL_SECONDS = 0.02;
// The number of samples kept per window; no terminal has this many dots.
const RESOLUTION = 4096;
const RATE_MS = 1500;
// Half of the default history: older samples may be overwritten before they
// are read.
const MAX_PAST = 4096;
// Ctrl-C is a signal, not a key.
const QUIT = ["q", "Q", "\x1b"];

/** Options of {@linkcode livePlot}. */
export interface LiveOptions {
  /** The output to draw on. */
  output: Output;
  /** Ends the plot; a reason other than {@linkcode Interrupted} is thrown. */
  signal: AbortSignal;
  /** The title above the plot; called for each frame. */
  title: () => string;
  /**
   * Maximum number of samples.
   *
   * @default {Infinity}
   */
  count?: number | undefined;
  /**
   * Seconds between two readings.
   *
   * @default {undefined} every sample
   */
  interval?: number | undefined;
  /**
   * Seconds from the left to the right edge.
   *
   * @default {undefined} two periods, mostly
   */
  window?: number | undefined;
  /**
   * Uses ASCII characters only.
   *
   * @default {false}
   */
  ascii?: boolean | undefined;
}

/** The result of {@linkcode livePlot}. */
export interface LiveResult {
  /** Why the device ended; undefined when it did not. */
  end: ClientEnd | undefined;
  /** The number of samples shown. */
  samples: number;
  /** The number of samples lost. */
  lost: number;
  /** Whether a signal or a key ended it. */
  interrupted: boolean;
}

/** The sample rate over about the last 1.5 seconds, by the clock of this process. */
class Rate {
  readonly #marks: { at: number; samples: number }[] = [];

  /** Takes the number of samples so far; returns the rate once it is known. */
  update(samples: number | undefined): number | undefined {
    if (samples === undefined) return undefined;
    const at = performance.now();
    this.#marks.push({ at, samples });
    while ((this.#marks[1]?.at ?? Infinity) < at - RATE_MS) {
      this.#marks.shift();
    }
    const first = this.#marks[0];
    const passed = at - (first?.at ?? at);
    return first === undefined || passed < RATE_MS / 3
      ? undefined
      : (samples - first.samples) / passed * 1000;
  }
}

/** Collects samples and draws them. */
class Picture {
  readonly #client: WaveClient;
  readonly #options: LiveOptions;
  readonly #trace = new Trace();
  readonly #rate = new Rate();
  #newest: Reading;
  #peak = 1;
  #total: number | undefined;
  samples = 0;
  lost = 0;

  constructor(client: WaveClient, options: LiveOptions) {
    this.#client = client;
    this.#options = options;
    this.#newest = client.read();
    const { window } = this.#state("");
    this.#trace.spacing = window / RESOLUTION;
  }

  /** The number of past samples that fill the window. */
  get past(): number {
    const { interval } = this.#client.settings;
    const { window } = this.#state("");
    return interval === undefined
      ? 0
      : Math.min(Math.ceil(window / interval), MAX_PAST);
  }

  add(reading: Reading, missing: number): void {
    const { time, value } = reading;
    this.#trace.push(time, value, missing > 0);
    this.#peak = Math.max(this.#peak, Math.abs(value));
    this.#newest = reading;
    this.#count(reading);
    this.samples++;
    this.lost += missing;
  }

  /** Measures the rate between two frames that are far apart. */
  tick(): void {
    this.#rate.update(this.#total);
  }

  lines(size: { columns: number; rows: number }, hint: string): string[] {
    if (this.#client.end === undefined) {
      // A paused device has no new samples, but a new state.
      const now = this.#client.read();
      const { state, waveform, period } = now;
      this.#newest = { ...this.#newest, state, waveform, period };
      this.#count(now);
    }
    const state = this.#state(hint);
    this.#trace.spacing = state.window / RESOLUTION;
    const { output, ascii = false } = this.#options;
    return drawFrame(this.#trace, {
      ...state,
      rate: this.#rate.update(this.#total),
    }, { ...size, paint: output.paint, ascii });
  }

  #count({ sequence }: Reading): void {
    if (sequence !== undefined) {
      this.#total = Math.max(this.#total ?? 0, sequence);
    }
  }

  #state(hint: string): PlotState {
    const { state, waveform, value, time, period } = this.#newest;
    const { interval, bits } = this.#client.settings;
    return {
      title: this.#options.title(),
      state,
      silent: isSilent(this.#client),
      waveform,
      value,
      time,
      period,
      interval,
      bits,
      rate: undefined,
      lost: this.lost,
      window: this.#options.window ??
        defaultWindow(period, interval ?? POLL_SECONDS),
      scale: bits === undefined
        ? 2 ** Math.ceil(Math.log2(this.#peak))
        : 2 ** (bits - 1),
      hint,
    };
  }
}

/**
 * Plots the samples of a client live, until the count, the end of the device,
 * the signal, or a `q` at the keyboard. Without a terminal it prints a plot
 * every few seconds.
 */
export async function livePlot(
  client: WaveClient,
  options: LiveOptions,
): Promise<LiveResult> {
  const picture = new Picture(client, options);
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  using _view = options.output.terminal
    ? movie(picture, stop)
    : stills(picture, options.output, stop);
  let end: ClientEnd | undefined;
  let interrupted = false;
  try {
    end = await collect(client, picture, { ...options, signal });
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    interrupted = true;
  }
  const { samples, lost } = picture;
  return { end, samples, lost, interrupted };
}

async function collect(
  client: WaveClient,
  picture: Picture,
  { signal, count, interval }: LiveOptions,
): Promise<ClientEnd | undefined> {
  if (interval !== undefined || !client.features.history) {
    const readings = client.readings({
      signal,
      count,
      interval: interval ?? POLL_SECONDS,
    });
    for await (const reading of readings) picture.add(reading, 0);
    return client.end;
  }
  const past = count === undefined ? picture.past : 0;
  const stream = client.follow({ signal, count, past });
  let lost = 0;
  for await (const reading of stream) {
    picture.add(reading, stream.lost - lost);
    lost = stream.lost;
  }
  return stream.end;
}

function movie(picture: Picture, stop: AbortController): Disposable {
  // An error in drawing must end the command, and not only its plot.
  const guarded = (draw: () => void) => () => {
    try {
      draw();
    } catch (error) {
      stop.abort(error);
    }
  };
  const frame = guarded(() => {
    screen.draw(picture.lines(screen.size, "q quits"));
  });
  const screen = new Screen({
    redraw: () => frame(),
    key: (key) => {
      if (QUIT.includes(key)) stop.abort(new Interrupted("key"));
    },
  });
  const timer = setInterval(frame, FRAME_MS);
  frame();
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      screen.close();
    },
  };
}

function stills(
  picture: Picture,
  output: Output,
  stop: AbortController,
): Disposable {
  let age = 0;
  let printed = false;
  const print = () => {
    age = 0;
    printed = true;
    for (const line of picture.lines(STILL, "")) output.line(line.trimEnd());
    output.line();
  };
  const timer = setInterval(() => {
    try {
      age += TICK_MS;
      if (age >= STILL_MS) print();
      else picture.tick();
    } catch (error) {
      stop.abort(error);
    }
  }, TICK_MS);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      // Always print at least one plot, and the last one.
      if (!printed || age > TICK_MS) print();
    },
  };
}
