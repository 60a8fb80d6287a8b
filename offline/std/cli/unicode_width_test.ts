import { assertEquals } from "@std/assert";
import { unicodeWidth } from "@std/cli/unicode-width";

function widths(...cases: [text: string, width: number][]): void {
  for (const [text, width] of cases) {
    assertEquals(unicodeWidth(text), width, JSON.stringify(text));
  }
}

Deno.test("unicodeWidth() counts one column for most characters", () => {
  widths(["", 0], ["ring 0x20~", 10], ["été", 3], ["Москва", 6], ["─│█▁", 4]);
  widths(["\u{AD}", 1], ["\u{A0}", 1], ["ｶﾅ", 2]);
});

Deno.test("unicodeWidth() counts two columns for wide characters", () => {
  widths(["共有メモリ", 10], ["한글", 4], ["ＡＢ", 4], ["\u{3000}", 2]);
  widths(["🦕", 2], ["⌚", 2], ["\u{20000}", 2], ["\u{3FFFD}", 2]);
  widths(["\u{1100}", 2], ["\u{115F}", 2], ["\u{303F}", 1]);
});

Deno.test("unicodeWidth() counts nothing for marks", () => {
  widths(["e\u{301}", 1], ["\u{200B}\u{200D}\u{FEFF}", 0], ["\u{20DD}", 0]);
  widths(["\u{1100}\u{1161}\u{11A8}", 2], ["\u{3099}", 0], ["❤\u{FE0F}", 1]);
});

Deno.test("unicodeWidth() counts nothing for control characters", () => {
  widths(["\0\t\n\r\x1b\x7f\x80\x9f", 0], ["a\nb", 2]);
});
