/**
 * The plot of a wave with its figures, as lines of text. Pure: the same for a
 * terminal, a pipe and a test.
 *
 * @module
 */

import { unicodeWidth } from "@std/cli/unicode-width";
import type { DeviceState, Waveform } from "@libc/ipc/device";
import { drawChart, type Trace } from "./chart.ts";
import { decimalsOf, plural, shortNumber, STATE_STYLES } from "./format.ts";
import type { Paint, Style } from "./output.ts";

/** The content of a plot. */
export interface PlotState {
  /** The title above it. */
  title: string;
  /** The state. */
  state: DeviceState;
  /** Whether the device has no heartbeat. */
  silent: boolean;
  /** The waveform. */
  waveform: Waveform;
  /** The newest sample. */
  value: number;
  /** Device time of the newest sample in seconds. */
  time: number;
  /** Seconds of one period. */
  period: number;
  /** Seconds between two samples; undefined with a foreign device. */
  interval: number | undefined;
  /** Resolution; undefined with a foreign device. */
  bits: number | undefined;
  /** Samples per second as they arrive; undefined until known. */
  rate: number | undefined;
  /** The number of samples lost. */
  lost: number;
  /** Seconds from the left to the right edge. */
  window: number;
  /** Value at the upper edge. */
  scale: number;
  /** The text at the lower right, such as the key that ends it. */
  hint: string;
}

/** The appearance of a plot. */
export interface FrameOptions {
  /** Width in characters. */
  columns: number;
  /** Height in characters. */
  rows: number;
  /** Colours. */
  paint: Paint;
  /**
   * Uses ASCII characters only.
   *
   * @default {false}
   */
  ascii?: boolean;
}

/** A piece of a line with its colour. */
type Piece = readonly [text: string, style?: Style];

/** The default time span of a plot: usually two periods. */
export function defaultWindow(period: number, interval: number): number {
  return Math.max(Math.min(2 * period, 60), 40 * interval);
}

/**
 * Draws the plot in at most `rows` lines, none wider than `columns`. Parts that
 * do not fit are left out, the least important first.
 */
export function drawFrame(
  trace: Trace,
  state: PlotState,
  options: FrameOptions,
): string[] {
  const { columns, rows, paint, ascii = false } = options;
  if (columns < 1 || rows < 1) return [];
  const status = joinPieces(statusPieces(state, ascii), state.hint, options);
  if (rows < 3) return [status];
  const framed = rows >= 8 && columns >= 24;
  if (!framed) {
    return [...chartRows(trace, state, options, rows - 1, 0), status];
  }
  const labels = [`+${state.scale}`, "0", `-${state.scale}`];
  const margin = Math.max(...labels.map((label) => label.length)) + 2;
  const width = columns - margin;
  const height = rows - 4;
  const chart = chartRows(trace, state, options, height, margin);
  const corner = ascii ? "+" : "└";
  const edge = ascii ? "-" : "─";
  return [
    joinPieces([[state.title, "bold"]], settings(state), options),
    ...chart.map((line, row) => {
      const label = row === 0
        ? labels[0]
        : row === height - 1
        ? labels[2]
        : row === Math.floor((height - 1) / 2)
        ? labels[1]
        : "";
      const bar = ascii ? "|" : label ? "┤" : "│";
      return paint(`${(label ?? "").padStart(margin - 1)}${bar}`, "dim") + line;
    }),
    paint(`${" ".repeat(margin - 1)}${corner}${edge.repeat(width)}`, "dim"),
    paint(" ".repeat(margin) + timeAxis(state, width), "dim"),
    status,
  ];
}

function chartRows(
  trace: Trace,
  state: PlotState,
  options: FrameOptions,
  rows: number,
  margin: number,
): string[] {
  const { columns, paint, ascii = false } = options;
  const { window, scale } = state;
  return drawChart(trace, {
    columns: columns - margin,
    rows,
    window,
    scale,
    ascii,
  }).map((line) => paint(line, "cyan"));
}

function settings(state: PlotState): string {
  const { period, interval, bits } = state;
  return [
    `period ${shortNumber(period)} s`,
    ...(interval === undefined ? [] : [`interval ${shortNumber(interval)} s`]),
    ...(bits === undefined ? [] : [plural(bits, "bit")]),
  ].join("  ");
}

function statusPieces(state: PlotState, ascii: boolean): Piece[] {
  const { rate, lost, interval } = state;
  const dot = ascii ? "*" : "●";
  return [
    state.silent
      ? [`${dot} silent`, "yellow"]
      : [`${dot} ${state.state}`, STATE_STYLES[state.state]],
    [
      `  ${String(state.value).padStart(String(state.scale).length + 1)}`,
      "bold",
    ],
    [`  ${state.time.toFixed(decimalsOf(interval))} s`],
    [`  ${state.waveform}`],
    [rate === undefined ? "" : `  ${rate.toFixed(1)}/s`],
    [`  lost ${lost}`, lost > 0 ? "red" : "dim"],
  ];
}

function timeAxis(state: PlotState, width: number): string {
  const right = `${shortNumber(Number(state.time.toFixed(3)))} s`;
  const left = `-${shortNumber(Number(state.window.toPrecision(3)))} s`;
  const space = width - left.length - right.length;
  return space < 1 ? right.padStart(width).slice(0, width) : left +
    " ".repeat(space) + right;
}

/** Pieces at the left, and a text at the right if both fit. */
function joinPieces(
  pieces: readonly Piece[],
  right: string,
  { columns, paint }: FrameOptions,
): string {
  let room = columns;
  let line = "";
  for (const [text, style] of pieces) {
    const fitting = cut(text, room);
    room -= unicodeWidth(fitting);
    line += style === undefined ? fitting : paint(fitting, style);
    if (fitting !== text) return line;
  }
  const space = room - unicodeWidth(right);
  return right === "" || space < 2
    ? line
    : line + " ".repeat(space) + paint(right, "dim");
}

/** Truncates a text to a number of columns. */
export function cut(text: string, columns: number): string {
  if (unicodeWidth(text) <= columns) return text;
  let width = 0;
  let kept = "";
  for (const character of text) {
    width += unicodeWidth(character);
    if (width > columns) break;
    kept += character;
  }
  return kept;
}
