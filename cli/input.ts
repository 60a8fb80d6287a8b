/**
 * Standard input, line by line, without blocking the event loop.
 *
 * @module
 */

import { readInput } from "./foreground.ts";

// A command line is short; longer input is not meant for us.
const MAX_LINE = 4096;

/**
 * The lines of standard input, without line ends. An unterminated last line
 * counts.
 *
 * @throws {RangeError} When a line is longer than 4096 characters.
 */
export async function* inputLines(): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(MAX_LINE);
  let text = "";
  for (;;) {
    const count = await readInput(chunk);
    text += count === null
      ? decoder.decode()
      : decoder.decode(chunk.subarray(0, count), { stream: true });
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) yield line.replace(/\r$/, "");
    if (count === null) {
      if (text !== "") yield text;
      return;
    }
    if (text.length > MAX_LINE) {
      throw new RangeError(
        `line of standard input must have at most ${MAX_LINE} characters`,
      );
    }
  }
}
