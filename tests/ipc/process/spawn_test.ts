import { assert, assertEquals, assertThrows } from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import {
  denoArgs,
  hasCommand,
  notEmulated,
  spawnDeno,
  uniqueName,
} from "../../util.ts";
import { output } from "./util.ts";
import { ignore } from "@libc/ipc/signal";
import { spawn, type SpawnOptions } from "@libc/ipc/spawn";
import { pipe } from "@libc/ipc/pipe";

/** The error of a program that does not start. */
function refusal(command: string, options?: SpawnOptions): IpcError {
  return assertThrows(() => spawn(command, options), IpcError);
}

Deno.test("spawn() tells the exit code", async () => {
  for (const code of [0, 1, 7, 127, 255]) {
    const child = spawn("sh", { args: ["-c", `exit ${code}`] });
    assertEquals(await child.status, {
      success: code === 0,
      code,
      signal: null,
      core: false,
    });
  }
});

Deno.test("spawn() tells the signal", async () => {
  const names = ["SIGKILL", "SIGTERM", "SIGUSR1", "SIGRTMIN+3"] as const;
  for (const signal of names) {
    const child = spawn("sleep", { args: ["1000"] });
    child.kill(signal);
    const status = await child.status;
    assertEquals(status.signal, signal);
    assertEquals([status.success, status.core], [false, false]);
    assertEquals(status.code > 128, true);
  }
});

const pattern = Deno.readTextFileSync("/proc/sys/kernel/core_pattern");
const dumps = pattern.startsWith("core") && Deno.uid() === 0;

Deno.test({
  name: `spawn() tells a core dump${
    dumps ? "" : " [skipped: core dumps go elsewhere]"
  }`,
  ignore: !dumps,
  async fn() {
    const cwd = await Deno.makeTempDir();
    try {
      const args = ["-c", "ulimit -c unlimited; kill -QUIT $$"];
      // It may be ignored if the tests run in the background.
      const options = { args, cwd, signalDefault: "SIGQUIT" } as const;
      const { signal, core } = await spawn("sh", options).status;
      assertEquals([signal, core], ["SIGQUIT", true]);
    } finally {
      await Deno.remove(cwd, { recursive: true });
    }
  },
});

Deno.test("spawn() passes arguments as they are", async () => {
  const args = ["", " a b ", "ä🦕\n$HOME", "'\"\\", "--", "x".repeat(100_000)];
  const text = await output("sh", {
    args: ["-c", 'printf "%s\\0" "$@"', "name", ...args],
  });
  assertEquals(text, args.map((arg) => `${arg}\0`).join(""));
  assertEquals(
    await output("sh", { args: ["-c", "echo $0"], argv0: "other" }),
    "other\n",
  );
  assertEquals(await output("echo"), "\n");
});

Deno.test("spawn() refuses arguments that C would cut", () => {
  const nul = "a\0b";
  const fds = { 1: "pipe" } as const;
  assertThrows(() => spawn(nul), TypeError, "command");
  assertThrows(() => spawn(""), TypeError, "command");
  assertThrows(() => spawn("ls", { args: [nul], fds }), TypeError, "argument");
  assertThrows(() => spawn("ls", { argv0: nul, fds }), TypeError, "argument");
  assertThrows(() => spawn("ls", { cwd: nul, fds }), TypeError, "cwd");
  assertThrows(
    () => spawn("ls", { env: { A: nul }, fds }),
    TypeError,
    "environment variable A",
  );
  for (const name of ["", "A=B", "="]) {
    assertThrows(
      () => spawn("ls", { env: { [name]: "x" }, fds }),
      TypeError,
      "name of an environment variable",
    );
  }
  assertThrows(
    () => spawn("ls", { env: { A: 5 as never }, fds }),
    TypeError,
    "environment variable A must be a string, got 5",
  );
});

