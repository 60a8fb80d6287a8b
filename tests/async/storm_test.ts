// Waits under thousands of signals: nothing is lost, nothing comes twice, no
// timeout ends early, and the process can still be stopped.

import { assert, assertEquals } from "@std/assert";
import {
  Fifo,
  PosixMessageQueue,
  PosixSemaphore,
  SysvMessageQueue,
  SysvSemaphoreSet,
} from "@libc/ipc";
import { denoWith } from "../ipc/process/util.ts";
import {
  type Child,
  EMULATED,
  hasCommand,
  NO_SIGNAL_MASKS,
  scaled,
  source,
  spawnCommand,
  spawnDeno,
  uniqueKey,
  uniqueName,
  untilBlocked,
  watchdog,
} from "../util.ts";
import { QUEUED_SIGNAL } from "./kinds.ts";

const SIGNALS = scaled(10_000);
const SIGUSR2 = 12;
/** `SIGRTMIN+1`, which is {@linkcode QUEUED_SIGNAL} */
const QUEUED = 35;
/** `SIGRTMIN+5`, as in `storm_handlers.ts` */
const REAL_TIME = 39;
// The number for perl, which is never emulated.
const TGKILL = Deno.build.arch === "x86_64" || EMULATED ? 234 : 131;
// An emulator numbers real-time signals differently from perl.
const HANDLED = EMULATED ? [SIGUSR2] : [SIGUSR2, REAL_TIME];

const noPerl = !hasCommand("perl");
const why = noPerl ? " [skipped: perl is missing]" : "";

/** The target of a signal: the process, or a random one of its threads. */
type Aim = "process" | "threads";

/**
 * Another process that sends `SIGNALS` of these signals at random, and then
 * `SIGHUP`. After about half of them it pauses for 0.15 to 0.3 ms. It prints
 * how often it has sent each.
 */
function storm(pid: number, aim: Aim, signals: number[]): Child {
  const code = `
    my ($pid, $aim, $left, $tgkill, @signals) = @ARGV;
    my %sent;
    for (; $left > 0; $left--) {
      my $signal = $signals[rand @signals];
      if ($aim eq "threads") {
        opendir(my $dir, "/proc/$pid/task") or last;
        my @threads = grep { /\\d/ } readdir $dir;
        syscall($tgkill + 0, $pid + 0, $threads[rand @threads] + 0, $signal + 0);
      } else {
        kill($signal, $pid) or last;
      }
      $sent{$signal}++;
      my $pause = rand;
      select(undef, undef, undef, $pause * 0.0003) if $pause > 0.5;
    }
    kill("HUP", $pid);
    print join(",", map { $sent{$_} // 0 } @signals), "\\n";`;
  const args = [pid, aim, SIGNALS, TGKILL, ...signals].map(String);
  return spawnCommand("perl", { args: ["-e", code, "--", ...args] });
}

/** The beginning of the programs under the storm. */
const PREPARE = `
  import { Fifo, PosixMessageQueue, PosixSemaphore, SysvMessageQueue, SysvSemaphoreSet } from "@libc/ipc";
  import "${source("tests/async/storm_handlers.ts")}";
  import { storm } from "${source("tests/async/storm_handlers.ts")}";
  import { later } from "${source("tests/util.ts")}";
`;

for (const aim of ["process", "threads"] as const) {
  Deno.test(
    `waits of all kinds lose nothing under ${SIGNALS} signals to ${aim}${why}`,
    {
      ignore: noPerl,
    },
    async () => {
      using _dog = watchdog(`storm on ${aim}`, 120);
      await using child = spawnDeno(
        new URL("storm_child.ts", import.meta.url),
        { permissions: ["--allow-all"] },
      );
      assertEquals(await child.line(), "ready");
      await using sender = storm(child.pid, aim, HANDLED);
      const sent = (await sender.line()).split(",").map(Number);
      assertEquals(sent[0] !== undefined && sent[0] + (sent[1] ?? 0), SIGNALS);
      const { code, stdout, stderr } = await child.end();
      assertEquals([code, stdout], [0, "true\n"], stderr);
    },
  );
}

