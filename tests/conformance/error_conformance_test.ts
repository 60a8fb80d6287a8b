// One case for each row of error_conformance.json: the wrapper is driven into
// the condition and must fail with the row's code, and with the names of the
// call and of the object in its message. Rows that the API cannot express say
// why.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { EMULATED } from "../util.ts";
import { drivers } from "./drivers.ts";
import { isPrivileged } from "./privileges.ts";
import { type Driven, keyOf, type Outcome, outcomeOf, rows } from "./rows.ts";

const CHILD = new URL("child.ts", import.meta.url).href;

/** Drives rows in a process of their own; returns their outcomes. */
async function elsewhere(
  names: string[],
): Promise<{ outcomes: Map<string, Outcome>; errors: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-lock",
      "--no-check",
      "--allow-all",
      CHILD,
      ...names,
    ],
  }).output();
  const [lines = "", errors = ""] = [stdout, stderr].map((bytes) =>
    new TextDecoder().decode(bytes)
  );
  const outcomes = new Map<string, Outcome>();
  for (const line of lines.split("\n")) {
    if (line === "") continue;
    const { row, outcome } = JSON.parse(line);
    outcomes.set(row, outcome);
  }
  // Its last row only counts if the process has ended successfully.
  if (code !== 0) outcomes.delete(names.at(-1) ?? "");
  return { outcomes, errors: `exit code ${code}: ${errors}` };
}

/** The run of the rows that share a process, started by the first of them. */
let common: ReturnType<typeof elsewhere> | undefined;

async function outcome(name: string, driver: Driven): Promise<Outcome> {
  if (driver.child === undefined) return await outcomeOf(driver);
  const { outcomes, errors } =
    await (driver.child === "own"
      ? elsewhere([name])
      : common ??= elsewhere(inCommon));
  const found = outcomes.get(name);
  assert(found, errors);
  return found;
}

const inCommon = Object.entries(drivers).flatMap(([name, driver]) =>
  "run" in driver && driver.child === "common" ? [name] : []
);

const privileged = isPrivileged();

/** Rows that the emulator cannot reproduce. */
const NOT_EMULATED = [
  "shmat: address space limit leaves no room",
  "mmap: address-space limit",
  "mmap (access): access past end of file in a mapping (peer truncated)",
];

/** Returns the suffix for the name of a test that cannot run here. */
function skippedBecause(name: string, child: unknown): string {
  if (child && !privileged) {
    return " [skipped: needs CAP_SETUID and CAP_SYS_ADMIN]";
  }
  if (name.includes("asked by root") && Deno.uid() !== 0) {
    return " [skipped: not root]";
  }
  return EMULATED && NOT_EMULATED.includes(name)
    ? " [skipped: the emulator has no RLIMIT_AS and no process_vm_readv]"
    : "";
}

for (const row of rows) {
  const name = keyOf(row);
  const driver = drivers[name];
  if (driver === undefined || "why" in driver) continue;
  const skipped = skippedBecause(name, driver.child);
  const expected = driver.instead?.expect ?? row.expect;
  Deno.test({
    name: `${name} is ${expected}${skipped}`,
    ignore: skipped !== "",
    async fn() {
      const found = await outcome(name, driver);
      assertEquals(found.code, expected, found.message);
      if (found.name === "IpcError") {
        assertMatch(found.message, /^Cannot [a-z].+: [a-z_0-9]+ .*\(.+\)/);
      }
    },
  });
}

Deno.test("every row is driven or says why it cannot be", () => {
  const undriven = rows.map(keyOf).filter((name) => !(name in drivers));
  assertEquals(undriven, []);
  const unknown = Object.keys(drivers).filter((name) =>
    !rows.some((row) => keyOf(row) === name)
  );
  assertEquals(unknown, []);
  const listed = Object.values(drivers).filter((driver) => "why" in driver);
  for (const { why } of listed as { why: string }[]) assert(why.length > 10);
});