Deno.test("spawn() changes the environment, or begins a new one", async () => {
  const name = uniqueName("VARIABLE").replaceAll("-", "_");
  Deno.env.set(name, "ours");
  try {
    const args = ["-c", `echo "\${${name}-none} \${B-none} \${PATH:+path}"`];
    const sh = (options: SpawnOptions) =>
      output("/bin/sh", { args, ...options });
    assertEquals(await sh({}), "ours none path\n");
    assertEquals(await sh({ env: { B: "é=x" } }), "ours é=x path\n");
    assertEquals(await sh({ env: { [name]: "new" } }), "new none path\n");
    assertEquals(await sh({ env: { [name]: undefined } }), "none none path\n");
    assertEquals(await sh({ env: { [name]: "" } }), " none path\n");
    const cleared = await output("env", { clearEnv: true, env: { B: "1" } });
    assertEquals(cleared, "B=1\n");
    assertEquals(await output("env", { clearEnv: true }), "");
  } finally {
    Deno.env.delete(name);
  }
});

Deno.test("spawn() passes on an environment that is no UTF-8", async () => {
  const code = `
    import { spawn } from "@libc/ipc/spawn";
    await spawn("sh", { args: ["-c", 'printf "$RAW" | od -An -tx1'], env: { OTHER: "1" } }).status;`;
  const text = await output("sh", {
    args: [
      "-c",
      'RAW=$(printf "a\\377\\376") exec "$@"',
      "sh",
      Deno.execPath(),
      ...denoArgs(code),
    ],
  });
  assertEquals(text, " 61 ff fe\n");
});

