// Structs that are laid out when they are first used.

import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import * as ffi from "@libc/ipc/ffi";
import { array, struct } from "@libc/ipc/struct";
import { lazyStruct } from "../../../ffi/struct/lazy.ts";

const fields = () => ({ a: "u8", b: "i32", c: array("u16", 3) } as const);

Deno.test("lazyStruct() lays out nothing before it is used", () => {
  const wrong = lazyStruct({ a: "no type" as "u8" });
  assertThrows(() => wrong.size, TypeError, "no type");
  assertThrows(() => struct({ a: "no type" as "u8" }), TypeError, "no type");
});

Deno.test("lazyStruct() gives what struct() does", () => {
  const lazy = lazyStruct(fields());
  const eager = struct(fields());
  assertEquals(lazy.kind, eager.kind);
  assertEquals([lazy.size, lazy.align], [eager.size, eager.align]);
  assertEquals(lazy.offsets, eager.offsets);
  assertEquals(lazy.hash, eager.hash);
  assertEquals(lazy.packed().size, 11);
  assertEquals(lazy.toC("Name"), eager.toC("Name"));
  const memory = new ArrayBuffer(2 * lazy.size);
  lazy.write(memory, { a: 1, b: -2, c: [3, 4, 5] }, lazy.size);
  assertEquals(lazy.read(memory, lazy.size), eager.read(memory, eager.size));
  assertStrictEquals(lazy.view(memory, lazy.size).b, -2);
  assertStrictEquals(lazy.atomic(memory, "b", lazy.size).add(7), -2);
  assertEquals(Deno.inspect(lazy), Deno.inspect(eager));
});

Deno.test("lazyStruct() nests in structs, and structs in it", () => {
  const inner = lazyStruct({ x: "u8", y: "f64" });
  const outer = struct({ first: "u8", inner, list: array(inner, 2) });
  assertEquals(outer.offsets, { first: 0, inner: 8, list: 24 });
  assertEquals(lazyStruct({ first: "u8", inner }).size, 24);
});

Deno.test("lazyStruct() shows nothing of its prototype", () => {
  const prototype = Object.getPrototypeOf(lazyStruct(fields()));
  assertEquals(Deno.inspect(prototype), "LazyStruct {}");
});

Deno.test("fields of a header's struct cannot be changed before it is used", () => {
  const structs = Object.entries(ffi).filter(([, value]) =>
    typeof value === "object" && "kind" in value
  );
  assert(structs.length > 30);
  for (const [name, value] of structs) {
    const { fields } = value as unknown as { fields: object };
    assertEquals([name, Object.isFrozen(fields)], [name, true]);
  }
});
