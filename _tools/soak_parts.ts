/**
 * The parts of the soak: the objects that it shares with its workers, the
 * workers, and the messages between them.
 *
 * @module
 */

import {
  type ChildProcess,
  EventFd,
  type Mapping,
  PosixMessageQueue,
  PosixSemaphore,
  spawn,
  struct,
  SysvMessageQueue,
  SysvSemaphoreSet,
  SysvSharedMemory,
  type WaitOptions,
} from "@libc/ipc";
import { ROOT } from "./common.ts";

/** The data under the lock: both counters are equal while nobody holds it. */
export const State = struct({
  /** Raised first, then the other. */
  before: "u32",
  after: "u32",
  /** How often a process found them different after another was killed. */
  repairs: "u32",
  /** Not 0 when the workers must end. */
  stop: "u32",
});

/** Message types of the System V queue: jobs, and their answers. */
export const JOB = 1;
export const ANSWER = 2;

/** The number of units of the semaphore. */
export const UNITS = 1000;

/** The maximum number of messages in flight. */
const ON_THEIR_WAY = 4;
/** Milliseconds after which a message counts as lost. */
const PATIENCE = 1000;

/** Names of the objects, handed to the workers as JSON. */
export interface Names {
  /** Ids of System V objects. */
  queue: number;
  lock: number;
  memory: number;
  /** Names of POSIX objects. */
  jobs: string;
  answers: string;
  units: string;
  /** The socket that echoes. */
  socket: string;
}

/** The objects; disposing removes the owned ones. */
export class Objects implements Disposable {
  readonly #stack = new DisposableStack();
  readonly queue: SysvMessageQueue;
  readonly lock: SysvSemaphoreSet;
  readonly memory: SysvSharedMemory;
  readonly mapping: Mapping;
  readonly jobs: PosixMessageQueue;
  readonly answers: PosixMessageQueue;
  readonly units: PosixSemaphore;

  /** Opens the objects of the given names, or creates new ones. */
  constructor(names?: Names) {
    const stack = this.#stack;
    const size = { maxMessages: 8, messageSize: 64 };
    try {
      this.queue = stack.use(
        names
          ? SysvMessageQueue.fromId(names.queue)
          : SysvMessageQueue.create(0),
      );
      this.lock = stack.use(
        names
          ? SysvSemaphoreSet.fromId(names.lock)
          : SysvSemaphoreSet.create(0, [1]),
      );
      this.memory = stack.use(
        names
          ? SysvSharedMemory.fromId(names.memory)
          : SysvSharedMemory.create(0, State.size),
      );
      this.mapping = stack.use(this.memory.attach());
      this.jobs = stack.use(
        names
          ? PosixMessageQueue.open(names.jobs)
          : PosixMessageQueue.create(null, size),
      );
      this.answers = stack.use(
        names
          ? PosixMessageQueue.open(names.answers)
          : PosixMessageQueue.create(null, size),
      );
      this.units = stack.use(
        names
          ? PosixSemaphore.open(names.units)
          : PosixSemaphore.create(null, { value: UNITS }),
      );
    } catch (error) {
      stack.dispose();
      throw error;
    }
  }

