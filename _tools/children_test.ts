import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { run } from "./children.ts";

Deno.test("run() collects what a child says, and whether it was well", async () => {
  const said: string[] = [];
  const { success, output } = await run("sh", {
    args: ["-c", "echo one; echo two >&2; exit 1"],
  }, { onStdout: (text) => said.push(text), patience: 600_000 });
  assertEquals(said.join(""), "one\n");
  assertEquals(output.split("\n").sort(), ["", "one", "two"]);
  assert(!success);
});

Deno.test("run() kills a child that is silent for too long, with its children", async () => {
  const { success, output } = await run("sh", {
    args: ["-c", "echo begun; sleep 1000 & wait"],
  }, { patience: 100 });
  // The output has ended, so all processes that held it have ended too.
  assertStringIncludes(output, "\nkilled after 0.1 s of silence\n");
  assert(!success);
});

Deno.test("run() keeps Deno from asking for a newer one", async () => {
  const args = ["-c", "echo $DENO_NO_UPDATE_CHECK $MORE"];
  const { output } = await run("sh", { args, env: { MORE: "more" } });
  assertEquals(output, "1 more\n");
});
