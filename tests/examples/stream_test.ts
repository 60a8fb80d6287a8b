// The programs of examples/pipe and fifo, and a check that all examples run.

import { assertEquals, assertMatch } from "@std/assert";
import { hasCommand, spawnCommand } from "../util.ts";
import { EXAMPLES, rest, Stage } from "./_stage.ts";

const SUMS = `3 + 4 = 7
10 + 20 + 30 = 60
1.5 + 2.5 = 4
the child has ended with 0`;

Deno.test("examples/pipe asks a child and gets its answers", async () => {
  using stage = new Stage("pipe");
  assertEquals(await stage.run("parent.ts"), SUMS);
});

const noAwk = !hasCommand("awk");

Deno.test({
  name: `examples/pipe asks a shell script as well${
    noAwk ? " [skipped: no awk]" : ""
  }`,
  ignore: noAwk,
  async fn() {
    using stage = new Stage("pipe");
    const script = `while read -r a b c <&3; do echo "$a $b $c" | tr " " "\\n" |
      awk "{ sum += \\$1 } END { print sum }" >&4; done`;
    assertEquals(await stage.run("parent.ts", "sh", "-c", script), SUMS);
  },
});

Deno.test("examples/fifo answers clients and whoever else writes", async () => {
  using stage = new Stage("fifo");
  await using server = stage.start("server.ts");
  assertEquals(await server.line(), "waiting for requests on shout.fifo");
  const answers = await Promise.all([
    stage.run("client.ts", "is", "anybody", "there"),
    stage.run("client.ts", "straße"),
  ]);
  assertEquals(answers, ["IS ANYBODY THERE!", "STRASSE!"]);
  const answered = [await server.line(), await server.line()].sort();
  assertEquals(answered, [
    'answered "is anybody there"',
    'answered "straße"',
  ]);
  // A client in the shell, as in the README. It opens its FIFO before it asks,
  // because the server does not wait for long.
  const shell = `mkfifo mine.fifo && exec 5<> mine.fifo &&
    echo "mine.fifo from the shell" > shout.fifo && head -n 1 <&5; rm mine.fifo`;
  await using other = spawnCommand("sh", {
    args: ["-c", shell],
    cwd: stage.path,
  });
  assertEquals(await rest(other), ["FROM THE SHELL!"]);
  assertEquals(await server.line(), 'answered "from the shell"');
  // A second server in the same directory.
  assertMatch(await stage.fail("server.ts"), /mkfifo failed with EEXIST/);
  server.kill("SIGTERM");
  assertEquals(await rest(server), ["the server ends"]);
  assertEquals([...Deno.readDirSync(stage.path)], []);
  const failure = await stage.fail("client.ts");
  assertMatch(failure, /ENOENT.*\nIs the server running\?/);
});

Deno.test("every pair of examples is run by a test of this folder", () => {
  const folder = new URL(".", import.meta.url);
  const tests = Array.from(
    Deno.readDirSync(folder),
    ({ name }) => Deno.readTextFileSync(new URL(name, folder)),
  ).join("");
  const examples = Array.from(Deno.readDirSync(EXAMPLES))
    .filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
  // The C examples are tested in tests/ipc/device/c_test.ts.
  const left = examples.filter((name) =>
    name !== "c" && !tests.includes(`new Stage("${name}")`)
  );
  assertEquals(left, []);
});
