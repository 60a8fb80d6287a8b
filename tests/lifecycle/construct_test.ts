// Handle classes cannot be constructed from outside: their constructors take
// descriptors and addresses and trust the caller.

import { assert, assertThrows } from "@std/assert";
import config from "../../deno.json" with { type: "json" };

/** Classes with a public constructor. */
const OPEN = ["IpcError"];

/** Returns every other public class, with its subpath and name. */
async function publicClasses(): Promise<[string, CallableFunction][]> {
  const found: [string, CallableFunction][] = [];
  for (const [subpath, file] of Object.entries(config.exports)) {
    // Importing the command line would run it.
    if (file.startsWith("./cli/")) continue;
    const module = await import(`@libc/ipc${subpath.slice(1)}`);
    for (const [name, value] of Object.entries(module)) {
      if (typeof value !== "function" || !/^class\b/.test(`${value}`)) continue;
      if (!OPEN.includes(name)) found.push([`${subpath} ${name}`, value]);
    }
  }
  return found;
}

Deno.test("no class of a handle can be constructed from outside", async () => {
  const classes = await publicClasses();
  assert(classes.length > 40, `${classes.length}`);
  const words: unknown[][] = [
    [],
    [5, 0, false, true],
    [{}, {}, {}],
    [Symbol("@libc/ipc internal"), 1, "label"],
  ];
  for (const [name, found] of classes) {
    for (const args of words) {
      assertThrows(
        () => Reflect.construct(found, args),
        TypeError,
        "Cannot construct",
        name,
      );
    }
  }
});
