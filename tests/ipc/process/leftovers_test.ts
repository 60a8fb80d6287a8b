// Leftovers of processes and their descriptors after their use.

import { assertEquals } from "@std/assert";
import { spawnCommand } from "../../util.ts";

Deno.test("spawn() looks at all it is told before it starts anything, and leaves neither child nor descriptor, like Pidfd and EventFd", async () => {
  const path = new URL("leftovers_child.ts", import.meta.url).pathname;
  await using child = spawnCommand(Deno.execPath(), {
    args: ["run", "--quiet", "--no-lock", "--no-check", "--allow-all", path],
  });
  const { code, stderr } = await child.end();
  assertEquals([code, stderr], [0, ""]);
});
