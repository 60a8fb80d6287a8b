import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { VERSION } from "../../cli/version.ts";
import { source, spawnDeno } from "../util.ts";
import { ipc, lines, Place } from "./_ipc.ts";

const COMMANDS = ["device", "client", "ctl", "detach", "demo"] as const;

/** The result of a run of `main()`. */
interface Outcome {
  code: number;
  stdout: string[];
  stderr: string[];
}

/** Runs many command lines in one child process, one after the other. */
async function runAll(
  commandLines: readonly (readonly string[])[],
): Promise<Outcome[]> {
  await using child = spawnDeno(`
    import { main } from ${JSON.stringify(source("cli/mod.ts"))};
    const mark = new TextEncoder().encode("\\0");
    for (const args of ${JSON.stringify(commandLines)}) {
      const code = await main(args);
      Deno.stdout.writeSync(new TextEncoder().encode(code + "\\0"));
      Deno.stderr.writeSync(mark);
    }
  `);
  const { code, stdout, stderr } = await child.end();
  assertEquals(code, 0, stderr);
  const errors = stderr.split("\0");
  return stdout.split("\0").slice(0, -1).map((text, i) => {
    const end = text.lastIndexOf("\n") + 1;
    return {
      code: Number(text.slice(end)),
      stdout: lines(text.slice(0, end)),
      stderr: lines(errors[i] ?? ""),
    };
  });
}

Deno.test("ipc refuses wrong usage with one line, a hint and exit code 2", async () => {
  using place = new Place();
  const wrong: [args: string, message: string][] = [
    ["", "a command is missing"],
    ["bogus", "unknown command bogus"],
    ["--bogus", "unknown option --bogus"],
    ["help bogus", 'no help about "bogus"'],
    ["toString", "unknown command toString"],
    ["device", "<SIN|TRI|QUA> <PERIOD> are missing"],
    ["device SIN", "<PERIOD> is missing"],
    ["device COS 2", 'waveform must be one of SIN, TRI, QUA, got "COS"'],
    ["device SIN 0", "<PERIOD> must be a number greater than 0"],
    ["device SIN -2", 'got "-2"'],
    ["device SIN NaN", 'got "NaN"'],
    ["device SIN 1e999", 'got "1e999"'],
    ["device SIN Infinity", 'got "Infinity"'],
    ["device SIN 1e300", "period must be"],
    ["device SIN 2s", 'got "2s"'],
    ["device SIN 2 3", 'unexpected argument "3"'],
    ["device SIN 2 --interval 0", "--interval must be"],
    ["device SIN 2 --interval -1", 'got "-1"'],
    ["device SIN 2 --interval 4000", "--interval must be"],
    ["device SIN 2 --interval x", "--interval must be"],
    ["device SIN 2 --bits 1", "--bits must be a whole number from 2 to 31"],
    ["device SIN 2 --bits 32", "--bits must be"],
    ["device SIN 2 --bits 10.5", "--bits must be"],
    ["device SIN 2 --mode 999", "--mode must be"],
    ["device SIN 2 --mode 400", "mode must let the owner read and write"],
    ["device SIN 2 --proj xy", "--proj must be"],
    ["device SIN 2 --transport tcp", "--transport must be one of"],
    ["device SIN 2 --count 3", "unknown option --count"],
    ["client extra", 'unexpected argument "extra"'],
    ["client --interval 0", "--interval must be"],
    ["client --interval 1e999", "--interval must be"],
    ["client --count -1", "--count must be"],
    ["client --count 1.5", "--count must be"],
    ["client --count", "option --count needs a value"],
    ["client --json --csv", "--json and --csv exclude each other"],
    ["client --plot --json", "--plot and --json exclude each other"],
    ["client --follow --interval 1", "leave out --interval"],
    ["client --timeout 1", "--timeout goes with --wait"],
    ["client --wait --timeout 0", "--timeout must be"],
    ["client --window 1", "--window goes with --plot"],
    ["client --plot --window 0", "--window must be"],
    ["client --ascii", "--ascii goes with --plot"],
    ["client --transport x", "--transport must be"],
    ["ctl", "a command is missing"],
    ["ctl pause", 'got "pause"'],
    ["ctl start now", "takes no settings"],
    ["ctl config", "config must change at least one"],
    ["ctl config period", 'got "period"'],
    ["ctl config colour=red", "colour"],
    ["ctl config period=0", "period must be"],
    ["ctl config period=NaN", "period must be"],
    ["ctl config interval=1e999", "interval must be"],
    ["ctl config bits=99", "bits must be"],
    ["ctl config waveform=COS", "waveform must be"],
    ["ctl status --timeout -1", "--timeout must be"],
    ["detach now", 'unexpected argument "now"'],
    ["detach --force=1", "option --force takes no value"],
    ["detach --proj 0x00", "--proj must be"],
    ["demo --seconds 0", "--seconds must be"],
    ["demo 5", 'unexpected argument "5"'],
  ];
  const known = /^(device|client|ctl|detach)\b/;
  const outcomes = await runAll(wrong.map(([args]) => [
    ...args.split(" ").filter(Boolean),
    ...(known.test(args) ? place.args : []),
  ]));
  for (const [i, [args, message]] of wrong.entries()) {
    const { code, stdout, stderr } = outcomes[i] ?? { stdout: [], stderr: [] };
    const command = COMMANDS.find((name) => name === args.split(" ")[0]);
    const name = command === undefined ? "ipc" : `ipc ${command}`;
    assertEquals(code, 2, `ipc ${args}`);
    assertEquals(stdout, [""], `ipc ${args}`);
    assertStringIncludes(stderr[0] ?? "", message);
    assert(stderr[0]?.startsWith(`${name}: `), stderr[0]);
    assertEquals(stderr.slice(1), [`${name}: try "${name} --help"`]);
  }
  assertEquals(outcomes.length, wrong.length);
  assertEquals(place.status, "none");
});

