// Rounds of making, using and disposing: nothing stays behind in the kernel or
// in the process.

import { assertEquals } from "@std/assert";
import { watchdog } from "../util.ts";
import { inCompany, type Result } from "./company.ts";
import { roundsOf } from "./handle_case.ts";
import { handles } from "./handles.ts";

/** What the rounds have left behind. */
interface Leaks extends Result {
  left: string;
  /** Bytes that each phase of them took, where none took few. */
  grown: number[];
}

const find = inCompany<Leaks>("leaks_child.ts", Object.keys(handles));

for (const [name, one] of Object.entries(handles)) {
  Deno.test(`${roundsOf(one)} rounds of ${name} leave nothing behind`, async () => {
    using _dog = watchdog(name, 300);
    const leaks = await find(name);
    assertEquals(leaks, { name, left: "", grown: [] });
  });
}
