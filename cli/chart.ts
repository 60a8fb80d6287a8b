/**
 * Draws samples with characters. Pure: nothing here touches a terminal.
 *
 * @module
 */

// Old samples are overwritten. No terminal has this many columns.
const CAPACITY = 1 << 14;

/** The newest samples of a wave, as many as a plot needs. */
export class Trace {
  readonly #times = new Float64Array(CAPACITY);
  readonly #values = new Float64Array(CAPACITY);
  #count = 0;
  #spacing = 0;

  /** The minimum distance of samples in seconds; closer ones are dropped. */
  set spacing(seconds: number) {
    this.#spacing = seconds;
  }

  /** The number of samples. */
  get length(): number {
    return Math.min(this.#count, CAPACITY);
  }

  /** The time of the newest sample; `NaN` when there is none. */
  get last(): number {
    return this.#count === 0
      ? NaN
      : this.#times[(this.#count - 1) % CAPACITY] ?? NaN;
  }

  /**
   * Adds a sample. With `gap` it is not connected to the one before. A time
   * before the newest sample belongs to another device and clears the trace.
   */
  push(time: number, value: number, gap = false): void {
    const last = this.last;
    if (time < last) this.#count = 0;
    else if (time - last < this.#spacing) return;
    if (gap) this.#put(time, NaN);
    this.#put(time, value);
  }

  #put(time: number, value: number): void {
    const index = this.#count++ % CAPACITY;
    this.#times[index] = time;
    this.#values[index] = value;
  }

  /** Calls back with each sample, oldest first; a value of `NaN` is a gap. */
  forEach(callback: (time: number, value: number) => void): void {
    for (let i = this.#count - this.length; i < this.#count; i++) {
      const index = i % CAPACITY;
      callback(this.#times[index] ?? NaN, this.#values[index] ?? NaN);
    }
  }
}

/** Options of {@linkcode drawChart}. */
export interface ChartOptions {
  /** Width in characters. */
  columns: number;
  /** Height in characters. */
  rows: number;
  /** Seconds from the left to the right edge. */
  window: number;
  /** Value at the upper edge; its negative is at the lower edge. */
  scale: number;
  /**
   * Uses ASCII instead of braille characters.
   *
   * @default {false}
   */
  ascii?: boolean;
}

// The bit of each of the 2 x 4 dots of a braille character, row by row.
const DOTS = [0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80];
const BRAILLE = 0x2800;

/** A grid of dots, several to a character. */
class Canvas {
  readonly width: number;
  readonly height: number;
  readonly #cells: Uint8Array;
  readonly #columns: number;
  readonly #ascii: boolean;

  constructor({ columns, rows, ascii = false }: ChartOptions) {
    this.#ascii = ascii;
    this.#columns = columns;
    this.#cells = new Uint8Array(columns * rows);
    this.width = ascii ? columns : 2 * columns;
    this.height = ascii ? rows : 4 * rows;
  }

  dot(x: number, y: number): void {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return;
    const cell = this.#ascii
      ? y * this.#columns + x
      : (y >> 2) * this.#columns + (x >> 1);
    const bit = this.#ascii ? 1 : DOTS[2 * (y & 3) + (x & 1)] ?? 0;
    this.#cells[cell] = (this.#cells[cell] ?? 0) | bit;
  }

  line(fromX: number, fromY: number, toX: number, toY: number): void {
    // An edge between two columns is vertical, not a slope.
    if (toX - fromX <= 1) fromX = toX;
    const steps = Math.max(Math.abs(toX - fromX), Math.abs(toY - fromY), 1);
    for (let i = 0; i <= steps; i++) {
      this.dot(
        Math.round(fromX + (toX - fromX) * i / steps),
        Math.round(fromY + (toY - fromY) * i / steps),
      );
    }
  }

  row(row: number, empty: string): string {
    const start = row * this.#columns;
    let text = "";
    for (const bits of this.#cells.subarray(start, start + this.#columns)) {
      text += bits === 0
        ? empty
        : this.#ascii
        ? "*"
        : String.fromCharCode(BRAILLE + bits);
    }
    return text;
  }
}

/**
 * Draws the newest samples, the newest at the right edge, into exactly
 * `rows` lines of `columns` characters, with a line where the value is 0.
 */
export function drawChart(trace: Trace, options: ChartOptions): string[] {
  const { columns, rows, window, scale, ascii = false } = options;
  if (columns < 1 || rows < 1) return [];
  const canvas = new Canvas(options);
  const { width, height } = canvas;
  const step = window / Math.max(width - 1, 1);
  // Columns stand for fixed times, so that a wave moves without flicker.
  const left = Math.floor(trace.last / step + 1e-6) - (width - 1);
  let beforeX = NaN;
  let beforeY = NaN;
  trace.forEach((time, value) => {
    const x = Math.floor(time / step + 1e-6) - left;
    const share = Math.max(-1, Math.min(1, value / scale));
    const y = Math.round((1 - share) / 2 * (height - 1));
    if (x >= 0 && !Number.isNaN(y)) {
      if (Number.isNaN(beforeY)) canvas.dot(x, y);
      else drawFrom(canvas, beforeX, beforeY, x, y);
    }
    beforeX = x;
    beforeY = y;
  });
  const zero = Math.floor((rows - 1) / 2);
  return Array.from(
    { length: rows },
    (_, row) => canvas.row(row, row === zero ? (ascii ? "-" : "╌") : " "),
  );
}

function drawFrom(
  canvas: Canvas,
  fromX: number,
  fromY: number,
  toX: number,
  toY: number,
): void {
  // The previous sample may be far left of the edge: start at the edge.
  const cut = fromX < 0 ? -fromX / (toX - fromX) : 0;
  canvas.line(
    fromX + (toX - fromX) * cut,
    fromY + (toY - fromY) * cut,
    toX,
    toY,
  );
}
