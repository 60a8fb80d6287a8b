// One case for each row of error_conformance.json: our wrapper is driven into
// the condition and must answer with the row's code, the name of a call and of
// the object in its message. Rows that the API cannot express say why.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { drivers } from "./drivers.ts";
import { isPrivileged } from "./privileges.ts";
import { codeOf, type Driven, keyOf, provoke, rows } from "./rows.ts";
import { EMULATED } from "../util.ts";

const CHILD = new URL("child.ts", import.meta.url).href;

/** What came of a row: its error, or what the child printed of it. */
async function outcome(
  name: string,
  driver: Driven,
): Promise<{ code: string; name: string; message: string }> {
  if (!driver.child) {
    const error = await provoke(driver);
    return error instanceof Error
      ? { code: codeOf(error), name: error.name, message: error.message }
      : { code: String(error), name: "", message: "" };
  }
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-lock",
      "--no-check",
      "--allow-all",
      CHILD,
      name,
    ],
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

const privileged = isPrivileged();

/** Rows that no emulator shows. */
const NOT_EMULATED = [
  "shmat: address space limit leaves no room",
  "mmap: address-space limit",
  "mmap (access): access past end of file in a mapping (peer truncated)",
];

/** What stands behind the name of a test that cannot run here. */
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