Deno.test(
  `waits that block the thread answer every message under ${SIGNALS} signals, and SIGTERM ends them${why}`,
  {
    ignore: noPerl,
  },
  async () => {
    using _dog = watchdog("blocked under signals", 120);
    using there = SysvMessageQueue.create(uniqueKey());
    using posix = PosixMessageQueue.create(null, { messageSize: 64 });
    using set = SysvSemaphoreSet.create(uniqueKey(), [0, 0]);
    using up = PosixSemaphore.create();
    using down = PosixSemaphore.create();
    using to = Fifo.create(`/tmp/${uniqueName()}`);
    using from = Fifo.create(`/tmp/${uniqueName()}`);
    using toEnds = to.openReadWrite();
    using fromEnds = from.openReadWrite();
    await using child = spawnDeno(`${PREPARE}
    const there = SysvMessageQueue.fromId(${there.id});
    const posix = PosixMessageQueue.open(${JSON.stringify(posix.name)});
    const set = SysvSemaphoreSet.fromId(${set.id});
    const up = PosixSemaphore.open(${JSON.stringify(up.name)});
    const down = PosixSemaphore.open(${JSON.stringify(down.name)});
    const reader = Fifo.open("${to.path}").openReader();
    const writer = Fifo.open("${from.path}").openWriterSync();
    const byte = new Uint8Array(1);
    console.log("ready");
    // What comes in at one end goes on through all the others, and out again.
    for (let timeout = undefined;; timeout = timeout ? undefined : 1e6) {
      const { data } = there.receiveSync({ type: 1, timeout });
      posix.sendSync(data);
      const message = posix.receiveSync({ timeout });
      set.acquireSync(0, { undo: false, timeout });
      set.release(1, 1, { undo: false });
      up.acquireSync({ timeout });
      down.release();
      if (reader.readSync(byte, { timeout }) !== 1) throw new Error("no byte");
      writer.writeSync(byte);
      there.sendSync(2, message.data);
    }`);
    assertEquals(await child.line(), "ready");
    await using sender = storm(child.pid, "process", HANDLED);
    let over = false;
    const sent = sender.line().finally(() => over = true);
    let rounds = 0;
    const byte = new Uint8Array(1);
    const talk = async () => {
      while (!over || rounds % 10 !== 0) {
        const text = String(rounds++);
        there.sendSync(1, text);
        set.release(0, 1, { undo: false });
        await set.acquire(1, { undo: false });
        up.release();
        await down.acquire();
        byte[0] = rounds;
        await toEnds.writer.write(byte);
        assertEquals(await fromEnds.reader.read(byte), 1);
        assertEquals(byte[0], rounds & 255);
        const { data } = await there.receive({ type: 2 });
        assertEquals(new TextDecoder().decode(data), text);
      }
    };
    const early = child.process.status.then(({ code }) => {
      throw new Error(`ended early with ${code}: ${child.errors}`);
    });
    await Promise.race([talk(), early]);
    assert(rounds >= 10, "hardly anything was sent");
    await sent;
    assertEquals(there.stat().messages, 0);
    assertEquals(posix.attributes().messages, 0);
    assertEquals([set.values(), up.value(), down.value()], [[0, 0], 0, 0]);
    await untilBlocked(child.pid, "msgrcv");
    child.kill("SIGTERM");
    assertEquals((await child.end()).signal, "SIGTERM");
  },
);

