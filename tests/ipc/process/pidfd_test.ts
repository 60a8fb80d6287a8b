import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { capabilities } from "@libc/ipc/capabilities";
import { IpcError } from "@libc/ipc/errno";
import { EventFd } from "@libc/ipc/eventfd";
import { Pidfd } from "@libc/ipc/pidfd";
import { kill, onSignal } from "@libc/ipc/signal";
import { spawn } from "@libc/ipc/spawn";
import { unistd } from "@libc/ipc/ffi";
import { waitAny } from "@libc/ipc/wait";
import {
  hasCommand,
  later,
  notEmulated,
  source,
  spawnDeno,
  until,
  watchdog,
} from "../../util.ts";
import { denoWith, lineChild } from "./util.ts";

const sleep = () => spawn("sleep", { args: ["1000"], killSignal: "SIGKILL" });

Deno.test("capabilities() knows of pidfds", () => {
  const { pidfd, pidfdGetfd } = capabilities();
  assertEquals([pidfd, pidfdGetfd], [true, true]);
});

Deno.test("Pidfd.open() refuses what is no process", async () => {
  for (const pid of [0, -1, 1.5, 2 ** 31]) {
    assertThrows(() => Pidfd.open(pid), RangeError, "pid must be");
  }
  const child = spawn("true");
  await child.status;
  const error = assertThrows(() => Pidfd.open(child.pid), IpcError);
  assertEquals([error.code, error.syscall], ["ESRCH", "pidfd_open"]);
  assertEquals(
    error.message,
    `Cannot open process ${child.pid}: pidfd_open failed with ESRCH (No such process)`,
  );
  // The id of this thread, which is not the main thread, and is alive.
  assertThrows(
    () => Pidfd.open(unistd().gettid()),
    IpcError,
    "it is a thread and no process",
  );
});

Deno.test("Pidfd.wait() ends when the process is killed, a child or not", async () => {
  // The child of the shell is not a child of this process.
  await using parent = lineChild(
    spawn("sh", {
      args: ["-c", "sleep 1000 & echo $!; wait"],
      fds: { 1: "pipe" },
      killSignal: "SIGKILL",
    }),
  );
  const stranger = Number(await parent.line());
  await using child = sleep();
  for (const pid of [stranger, child.pid]) {
    using pidfd = Pidfd.open(pid);
    assertEquals([pidfd.pid, pidfd.exited, pidfd.closed], [pid, false, false]);
    const wait = pidfd.wait();
    assertEquals(
      await Promise.race([wait, later(5).then(() => "waits")]),
      "waits",
    );
    kill(pid, "SIGKILL");
    await wait;
    assertEquals(pidfd.exited, true);
    await pidfd.wait();
    pidfd.waitSync();
    await pidfd.wait({ timeout: 0 });
  }
});

Deno.test("Pidfd waits with a timeout or an AbortSignal", async () => {
  using _dog = watchdog("Pidfd timeouts");
  using self = Pidfd.open(Deno.pid);
  const error = await assertRejects(
    () => self.wait({ timeout: 10 }),
    IpcError,
    `Cannot wait for process ${Deno.pid}`,
  );
  assertEquals(error.code, "ETIMEDOUT");
  const start = performance.now();
  assertThrows(() => self.waitSync({ timeout: 30 }), IpcError, "ETIMEDOUT");
  assert(performance.now() - start >= 30);
  const controller = new AbortController();
  const wait = self.wait({ signal: controller.signal });
  controller.abort("enough");
  assertEquals(await wait.catch((reason) => reason), "enough");
});

Deno.test("Pidfd.send() reaches the process, and nothing once it is gone", async () => {
  const child = sleep();
  using pidfd = Pidfd.of(child);
  pidfd.send(0);
  pidfd.send("SIGTERM");
  assertEquals((await child.status).signal, "SIGTERM");
  for (const signal of [0, "SIGTERM"] as const) {
    const error = assertThrows(() => pidfd.send(signal), IpcError);
    assertEquals([error.code, error.syscall], ["ESRCH", "pidfd_send_signal"]);
  }
  assertThrows(() => pidfd.send("TERM" as never), TypeError, '"TERM"');
});

Deno.test("Pidfd.send() sends as kill does, to listeners too", async () => {
  using self = Pidfd.open(Deno.pid);
  using listener = onSignal("SIGUSR2");
  self.send("SIGUSR2");
  assertEquals(await listener.receive(), "SIGUSR2");
});

Deno.test({
  ...notEmulated(
    "Pidfd.send() sends a value as sigqueue does",
    "shows its own signal masks",
  ),
  async fn() {
    await using child = denoWith(
      ["SIGRTMIN+1"],
      `import { SignalQueue } from "@libc/ipc/signal";
    using queue = SignalQueue.open("SIGRTMIN+1");
    console.log("ready");
    for (let i = 0; i < 3; i++) {
      const { value, pointer, origin, pid } = await queue.receive();
      console.log(value, pointer, origin, pid);
    }`,
    );
    assertEquals(await child.line(), "ready");
    using pidfd = Pidfd.of(child.process);
    pidfd.send("SIGRTMIN+1", { value: -2 });
    pidfd.send("SIGRTMIN+1", { value: 2n ** 40n });
    pidfd.send("SIGRTMIN+1");
    assertEquals(await child.lines(), [
      `-2 ${2n ** 64n - 2n}n sigqueue ${Deno.pid}`,
      `0 ${2n ** 40n}n sigqueue ${Deno.pid}`,
      `0 0n kill ${Deno.pid}`,
    ]);
  },
});