Deno.test("spawn() starts in another directory", async () => {
  const cwd = await Deno.realPath(await Deno.makeTempDir());
  try {
    assertEquals(await output("pwd", { cwd }), `${cwd}\n`);
    const url = new URL(`file://${cwd}/`);
    assertEquals(await output("pwd", { cwd: url }), `${cwd}\n`);
    // A relative command is one of that directory.
    await Deno.writeTextFile(`${cwd}/here`, "#!/bin/sh\necho here\n");
    await Deno.chmod(`${cwd}/here`, 0o755);
    assertEquals(await output("./here", { cwd }), "here\n");
    assertEquals(await output("here", { cwd, path: false }), "here\n");
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

Deno.test("spawn() takes a file: URL as the command", async () => {
  const child = spawn(new URL("file:///bin/sh"), { args: ["-c", "exit 3"] });
  assertEquals((await child.status).code, 3);
  assertThrows(() => spawn(new URL("http://x/")), TypeError, "file: URL");
});

Deno.test({
  ...notEmulated(
    "spawn() explains why a program does not start",
    "has signals and limits of its own",
  ),
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const write = async (name: string, text: string, mode: number) => {
        await Deno.writeTextFile(`${folder}/${name}`, text);
        await Deno.chmod(`${folder}/${name}`, mode);
        return `${folder}/${name}`;
      };
      const cases: [string, SpawnOptions, string, string][] = [
        ["no-such-program", {}, "ENOENT", "it is not in the PATH"],
        [`${folder}/none`, {}, "ENOENT", "(No such file or directory)"],
        ["ls", { cwd: "/none" }, "ENOENT", 'cwd "/none" is no directory'],
        ["ls", { cwd: "/etc/passwd" }, "ENOTDIR", "is no directory"],
        [
          await write("script", "#!/no/interpreter\n", 0o755),
          {},
          "ENOENT",
          "the interpreter that it names does not exist",
        ],
        [await write("data", "hello\n", 0o644), {}, "EACCES", "EACCES"],
        [
          await write("text", "hello\n", 0o755),
          {},
          "ENOEXEC",
          "neither a program nor a script",
        ],
        ["/etc", {}, "EACCES", "EACCES"],
        ["/etc/passwd/x", {}, "ENOTDIR", "ENOTDIR"],
        ["ls", { args: ["x".repeat(4_000_000)] }, "E2BIG", "too long"],
        ["ls", { setpgroup: 2 ** 31 - 1 }, "EPERM", "process group"],
      ];
      for (const [command, options, code, reason] of cases) {
        const error = refusal(command, {
          fds: { 0: "pipe", 1: "pipe" },
          ...options,
        });
        assertEquals(error.code, code, command);
        const call = command.includes("/") ? "posix_spawn" : "posix_spawnp";
        assertEquals(error.syscall, call);
        const start = `Cannot start program ${
          JSON.stringify(command)
        }: ${call} failed`;
        assert(error.message.startsWith(start), error.message);
        assert(error.message.includes(reason), error.message);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("spawn() needs nothing but --allow-ffi", async () => {
  await using child = spawnDeno(`
    import { spawn } from "@libc/ipc/spawn";
    const child = spawn("sh", { args: ["-c", 'echo "$HOME"'], fds: { 1: "pipe" } });
    console.log(JSON.stringify(await new Response(child.stdout.readable).text()), (await child.status).code);`);
  const { code, stdout, stderr } = await child.end();
  const home = JSON.stringify(`${Deno.env.get("HOME") ?? ""}\n`);
  assertEquals([code, stdout], [0, `${home} 0\n`], stderr);
});

/** Fields of `/proc/PID/status` of a new program, as bit masks. */
async function signalState(
  options: SpawnOptions,
): Promise<Record<string, bigint>> {
  return signalsOf(
    await output("grep", { args: ["^Sig", "/proc/self/status"], ...options }),
  );
}

const bit = (number: number) => 1n << BigInt(number - 1);
/** Signals of the C library, which it ignores only in some children. */
const ITS_OWN = bit(32) | bit(33);

/** The masks of `/proc/self/status`. */
function signalsOf(status: string): Record<string, bigint> {
  return Object.fromEntries(
    Array.from(status.matchAll(/^(Sig\w+):\s*([0-9a-f]{16})$/gm), (match) => [
      match[1] ?? "",
      BigInt(`0x${match[2]}`) & ~ITS_OWN,
    ]),
  );
}

/** The signals ignored here, including those that were ignored at the start. */
function ignoredHere(): bigint {
  const { SigIgn = 0n } = signalsOf(
    Deno.readTextFileSync("/proc/self/status"),
  );
  return SigIgn;
}

Deno.test({
  ...notEmulated(
    "spawn() starts a program with the signals blocked that it is told",
    "has signals and limits of its own",
  ),
  async fn() {
    assertEquals((await signalState({})).SigBlk, 0n);
    const one = await signalState({ signalMask: "SIGUSR2" });
    assertEquals(one.SigBlk, bit(12));
    const several = await signalState({
      signalMask: ["SIGTERM", "SIGRTMIN", 64, "SIGTERM"],
    });
    assertEquals(several.SigBlk, bit(15) | bit(34) | bit(64));
  },
});

Deno.test("spawn() refuses to block what nobody can block", () => {
  const refused = [
    ["SIGKILL", "SIGKILL: nobody can block it"],
    [19, "SIGSTOP: nobody can block it"],
    ["SIG32", "SIG32: the C library keeps it to itself"],
    [33, "SIG33: the C library keeps it to itself"],
  ] as const;
  for (const [signal, why] of refused) {
    for (const signalMask of [signal, ["SIGUSR1", signal]] as const) {
      const { message } = assertThrows(
        () => spawn("true", { signalMask }),
        TypeError,
      );
      assertEquals(message, `Cannot block ${why}`);
    }
  }
});

Deno.test({
  ...notEmulated(
    "spawn() takes every signal there is for its default action, and those nobody can change",
    "has signals and limits of its own",
  ),
  async fn() {
    using _ignored = ignore("SIGHUP");
    const every = Array.from({ length: 64 }, (_, i) => i + 1);
    const all = await signalState({ signalDefault: every });
    assertEquals(all.SigIgn, 0n);
    const never = ["SIGKILL", "SIGSTOP", "SIG32", "SIG33"] as const;
    const none = await signalState({ signalDefault: never });
    assertEquals(none.SigIgn, ignoredHere());
  },
});

Deno.test({
  ...notEmulated(
    "spawn() starts a program that does not ignore SIGPIPE",
    "has signals and limits of its own",
  ),
  async fn() {
    const ours = ignoredHere();
    assertEquals((await signalState({})).SigIgn, ours & ~bit(13));
    assertEquals((await signalState({ signalDefault: [] })).SigIgn, ours);
    // So this ends, and without an error message from yes.
    assertEquals(
      await output("sh", { args: ["-c", "yes | head -n 1"] }),
      "y\n",
    );
  },
});

Deno.test({
  ...notEmulated(
    "spawn() leaves ignored what is ignored, unless told otherwise",
    "has signals and limits of its own",
  ),
  async fn() {
    using _ignored = ignore("SIGHUP");
    const others = ignoredHere() & ~(bit(1) | bit(13));
    assertEquals((await signalState({})).SigIgn, others | bit(1));
    const options = { signalDefault: ["SIGHUP", "SIGPIPE"] } as const;
    assertEquals((await signalState(options)).SigIgn, others);
  },
});

const python = hasCommand("python3") ? "" : " [skipped: no python3]";

Deno.test({
  name: `spawn() refuses to start what it could not wait for${python}`,
  ignore: python !== "",
  async fn() {
    const text = await output("python3", {
      args: [
        "-c",
        `import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])`,
        Deno.execPath(),
        ...denoArgs(
          `
        import { restoreDefault } from "@libc/ipc/signal";
        import { spawn } from "@libc/ipc/spawn";
        try { spawn("true"); } catch (error) { console.log(error.name, error.message); }
        restoreDefault("SIGCHLD");
        console.log((await spawn("true").status).code);`,
        ),
      ],
    });
    const [refused, code] = text.split("\n");
    assertEquals(
      refused,
      'TypeError Cannot start program "true": SIGCHLD is ignored, so that nobody could learn how it ends; call restoreDefault("SIGCHLD")',
    );
    assertEquals(code, "0");
  },
});

/** Session and process group of a new program. */
async function groups(options: SpawnOptions): Promise<number[]> {
  const child = spawn("cat", {
    args: ["/proc/self/stat"],
    ...options,
    fds: { 1: "pipe" },
  });
  const stat = await new Response(child.stdout?.readable).text();
  const [, , group, session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return [child.pid, Number(group), Number(session)];
}

Deno.test("spawn() begins a session or a process group", async () => {
  const [, ownGroup, ownSession] = await groups({});
  {
    const [pid, group, session] = await groups({ setsid: true });
    assertEquals([group, session], [pid, pid]);
  }
  {
    const [pid, group, session] = await groups({ setpgroup: 0 });
    assertEquals([group, session], [pid, ownSession]);
  }
  await using leader = spawn("sleep", { args: ["1000"], setpgroup: 0 });
  const [, group] = await groups({ setpgroup: leader.pid });
  assertEquals(group, leader.pid);
  assert(ownGroup !== leader.pid);
  assertThrows(
    () => spawn("true", { setsid: true, setpgroup: 0 }),
    TypeError,
    "setsid",
  );
  assertThrows(() => spawn("true", { setpgroup: -1 }), RangeError, "setpgroup");
});

Deno.test("spawn() refuses what is no signal", () => {
  for (const key of ["signalMask", "signalDefault", "killSignal"] as const) {
    assertThrows(
      () => spawn("true", { [key]: "SIGNONE" as never }),
      TypeError,
      '"SIGNONE"',
    );
  }
});

Deno.test({
  name: `spawn() can start a shell pipeline of perl and python${
    hasCommand("perl") && hasCommand("python3")
      ? ""
      : " [skipped: no perl or no python3]"
  }`,
  ignore: !hasCommand("perl") || !hasCommand("python3"),
  async fn() {
    const ends = pipe();
    const perl = spawn("perl", {
      args: ["-e", 'print "line $_\\n" for 1 .. 3'],
      fds: { 1: ends.writer },
    });
    const text = output("python3", {
      args: ["-c", "import sys; print(sum(1 for _ in sys.stdin))"],
      fds: { 0: ends.reader },
    });
    ends[Symbol.dispose]();
    assertEquals(await text, "3\n");
    assertEquals((await perl.status).code, 0);
  },
});
