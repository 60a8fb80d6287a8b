import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { ERRNO, errno, table, timespec } from "@libc/ipc/ffi";

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

Deno.test("table() opens variables besides calls", () => {
  const { environ } = table({ environ: { type: "pointer" } })();
  assertNotEquals(environ, null);
});

Deno.test("table() makes a call again that fails with EAGAIN, and then tells it", () => {
  const calls = table({
    sigtimedwait: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  })();
  const milliseconds = 20;
  const time = new Uint8Array(timespec.size);
  timespec.view(time).tv_nsec = BigInt(milliseconds * 1e6);
  const before = performance.now();
  // A wait for an empty set of signals can only time out.
  assertEquals(calls.sigtimedwait(new Uint8Array(128), null, time), -1);
  assertEquals(errno[0], ERRNO.EAGAIN);
  assert(performance.now() - before >= 4 * milliseconds);
});

Deno.test("table() keeps errno until its next call", () => {
  const { close } = table({ close: { parameters: ["i32"], result: "i32" } })();
  assertEquals(close(-1), -1);
  assertThrows(() => Deno.openSync("/dev/null/x"));
  assertEquals(errno[0], ERRNO.EBADF);
});

Deno.test("table() makes no call again that has not failed, whatever errno was before", () => {
  const calls = table({
    sigtimedwait: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
    bsearch: {
      parameters: ["buffer", "buffer", "usize", "usize", "function"],
      result: "pointer",
    },
    div: { parameters: ["i32", "i32"], result: { struct: ["i32", "i32"] } },
  })();
  let compared = 0;
  const compare = new Deno.UnsafeCallback(
    { parameters: ["pointer", "pointer"], result: "i32" } as const,
    () => ++compared,
  );
  const { pointer } = compare;
  const fail = () =>
    calls.sigtimedwait(new Uint8Array(128), null, new Uint8Array(16));
  const one = new Uint8Array(4);
  assertEquals(fail(), -1);
  assertEquals(calls.bsearch(one, one, 1n, 4n, pointer), null);
  assertEquals(compared, 1);
  assertEquals(fail(), -1);
  const quotient = new Int32Array(calls.div(7, 2).slice().buffer);
  assertEquals(Array.from(quotient), [3, 1]);
  compare.close();
});