Deno.test("Pidfd.of() refuses a child whose end was waited for", async () => {
  const child = spawn("true");
  await child.status;
  const error = assertThrows(() => Pidfd.of(child), IpcError, "it has ended");
  assertEquals(error.code, "ESRCH");
});

Deno.test("Pidfd.of() outlives the child's own descriptor", async () => {
  const child = sleep();
  using pidfd = Pidfd.of(child);
  child.kill("SIGKILL");
  await child.status;
  assertEquals(child.pidfd, undefined);
  assertEquals(pidfd.exited, true);
});

Deno.test("Pidfd.fromFd() takes the pidfds of others, and nothing else", async () => {
  await using child = sleep();
  {
    using pidfd = Pidfd.of(child);
    using same = Pidfd.fromFd(pidfd.fd);
    assertEquals(same.pid, child.pid);
    using taken = Pidfd.fromFd(same.fd, { takeOver: true });
    assertEquals([same.closed, taken.pid], [true, child.pid]);
    using event = EventFd.create();
    for (const fd of [event.fd, 0]) {
      const error = assertThrows(() => Pidfd.fromFd(fd), IpcError, "no pidfd");
      assertEquals(error.code, "EINVAL");
    }
    assertThrows(() => Pidfd.fromFd(9999), IpcError, "EBADF");
    assertThrows(() => Pidfd.fromFd(-1), RangeError);
    // A refused descriptor is not taken over.
    assertThrows(() => Pidfd.fromFd(event.fd, { takeOver: true }), IpcError);
    assertEquals(event.closed, false);
  }
});

Deno.test({
  name: `Pidfd.getFd() duplicates a descriptor of another process${
    hasCommand("python3") ? "" : " [skipped: no python3]"
  }`,
  ignore: !hasCommand("python3"),
  async fn() {
    await using peer = lineChild(
      spawn("python3", {
        args: [
          "-c",
          `import os, sys
reader, writer = os.pipe()
print(reader, flush=True)
os.write(writer, b"from afar")
sys.stdin.read()`,
        ],
        fds: { 0: "pipe", 1: "pipe" },
      }),
    );
    const number = Number(await peer.line());
    using pidfd = Pidfd.of(peer.process);
    using fd = pidfd.getFd(number);
    assert(
      Deno.readLinkSync(`/proc/self/fd/${fd.number}`).startsWith("pipe:"),
    );
    const text = spawn("head", {
      args: ["-c", "9"],
      fds: { 0: fd, 1: "pipe" },
    });
    assertEquals(await new Response(text.stdout?.readable).text(), "from afar");
    const error = assertThrows(() => pidfd.getFd(9999), IpcError);
    assertEquals([error.code, error.syscall], ["EBADF", "pidfd_getfd"]);
    assert(
      error.message.startsWith(
        `Cannot get descriptor 9999 of process ${peer.pid}: pidfd_getfd failed`,
      ),
    );
    assertThrows(() => pidfd.getFd(-1), RangeError);
    peer.process.kill("SIGKILL");
    await peer.process.status;
    assertThrows(() => pidfd.getFd(0), IpcError, "ESRCH");
  },
});

const root = Deno.uid() === 0;

Deno.test({
  name: `Pidfd of another user's process can be waited for, and no more${
    root ? "" : " [skipped: not root]"
  }`,
  ignore: !root,
  async fn() {
    await using target = sleep();
    await using child = spawnDeno(
      `import { Pidfd } from "@libc/ipc/pidfd";
      const { becomeNobody } = await import("${
        source("tests/conformance/privileges.ts")
      }");
      becomeNobody();
      using pidfd = Pidfd.open(${target.pid});
      for (const use of [() => pidfd.getFd(0), () => pidfd.send("SIGTERM")]) {
        try { use(); } catch (error) { console.log(error.code, error.message.split(": ").at(-1)); }
      }
      console.log("waits");
      await pidfd.wait();
      console.log("ended");`,
      { permissions: ["--allow-all"] },
    );
    assertEquals(
      await child.line(),
      "EPERM it takes the permission to trace that process (ptrace, Yama)",
    );
    assertEquals(
      await child.line(),
      "EPERM pidfd_send_signal failed with EPERM (Operation not permitted)",
    );
    assertEquals(await child.line(), "waits");
    target.kill("SIGKILL");
    assertEquals((await child.end()).stdout, "ended\n");
  },
});

Deno.test("many Pidfds wait at once, and waitAny() finds the one that ended", async () => {
  using _dog = watchdog("many Pidfds");
  const children = Array.from({ length: 30 }, sleep);
  const pidfds = children.map((child) => Pidfd.of(child));
  try {
    const first = waitAny(pidfds);
    children[17]?.kill("SIGKILL");
    assertEquals(await first, pidfds[17]);
    const all = Promise.all(pidfds.map((pidfd) => pidfd.wait()));
    for (const [i, child] of children.entries()) if (i !== 17) child.kill();
    await all;
    await until(() => children.every(({ ended }) => ended));
  } finally {
    for (const pidfd of pidfds) pidfd.close();
  }
});
