import { assert, assertEquals, assertThrows } from "@std/assert";
import { kill, type SignalInfo, SignalQueue, sigqueue } from "@libc/ipc/signal";
import { spawn } from "@libc/ipc/spawn";
import {
  denoArgs,
  EMULATED,
  hasCommand,
  NO_SIGNAL_MASKS,
  notEmulated,
  STORM,
  watchdog,
} from "../../util.ts";
import { denoWith, type LineChild, lineChild } from "./util.ts";

/** The beginning of the programs below. */
const PREPARE = `
  import { kill, raise, sigqueue, SignalQueue } from "@libc/ipc/signal";
  const show = (value) => console.log(JSON.stringify(value, (_, v) => typeof v === "bigint" ? String(v) : v));
`;

/** A program that opens a queue of these signals and runs the code. */
function program(
  signals: readonly `SIG${"RTMIN+1" | "RTMIN+2" | "USR2" | "CHLD"}`[],
  code: string,
): LineChild {
  return denoWith(
    signals,
    `${PREPARE}
    using queue = SignalQueue.open(${JSON.stringify(signals)});
    console.log("ready");
    ${code}`,
  );
}

async function info(child: LineChild): Promise<Partial<SignalInfo>> {
  return JSON.parse(await child.line() ?? "null");
}

Deno.test("SignalQueue.open() refuses signals that a thread does not block", () => {
  const error = assertThrows(
    () => SignalQueue.open("SIGRTMIN+1"),
    TypeError,
    "Cannot queue SIGRTMIN+1: ",
  );
  assert(/\d+ of \d+ threads do not block it/.test(error.message));
  assert(error.message.includes("spawn() does with signalMask"));
});

Deno.test("SignalQueue.open() refuses SIGKILL, SIGSTOP and nothing at all", () => {
  for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
    assertThrows(
      () => SignalQueue.open(signal),
      TypeError,
      `Cannot queue ${signal}: nobody can block it`,
    );
  }
  assertThrows(() => SignalQueue.open([]), TypeError, "at least one signal");
});

Deno.test({
  ...notEmulated(
    "SignalQueue.open() looks at every signal and every thread",
    "shows its own signal masks",
  ),
  async fn() {
    await using child = denoWith(
      ["SIGRTMIN+1"],
      `${PREPARE}
    try { SignalQueue.open(["SIGRTMIN+1", "SIGUSR2"]); } catch (error) { console.log(error.message); }
    using queue = SignalQueue.open("SIGRTMIN+1");
    show(queue.signals);`,
    );
    const [refusal = "", signals] = await child.lines();
    assert(/^Cannot queue SIGUSR2: (\d+) of \1 threads/.test(refusal), refusal);
    assertEquals(signals, '["SIGRTMIN+1"]');
  },
});

Deno.test({
  ...notEmulated(
    "SignalQueue receives sender, origin and value",
    "shows its own signal masks",
  ),
  async fn() {
    await using child = program(
      ["SIGRTMIN+1", "SIGUSR2"],
      `for (let i = 0; i < 3; i++) show(await queue.receive());`,
    );
    assertEquals(await child.line(), "ready");
    const own = { pid: Deno.pid, uid: Deno.uid() ?? -1, status: 0 };
    kill(child.pid, "SIGUSR2");
    assertEquals(await info(child), {
      signal: "SIGUSR2",
      number: 12,
      code: 0,
      origin: "kill",
      value: 0,
      pointer: "0" as never,
      ...own,
    });
    sigqueue(child.pid, "SIGRTMIN+1", { value: -5 });
    assertEquals(await info(child), {
      signal: "SIGRTMIN+1",
      number: 35,
      code: -1,
      origin: "sigqueue",
      value: -5,
      pointer: String(2n ** 64n - 5n) as never,
      ...own,
    });
    sigqueue(child.pid, "SIGRTMIN+1", { value: 0xfedc_ba98_7654_3210n });
    const { value, pointer } = await info(child);
    assertEquals(value, 0x7654_3210);
    assertEquals(pointer, String(0xfedc_ba98_7654_3210n) as never);
    assertEquals((await child.process.status).code, 0);
  },
});

