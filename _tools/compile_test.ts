import { assertEquals } from "@std/assert";
import { unpacker } from "./compile.ts";

Deno.test("unpacker() names the byte behind its own text", () => {
  const text = unpacker("0123456789abcdef");
  const [, offset] = /tail -c \+(\d+) /.exec(text) ?? [];
  assertEquals(Number(offset), new TextEncoder().encode(text).length + 1);
});
