/**
 * Two isolates that keep opening, waiting on and closing the same objects.
 * Prints how much each object has lost.
 */

import {
  EventFd,
  IPC_PRIVATE,
  pipe,
  PipeReader,
  PosixMessageQueue,
  PosixSemaphore,
  SysvMessageQueue,
  SysvSemaphoreSet,
} from "@libc/ipc";
import { turn } from "../util.ts";

/** The global scope, here or in the worker. */
declare const self:
  & { name: string }
  & Pick<Worker, "postMessage" | "onmessage">;

/** The minimum number of units to give to each object. */
const ENOUGH = 500;
const undo = false;

/** The names of the objects, and how much the worker has received of each. */
interface Names {
  counts: SharedArrayBuffer;
  queue: number;
  set: number;
  posix: string;
  semaphore: string;
  event: number;
  pipe: number;
}

/** A handle of an object. */
interface Opened extends Disposable {
  wait(): Promise<unknown>;
  attempt(): unknown;
}

function opened(
  handle: { close(): void },
  wait: Opened["wait"],
  attempt: Opened["attempt"],
): Opened {
  return { wait, attempt, [Symbol.dispose]: () => handle.close() };
}

/** Functions that open the objects of these names. */
function openersOf(names: Names): (() => Opened)[] {
  const byte = () => new Uint8Array(1);
  const receiving = <T>(
    open: () => {
      close(): void;
      receive(): Promise<T>;
      tryReceive(): T | undefined;
    },
  ) =>
  () => {
    const each = open();
    return opened(each, () => each.receive(), () => each.tryReceive());
  };
  return [
    receiving(() => SysvMessageQueue.fromId(names.queue)),
    () => {
      const set = SysvSemaphoreSet.fromId(names.set);
      return opened(
        set,
        () => set.acquire(0, { undo }),
        () => set.tryAcquire(0, { undo }),
      );
    },
    receiving(() => PosixMessageQueue.open(names.posix)),
    () => {
      const semaphore = PosixSemaphore.open(names.semaphore);
      return opened(
        semaphore,
        () => semaphore.acquire(),
        () => semaphore.tryAcquire(),
      );
    },
    receiving(() => EventFd.fromFd(names.event)),
    () => {
      const reader = PipeReader.fromFd(names.pipe);
      return opened(
        reader,
        () => reader.read(byte()),
        () => reader.tryRead(byte()),
      );
    },
  ];
}

/**
 * Waits and closes until told to stop; returns the number of resolved waits.
 */
async function use(
  open: () => Opened,
  stop: () => boolean,
  count: () => void = () => {},
): Promise<number> {
  let got = 0;
  while (!stop()) {
    const handle = open();
    const waits = [1, 2].map(async () => {
      try {
        await handle.wait();
        got++;
        count();
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
      }
    });
    for (let turns = Math.random() * 30; turns > 0; turns--) await turn();
    handle[Symbol.dispose]();
    await Promise.all(waits);
  }
  return got;
}

/** The worker: uses the names that it gets until told to stop. */
function runWorker(): void {
  let stopped = false;
  self.onmessage = async ({ data }: MessageEvent<Names | "stop">) => {
    if (data === "stop") return void (stopped = true);
    self.postMessage("ready");
    const counts = new Int32Array(data.counts);
    self.postMessage(
      await Promise.all(
        openersOf(data).map((open, i) =>
          use(open, () => stopped, () => Atomics.add(counts, i, 1))
        ),
      ),
    );
  };
}

async function run(): Promise<void> {
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0]);
  using posix = PosixMessageQueue.create(null, {
    maxMessages: 8,
    messageSize: 8,
  });
  using semaphore = PosixSemaphore.create();
  using event = EventFd.create({ semaphore: true });
  using ends = pipe();
  const gives = [
    () => queue.send(1, "x"),
    () => set.release(0, 1, { undo }),
    () => posix.send("x"),
    () => semaphore.release(),
    () => event.post(),
    () => ends.writer.write("x"),
  ];
  const counts = new Int32Array(new SharedArrayBuffer(4 * gives.length));
  const names: Names = {
    counts: counts.buffer,
    queue: queue.id,
    set: set.id,
    posix: posix.name,
    semaphore: semaphore.name ?? "",
    event: event.fd.number,
    pipe: ends.reader.fd.number,
  };
  const worker = new Worker(import.meta.url, {
    type: "module",
    name: "worker",
  });
  const next = () =>
    new Promise<unknown>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = reject;
    });
  const ready = next();
  worker.postMessage(names);
  await ready;
  const theirs = next();
  const here = openersOf(names);
  const others = await Promise.all(here.map(async (open, i) => {
    let given = 0;
    const enough = () => given >= ENOUGH;
    const users = [use(open, enough), use(open, enough)];
    // Until the worker has received some too.
    while (!enough() || Atomics.load(counts, i) === 0) {
      await gives[i]?.();
      given++;
      if (Math.random() < 0.3) await turn();
    }
    const got = await Promise.all(users);
    return got.reduce((left, count) => left - count, given);
  }));
  worker.postMessage("stop");
  const found = await theirs as number[];
  const missing = here.map((open, i) => {
    using rest = open();
    let left = 0;
    while (rest.attempt()) left++;
    return (others[i] ?? NaN) - left - (found[i] ?? NaN);
  });
  console.log(missing.join());
  worker.terminate();
}

if (self.name === "") await run();
else runWorker();