Deno.test({
  ...notEmulated(
    "SignalQueue receives every real-time signal, in order",
    "shows its own signal masks",
  ),
  async fn() {
    using _dog = watchdog("SignalQueue storm");
    await using child = program(
      ["SIGRTMIN+1"],
      `const values = [];
    for await (const { value } of queue) if (values.push(value) === 2000) break;
    show(values.every((value, i) => value === i));
    show(queue.tryReceive() ?? "empty");`,
    );
    assertEquals(await child.line(), "ready");
    for (let i = 0; i < 2000; i++) {
      sigqueue(child.pid, "SIGRTMIN+1", { value: i });
    }
    assertEquals(await child.lines(), ["true", '"empty"']);
  },
});

Deno.test({
  ...notEmulated(
    "SignalQueue has one of each standard signal at a time, low numbers first",
    "shows its own signal masks",
  ),
  async fn() {
    await using child = program(
      ["SIGUSR2", "SIGRTMIN+2", "SIGRTMIN+1"],
      `Deno.stdin.readSync(new Uint8Array(2));
    for (let info; (info = queue.tryReceive());) show(info.signal);`,
    );
    assertEquals(await child.line(), "ready");
    for (let i = 0; i < 5; i++) {
      kill(child.pid, "SIGRTMIN+2");
      kill(child.pid, "SIGUSR2");
      kill(child.pid, "SIGRTMIN+1");
    }
    child.process.stdin?.writeSync("go");
    assertEquals(await child.lines(), [
      '"SIGUSR2"',
      ...Array(5).fill('"SIGRTMIN+1"'),
      ...Array(5).fill('"SIGRTMIN+2"'),
    ]);
  },
});

Deno.test({
  ...notEmulated(
    "SignalQueue waits with a timeout, also blocking, and under other signals",
    "shows its own signal masks",
  ),
  async fn() {
    await using child = program(
      ["SIGRTMIN+1"],
      `import { spawn } from "@libc/ipc/spawn";
    Deno.addSignalListener("SIGUSR2", () => {});
    const storm = spawn("perl", { args: ["-e", ${
        JSON.stringify(STORM)
      }, String(Deno.pid)] });
    for (const wait of [() => queue.receiveSync({ timeout: 60 }), () => queue.receive({ timeout: 60 })]) {
      const start = performance.now();
      try { await wait(); } catch (error) { show([error.code, performance.now() - start >= 60]); }
    }
    sigqueue(Deno.pid, "SIGRTMIN+1", { value: 3 });
    show(queue.receiveSync().value);
    sigqueue(Deno.pid, "SIGRTMIN+1", { value: 4 });
    show((await queue.receive({ timeout: 60000 })).value);
    storm.kill("SIGKILL");
    await storm.status;`,
    );
    assertEquals(await child.lines(), [
      "ready",
      '["ETIMEDOUT",true]',
      '["ETIMEDOUT",true]',
      "3",
      "4",
    ]);
  },
});

Deno.test({
  ...notEmulated(
    "SignalQueue sees what is sent to its thread only by asking in it",
    "shows its own signal masks",
  ),
  async fn() {
    await using child = program(
      ["SIGRTMIN+1"],
      `raise("SIGRTMIN+1");
    const { origin, pid } = queue.receiveSync({ timeout: 60000 });
    show([origin, pid === Deno.pid]);`,
    );
    assertEquals(await child.lines(), ["ready", '["tgkill",true]']);
  },
});

Deno.test("SignalQueue tells of children", async () => {
  await using child = program(
    ["SIGCHLD"],
    `import { spawn } from "@libc/ipc/spawn";
    const one = spawn("sh", { args: ["-c", "exit 7"] });
    const { signal, pid, status, origin } = await queue.receive();
    show([signal, pid === one.pid, status, origin, (await one.status).code]);`,
  );
  assertEquals(await child.lines(), [
    "ready",
    '["SIGCHLD",true,7,"other",7]',
  ]);
});

Deno.test({
  ...notEmulated(
    "SignalQueue ends its waits and loops when it is closed",
    "shows its own signal masks",
  ),
  async fn() {
    await using child = program(
      ["SIGRTMIN+1"],
      `const wait = queue.receive().catch((error) => show([error.name, error.message]));
    const loop = (async () => { for await (const info of queue) show(info); show("over"); })();
    setTimeout(() => { queue.close(); queue.close(); }, 5);
    await wait;
    await loop;
    for (const use of [() => queue.tryReceive(), () => queue.receiveSync(), () => queue.fd.number]) {
      try { use(); } catch (error) { show(error.message); }
    }
    show(queue.closed);`,
    );
    const closed = "closed signal queue of SIGRTMIN+1";
    assertEquals(await child.lines(), [
      "ready",
      `["TypeError","Cannot receive from a ${closed}"]`,
      '"over"',
      `"Cannot receive from a ${closed}"`,
      `"Cannot receive from a ${closed}"`,
      `"Cannot take the descriptor of a ${closed}"`,
      "true",
    ]);
    assertEquals((await child.process.status).code, 0);
  },
});

