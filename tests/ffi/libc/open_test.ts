import { table } from "@libc/ipc/ffi";
import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";

Deno.test("table() says which C library it takes where a call is missing", () => {
  const open = table({
    getpid: { parameters: [], result: "i32" },
    no_such_call: { parameters: [], result: "i32" },
  });
  const error = assertThrows(open, TypeError, "glibc 2.34 or later");
  assertInstanceOf(error.cause, Error);
});

Deno.test("table() opens without a call that is optional", () => {
  const calls = table({
    no_such_call: { parameters: [], result: "i32", optional: true },
  })();
  assertEquals<unknown>(calls.no_such_call, null);
});
