import { assert, assertEquals, assertThrows } from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import { Pidfd } from "@libc/ipc/pidfd";
import {
  kill,
  killProcessGroup,
  raise,
  type Signal,
  signalName,
  signalNumber,
  signals,
  sigqueue,
} from "@libc/ipc/signal";
import { spawn } from "@libc/ipc/spawn";
import { EMULATED, hasCommand, spawnDeno, until } from "../../util.ts";
import { lineChild, output } from "./util.ts";

Deno.test({
  name: `signals are those of kill -l${
    hasCommand("bash") ? "" : " [skipped: no bash]"
  }`,
  ignore: !hasCommand("bash"),
  async fn() {
    const text = await output("bash", { args: ["-c", "kill -l"] });
    const theirs = Array.from(
      text.matchAll(/(\d+)\) (SIG[^\s]+)/g),
      ([, number, name]) => [name, Number(number)],
    );
    assertEquals(Object.entries(signals), theirs);
  },
});

Deno.test("signalNumber() and signalName() are each other's inverse", () => {
  for (let number = 1; number <= 64; number++) {
    assertEquals(signalNumber(number), number);
    assertEquals(signalNumber(signalName(number)), number);
  }
});

Deno.test("signalNumber() counts real-time signals from either end", () => {
  for (let i = 0; i <= 30; i++) {
    assertEquals(signalNumber(`SIGRTMIN+${i}`), 34 + i);
    assertEquals(signalNumber(`SIGRTMAX-${i}`), 64 - i);
  }
  assertEquals(signalName("SIGRTMIN+30"), "SIGRTMAX");
  assertEquals(signalName("SIGRTMAX-29"), "SIGRTMIN+1");
});

Deno.test("signalNumber() knows second names", () => {
  assertEquals(signalNumber("SIGIOT"), 6);
  assertEquals(signalNumber("SIGPOLL"), 29);
  assertEquals(signalName("SIGIOT"), "SIGABRT");
});

Deno.test("signalNumber() refuses what is no signal, and shows it", () => {
  const names = [
    "TERM",
    "sigterm",
    "",
    "SIGRTMIN+31",
    "SIGRTMIN+01",
    "SIGRTMAX-",
    "SIGRTMIN-1",
    "toString",
    "SIG0",
  ];
  for (const name of names) {
    assertThrows(
      () => signalNumber(name as Signal),
      TypeError,
      `got ${JSON.stringify(name)}`,
    );
  }
  for (const number of [0, 65, -1, 1.5, NaN, 2000]) {
    assertThrows(() => signalNumber(number), RangeError, `${number}`);
  }
  assertThrows(() => signalNumber(undefined as never), TypeError, "undefined");
});

Deno.test("kill() ends a process with the signal", async () => {
  const child = spawn("sleep", { args: ["1000"] });
  kill(child.pid);
  assertEquals((await child.status).signal, "SIGTERM");
  const other = spawn("sleep", { args: ["1000"] });
  kill(other.pid, 9);
  assertEquals((await other.status).signal, "SIGKILL");
});

Deno.test("kill() with 0 asks whether a process exists", async () => {
  await using child = spawn("sleep", { args: ["1000"] });
  kill(child.pid, 0);
  child.kill("SIGKILL");
  await child.status;
  const error = assertThrows(() => kill(child.pid, 0), IpcError);
  assertEquals(error.code, "ESRCH");
  assertEquals(error.syscall, "kill");
  assertEquals(
    error.message,
    `Cannot send signal 0 to process ${child.pid}: kill failed with ESRCH (No such process)`,
  );
});

Deno.test("kill() reaches an ended child that nobody has waited for", () => {
  // It ends after spawn() has checked whether it has ended. The event loop
  // would wait for it, but does not run after that.
  const child = spawn("cat", { fds: { 0: "pipe" } });
  using pidfd = Pidfd.of(child);
  child.stdin?.close();
  while (!pidfd.exited) { /* it takes a millisecond */ }
  kill(child.pid, 0);
  assertEquals(child.waitSync().code, 0);
  assertThrows(() => kill(child.pid, 0), IpcError, "ESRCH");
});

Deno.test("kill() refuses pids that mean groups or everybody", () => {
  for (const pid of [0, -1, -5, 1.5, NaN, 2 ** 31]) {
    assertThrows(() => kill(pid, 0), RangeError, "pid must be");
  }
  assertThrows(() => kill("1" as never), TypeError, "pid must be a number");
});

const root = Deno.uid() === 0;

Deno.test({
  name: `kill() is not permitted for another user's process${
    root ? "" : " [skipped: not root]"
  }`,
  ignore: !root,
  async fn() {
    await using child = spawnDeno(
      `import { kill, sigqueue } from "@libc/ipc/signal";
      const { becomeNobody } = await import("${new URL(
        "../../conformance/privileges.ts",
        import.meta.url,
      )}");
      becomeNobody();
      for (const send of [() => kill(${Deno.pid}, 0), () => sigqueue(${Deno.pid}, "SIGUSR2")]) {
        try { send(); } catch (error) { console.log(error.code); }
      }`,
      { permissions: ["--allow-all"] },
    );
    assertEquals((await child.end()).stdout, "EPERM\nEPERM\n");
  },
});

