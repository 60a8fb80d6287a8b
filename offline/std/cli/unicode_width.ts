import { isWide } from "./_wide.ts";

/** Characters of width 0: marks, format characters, inner Hangul letters. */
const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}\u{1160}-\u{11FF}]$/u;

const SOFT_HYPHEN = "\u{AD}";

function characterWidth(character: string): number {
  const codePoint = character.codePointAt(0) ?? 0;
  if (codePoint < 0x20) return 0;
  if (codePoint < 0x7f) return 1;
  if (codePoint < 0xa0) return 0;
  if (character !== SOFT_HYPHEN && ZERO_WIDTH.test(character)) return 0;
  return isWide(codePoint) ? 2 : 1;
}

/**
 * Returns the number of columns that a text takes in a terminal. Control
 * characters take none; escape sequences must be removed first.
 *
 * @example Wide and combining characters
 * ```ts
 * import { unicodeWidth } from "@std/cli/unicode-width";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(unicodeWidth("ring"), 4);
 * assertEquals(unicodeWidth("共有"), 4);
 * assertEquals(unicodeWidth("e\u{301}"), 1);
 * ```
 */
export function unicodeWidth(str: string): number {
  let width = 0;
  for (const character of str) width += characterWidth(character);
  return width;
}
