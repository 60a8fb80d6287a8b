/** Drives rows in a process of its own and prints the outcome of each. */

import { drivers } from "./drivers.ts";
import { outcomeOf } from "./rows.ts";

for (const row of Deno.args) {
  const driver = drivers[row];
  if (driver === undefined || !("run" in driver)) {
    throw new Error("no such row");
  }
  console.log(JSON.stringify({ row, outcome: await outcomeOf(driver) }));
}
