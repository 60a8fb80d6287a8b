/** Looks at the signals and timers of this process while callUntil() uses them. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Deadline } from "../../../../ipc/core/wait/deadline.ts";
import { callUntil } from "../../../../ipc/core/wait/timer_interrupt.ts";

/** The real-time signals from 40 to 62 that this process handles. */
function handled(): number[] {
  const status = Deno.readTextFileSync("/proc/self/status");
  const mask = BigInt(`0x${/^SigCgt:\s*([0-9a-f]+)$/m.exec(status)?.[1]}`);
  const numbers = Array.from({ length: 23 }, (_, i) => 40 + i);
  return numbers.filter((n) => (mask >> BigInt(n - 1) & 1n) === 1n);
}

/** The timers that this process has, from a kernel that says so. */
function timers(): string {
  try {
    return Deno.readTextFileSync("/proc/self/timers");
  } catch {
    return "";
  }
}

const before = timers();
assertEquals(handled(), []);

callUntil(new Deadline(1e6), () => {
  const used = handled();
  assertEquals(used.length, 1);
  if (before !== "" || timers() !== "") {
    assert(timers().includes(`signal: ${used[0]}/`), timers());
  }
  return true;
});
assertEquals([handled(), timers()], [[], before]);

assertThrows(
  () =>
    callUntil(new Deadline(1e6), () => {
      throw new RangeError("from the call");
    }),
  RangeError,
  "from the call",
);
assertEquals([handled(), timers()], [[], before]);

callUntil(new Deadline(1e6), () => {
  callUntil(new Deadline(1e6), () => {
    assertEquals(handled().length, 2);
    return true;
  });
  assertEquals(handled().length, 1);
  return true;
});
assertEquals([handled(), timers()], [[], before]);
