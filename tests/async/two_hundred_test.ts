// A program that waits for one message on each of 200 objects of every kind.

import { assertEquals } from "@std/assert";
import { scaled, spawnDeno, watchdog } from "../util.ts";

const OBJECTS = scaled(200);

Deno.test(`a program waits on ${OBJECTS} objects of every kind, gives up half, gets the messages of all, and ends by itself`, async () => {
  using _dog = watchdog("many objects of every kind", 170);
  await using child = spawnDeno(
    new URL("two_hundred_child.ts", import.meta.url),
    { args: [String(OBJECTS)], permissions: ["--allow-all"] },
  );
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stdout], [0, "{}\n"], stderr);
});
