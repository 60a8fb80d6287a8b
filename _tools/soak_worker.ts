/**
 * A process that the soak kills: it answers jobs, takes the lock, takes units,
 * talks to the socket and aborts waits, all at the same time.
 *
 * @module
 */

import {
  EventFd,
  IpcError,
  Pidfd,
  pipe,
  Socket,
  type WaitOptions,
} from "@libc/ipc";
import {
  ANSWER,
  attempt,
  count,
  JOB,
  type Names,
  Objects,
  pause,
  State,
} from "./soak_parts.ts";

// Only the parent can stop it, so it ends with the parent.
using parent = Pidfd.open(Deno.ppid);
parent.wait({ unref: true }).then(() => Deno.exit(1), () => {});

const names: Names = JSON.parse(Deno.args[0] ?? "null");
using objects = new Objects(names);
const state = objects.mapping.view(State);

/** The interval between checks of `stop`. */
const LOOK = { timeout: 200 };

function isLate(error: unknown): boolean {
  return error instanceof IpcError && error.code === "ETIMEDOUT";
}

/** Repeats a run; a timeout does not end it. */
async function repeat(run: () => unknown): Promise<void> {
  while (state.stop === 0) {
    try {
      await run();
    } catch (error) {
      if (!isLate(error)) throw error;
    }
  }
}

async function answerSysv(): Promise<void> {
  const { queue } = objects;
  const message = await attempt((options) =>
    queue.receive({ type: JOB, ...options })
  );
  if (message === undefined) return;
  await insist((options) => queue.send(ANSWER, message.data, options));
}

async function answerPosix(): Promise<void> {
  const { jobs, answers } = objects;
  const message = await attempt((options) => jobs.receive(options));
  if (message === undefined) return;
  const { data, priority } = message;
  await insist((options) => answers.send(data, { priority, ...options }));
}

/** Sends, and retries after each abort: the message must not arrive twice. */
async function insist(
  send: (options: WaitOptions) => Promise<void>,
): Promise<void> {
  const sending = async (options: WaitOptions) => {
    await send(options);
    return true;
  };
  while (!await attempt(sending));
}

async function borrow(): Promise<void> {
  await objects.units.acquire(LOOK);
  await pause();
  objects.units.release();
}

async function echo(): Promise<void> {
  using socket = await Socket.connect(names.socket);
  const data = new Uint8Array(1 + Math.random() * 200_000);
  crypto.getRandomValues(data.subarray(0, 65536));
  using ends = pipe();
  const sending = socket.sendFds([ends.writer], data);
  let at = 0;
  while (at < data.length) {
    const part = await socket.receive();
    if (part === null) throw new TypeError("The echo ended early");
    for (const byte of part) {
      if (byte !== data[at++]) throw new TypeError(`Byte ${at} differs`);
    }
  }
  await sending;
  // The receiver of the descriptor has written to it.
  const buffer = new Uint8Array(8);
  if (await ends.reader.read(buffer) !== 2) throw new TypeError("No ok");
}

/** Waits that are aborted at a random moment and must leave nothing behind. */
async function giveUp(): Promise<void> {
  using event = EventFd.create({ semaphore: true });
  using ends = pipe();
  const waits: ((options: WaitOptions) => Promise<unknown>)[] = [
    (options) => event.receive(options),
    (options) => ends.reader.read(new Uint8Array(1), options),
    (options) => objects.queue.receive({ ...options, type: 99 }),
    (options) => objects.lock.operate([{ index: 0, delta: -2 }], options),
  ];
  await Promise.all(waits.map(async (wait) => {
    const controller = new AbortController();
    const { signal } = controller;
    const done = wait({ signal }).then(
      () => Promise.reject(new TypeError("A wait ended that could not")),
      (error) => {
        if (!signal.aborted) throw error;
      },
    );
    await pause();
    controller.abort();
    await done;
  }));
}

await Promise.all([
  repeat(answerSysv),
  repeat(answerPosix),
  repeat(borrow),
  repeat(echo),
  repeat(giveUp),
  repeat(() => count(objects, pause, LOOK)),
]);
