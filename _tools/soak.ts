/**
 * `deno task soak`: everything at once, for ten minutes or `--seconds N`.
 *
 * Four processes answer messages, share a lock, take units of a semaphore, talk
 * over sockets and abort waits at random moments, and every second one of them
 * is killed. Afterwards the soak checks that no message was lost or received
 * twice, that the lock excluded others, that no unit is missing, and that
 * descriptors, threads and memory of this process have not grown. `Ctrl+C` ends
 * it early.
 *
 * @module
 */

import { IpcError, PipeWriter, Socket } from "@libc/ipc";
import {
  ANSWER,
  attempt,
  Contest,
  count,
  JOB,
  Objects,
  pause,
  rise,
  SoakWorkers,
  State,
  Traffic,
  trend,
  UNITS,
} from "./soak_parts.ts";

/**
 * Milliseconds between two kills, and between two samples of memory and
 * descriptors.
 */
const KILL_INTERVAL = 1000;
const SAMPLE_INTERVAL = 250;
/**
 * The allowed growth of the heap in the second half of the time, by its trend.
 * It grows by 0.5 MiB in ten seconds because of data that this program keeps.
 */
const MAX_HEAP = 4 << 20;
/**
 * The same for memory outside the heap, by its lowest values: the buffers of
 * sockets take 3 to 30 MiB, depending on when they are freed.
 */
const MAX_EXTERNAL = 32 << 20;
/**
 * The allowed growth of descriptors and threads: waits on System V objects
 * start up to 32 threads, each with an eventfd, which stay. The reactor and
 * Deno's pool have others.
 */
const MAX_DESCRIPTORS = 64;
const MAX_THREADS = 64;

/** The watchdog of the end, which takes less than a second, in milliseconds. */
const STUCK = 60_000;

declare const gc: (() => void) | undefined;

function entriesOf(directory: string): number {
  return [...Deno.readDirSync(directory)].length;
}

/** The result of a soak. */
export interface SoakResult {
  /** The report, line by line. */
  lines: string[];
  /** The failures. */
  failures: string[];
}

/** Samples the values that must not grow. */
class Samples {
  readonly descriptors: number[] = [];
  readonly threads: number[] = [];
  readonly heap: number[] = [];
  readonly external: number[] = [];
  readonly resident: number[] = [];

  async take(): Promise<void> {
    await pause(SAMPLE_INTERVAL);
    gc?.();
    const { heapUsed, external, rss } = Deno.memoryUsage();
    this.heap.push(heapUsed);
    this.external.push(external);
    this.resident.push(rss);
    this.threads.push(entriesOf("/proc/self/task"));
    this.descriptors.push(entriesOf("/proc/self/fd"));
  }
}

