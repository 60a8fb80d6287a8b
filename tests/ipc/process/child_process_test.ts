import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import { Pidfd } from "@libc/ipc/pidfd";
import { kill } from "@libc/ipc/signal";
import { spawn } from "@libc/ipc/spawn";
import { P_PID, sys_wait, WEXITED } from "@libc/ipc/ffi";
import { waitAny } from "@libc/ipc/wait";
import { denoArgs, spawnDeno, until, watchdog } from "../../util.ts";
import { lineChild, zombies } from "./util.ts";

const sleep = () => spawn("sleep", { args: ["1000"], killSignal: "SIGKILL" });

function exists(pid: number): boolean {
  try {
    kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

Deno.test("ChildProcess.wait() gives everybody the same answer, before and after", async () => {
  const child = spawn("sh", {
    args: ["-c", "read x; exit 4"],
    fds: { 0: "pipe" },
  });
  const waits = [child.wait(), child.wait(), child.status];
  assertEquals(child.ended, false);
  child.stdin?.close();
  const answers = await Promise.all(waits);
  assertEquals(answers.map(({ code }) => code), [4, 4, 4]);
  assertEquals(child.ended, true);
  assertEquals((await child.wait()).code, 4);
  assertEquals(child.waitSync().code, 4);
  assertEquals(child.tryWait()?.code, 4);
  assertEquals(child.status, child.status);
});

Deno.test("ChildProcess waits with a timeout or an AbortSignal", async () => {
  await using child = sleep();
  const error = await assertRejects(
    () => child.wait({ timeout: 10 }),
    IpcError,
    `Cannot wait for process ${child.pid} (sleep): waitid timed out after 10 ms`,
  );
  assertEquals(error.code, "ETIMEDOUT");
  const start = performance.now();
  assertThrows(() => child.waitSync({ timeout: 30 }), IpcError, "ETIMEDOUT");
  assert(performance.now() - start >= 30);
  assertThrows(() => child.waitSync({ timeout: 0 }), IpcError, "ETIMEDOUT");
  assertEquals(child.tryWait(), undefined);
  const controller = new AbortController();
  const wait = child.wait({ signal: controller.signal });
  controller.abort("enough");
  assertEquals(await wait.catch((reason) => reason), "enough");
  child.kill("SIGKILL");
  assertEquals((await child.wait({ timeout: 60_000 })).signal, "SIGKILL");
});

Deno.test("ChildProcess is waited for even if its pidfd is closed by somebody else", async () => {
  using _dog = watchdog("a child without its pidfd");
  const taken = sleep();
  using pidfd = Pidfd.fromFd(taken.pidfd ?? -1, { takeOver: true });
  pidfd.send("SIGKILL");
  await until(() => taken.ended);
  assertEquals(taken.tryWait()?.signal, "SIGKILL");

  const child = sleep();
  const waits = [child.wait(), child.status];
  const any = waitAny([child]);
  child.pidfd?.close();
  await assertRejects(() => any, TypeError, "closed pidfd");
  await assertRejects(() => child.wait({ timeout: 5 }), IpcError, "after 5 ms");
  assertThrows(() => child.waitSync({ timeout: 5 }), IpcError, "after 5 ms");
  const again = waitAny([child]);
  child.kill("SIGKILL");
  assertEquals(await again, child);
  for (const { signal } of await Promise.all(waits)) {
    assertEquals(signal, "SIGKILL");
  }
  assertEquals(zombies([taken.pid, child.pid]), []);
});

Deno.test("ChildProcess.waitSync() blocks until the end", () => {
  const child = spawn("sh", { args: ["-c", "sleep 0.05; exit 6"] });
  assertEquals(child.waitSync().code, 6);
  assertEquals(child.pidfd, undefined);
});

Deno.test("a child that nobody waits for is no zombie", async () => {
  const pids = Array.from({ length: 20 }, () => spawn("true").pid);
  await until(() => pids.every((pid) => !exists(pid)));
});

Deno.test("a child does not keep the process alive, unless somebody waits", async () => {
  await using careless = spawnDeno(`
    import { spawn } from "@libc/ipc/spawn";
    console.log(spawn("sleep", { args: ["1000"], fds: { 1: "null", 2: "null" } }).pid);`);
  const pid = Number(await careless.line());
  assertEquals((await careless.end()).code, 0);
  assert(exists(pid));
  kill(pid, "SIGKILL");

  await using careful = spawnDeno(`
    import { spawn } from "@libc/ipc/spawn";
    const child = spawn("sh", { args: ["-c", "sleep 0.05; exit 9"] });
    child.wait({ unref: true }).then(() => {});
    child.status.then(({ code }) => console.log(code));`);
  assertEquals((await careful.end()).stdout, "9\n");
});

Deno.test("ChildProcess and Deno.Command do not take each other's children", async () => {
  using _dog = watchdog("mixed children");
  const round = async (i: number) => {
    const args = ["-c", `exit ${i}`];
    const ours = spawn("sh", { args });
    const theirs = new Deno.Command("sh", { args }).spawn();
    const codes = [(await ours.status).code, (await theirs.status).code];
    assertEquals(codes, [i, i]);
    const { code } = await new Deno.Command("sh", { args }).output();
    assertEquals(code, i);
    return [ours.pid, theirs.pid];
  };
  const pids = await Promise.all(
    Array.from({ length: 40 }, (_, i) => round(i)),
  );
  assertEquals(zombies(pids.flat()), []);
});

Deno.test("ChildProcess.kill() reaches the child until its end was waited for", async () => {
  const child = sleep();
  child.kill(0);
  child.kill("SIGSTOP");
  const state = () => Deno.readTextFileSync(`/proc/${child.pid}/stat`);
  await until(() => state().includes(") T "));
  // A stopped child has not ended.
  assertEquals(child.tryWait(), undefined);
  child.kill("SIGCONT");
  child.kill();
  assertEquals((await child.status).signal, "SIGTERM");
  const error = assertThrows(
    () => child.kill("SIGKILL"),
    IpcError,
    `Cannot send SIGKILL to process ${child.pid} (sleep)`,
  );
  assertEquals(error.code, "ESRCH");
  assertThrows(() => child.kill("SIGNONE" as never), TypeError, "SIGNONE");
});

Deno.test("the end of an await using scope ends the child", async () => {
  let pid: number;
  {
    await using child = spawn("sleep", { args: ["1000"] });
    pid = child.pid;
  }
  assert(!exists(pid));
  {
    await using child = spawn("sh", {
      args: ["-c", "trap '' TERM; echo ready; while :; do sleep 1; done"],
      fds: { 1: "pipe" },
      setpgroup: 0,
      killSignal: "SIGKILL",
    });
    pid = child.pid;
    assertEquals(await child.stdout?.read(new Uint8Array(10)), 6);
  }
  assert(!exists(pid));
  {
    await using child = spawn("true");
    await child.status;
  }
});

Deno.test("ChildProcess.close() closes its pipes and lets it run", async () => {
  const child = spawn("cat", { fds: { 0: "pipe", 1: "pipe", 2: "pipe" } });
  const { pid, stdin, stdout, stderr } = child;
  child.close();
  await child[Symbol.asyncDispose]();
  assertEquals(
    [stdin, stdout, stderr].map((end) => end?.closed),
    [true, true, true],
  );
  // Its input has ended, so it ends, too. Only this process waits for it.
  await until(() => !exists(pid));
});

Deno.test("ChildProcess says when something else has waited for it", async () => {
  const child = spawn("cat", { fds: { 0: "pipe" } });
  child.stdin?.close();
  // A library that waits for any child might do this. It is done at once, so
  // that the event loop does not run first.
  const info = new Uint8Array(128);
  assertEquals(sys_wait().waitid(P_PID, child.pid, info, WEXITED), 0);
  const error = await assertRejects(() => child.wait(), IpcError);
  assertEquals([error.code, error.syscall], ["ECHILD", "waitid"]);
  assert(error.message.includes("something else has waited for it"));
  assertEquals(child.ended, true);
  assertThrows(() => child.tryWait(), IpcError, "ECHILD");
  assertThrows(() => child.kill(), IpcError, "ESRCH");
  await child[Symbol.asyncDispose]();
});

Deno.test("ChildProcess is one of many that waitAny() waits for", async () => {
  await using slow = sleep();
  const fast = spawn("sh", { args: ["-c", "sleep 0.02; exit 3"] });
  assertEquals(await waitAny([slow, fast]), fast);
  assertEquals(fast.tryWait()?.code, 3);
});

Deno.test("ChildProcess works in a Worker", async () => {
  const code = `
    import { spawn } from "@libc/ipc/spawn";
    const { code } = await spawn("sh", { args: ["-c", "sleep 0.01; exit 8"] }).status;
    postMessage(code);`;
  const url = `data:application/javascript,${encodeURIComponent(code)}`;
  const worker = new Worker(url, { type: "module" });
  const message = await new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = reject;
  });
  worker.terminate();
  assertEquals(message, 8);
});