Deno.test("killProcessGroup() reaches all of a group", async () => {
  await using group = lineChild(
    spawn("sh", {
      args: ["-c", "sleep 1000 & sleep 1000 & echo $$; wait"],
      setpgroup: 0,
      fds: { 1: "pipe" },
      killSignal: "SIGKILL",
    }),
  );
  assertEquals(await group.line(), String(group.pid));
  killProcessGroup(group.pid, 0);
  killProcessGroup(group.pid, "SIGTERM");
  // The pipe ends when the last process of the group is gone.
  assertEquals(await group.lines(), []);
  assertEquals((await group.process.status).signal, "SIGTERM");
  const none = 2 ** 31 - 1;
  const error = assertThrows(
    () => killProcessGroup(none, 0),
    IpcError,
    `to process group ${none}`,
  );
  assertEquals(error.code, "ESRCH");
});

Deno.test("killProcessGroup() refuses what would reach every process", () => {
  for (const group of [1, -1, 2 ** 31]) {
    assertThrows(() => killProcessGroup(group, 0), RangeError, "group");
  }
  // The process group of the caller exists.
  killProcessGroup(0, 0);
});

const PRINTER = `
  #define _GNU_SOURCE
  #include <signal.h>
  #include <stdio.h>
  int main(void) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = SIGRTMIN; i <= SIGRTMAX; i++) sigaddset(&set, i);
    sigprocmask(SIG_BLOCK, &set, NULL);
    printf("ready\\n"), fflush(stdout);
    for (int i = 0; i < 5; i++) {
      siginfo_t info;
      sigwaitinfo(&set, &info);
      printf("%d %d %d %d %lx\\n", info.si_signo - SIGRTMIN, info.si_code == SI_QUEUE,
        info.si_pid, info.si_value.sival_int, (unsigned long)info.si_value.sival_ptr);
    }
  }`;

Deno.test({
  name: `sigqueue() brings values to a C program, in order${
    EMULATED
      ? " [skipped: the emulator keeps signals for itself]"
      : hasCommand("cc")
      ? ""
      : " [skipped: no cc]"
  }`,
  ignore: EMULATED || !hasCommand("cc"),
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const path = `${folder}/printer`;
      await Deno.writeTextFile(`${path}.c`, PRINTER);
      const cc = spawn("cc", { args: ["-o", path, `${path}.c`] });
      assert((await cc.status).success);
      await using peer = lineChild(spawn(path, { fds: { 1: "pipe" } }));
      assertEquals(await peer.line(), "ready");
      sigqueue(peer.pid, "SIGRTMIN", { value: 7 });
      sigqueue(peer.pid, "SIGRTMIN", { value: -7 });
      sigqueue(peer.pid, 36, { value: 0x1234_5678_9abc_def0n });
      sigqueue(peer.pid, "SIGRTMAX", { value: 2n ** 64n - 1n });
      sigqueue(peer.pid, "SIGRTMAX-1");
      const lines = await peer.lines();
      assertEquals(lines.toSorted(), [
        `0 1 ${Deno.pid} -7 fffffffffffffff9`,
        `0 1 ${Deno.pid} 7 7`,
        `2 1 ${Deno.pid} ${0x9abcdef0 | 0} 123456789abcdef0`,
        `29 1 ${Deno.pid} 0 0`,
        `30 1 ${Deno.pid} -1 ffffffffffffffff`,
      ]);
      // Signals with the same number keep their order.
      assertEquals(
        lines.filter((line) => line.startsWith("0 ")).map((line) =>
          line.split(" ")[3]
        ),
        ["7", "-7"],
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: `sigqueue() explains a full queue${
    hasCommand("prlimit") ? "" : " [skipped: no prlimit]"
  }`,
  ignore: !hasCommand("prlimit"),
  async fn() {
    await using child = spawn("prlimit", {
      args: ["--sigpending=3", "sleep", "1000"],
      signalMask: "SIGRTMIN",
      killSignal: "SIGKILL",
    });
    await until(() =>
      Deno.readTextFileSync(`/proc/${child.pid}/comm`) === "sleep\n"
    );
    const error = assertThrows(() => {
      for (let i = 0; i < 5; i++) sigqueue(child.pid, "SIGRTMIN", { value: i });
    }, IpcError);
    assertEquals(error.code, "EAGAIN");
    assert(
      error.message.endsWith("as RLIMIT_SIGPENDING allows"),
      error.message,
    );
  },
});

Deno.test("sigqueue() refuses values that do not fit", () => {
  const send = (value: number | bigint) =>
    sigqueue(Deno.pid, "SIGUSR2", { value });
  for (const value of [2 ** 31, -(2 ** 31) - 1, 0.5, NaN, 2n ** 64n]) {
    assertThrows(() => send(value), RangeError, "value must");
  }
  assertThrows(() => send("1" as never), TypeError, 'got "1"');
});

Deno.test("sigqueue() says that there is no such process", async () => {
  const child = spawn("true");
  await child.status;
  const error = assertThrows(
    () => sigqueue(child.pid, "SIGUSR2", { value: 1 }),
    IpcError,
    `Cannot send SIGUSR2 to process ${child.pid}: sigqueue failed with ESRCH`,
  );
  assertEquals(error.errno, 3);
});

Deno.test("raise() does what the signal does", async () => {
  await using child = spawnDeno(`
    import { raise } from "@libc/ipc/signal";
    raise("SIGTERM");
    console.log("not reached");`);
  const { signal, stdout } = await child.end();
  assertEquals([signal, stdout], ["SIGTERM", ""]);
});

Deno.test("raise() refuses what the C library keeps to itself", () => {
  for (const signal of [32, 33]) {
    const error = assertThrows(() => raise(signal), IpcError, `SIG${signal}`);
    assertEquals(error.code, "EINVAL");
  }
  assertThrows(() => raise(0), RangeError);
});