/** Runs for a number of seconds, or until aborted. */
export async function soak(
  seconds: number,
  ended?: AbortSignal,
): Promise<SoakResult> {
  const before = entriesOf("/proc/self/fd");
  const failures: string[] = [];
  const fail = (error: unknown) => void failures.push(String(error));
  using objects = new Objects();
  using contest = new Contest();
  const name = `\0soak-${crypto.randomUUID()}`;
  using listener = Socket.listen(name);
  const workers = new SoakWorkers(objects.names(name), fail);
  const sysv = new Traffic();
  const posix = new Traffic();
  const samples = new Samples();
  const sending = new AbortController();
  const receiving = new AbortController();
  const repeat = async (run: () => Promise<unknown>, until: AbortSignal) => {
    try {
      while (!until.aborted) await run();
    } catch (error) {
      if (error !== until.reason) fail(error);
    }
  };
  const { queue, jobs, answers } = objects;
  const senders = [
    () => sysv.send((data) => queue.send(JOB, data)),
    () => posix.send((data) => jobs.send(data)),
    () => count(objects, () => pause(1), { signal: sending.signal }),
    ...contest.runs,
  ].map((run) => repeat(run, sending.signal));
  const receivers = [
    async () => {
      const message = await attempt((options) =>
        queue.receive({ type: ANSWER, ...options })
      );
      if (message !== undefined) sysv.finish(message.data);
    },
    async () => {
      const message = await attempt((options) => answers.receive(options));
      if (message !== undefined) posix.finish(message.data);
    },
    async () => {
      const socket = await attempt((options) => listener.accept(options));
      if (socket !== undefined) serve(socket, fail);
    },
  ].map((run) => repeat(run, receiving.signal));

  // Wait for the first worker to begin.
  while (sysv.answered === 0 && failures.length === 0) await pause(10);
  const sampling = repeat(() => samples.take(), sending.signal);
  const end = performance.now() + seconds * 1000;
  while (
    performance.now() < end && failures.length === 0 && !ended?.aborted
  ) {
    await pause(KILL_INTERVAL * (0.5 + Math.random()));
    workers.kill();
    sysv.allowForLost();
    posix.allowForLost();
  }
  const finish = async () => {
    sending.abort();
    await Promise.all([...senders, sampling]);
    objects.mapping.view(State).stop = 1;
    await workers.end();
    receiving.abort();
    await Promise.all(receivers);
  };
  await Promise.race([
    finish(),
    pause(STUCK).then(() => fail("somebody waits for what was lost")),
  ]);

  // Drain messages that no worker has taken.
  sysv.drain(() => queue.tryReceive()?.data);
  posix.drain(() => answers.tryReceive()?.data ?? jobs.tryReceive()?.data);
  const state = objects.mapping.view(State);
  const { kills } = workers;
  const missing = UNITS - objects.units.value();
  const check = (what: string, value: number, most: number) => {
    if (!(value <= most)) fail(`${what}: ${value}, and not more than ${most}`);
  };
  // Each process had at most one message of each queue, and one unit.
  check("messages lost in System V queues", sysv.lost, kills);
  check("messages lost in POSIX queues", posix.lost, kills);
  check("messages that came twice", sysv.twice + posix.twice, 0);
  check("units lost", missing, kills);
  check("units too many", -missing, 0);
  check("repairs", state.repairs, kills);
  check("value of the lock", Math.abs(objects.lock.value() - 1), 0);
  for (const [what, wrong] of contest.end()) {
    check(`units of a contest for ${what} that are gone or too many`, wrong, 0);
  }
  const heap = trend(samples.heap);
  const external = rise(samples.external);
  const descriptors = trend(samples.descriptors);
  const threads = trend(samples.threads);
  check("growth of the heap in bytes", heap, MAX_HEAP);
  check("growth of memory outside the heap in bytes", external, MAX_EXTERNAL);
  check("growth of descriptors", descriptors, MAX_DESCRIPTORS);
  check("growth of threads", threads, MAX_THREADS);
  const left = entriesOf("/proc/self/fd") - before;
  check("descriptors left", left, MAX_DESCRIPTORS);
  const MiB = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  return {
    failures,
    lines: [
      `${kills} kills; lost with them: ${sysv.lost} of ${sysv.sent} System V messages, ` +
      `${posix.lost} of ${posix.sent} POSIX messages, ${missing} of ${UNITS} units`,
      `${state.after} turns of the lock, ${state.repairs} repaired`,
      `${contest.won} units won, ${contest.aborted} waits for one aborted`,
      `round trip of a System V message: ${sysv.latencies}`,
      `round trip of a POSIX message: ${posix.latencies}`,
      `in the second half: heap ${MiB(heap)} more, outside ${MiB(external)}, ` +
      `resident ${MiB(trend(samples.resident))}, ` +
      `descriptors ${descriptors.toFixed(1)}, threads ${threads.toFixed(1)}`,
      `at the end: heap ${MiB(samples.heap.at(-1) ?? 0)}, ` +
      `resident ${MiB(samples.resident.at(-1) ?? 0)}, ` +
      `${left} descriptors more than before`,
    ],
  };
}

/** Echoes data, and writes to the descriptors that come with it. */
async function serve(
  connection: Socket,
  fail: (error: unknown) => void,
): Promise<void> {
  using socket = connection;
  try {
    for (;;) {
      const message = await socket.receiveFds();
      if (message === null) return;
      for (const fd of message.fds) {
        using writer = PipeWriter.fromFd(fd, { takeOver: true });
        await writer.write("ok");
      }
      await socket.send(message.data);
    }
  } catch (error) {
    // Its peer may be killed at any moment.
    if (!(error instanceof IpcError)) fail(error);
  }
}

if (import.meta.main) {
  const [option, value = "600"] = Deno.args;
  const seconds = Number(value);
  if ((option ?? "--seconds") !== "--seconds" || !(seconds > 0)) {
    console.error("Usage: deno task soak [--seconds N]");
    Deno.exit(2);
  }
  const ended = new AbortController();
  Deno.addSignalListener("SIGINT", () => ended.abort());
  const { lines, failures } = await soak(seconds, ended.signal);
  for (const line of lines) console.log(line);
  for (const failure of failures) console.error(`FAILED ${failure}`);
  Deno.exit(failures.length > 0 ? 1 : 0);
}