Deno.test({
  ...notEmulated(
    "SignalQueue lets the process end while only unref waits are left",
    "shows its own signal masks",
  ),
  async fn() {
    await using child = denoWith(
      ["SIGRTMIN+1"],
      `${PREPARE}
    const queue = SignalQueue.open("SIGRTMIN+1");
    queue.receive({ unref: true });
    console.log("over");`,
    );
    assertEquals(await child.lines(), ["over"]);
    assertEquals((await child.process.status).code, 0);
  },
});

Deno.test({
  ...notEmulated(
    "SignalQueue is one of many that waitAny() waits for",
    "shows its own signal masks",
  ),
  async fn() {
    await using child = denoWith(
      ["SIGRTMIN+1"],
      `${PREPARE}
    import { waitAny } from "@libc/ipc/wait";
    import { EventFd } from "@libc/ipc/eventfd";
    using queue = SignalQueue.open("SIGRTMIN+1");
    using event = EventFd.create();
    setTimeout(() => sigqueue(Deno.pid, "SIGRTMIN+1", { value: 9 }), 5);
    const ready = await waitAny([event, queue]);
    show([ready === queue, queue.tryReceive().value]);`,
    );
    assertEquals(await child.lines(), ["[true,9]"]);
  },
});

Deno.test({
  ...notEmulated("SignalQueue works in a Worker", "shows its own signal masks"),
  async fn() {
    const worker = `import { SignalQueue } from "@libc/ipc/signal";
    using queue = SignalQueue.open("SIGRTMIN+1");
    postMessage("ready");
    const { value } = await queue.receive();
    postMessage(value);`;
    await using child = denoWith(
      ["SIGRTMIN+1"],
      `${PREPARE}
    const worker = new Worker("data:application/typescript," + encodeURIComponent(${
        JSON.stringify(worker)
      }), { type: "module" });
    worker.onmessage = ({ data }) => {
      if (data === "ready") return sigqueue(Deno.pid, "SIGRTMIN+1", { value: 11 });
      show(data);
      worker.terminate();
    };`,
      "--allow-import",
      "--allow-read",
    );
    assertEquals(await child.lines(), ["11"]);
  },
});

// `kill` of procps and of util-linux can both send a value.
const sender = ["/bin/kill", "/usr/bin/kill"].find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});

Deno.test({
  name: `SignalQueue receives the value that kill -q sends${
    NO_SIGNAL_MASKS || (sender ? "" : " [skipped: no kill command]")
  }`,
  ignore: EMULATED || sender === undefined,
  async fn() {
    await using child = program(
      ["SIGRTMIN+2"],
      `const { signal, value, pid } = await queue.receive();
      show([signal, value, pid]);`,
    );
    assertEquals(await child.line(), "ready");
    const sent = spawn(sender ?? "", {
      args: ["-36", "-q", "42", String(child.pid)],
    });
    assertEquals((await sent.status).code, 0);
    assertEquals(await child.line(), `["SIGRTMIN+2",42,${sent.pid}]`);
  },
});

Deno.test({
  name:
    `SignalQueue works in a program that Python started with signals blocked${
      NO_SIGNAL_MASKS || (hasCommand("python3") ? "" : " [skipped: no python3]")
    }`,
  ignore: EMULATED || !hasCommand("python3"),
  async fn() {
    const code = `${PREPARE}
      using queue = SignalQueue.open("SIGRTMIN+1");
      kill(Deno.pid, "SIGRTMIN+1");
      show((await queue.receive()).signal);`;
    await using child = lineChild(
      spawn("python3", {
        args: [
          "-c",
          `import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [35])
os.execv(sys.argv[1], sys.argv[1:])`,
          Deno.execPath(),
          ...denoArgs(code),
        ],
        fds: { 1: "pipe" },
      }),
    );
    assertEquals(await child.lines(), ['"SIGRTMIN+1"']);
  },
});