// Answers ENOSYS to the pidfd calls, as a kernel before 5.3 or a sandbox does,
// and then becomes the program that its arguments name.
const WITHOUT_PIDFDS = `
import ctypes, os, struct, sys
calls = [434, 424, 438]
load, jump, answer = 0x20, 0x15, 0x06
program = [(load, 0, 0, 0)]
for i, call in enumerate(calls):
    program.append((jump, len(calls) - i, 0, call))
program.append((answer, 0, 0, 0x7fff0000))
program.append((answer, 0, 0, 0x00050000 | 38))
code = b"".join(struct.pack("HBBI", *line) for line in program)
buffer = ctypes.create_string_buffer(code)
header = struct.pack("HxxxxxxQ", len(program), ctypes.addressof(buffer))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.create_string_buffer(header), 0, 0) == 0
os.execvp(sys.argv[1], sys.argv[1:])
`;

const python = (() => {
  try {
    return new Deno.Command("python3", {
        args: ["-c", WITHOUT_PIDFDS, "true"],
        stderr: "null",
      }).outputSync().success
      ? ""
      : " [skipped: no seccomp]";
  } catch {
    return " [skipped: no python3]";
  }
})();

Deno.test({
  name:
    `spawn() needs no pidfds, and Pidfd explains that there are none${python}`,
  ignore: python !== "",
  async fn() {
    const code = `
      import { capabilities } from "@libc/ipc/capabilities";
      import { Pidfd } from "@libc/ipc/pidfd";
      import { spawn } from "@libc/ipc/spawn";
      const { pidfd, pidfdGetfd } = capabilities();
      console.log(pidfd, pidfdGetfd);
      try { Pidfd.open(Deno.pid); } catch (error) { console.log(error.code, error.message); }
      const sleep = () => spawn("sleep", { args: ["1000"] });
      const one = sleep();
      console.log(one.pidfd, one.tryWait());
      setTimeout(() => one.kill("SIGKILL"), 20);
      console.log((await one.status).signal);
      const two = sleep();
      try { two.waitSync({ timeout: 20 }); } catch (error) { console.log(error.code); }
      two.kill();
      console.log(two.waitSync().signal);
      { await using three = sleep(); }
      console.log((await spawn("sh", { args: ["-c", "exit 3"] }).status).code);
      spawn("sleep", { args: ["0.01"] });`;
    await using child = lineChild(
      spawn("python3", {
        args: [
          "-c",
          WITHOUT_PIDFDS,
          Deno.execPath(),
          ...denoArgs(code),
        ],
        fds: { 1: "pipe" },
      }),
    );
    assertEquals(await child.lines(), [
      "false false",
      `ENOSYS Cannot open process ${child.pid}: pidfd_open failed with ENOSYS (Function not implemented): pidfd_open needs Linux 5.3, and a sandbox may forbid it`,
      "undefined undefined",
      "SIGKILL",
      "ETIMEDOUT",
      "SIGTERM",
      "3",
    ]);
    assertEquals((await child.process.status).code, 0);
  },
});