Deno.test(
  `SignalQueue receives each of thousands of real-time signals once, among others${
    why || NO_SIGNAL_MASKS
  }`,
  {
    ignore: noPerl || NO_SIGNAL_MASKS !== "",
  },
  async () => {
    using _dog = watchdog("SignalQueue under signals", 120);
    await using child = denoWith(
      [QUEUED_SIGNAL],
      `${PREPARE}
    import { SignalQueue } from "@libc/ipc/signal";
    using queue = SignalQueue.open("${QUEUED_SIGNAL}");
    let received = 0;
    console.log("ready");
    const tryWait = async (wait) => {
      try {
        await wait();
        received++;
        return true;
      } catch (error) {
        if (error.code !== "ETIMEDOUT") throw error;
        return false;
      }
    };
    for (let last = false, any = true; !last || any;) {
      last = storm.over;
      any = await tryWait(() => queue.receive({ timeout: 2 * Math.random() }));
      any = await tryWait(() => queue.receiveSync({ timeout: Math.random() })) || any;
      while (queue.tryReceive()) received++;
    }
    console.log(received);
    Deno.exit();`,
    );
    assertEquals(await child.line(), "ready");
    await using sender = storm(child.pid, "process", [
      QUEUED,
      SIGUSR2,
      REAL_TIME,
    ]);
    const [queued] = (await sender.line()).split(",");
    assertEquals(await child.lines(), [queued]);
  },
);

Deno.test(`only its own signal interrupts a thread that waits${why}`, {
  ignore: noPerl,
}, async () => {
  using _dog = watchdog("threads under signals", 120);
  await using child = spawnDeno(
    `${PREPARE}
    import { WaitThread } from "${source("ipc/core/wait/_wait_thread.ts")}";
    import { waitForOperations } from "${source("ipc/sysv/_semop.ts")}";
    using stack = new DisposableStack();
    const sets = Array.from({ length: 8 }, () => stack.use(SysvSemaphoreSet.create(0, [0])));
    let ended = 0;
    for (const { id, length } of sets) {
      const call = waitForOperations({ id, length, label: "set" }, [{ index: 0, delta: -1 }]);
      WaitThread.take().run(call, true, () => ended++);
    }
    while (sets.some((set) => set.waitingForIncrease() === 0)) await later(1);
    console.log("ready");
    while (!storm.over) await later(1);
    console.log(ended);
    for (const set of sets) set.release(0, 1, { undo: false });
    while (ended < 8) await later(1);
    stack.dispose();
    console.log(ended);
    Deno.exit();`,
  );
  assertEquals(await child.line(), "ready");
  await using sender = storm(child.pid, "threads", HANDLED);
  await sender.line();
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stdout], [0, "0\n8\n"], stderr);
});

Deno.test("setresuid() gets through to threads that wait", async () => {
  using _dog = watchdog("setresuid()");
  await using child = spawnDeno(`${PREPARE}
    // The C library tells every thread, by a signal, and waits for all of them.
    const { symbols } = Deno.dlopen("libc.so.6", {
      setresuid: { parameters: ["u32", "u32", "u32"], result: "i32" },
    });
    using stack = new DisposableStack();
    const sets = Array.from({ length: 20 }, () => stack.use(SysvSemaphoreSet.create(0, [0])));
    for (let round = 0; round < 30; round++) {
      const controller = new AbortController();
      const waits = sets.map((set, i) =>
        set.acquire(0, { undo: false, signal: i % 2 ? controller.signal : undefined })
          .then(() => "acquired", () => "aborted"));
      // While they go into the calls, are in them, and come back.
      for (let i = 0; i < 5; i++) {
        if (symbols.setresuid(-1 >>> 0, -1 >>> 0, -1 >>> 0) !== 0) throw new Error("failed");
        await later(round % 3);
        if (i === 3) controller.abort();
      }
      sets.forEach((set, i) => i % 2 === 0 && set.release(0, 1, { undo: false }));
      symbols.setresuid(-1 >>> 0, -1 >>> 0, -1 >>> 0);
      const results = await Promise.all(waits);
      if (results.some((result, i) => result !== (i % 2 ? "aborted" : "acquired"))) {
        throw new Error(results.join());
      }
    }
    stack.dispose();
    console.log("done");
    Deno.exit();`);
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stdout], [0, "done\n"], stderr);
});
