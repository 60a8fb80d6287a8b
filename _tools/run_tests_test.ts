import { assert, assertEquals, assertMatch } from "@std/assert";
import { ROOT } from "./common.ts";
import { lanesOf } from "./run_tests.ts";
import { type Files, withRepository } from "./testing.ts";

Deno.test("lanesOf() puts each file of tests into one of two processes", () => {
  assertEquals(
    lanesOf([
      "README.md",
      "_tools/a_test.ts",
      "dist/copy/tests/a_test.ts",
      "tests/async/a_test.ts",
      "tests/cli/test.js",
      "tests/ipc/device/a_test.ts",
      "tests/ipc/sysv/deep/a.test.mts",
      "tests/new_folder/a_test.ts",
      "tests/new_test.ts",
      "tests/util.ts",
    ], ["dist/"]),
    [["tests/async/a_test.ts", "tests/ipc/sysv/deep/a.test.mts"], [
      "_tools/a_test.ts",
      "tests/cli/test.js",
      "tests/ipc/device/a_test.ts",
      "tests/new_folder/a_test.ts",
      "tests/new_test.ts",
    ]],
  );
});

/** Returns a repository with the runner and the given files. */
function repository(files: Files): Files {
  const sources = [
    "children.ts",
    "common.ts",
    "run_tests.ts",
    "test_process.ts",
    "test_repeat.ts",
    "test_report.ts",
  ].map((name) => `_tools/${name}`);
  return {
    "deno.json": "{}",
    ...Object.fromEntries(
      sources.map((path) => [path, Deno.readTextFileSync(ROOT + path)]),
    ),
    ...files,
  };
}

