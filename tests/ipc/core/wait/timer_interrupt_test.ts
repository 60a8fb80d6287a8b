import { time } from "@libc/ipc/ffi";
import { assertEquals, assertLess } from "@std/assert";
import { Deadline } from "../../../../ipc/core/wait/deadline.ts";
import { callUntil } from "../../../../ipc/core/wait/timer_interrupt.ts";
import { notEmulated, source, spawnDeno, watchdog } from "../../../util.ts";

const MONOTONIC = 1;
const EINTR = 4;

/** Sleeps for an hour, unless a signal comes. */
function sleepLong(): number {
  const hour = new BigInt64Array([3600n, 0n]);
  return time().clock_nanosleep(MONOTONIC, 0, hour, null);
}

Deno.test("callUntil() interrupts a call that blocks, at the deadline and as often as it takes", () => {
  using _dog = watchdog("callUntil");
  let interrupted = 0;
  // On a busy machine a short timeout can expire before the first call.
  for (let ms = 100; interrupted === 0; ms *= 2) {
    const deadline = new Deadline(ms);
    const result = callUntil(deadline, (mayBlock) => {
      if (!mayBlock) return undefined;
      assertEquals(sleepLong(), EINTR);
      interrupted++;
      return undefined;
    });
    assertEquals(result, undefined);
    assertEquals(deadline.expired, true);
  }
  // If signals came before the deadline, there would be one per millisecond.
  assertLess(interrupted, 20);
});

Deno.test("callUntil() interrupts again when the first time came too early", () => {
  using _dog = watchdog("callUntil");
  let calls = 0;
  for (let ms = 10; calls === 0; ms *= 2) {
    const start = performance.now();
    const deadline = new Deadline(ms);
    callUntil(deadline, (mayBlock) => {
      if (!mayBlock) return undefined;
      calls++;
      // The first signals arrive before the program makes the call.
      while (!deadline.expired || performance.now() < start + 2 * ms);
      assertEquals(sleepLong(), EINTR);
      return undefined;
    });
  }
  assertEquals(calls, 1);
});

Deno.test("callUntil() gives the first value, and looks once when the time is up already", () => {
  let calls = 0;
  const third = () => ++calls === 3 ? "value" : undefined;
  assertEquals(callUntil(new Deadline(1e6), third), "value");
  assertEquals(calls, 3);
  const seen: boolean[] = [];
  const look = (mayBlock: boolean) => {
    seen.push(mayBlock);
    return undefined;
  };
  assertEquals(callUntil(new Deadline(0), look), undefined);
  assertEquals(seen, [false]);
});

Deno.test({
  ...notEmulated(
    "callUntil() leaves neither signal nor timer behind, even when it nests or the call throws",
    "shows its own signals",
  ),
  async fn() {
    using _dog = watchdog("signals and timers");
    // Signals and timers belong to the process, and others use them in this
    // one.
    await using child = spawnDeno(
      `import "${source("tests/ipc/core/wait/timer_interrupt_child.ts")}";`,
      { permissions: ["--allow-all"] },
    );
    const { code, stderr } = await child.end();
    assertEquals([code, stderr], [0, ""]);
  },
});

/** The beginning of child programs that use signals. */
const PRELUDE = `
  import { sigaction, signal } from "@libc/ipc/ffi";
  import { callUntil } from ${
  JSON.stringify(source("ipc/core/wait/timer_interrupt.ts"))
};
  import { Deadline } from ${
  JSON.stringify(source("ipc/core/wait/deadline.ts"))
};
  const IGNORE = 1n;
  const handlerOf = (number: number) => {
    const old = new Uint8Array(sigaction.size);
    signal().sigaction(number, null, old);
    return sigaction.view(old).sa_handler;
  };
  const handle = (number: number, handler: bigint) => {
    const action = new Uint8Array(sigaction.size);
    sigaction.write(action, { sa_handler: handler });
    signal().sigaction(number, action, null);
  };
`;

Deno.test("callUntil() takes no signal that somebody else has a use for", async () => {
  await using child = spawnDeno(`${PRELUDE}
    handle(62, IGNORE);
    handle(60, IGNORE);
    const used = [62, 61, 60].map(() => 0n);
    callUntil(new Deadline(1e6), () => {
      console.log([62, 61, 60].map((n) => handlerOf(n) > IGNORE).join());
      return true;
    });
    console.log([62, 61, 60].map(handlerOf).join());
  `);
  assertEquals(await child.line(), "false,true,false");
  assertEquals(await child.line(), "1,0,1");
});

Deno.test("callUntil() takes no signal that this thread has blocked, and without any looks now and then", async () => {
  using _dog = watchdog("blocked signals");
  await using child = spawnDeno(`${PRELUDE}
    const SETMASK = 2;
    const block = (mask: bigint) =>
      signal().pthread_sigmask(
        SETMASK, new BigUint64Array([mask, ...new Array(15).fill(0n)]), null);
    block(1n << 61n);
    callUntil(new Deadline(1e6), () => {
      console.log(handlerOf(62) > IGNORE, handlerOf(61) > IGNORE);
      return true;
    });
    block(0xffff_ffff_0000_0000n);
    const deadline = new Deadline(50);
    const seen = new Set<boolean>();
    callUntil(deadline, (mayBlock) => void seen.add(mayBlock));
    console.log([...seen].join(), deadline.expired);
    let calls = 0;
    console.log(callUntil(new Deadline(1e6), () => ++calls > 5 || undefined));
  `);
  assertEquals(await child.line(), "false true");
  assertEquals(await child.line(), "false true");
  assertEquals(await child.line(), "true");
});

Deno.test({
  ...notEmulated(
    "callUntil() works on many threads at once, and no signal ends the process",
    "shows its own signals",
  ),
  async fn() {
    using _dog = watchdog("threads");
    const program = `
    const { SysvMessageQueue } = await import("@libc/ipc/sysv-msg");
    let timeouts = 0;
    {
      using queue = SysvMessageQueue.create(0);
      for (let i = 0; i < 300; i++) {
        try {
          queue.receiveSync({ timeout: (i % 7) / 5 });
        } catch (error) {
          if (error.code === "ETIMEDOUT") timeouts++;
        }
      }
    }
  `;
    await using child = spawnDeno(
      `
    const code = ${JSON.stringify(`${program} postMessage(timeouts);`)};
    const url = "data:application/javascript," + encodeURIComponent(code);
    const workers = Array.from(
      { length: 6 },
      () => new Worker(url, { type: "module" }),
    );
    const done = workers.map((worker) =>
      new Promise((resolve) => worker.onmessage = (e) => resolve(e.data))
    );
    ${program}
    const counts = await Promise.all(done);
    workers.forEach((worker) => worker.terminate());
    const status = Deno.readTextFileSync("/proc/self/status");
    const caught = BigInt("0x" + /SigCgt:\\s*(\\w+)/.exec(status)?.[1]);
    // The signals from 40 to 62.
    console.log([timeouts, ...counts].join(), caught >> 39n & 0x7f_ffffn);
    Deno.exit();
  `,
      { permissions: ["--allow-all"] },
    );
    assertEquals(await child.line(), `${new Array(7).fill(300).join()} 0n`);
  },
});
