/** Drives one row in a process of its own and prints what came of it. */

import { drivers } from "./drivers.ts";
import { codeOf, provoke } from "./rows.ts";

const driver = drivers[Deno.args[0] ?? ""];
if (driver === undefined || !("run" in driver)) throw new Error("no such row");
const error = await provoke(driver);
console.log(JSON.stringify({
  code: codeOf(error),
  name: error instanceof Error ? error.name : "",
  message: error instanceof Error ? error.message : "",
}));