/** Starts a tool of the repository. */
function startTool(
  root: string,
  tool: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--allow-all",
      `${root}_tools/${tool}`,
      ...args,
    ],
    cwd: root,
    env: { NO_COLOR: "1", TMPDIR: root, LIBC_IPC_TEST_FULL: "", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Waits until a tool ends; returns its exit code and output. */
async function endOf(
  child: Deno.ChildProcess,
): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** Returns the files that a run has left in the temporary folder. */
function leftBehind(root: string): string[] {
  return Array.from(Deno.readDirSync(root), ({ name }) => name)
    .filter((name) => name.startsWith("ipc_test_"));
}

/** Tests, one of which kills its process. */
const DYING = `
  Deno.test("lives", () => {});
  Deno.test("dies", async () => {
    const { pid } = new Deno.Command("sleep", { args: ["1000"] }).spawn();
    // What console.error() takes may die with the process.
    Deno.writeTextFileSync(
      "/dev/stderr",
      "\\nleft behind: " + pid + "\\nwatchdog: stuck in something\\n",
    );
    Deno.kill(Deno.pid, "SIGKILL");
    await new Promise(() => {});
  });`;

const MIXED: Files = repository({
  "mod.ts": `
    /**
     * \`\`\`ts
     * if (a !== 1) throw new Error("no");
     * \`\`\`
     */
    export const a = 1;`,
  "tests/async/dying_test.ts": DYING,
  "tests/async/other_dying_test.ts": DYING,
  "tests/cli/broken_test.ts": `throw new Error("broken");`,
  "tests/cli/mixed_test.ts": `
    Deno.test("passes", () => {});
    Deno.test("fails", () => {
      throw new Error("on purpose");
    });
    Deno.test({ name: "sleeps [skipped: no bed]", ignore: true, fn() {} });
    Deno.test("lives", () => {});`,
});

Deno.test("deno task test goes on when one of its processes dies", async () => {
  await withRepository(MIXED, async (root) => {
    const { code, text } = await endOf(startTool(root, "run_tests.ts"));
    assertEquals(code, 1);
    assertMatch(text, /^Runs 4 test files in two processes; .* minutes/);
    assertMatch(
      text,
      /\nFAILED tests\/async\/\w*dying_test.ts \([01] passed, 1 failed, /,
    );
    assertMatch(
      text,
      /\nFAILED tests\/cli\/mixed_test.ts \(2 passed, 1 failed, 1 skipped, /,
    );
    assertMatch(text, /\nok {5}examples in the docs \(1 passed, /);
    assertMatch(
      text,
      /\n(dies => tests\/async\/\w*dying_test.ts|process 1 .*): the process died here\ntests\/async\/\w*dying_test.ts has not run\n/,
    );
    assertMatch(text, /\nwatchdog: stuck in something\n/);
    assertMatch(
      text,
      /\nfails => .*mixed_test.ts.*\nerror: Error: on purpose\n/,
    );
    // Output that deno has not printed yet is lost with the process.
    assertMatch(
      text,
      /\nskipped: sleeps \[skipped: no bed\]\n(FAILED lives: the title of 2 tests, in .*\n4 passed, 4|3 passed, 3) failed, 1 skipped\n$/,
    );
    assertMatch(text, /\nerror: \(in promise\) Error: broken\n/);
    const [, left = ""] = /\nleft behind: (\d+)\n/.exec(text) ?? [];
    await ends(left);
    assertEquals(leftBehind(root), []);
  });
});

Deno.test("deno task test gives its arguments to deno test", async () => {
  await withRepository(MIXED, async (root) => {
    const file = "tests/cli/mixed_test.ts";
    const run = (...args: string[]) =>
      endOf(startTool(root, "run_tests.ts", [file, ...args]));
    const good = await run("--filter=passes");
    assertMatch(
      good.text,
      /\npasses \.\.\. ok .*\n\nok \| 1 passed \| 0 failed/,
    );
    assertEquals(good.code, 0);
    assertEquals((await run("--filter=fails")).code, 1);
  });
});

Deno.test("deno task test:full says that it takes hours", async () => {
  const files = repository({ "tests/a_test.ts": `Deno.test("a", () => {});` });
  await withRepository(files, async (root) => {
    const run = async (...args: string[]) => {
      const env = { LIBC_IPC_TEST_FULL: "1" };
      return (await endOf(startTool(root, "run_tests.ts", args, env))).text;
    };
    assertMatch(
      await run(),
      /^Runs 1 test files .* hours .*\n[^]*\n1 passed, 0 failed\n$/,
    );
    assertMatch(await run("tests"), /^Full counts: .* hours\n/);
  });
});

Deno.test("deno task test:repeat tells what failed how often", async () => {
  await withRepository(MIXED, async (root) => {
    const run = (...args: string[]) =>
      endOf(startTool(root, "test_repeat.ts", args));
    const { code, text } = await run("2", "tests/cli/mixed_test.ts");
    assertEquals(code, 1);
    const line = "run 2: 2 passed, 1 failed, 1 skipped, [0-9.]+ s";
    assertMatch(
      text,
      RegExp(`\n${line}\n[^]*on purpose[^]*\n${line}\n2 of 2: fails => tests/`),
    );
    const good = await run("1", "tests/cli/mixed_test.ts", "--filter=passes");
    assertEquals(good.code, 0);
    assertEquals((await run("tests/cli")).code, 2);
  });
});

/** Returns a test that never ends and opens a connection to show it runs. */
function hanging(title: string): string {
  return `
    Deno.test("${title}", async () => {
      const path = new URL("../../socket", import.meta.url).pathname;
      const connection = await Deno.connect({ transport: "unix", path });
      await connection.read(new Uint8Array(1));
    });`;
}

/** Returns state and parent of a process, or undefined if it is gone. */
function statOf(pid: string): { state: string; parent: number } | undefined {
  try {
    const [, state = "", parent] =
      /\) (\w) (\d+) /.exec(Deno.readTextFileSync(`/proc/${pid}/stat`)) ?? [];
    return { state, parent: Number(parent) };
  } catch (error) {
    // ESRCH if it ends between open and read.
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}

/** Returns the pids of the busy loops that a tool has started. */
function loopsOf(parent: number): string[] {
  return Array.from(Deno.readDirSync("/proc"), ({ name }) => name)
    .filter((name) => /^\d+$/.test(name) && statOf(name)?.parent === parent)
    .filter((name) =>
      Deno.readTextFileSync(`/proc/${name}/cmdline`).includes("while :")
    );
}

/** Polls for the end of a killed process that is not our child. */
async function ends(pid: string): Promise<void> {
  // A zombie has ended; it may never be reaped.
  while (!"ZX".includes(statOf(pid)?.state ?? "X")) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

for (
  const [signal, tool, ...args] of [
    ["SIGINT", "run_tests.ts"],
    ["SIGTERM", "test_repeat.ts", "2", "--load"],
    ["SIGKILL", "test_repeat.ts", "2", "--load"],
  ] as const
) {
  Deno.test(`${signal} ends ${tool} with all that it has started`, async () => {
    const files = repository({
      "tests/async/hanging_test.ts": hanging("hangs first"),
      "tests/cli/hanging_test.ts": hanging("hangs second"),
    });
    await withRepository(files, async (root) => {
      using listener = Deno.listen({
        transport: "unix",
        path: `${root}socket`,
      });
      const child = startTool(root, tool, args);
      const ended = endOf(child);
      using first = await listener.accept();
      using second = await listener.accept();
      const loops = loopsOf(child.pid);
      assertEquals(
        loops.length,
        args.length > 0 ? navigator.hardwareConcurrency : 0,
      );
      child.kill(signal);
      for (const connection of [first, second]) {
        assertEquals(await connection.read(new Uint8Array(1)), null);
      }
      const { code, text } = await ended;
      for (const loop of loops) await ends(loop);
      assert(!text.includes("examples in the docs"));
      if (signal === "SIGKILL") return;
      assertEquals(code, 1);
      // Output that deno has not printed yet is lost with it; then only the
      // process that ran the test is known.
      const died =
        /\n(hangs (first|second)|process \d) .*: the process died here\n/g;
      assertEquals([...text.matchAll(died)].length, 2, text);
      assertMatch(
        text,
        /\n0 passed, 2 failed\n|: 0 passed, 2 failed, [0-9.]+ s\n/,
      );
      assertEquals(leftBehind(root), []);
    });
  });
}