  /** The names for others. */
  names(socket: string): Names {
    return {
      queue: this.queue.id,
      lock: this.lock.id,
      memory: this.memory.id,
      jobs: this.jobs.name,
      answers: this.answers.name,
      units: this.units.name ?? "",
      socket,
    };
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

/** Pauses for a random time of up to 2 ms by default. */
export function pause(
  milliseconds: number = Math.random() * 2,
): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** A wait that is aborted at a random moment; `undefined` then. */
export async function attempt<T>(
  wait: (options: WaitOptions) => Promise<T>,
): Promise<T | undefined> {
  const controller = new AbortController();
  const { signal } = controller;
  const timer = setTimeout(() => controller.abort(), Math.random() * 3);
  try {
    return await wait({ signal });
  } catch (error) {
    if (error !== signal.reason) throw error;
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Units for which more calls wait than there are, and abort at random moments.
 * No process is killed here, so all units must be there at the end.
 */
export class Contest implements Disposable {
  readonly #stack = new DisposableStack();
  readonly #prizes: readonly Prize[];
  /** The number of acquired units, and of aborted waits. */
  won = 0;
  aborted = 0;

  constructor() {
    const named = this.#stack.use(PosixSemaphore.create(null, { value: 2 }));
    const set = this.#stack.use(SysvSemaphoreSet.create(0, [2]));
    const event = this.#stack.use(EventFd.create({ semaphore: true }));
    event.post(2);
    const undo = false;
    this.#prizes = [
      {
        what: "a POSIX semaphore",
        take: (options) => named.acquire(options),
        give: () => named.release(),
        value: () => named.value(),
      },
      {
        what: "a System V semaphore",
        take: (options) => set.acquire(0, { ...options, undo }),
        give: () => set.release(0, 1, { undo }),
        value: () => set.value(0),
      },
      {
        what: "an eventfd",
        take: (options) => event.receive(options),
        give: () => event.post(),
        value() {
          let left = 0;
          while (event.tryReceive() !== undefined) left++;
          return left;
        },
      },
    ];
  }

  /** The concurrent loops. */
  get runs(): (() => Promise<void>)[] {
    return this.#prizes.flatMap((prize) =>
      [1, 2, 3, 4].map(() => () => this.#run(prize))
    );
  }

  /** Takes all units; returns the error in the number of each. */
  end(): [what: string, wrong: number][] {
    return this.#prizes.map(({ what, value }) => [what, Math.abs(value() - 2)]);
  }

  async #run({ take, give }: Prize): Promise<void> {
    const got = await attempt(async (options) => {
      await take(options);
      return true;
    });
    if (!got) return void this.aborted++;
    this.won++;
    await pause();
    give();
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

interface Prize {
  what: string;
  take: (options: WaitOptions) => Promise<unknown>;
  give: () => void;
  value: () => number;
}

/**
 * Raises both counters under the lock, with a pause in between, and repairs the
 * state of a process that was killed there. The kernel released its lock.
 */
export async function count(
  { lock, mapping }: Objects,
  pause: () => Promise<void>,
  options: WaitOptions,
): Promise<void> {
  const state = mapping.view(State);
  await lock.acquire(0, options);
  try {
    if (state.before !== state.after) {
      state.after = state.before;
      state.repairs++;
    }
    state.before++;
    await pause();
    state.after++;
  } finally {
    lock.release();
  }
}

/** The processes that are killed and restarted. */
export class SoakWorkers {
  readonly #names: string;
  readonly #fail: (error: unknown) => void;
  readonly #running = new Set<ChildProcess>();
  #ending = false;
  #waits: Promise<void>[] = [];
  /** How many were killed. */
  kills = 0;

  constructor(names: Names, fail: (error: unknown) => void, number = 4) {
    this.#names = JSON.stringify(names);
    this.#fail = fail;
    for (let i = 0; i < number; i++) this.#start();
  }

  /** Kills a random one. */
  kill(): void {
    const workers = [...this.#running];
    const victim = workers[Math.floor(Math.random() * workers.length)];
    if (victim === undefined || victim.ended) return;
    victim.kill("SIGKILL");
    this.kills++;
  }

  /** Waits until all have ended; {@linkcode State} `stop` tells them to. */
  async end(): Promise<void> {
    this.#ending = true;
    await Promise.all(this.#waits);
  }

  #start(): void {
    const worker = spawn(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-lock",
        `--config=${ROOT}deno.json`,
        "--allow-ffi",
        `${ROOT}_tools/soak_worker.ts`,
        this.#names,
      ],
    });
    this.#running.add(worker);
    const wait = this.#wait(worker).catch(this.#fail);
    this.#waits.push(wait);
    wait.then(() => this.#waits = this.#waits.filter((each) => each !== wait));
  }

  async #wait(worker: ChildProcess): Promise<void> {
    const { signal, code } = await worker.wait();
    this.#running.delete(worker);
    worker.close();
    if (signal === "SIGKILL") {
      if (!this.#ending) this.#start();
    } else if (code !== 0 || !this.#ending) {
      this.#fail(`a worker ended with ${signal ?? code}`);
    }
  }
}

/** Messages on their way to a worker and back. */
export class Traffic {
  /** How many were sent. */
  sent = 0;
  /** How many answers came. */
  answered = 0;
  /** The number of unexpected answers. */
  twice = 0;
  /** How long the answers took. */
  readonly latencies: Latencies = new Latencies();
  /** Unanswered messages, and when they were sent, the oldest first. */
  readonly #open = new Map<number, number>();
  #most = ON_THEIR_WAY;

  /** Sends a message, or pauses while too many are in flight. */
  async send(send: (data: Uint8Array) => Promise<void>): Promise<void> {
    if (this.#open.size < this.#most) {
      const id = this.sent++;
      this.#open.set(id, performance.now());
      await send(new Uint8Array(Uint32Array.of(id).buffer));
    }
    if (this.#open.size < this.#most && Math.random() < 0.9) return;
    await pause(Math.random());
  }

  /** Messages without an answer for long no longer count as in flight. */
  allowForLost(): void {
    const old = performance.now() - PATIENCE;
    let lost = 0;
    for (const sent of this.#open.values()) if (sent < old) lost++;
    this.#most = ON_THEIR_WAY + lost;
  }

  /** Takes an answer. */
  finish(data: Uint8Array): void {
    const start = this.#close(data);
    if (start === undefined) return void this.twice++;
    this.answered++;
    this.latencies.add(performance.now() - start);
  }

  /**
   * Takes the remaining messages; they count neither as answered nor as lost.
   */
  drain(receive: () => Uint8Array | undefined): void {
    for (let data; (data = receive());) {
      if (this.#close(data) === undefined) this.twice++;
    }
  }

  /** The number of messages that will never be answered. */
  get lost(): number {
    return this.#open.size;
  }

  #close(data: Uint8Array): number | undefined {
    const view = new DataView(data.buffer, data.byteOffset);
    const id = view.getUint32(0, true);
    const start = this.#open.get(id);
    this.#open.delete(id);
    return start;
  }
}

/** The newest latencies in milliseconds. */
class Latencies {
  readonly #values: number[] = [];

  add(milliseconds: number): void {
    this.#values.push(milliseconds);
    if (this.#values.length > 20_000) this.#values.splice(0, 10_000);
  }

  toString(): string {
    const sorted = this.#values.toSorted((a, b) => a - b);
    const at = (q: number) => sorted[Math.floor(sorted.length * q)]?.toFixed(2);
    return `median ${at(0.5) ?? "-"} ms, p99.9 ${at(0.999) ?? "-"} ms`;
  }
}

/** The rise of the second half of some values, by least squares. */
export function trend(values: readonly number[]): number {
  const half = values.slice(values.length >> 1);
  const n = half.length;
  if (n < 2) return 0;
  const middle = (n - 1) / 2;
  let above = 0;
  let below = 0;
  half.forEach((value, i) => {
    above += (i - middle) * value;
    below += (i - middle) ** 2;
  });
  return above / below * (n - 1);
}

/**
 * The minimum of the last quarter less that of the quarter before: for values
 * with random peaks.
 */
export function rise(values: readonly number[]): number {
  const quarter = Math.ceil(values.length / 4);
  if (values.length < 2) return 0;
  const last = Math.min(...values.slice(-quarter));
  return last - Math.min(...values.slice(-2 * quarter, -quarter));
}
