// Rounds of making, using and disposing of handles leave nothing behind in the
// kernel or in the process.

import { assertEquals } from "@std/assert";
import { watchdog } from "../util.ts";
import { inCompany, type Result } from "./company.ts";
import { roundsOf } from "./handle_case.ts";
import { handles } from "./handles.ts";

/** The leaks of one handle. */
interface Leaks extends Result {
  left: string;
  /** The growth of each phase in bytes, or empty if one of them grew little. */
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
