/**
 * Standard output and standard error of a command: lines, JSON lines, CSV,
 * colours on a terminal only, and a quiet end when the reader is gone.
 *
 * @module
 */

import { BrokenPipe, messageOf } from "./errors.ts";

/** Colours and weights, by their SGR codes. */
const STYLES = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  cyan: 36,
} as const;

/** The name of a colour or weight. */
export type Style = keyof typeof STYLES;

/** Colours a text, or returns it unchanged. */
export type Paint = (text: string, style: Style) => string;

/** Makes a {@linkcode Paint} with or without colours. */
export function painter(colour: boolean): Paint {
  return colour
    ? (text, style) => text === "" ? "" : `\x1b[${STYLES[style]}m${text}\x1b[m`
    : (text) => text;
}

// Backpressure: above this a producer waits for the reader.
const HIGH_WATER = 1 << 16;
const ENCODER = new TextEncoder();

/** The output of a command. */
export class Output {
  /** Whether standard output is a terminal. */
  readonly terminal: boolean = Deno.stdout.isTerminal();
  /** Whether standard output takes colours. */
  readonly colour: boolean = this.terminal && !Deno.noColor;
  /** Colours a text for standard output. */
  readonly paint: Paint = painter(this.colour);

  readonly #name: string;
  readonly #gone = new AbortController();
  #failed = false;
  // Both streams share a queue, so that a note stays after the lines before it.
  readonly #queue: { error: boolean; text: string }[] = [];
  #waiting = 0;
  #pump: Promise<void> | undefined;

  /** The name precedes each line on standard error. */
  constructor(name: string) {
    this.#name = name;
  }

  /** Aborted with a {@linkcode BrokenPipe} when writing fails. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Whether a write failed although there is a reader. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Writes to standard output, without waiting. */
  write(text: string): void {
    if (this.#gone.signal.aborted) return;
    this.#put(false, text);
  }

  /** Writes a line to standard output. */
  line(text = ""): void {
    this.write(`${text}\n`);
  }

  /**
   * Writes a value to standard output as a line of JSON. Undefined becomes
   * null, so that all lines of a kind have the same fields.
   */
  json(value: unknown): void {
    this.line(
      JSON.stringify(value, (_, field) => field === undefined ? null : field),
    );
  }

  /**
   * Whether a producer should {@linkcode flush} because too much is unwritten.
   */
  get full(): boolean {
    return this.#waiting > HIGH_WATER;
  }

  /** Waits until everything is written. */
  async flush(): Promise<void> {
    await this.#pump;
  }

  /** Writes a line to standard error, with the name of the command before it. */
  note(text: string): void {
    this.#put(true, `${this.#name}: ${printable(text)}\n`);
  }

  #put(error: boolean, text: string): void {
    if (error && this.#pump === undefined) return writeError(text);
    const last = this.#queue.at(-1);
    if (last?.error === error) last.text += text;
    else this.#queue.push({ error, text });
    this.#waiting += text.length;
    this.#pump ??= this.#drain();
  }

  async #drain(): Promise<void> {
    for (;;) {
      const item = this.#queue.shift();
      if (item === undefined) break;
      this.#waiting -= item.text.length;
      if (item.error) writeError(item.text);
      else if (!this.#gone.signal.aborted) await this.#send(item.text);
    }
    this.#pump = undefined;
  }

  async #send(text: string): Promise<void> {
    try {
      const bytes = ENCODER.encode(text);
      for (let sent = 0; sent < bytes.length;) {
        sent += await Deno.stdout.write(bytes.subarray(sent));
      }
    } catch (error) {
      // A full disk is worth a message, a reader that has gone is not.
      if (!(error instanceof Deno.errors.BrokenPipe)) {
        this.#failed = true;
        writeError(`${this.#name}: cannot write: ${messageOf(error)}\n`);
      }
      this.#gone.abort(
        new BrokenPipe("Nothing reads the output", { cause: error }),
      );
    }
  }
}

/** Writes to standard error; does nothing when that is closed. */
export function writeError(text: string): void {
  try {
    const bytes = ENCODER.encode(text);
    for (let sent = 0; sent < bytes.length;) {
      sent += Deno.stderr.writeSync(bytes.subarray(sent));
    }
  } catch {
    // There is no other place to report it.
  }
}

/**
 * Makes a name from another process safe for a terminal: control characters
 * other than line ends and tabs become question marks.
 */
export function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, "?");
}

/** A line of CSV, without its end: fields are quoted where they need it. */
export function csvLine(
  fields: readonly (string | number | undefined)[],
): string {
  return fields.map((field) => {
    const text = field === undefined ? "" : String(field);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }).join(",");
}
