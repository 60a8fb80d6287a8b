// The programs of examples/pipe and fifo, and that every example is run.

import { assertEquals, assertMatch } from "@std/assert";
import {
  type Child,
  exists,
  hasCommand,
  spawnCommand,
  watchdog,
} from "../util.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const FIFO = "/tmp/libc-ipc-shout.fifo";

/** Starts an example as its README says. */
function example(path: string, ...args: string[]): Child {
  return spawnCommand(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-ffi", `examples/${path}`, ...args],
    cwd: ROOT,
  });
}

/** Runs an example to its end. */
async function run(
  path: string,
  ...args: string[]
): Promise<{ pid: number; code: number; stdout: string; stderr: string }> {
  await using child = example(path, ...args);
  const { code, stdout, stderr } = await child.end();
  return { pid: child.pid, code, stdout, stderr };
}

const SUMS = `3 + 4 = 7
10 + 20 + 30 = 60
1.5 + 2.5 = 4
the child has ended with 0
`;

Deno.test("examples/pipe asks a child and gets its answers", async () => {
  using _dog = watchdog("examples/pipe");
  const { code, stdout, stderr } = await run("pipe/parent.ts");
  assertEquals([code, stdout, stderr], [0, SUMS, ""]);
});

const noAwk = !hasCommand("awk");

Deno.test({
  name: `examples/pipe asks a shell script as well${
    noAwk ? " [skipped: no awk]" : ""
  }`,
  ignore: noAwk,
  async fn() {
    using _dog = watchdog("examples/pipe with a shell");
    const script = `while read -r a b c <&3; do echo "$a $b $c" | tr " " "\\n" |
      awk "{ sum += \\$1 } END { print sum }" >&4; done`;
    const { code, stdout, stderr } = await run(
      "pipe/parent.ts",
      "sh",
      "-c",
      script,
    );
    assertEquals([code, stdout, stderr], [0, SUMS, ""]);
  },
});

Deno.test("examples/fifo answers clients and whoever else writes", async () => {
  using _dog = watchdog("examples/fifo");
  await using server = example("fifo/server.ts");
  assertEquals(await server.line(), `waiting for requests on ${FIFO}`);
  const [one, two] = await Promise.all([
    run("fifo/client.ts", "is", "anybody", "there"),
    run("fifo/client.ts", "straße"),
  ]);
  assertEquals([one.code, one.stderr], [0, ""]);
  assertEquals([two.code, two.stderr], [0, ""]);
  assertEquals(one.stdout, "IS ANYBODY THERE!\n");
  assertEquals(two.stdout, "STRASSE!\n");
  const answered = [await server.line(), await server.line()].sort();
  assertEquals(answered, [
    'answered "is anybody there"',
    'answered "straße"',
  ]);
  // A client without a program of ours, as in the README. It has its FIFO open
  // before it asks: the server does not wait for long.
  const mine = `/tmp/libc-ipc-mine-${Deno.pid}.fifo`;
  const shell = `mkfifo ${mine} && exec 5<> ${mine} &&
    echo "${mine} from the shell" > ${FIFO} && head -n 1 <&5; rm ${mine}`;
  await using other = spawnCommand("sh", { args: ["-c", shell] });
  assertEquals((await other.end()).stdout, "FROM THE SHELL!\n");
  assertEquals(await server.line(), 'answered "from the shell"');
  await using rival = example("fifo/server.ts");
  assertMatch((await rival.end()).stderr, /mkfifo failed with EEXIST/);
  server.kill("SIGTERM");
  const { code, stdout, stderr } = await server.end();
  assertEquals([code, stdout, stderr], [0, "the server ends\n", ""]);
  for (const { pid } of [one, two]) {
    assertEquals(exists(`/tmp/libc-ipc-shout-${pid}.fifo`), false);
  }
  assertEquals(exists(FIFO), false);
  const late = await run("fifo/client.ts");
  assertEquals([late.code, late.stdout], [1, ""]);
  assertMatch(late.stderr, /ENOENT.*\nIs the server running\?/);
});

Deno.test("every pair of examples is run by a test of this folder", () => {
  const folder = new URL(".", import.meta.url);
  const tests = Array.from(
    Deno.readDirSync(folder),
    ({ name }) => Deno.readTextFileSync(new URL(name, folder)),
  ).join("");
  const examples = Array.from(Deno.readDirSync(`${ROOT}examples`))
    .filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
  // Those in C have tests of the device, see tests/ipc/device/c_test.ts.
  const left = examples.filter((name) =>
    name !== "c" && !tests.includes(`"${name}/`)
  );
  assertEquals(left, []);
});
