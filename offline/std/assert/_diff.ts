import { format } from "./_message.ts";

/** A line of a diff: in both texts, only in `actual`, or only in `expected`. */
type Line = readonly [sign: " " | "-" | "+", text: string];

/** The most cells of the table; more cost more than the diff is worth. */
const MAX_CELLS = 4_000_000;

/** Lengths of the longest common subsequences of all pairs of line tails. */
function tails(actual: string[], expected: string[]): Uint32Array {
  const width = expected.length + 1;
  const table = new Uint32Array((actual.length + 1) * width);
  const at = (index: number): number => table[index] ?? 0;
  for (let i = actual.length - 1; i >= 0; i--) {
    for (let j = expected.length - 1; j >= 0; j--) {
      const here = i * width + j;
      table[here] = actual[i] === expected[j]
        ? at(here + width + 1) + 1
        : Math.max(at(here + width), at(here + 1));
    }
  }
  return table;
}

/** Returns the shortest edit from `actual` to `expected`, line by line. */
function compareLines(actual: string[], expected: string[]): Line[] {
  const width = expected.length + 1;
  if ((actual.length + 1) * width > MAX_CELLS) {
    return [
      ...actual.map((line): Line => ["-", line]),
      ...expected.map((line): Line => ["+", line]),
    ];
  }
  const table = tails(actual, expected);
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < actual.length || j < expected.length) {
    const [ours, theirs] = [actual[i], expected[j]];
    const here = i * width + j;
    if (ours !== undefined && ours === theirs) {
      lines.push([" ", ours]);
      i++;
      j++;
    } else if (
      ours !== undefined &&
      (theirs === undefined ||
        (table[here + width] ?? 0) >= (table[here + 1] ?? 0))
    ) {
      lines.push(["-", ours]);
      i++;
    } else {
      lines.push(["+", theirs ?? ""]);
      j++;
    }
  }
  return lines;
}

function painted([sign, line]: Line): string {
  const plain = `${sign}   ${line}`;
  if (sign === " " || Deno.noColor) return plain;
  return `\x1b[1m\x1b[${sign === "-" ? 31 : 32}m${plain}\x1b[0m`;
}

/** Returns the difference of two values: `-` is actual, `+` is expected. */
export function diff(actual: unknown, expected: unknown): string {
  const bothText = typeof actual === "string" && typeof expected === "string";
  const ours = bothText ? actual : format(actual);
  const theirs = bothText ? expected : format(expected);
  const lines = compareLines(ours.split("\n"), theirs.split("\n")).map(painted);
  return ["", "", "    [Diff] Actual / Expected", "", "", ...lines, ""]
    .join("\n");
}