Deno.test("ipc refuses what is right but cannot be done with exit code 1", async () => {
  using place = new Place();
  const nowhere = ["--path", `${place.path}/nowhere`];
  const outcomes = await runAll([
    ["device", "SIN", "2", ...nowhere],
    ["client", ...nowhere],
    ["client", ...place.args],
    ["ctl", "status", ...place.args],
    ["detach", ...nowhere],
  ]);
  assertEquals(outcomes.map(({ code }) => code), [1, 1, 1, 1, 1]);
  for (const { stderr } of outcomes) {
    assertStringIncludes(stderr[0] ?? "", "ENOENT");
  }
  // If the path does not exist, starting a device would not help: no hint.
  assertEquals(outcomes[1]?.stderr.length, 1);
  assertStringIncludes(outcomes[2]?.stderr[1] ?? "", "--wait");
  assertStringIncludes(outcomes[3]?.stderr[1] ?? "", "ipc device SIN 2");
});

Deno.test("ipc --help explains every command, in 80 columns, with examples", async () => {
  const topics = [[], ...COMMANDS.map((command) => [command])];
  const asked = [
    ...topics.map((topic) => [...topic, "--help"]),
    ...topics.map((topic) => [...topic, "-h"]),
    ...topics.map((topic) => ["help", ...topic]),
  ];
  const outcomes = await runAll(asked);
  for (const [i, { code, stdout, stderr }] of outcomes.entries()) {
    const text = stdout.join("\n");
    assertEquals([code, stderr], [0, [""]]);
    // The three ways to ask for a topic print the same text.
    assertEquals(stdout, outcomes[i % topics.length]?.stdout);
    assertMatch(text, /^Usage: ipc /m);
    assertMatch(text, /^Exit code: 0 /m);
    if (!text.includes("ipc demo [OPTIONS]")) {
      assertMatch(text, /^Examples:\n {2}\S/m);
    }
    for (const line of stdout) {
      assert(line.length <= 80 && line === line.trimEnd(), line);
    }
  }
});

Deno.test("ipc takes every option that its help names", async () => {
  const helps = await runAll(COMMANDS.map((command) => [command, "--help"]));
  const tried: string[][] = [];
  for (const [i, command] of COMMANDS.entries()) {
    const text = helps[i]?.stdout.join("\n") ?? "";
    for (
      const [, name = "", value] of text.matchAll(
        /^ {2,6}(?:-h, )?--([a-z-]+)( [A-Z]+)?/gm,
      )
    ) {
      tried.push([command, `--${name}`, ...(value ? ["1"] : []), "--bogus"]);
    }
  }
  assert(tried.length > 30, `${tried.length} options`);
  const outcomes = await runAll(tried);
  for (const [i, { stderr }] of outcomes.entries()) {
    const [command, option] = tried[i] ?? [];
    assertEquals(
      stderr[0],
      `ipc ${command}: unknown option --bogus`,
      `${command} ${option}`,
    );
  }
});

Deno.test("ipc --version says the version of the package", async () => {
  const config = JSON.parse(
    Deno.readTextFileSync(new URL("../../deno.json", import.meta.url)),
  );
  assertEquals(VERSION, config.version);
  const { code, stdout } = await ipc(["--version"]);
  assertEquals([code, stdout], [0, `ipc ${VERSION}\n`]);
});

Deno.test("ipc without --allow-ffi says in one line what is missing", async () => {
  for (
    const args of [["device", "SIN", "2"], ["client"], ["ctl", "status"], [
      "detach",
    ], ["demo"]]
  ) {
    const { code, stdout, stderr } = await ipc(args, { permissions: [] });
    assertEquals([code, stdout], [1, ""]);
    assertEquals(lines(stderr).length, 1, stderr);
    assertMatch(stderr, new RegExp(`^ipc ${args[0]}: .*--allow-ffi`));
  }
});

Deno.test("ipc needs no permission to explain itself", async () => {
  const { code, stderr } = await ipc(["client", "--help"], { permissions: [] });
  assertEquals([code, stderr], [0, ""]);
});
