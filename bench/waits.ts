/**
 * `deno task bench:waits`: measures the cost of waiting without blocking:
 * latency from wake to resume, waits that are ready at once, idle waiters.
 *
 * @module
 */

import {
  IPC_PRIVATE,
  pipe,
  PosixMessageQueue,
  PosixSemaphore,
  Socket,
  SysvMessageQueue,
  SysvSemaphoreSet,
} from "@libc/ipc";
import { median } from "./harness.ts";

/** A kind of object that can be waited for. */
interface Kind extends Disposable {
  /** Its name. */
  name: string;
  /** Waits for one unit. */
  wait(options?: { signal: AbortSignal }): Promise<unknown>;
  /** Makes one unit available. */
  wake(): unknown;
}

const byte = new Uint8Array(1);

/** One of each kind. */
async function kinds(): Promise<Kind[]> {
  const queue = SysvMessageQueue.create(IPC_PRIVATE);
  const set = SysvSemaphoreSet.create(IPC_PRIVATE, [0]);
  const ends = pipe();
  const [a, b] = Socket.pair();
  // All queues of a user share a limit of bytes.
  const mq = PosixMessageQueue.create(null, { messageSize: 64 });
  const semaphore = PosixSemaphore.create();
  return [
    {
      name: "pipe",
      wait: (o) => ends.reader.read(byte, o),
      wake: () => ends.writer.writeSync(byte),
      [Symbol.dispose]: () => ends[Symbol.dispose](),
    },
    {
      name: "unix stream socket",
      wait: (o) => a.receive({ ...o, maxSize: 1 }),
      wake: () => b.sendSync(byte),
      [Symbol.dispose]() {
        a.close();
        b.close();
      },
    },
    {
      name: "POSIX queue",
      wait: (o) => mq.receive(o),
      wake: () => mq.sendSync(byte),
      [Symbol.dispose]: () => mq[Symbol.dispose](),
    },
    {
      name: "POSIX semaphore",
      wait: (o) => semaphore.acquire(o),
      wake: () => semaphore.release(),
      [Symbol.dispose]: () => semaphore[Symbol.dispose](),
    },
    {
      name: "System V queue",
      wait: (o) => queue.receive(o),
      wake: () => queue.sendSync(1, byte),
      [Symbol.dispose]: () => queue[Symbol.dispose](),
    },
    {
      name: "System V semaphore",
      wait: (o) => set.acquire(0, { ...o, undo: false }),
      wake: () => set.release(0, 1, { undo: false }),
      [Symbol.dispose]: () => set[Symbol.dispose](),
    },
    await denoSocket(),
  ];
}

/** Deno's own socket, to compare with. */
async function denoSocket(): Promise<Kind> {
  const folder = await Deno.makeTempDir({ prefix: "libc_ipc_bench_" });
  const path = `${folder}/socket`;
  const listener = Deno.listen({ transport: "unix", path });
  const [client, server] = await Promise.all([
    Deno.connect({ transport: "unix", path }),
    listener.accept(),
  ]);
  return {
    name: "Deno.connect (unix)",
    wait: () => client.read(byte),
    wake: () => server.write(byte),
    [Symbol.dispose]() {
      for (const end of [listener, client, server]) end.close();
      Deno.removeSync(folder, { recursive: true });
    },
  };
}

const pause = (milliseconds: number) =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

function quantile(values: number[], q: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * q)] ?? NaN;
}

/** Microseconds from waking a sleeping waiter to the end of its wait. */
async function wakeLatency(kind: Kind, rounds = 300): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const wait = kind.wait();
    await pause(2);
    const start = performance.now();
    kind.wake();
    await wait;
    times.push((performance.now() - start) * 1000);
  }
  return times;
}

/** The capacity of an object of each kind in units. */
const ROOM = 8;

/** Microseconds of a wait that is ready at once, without its wake. */
async function readyCost(kind: Kind, rounds = 2500): Promise<number> {
  let time = 0;
  for (let i = -rounds; i < rounds; i++) {
    // The first half lets the JIT compiler finish.
    if (i === 0) time = 0;
    for (let j = 0; j < ROOM; j++) await kind.wake();
    const start = performance.now();
    for (let j = 0; j < ROOM; j++) await kind.wait();
    time += performance.now() - start;
  }
  return time * 1000 / rounds / ROOM;
}

/** Milliseconds from an abort to the end of the wait. */
async function abortLatency(kind: Kind, rounds = 100): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const controller = new AbortController();
    const wait = kind.wait({ signal: controller.signal }).catch(() => {});
    await pause(1);
    const start = performance.now();
    controller.abort();
    await wait;
    times.push(performance.now() - start);
  }
  return times;
}

/** 99th percentile of the lateness of a timer of 1 ms, in ms. */
async function timerDelay(milliseconds = 2000): Promise<number> {
  const delays: number[] = [];
  const end = performance.now() + milliseconds;
  while (performance.now() < end) {
    const start = performance.now();
    await pause(1);
    delays.push(performance.now() - start);
  }
  return quantile(delays, 0.99);
}

/** The percentage of a processor that this process uses. */
async function cpuUse(milliseconds = 3000): Promise<number> {
  const ticks = () => {
    const line = Deno.readTextFileSync("/proc/self/stat");
    const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
    return Number(fields[11]) + Number(fields[12]);
  };
  const start = ticks();
  await pause(milliseconds);
  return (ticks() - start) * 10 / milliseconds * 100;
}

const row = (cells: (string | number)[]) =>
  console.log(
    cells.map((cell, i) =>
      i === 0
        ? String(cell).padEnd(22)
        : (typeof cell === "number" ? cell.toFixed(2) : cell).padStart(14)
    ).join(""),
  );

row(["", "wake us", "wake p99 us", "ready us", "abort p99 ms"]);
for (const kind of await kinds()) {
  using _kind = kind;
  const wakes = await wakeLatency(kind);
  const ready = await readyCost(kind);
  // Deno's own reads cannot be aborted.
  const abort = kind.name.startsWith("Deno")
    ? "-"
    : quantile(await abortLatency(kind), 0.99);
  row([kind.name, median(wakes), quantile(wakes, 0.99), ready, abort]);
}

/** The cost of 200 idle waiters of these kinds. */
async function idleCost(
  what: string,
  make: () => Promise<Kind[]>,
): Promise<void> {
  using stack = new DisposableStack();
  const controller = new AbortController();
  const { signal } = controller;
  const waits: Promise<unknown>[] = [];
  while (waits.length < 200) {
    for (const kind of await make()) {
      stack.use(kind);
      if (waits.length < 200) waits.push(kind.wait({ signal }).catch(() => {}));
    }
  }
  await pause(200);
  row([what, await cpuUse(), await timerDelay()]);
  controller.abort();
  await Promise.all(waits);
}

console.log();
row(["waiting", "CPU %", "timer p99 ms"]);
row(["nobody", await cpuUse(), await timerDelay()]);
const ours = async () => {
  const all = await kinds();
  all.pop()?.[Symbol.dispose]();
  return all;
};
await idleCost("200 of all kinds", ours);
for (const name of ["pipe", "POSIX semaphore", "System V queue"]) {
  await idleCost(`200 of ${name}`, async () => {
    const all = await ours();
    for (const kind of all) if (kind.name !== name) kind[Symbol.dispose]();
    return all.filter((kind) => kind.name === name);
  });
}
row(["nobody", await cpuUse(), await timerDelay()]);
