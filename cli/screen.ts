/**
 * The terminal during a live plot, and its restoration.
 *
 * @module
 */

import {
  beforeStop,
  hasKeyboard,
  readInput,
  untilKeyboard,
} from "./foreground.ts";
import { writeError } from "./output.ts";

const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";
// Terminals that support it show a frame at once; the others ignore it.
const BEGIN = "\x1b[?2026h";
const END = "\x1b[?2026l";

const ENCODER = new TextEncoder();
const FALLBACK = { columns: 80, rows: 24 };

/** A size in characters. */
export interface Size {
  /** Width. */
  columns: number;
  /** Height. */
  rows: number;
}

/** Callbacks of a {@linkcode Screen}. */
export interface ScreenOptions {
  /** Called when the screen must be redrawn at once. */
  redraw: () => void;
  /** Called with each key that is pressed. */
  key: (key: string) => void;
}

/**
 * Takes over the terminal: the alternate screen without a cursor, and keys
 * without Enter. Disposing restores it, however the command ends; a stop by
 * Ctrl-Z restores it until the command continues. In the background nothing is
 * shown.
 */
export class Screen implements Disposable {
  readonly #options: ScreenOptions;
  readonly #keys = Deno.stdin.isTerminal();
  readonly #undo: (() => void)[] = [];
  #shown = false;
  #closed = false;
  #waiting = false;

  constructor(options: ScreenOptions) {
    this.#options = options;
    // Also on Deno.exit().
    const unload = () => this.close();
    globalThis.addEventListener("unload", unload);
    this.#undo.push(() => globalThis.removeEventListener("unload", unload));
    this.#listen("SIGWINCH", () => {
      if (this.#shown) write(`${HOME}${CLEAR_BELOW}`);
      options.redraw();
    });
    const stop = beforeStop(() => this.#leave());
    this.#undo.push(() => stop[Symbol.dispose]());
    this.#listen("SIGCONT", () => {
      this.#enter();
      options.redraw();
    });
    this.#enter();
    if (this.#keys) this.#readKeys();
  }

  /** The size of the terminal now. */
  get size(): Size {
    return terminalSize();
  }

  // Lines are cleared before they are written: after a line of full width the
  // cursor is still on its last character. The rest of the screen is cleared
  // when the size changes.
  /** Shows lines, each at most as wide as the terminal. */
  draw(lines: readonly string[]): void {
    if (!this.#shown) return;
    const body = lines.map((line) => `${CLEAR_LINE}${line}`).join("\r\n");
    write(`${BEGIN}${HOME}${body}${END}`);
  }

  /** Restores the terminal. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const undo of this.#undo.splice(0)) undo();
    this.#leave();
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  #listen(signal: Deno.Signal, listener: () => void): void {
    Deno.addSignalListener(signal, listener);
    this.#undo.push(() => Deno.removeSignalListener(signal, listener));
  }

  #enter(): void {
    if (this.#closed) return;
    // A background process that changes the terminal is stopped.
    if (this.#keys && !hasKeyboard()) {
      this.#enterLater();
      return;
    }
    this.#setRaw(true);
    this.#shown = true;
    write(ENTER);
  }

  async #enterLater(): Promise<void> {
    if (this.#waiting) return;
    this.#waiting = true;
    await untilKeyboard();
    this.#waiting = false;
    if (this.#shown || this.#closed) return;
    this.#enter();
    this.#options.redraw();
  }

  #leave(): void {
    if (!this.#shown) return;
    this.#shown = false;
    write(LEAVE);
    this.#setRaw(false);
  }

  #setRaw(raw: boolean): void {
    if (!this.#keys) return;
    try {
      // Ctrl-C and Ctrl-Z stay signals.
      Deno.stdin.setRaw(raw, { cbreak: true });
    } catch (error) {
      // A terminal that has hung up cannot be restored.
      if (raw) writeError(`cannot read keys: ${String(error)}\n`);
    }
  }

  async #readKeys(): Promise<void> {
    const keys = new Uint8Array(64);
    while (!this.#closed) {
      const count = await readInput(keys).catch(() => null);
      if (count === null) return;
      if (!this.#closed) {
        this.#options.key(new TextDecoder().decode(keys.subarray(0, count)));
      }
    }
  }
}

/** The size of the terminal, or 80 x 24 where it is not known. */
export function terminalSize(): Size {
  try {
    const { columns, rows } = Deno.consoleSize();
    return columns > 0 && rows > 0 ? { columns, rows } : FALLBACK;
  } catch {
    return FALLBACK;
  }
}

function write(text: string): void {
  const bytes = ENCODER.encode(text);
  try {
    for (let sent = 0; sent < bytes.length;) {
      sent += Deno.stdout.writeSync(bytes.subarray(sent));
    }
  } catch {
    // The terminal has hung up: SIGHUP ends the command.
  }
}
