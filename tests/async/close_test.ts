// Waits whose object is closed or removed at any moment, here or elsewhere.

import { assertEquals } from "@std/assert";
import {
  IPC_PRIVATE,
  Socket,
  spawn,
  SysvMessageQueue,
  SysvSemaphoreSet,
  type WaitOptions,
} from "@libc/ipc";
import { IpcError } from "@libc/ipc/errno";
import { type Child, denoArgs, scaled, spawnDeno, watchdog } from "../util.ts";
import { checkRandomEnds, closing, type End, seed } from "./checks.ts";
import { type Kind, kindOf, kinds, type Subject } from "./kinds.ts";

/** Runs a program of this folder. */
function spawnProgram(name: string): Child {
  return spawnDeno(new URL(name, import.meta.url), {
    permissions: ["--allow-all"],
  });
}

/** In each there are four waits and a later one. */
const ROUNDS = scaled(500, 10_000);
/** Objects that live at the same time. */
const OBJECTS = 10;
/** Kinds whose objects are processes. */
const PROCESSES = ["Pidfd.wait", "ChildProcess.wait"];

for (const kind of kinds) {
  const { name } = kind;
  const rounds = PROCESSES.includes(name) ? Math.ceil(ROUNDS / 5) : ROUNDS;
  Deno.test(`${name}() and close() at ${rounds} random moments: every wait ends, all or nothing`, async () => {
    const start = seed();
    using _dog = watchdog(`${name} with seed ${start}`);
    await checkRandomEnds(kind, {
      rounds,
      objects: OBJECTS,
      end: closing,
      start,
    });
  });
}

/** The errors with which waits end when the object or the other end goes. */
const REMOVALS: Record<string, string[]> = {
  // These resolve with null instead.
  "PipeReader.read": [],
  "PipeReader.splice": [],
  "Fifo reader.read": [],
  "Socket.reader.read": [],
  "Socket.receive of a stream": [],
  "Socket.receive of packets": [],
  "Socket.receiveFds": [],
  "PipeWriter.write": ["EPIPE"],
  "Socket.send of datagrams": [
    "ECONNREFUSED",
    "ENOTCONN",
    "EPIPE",
    "ECONNRESET",
  ],
  "Socket.send of packets": ["EPIPE", "ECONNRESET"],
  "Socket.sendTo": ["ECONNREFUSED"],
  "Socket.connect": ["ECONNREFUSED"],
};

/** A kind of wait on a System V queue, which can be removed. */
function queueKind(
  name: string,
  fill: (queue: SysvMessageQueue) => void,
  wait: (queue: SysvMessageQueue, options?: WaitOptions) => Promise<unknown>,
  wake: (queue: SysvMessageQueue) => void,
): Kind {
  return {
    name,
    make(): Subject {
      const stack = new DisposableStack();
      const queue = stack.use(SysvMessageQueue.create(IPC_PRIVATE));
      const other = stack.use(SysvMessageQueue.fromId(queue.id));
      fill(queue);
      return {
        wait: (options) => wait(queue, options),
        wake: () => wake(other),
        close: () => queue.close(),
        other,
        [Symbol.dispose]: () => stack.dispose(),
      };
    },
  };
}

/** The same on a set of two System V semaphores, the second with value 1. */
function setKind(
  name: string,
  wait: (set: SysvSemaphoreSet, options?: WaitOptions) => Promise<unknown>,
  wake: (set: SysvSemaphoreSet) => void,
): Kind {
  return {
    name,
    make(): Subject {
      const stack = new DisposableStack();
      const set = stack.use(SysvSemaphoreSet.create(IPC_PRIVATE, [0, 1]));
      const other = stack.use(SysvSemaphoreSet.fromId(set.id));
      return {
        wait: (options) => wait(set, options),
        wake: () => wake(other),
        close: () => set.close(),
        other,
        [Symbol.dispose]: () => stack.dispose(),
      };
    },
  };
}

const undo = false;

/** Kinds with something to remove. Effects are counted if they only receive. */
const removable: Kind[] = [
  ...Object.entries(REMOVALS).map(([name, codes]): Kind => ({
    name,
    make() {
      const { effects, ...subject } = kindOf(name).make();
      return codes.length === 0 && effects ? { ...subject, effects } : subject;
    },
  })),
  queueKind(
    "SysvMessageQueue.receive",
    () => {},
    (queue, options) => queue.receive(options),
    (queue) => queue.sendSync(1, "x"),
  ),
  queueKind(
    "SysvMessageQueue.send",
    (queue) => {
      queue.set({ maxBytes: 1 });
      queue.sendSync(1, "x");
    },
    (queue, options) => queue.send(1, "x", options),
    (queue) => void queue.tryReceive(),
  ),
  setKind(
    "SysvSemaphoreSet.acquire",
    (set, options) => set.acquire(0, { ...options, undo }),
    (set) => set.release(0, 1, { undo }),
  ),
  setKind(
    "SysvSemaphoreSet.waitZero",
    (set, options) => set.waitZero(1, options),
    (set) => set.setValue(1, 0),
  ),
];

/** Removes the object, or closes the other end. */
function removeHere({ other }: Subject): void {
  if (
    other instanceof SysvMessageQueue || other instanceof SysvSemaphoreSet
  ) other.remove();
  else other?.close();
}

function allowsRemoval(name: string): (error: unknown) => boolean {
  // Calls that start after the removal do not find the System V object.
  const codes = REMOVALS[name] ?? ["EIDRM", "EINVAL"];
  return (error) => error instanceof IpcError && codes.includes(error.code);
}

for (const kind of removable) {
  const { name } = kind;
  const allows = allowsRemoval(name);
  /** A removal, sometimes with a close at the same time, in either order. */
  const removing: End = {
    begin(subject, next) {
      const ways = [() => removeHere(subject)];
      if (next() < 0.3) {
        ways.splice(next() * 2, 0, () => closing.begin(subject, next));
      }
      for (const way of ways) way();
    },
    allows: (error) => allows(error) || closing.allows(error),
  };

  Deno.test(`${name}() and the end of its object at ${ROUNDS} random moments: every wait ends`, async () => {
    const start = seed();
    using _dog = watchdog(`${name} with seed ${start}`);
    await checkRandomEnds(kind, {
      rounds: ROUNDS,
      objects: OBJECTS,
      end: removing,
      start,
    });
  });
}

/**
 * Another process. It removes the System V objects whose ids it gets, and
 * closes the descriptors it receives.
 */
const REMOVER = `
  import { SysvMessageQueue, SysvSemaphoreSet } from "@libc/ipc";
  import { Socket } from "@libc/ipc/socket";
  const socket = Socket.fromFd(3, { takeOver: true });
  for (let found; (found = socket.receiveFdsSync());) {
    for (const fd of found.fds) fd.close();
    const [kind, id] = new TextDecoder().decode(found.data).split(" ");
    try {
      if (kind === "queue") SysvMessageQueue.fromId(Number(id)).remove();
      if (kind === "set") SysvSemaphoreSet.fromId(Number(id)).remove();
    } catch (error) {
      // Where all waits ended by themselves it may be gone.
      if (error.code !== "EINVAL" && error.code !== "EIDRM") throw error;
    }
  }`;

Deno.test("waits of all kinds end when another process removes the object or closes the other end", async () => {
  const start = seed();
  using _dog = watchdog(`removal elsewhere with seed ${start}`);
  const [socket, there] = Socket.pair("seqpacket");
  using ours = socket;
  await using _child = spawn(Deno.execPath(), {
    args: denoArgs(REMOVER),
    fds: { 3: there },
  });
  there.close();
  for (const kind of removable) {
    const elsewhere: End = {
      begin({ other }) {
        if (other instanceof SysvMessageQueue) {
          ours.sendSync(`queue ${other.id}`);
        } else if (other instanceof SysvSemaphoreSet) {
          ours.sendSync(`set ${other.id}`);
        } else if (other !== undefined) {
          ours.sendFdsSync([other]);
          other.close();
        }
      },
      allows: allowsRemoval(kind.name),
    };
    await checkRandomEnds(kind, {
      rounds: Math.ceil(ROUNDS / 5),
      objects: OBJECTS,
      end: elsewhere,
      start,
    });
  }
});

Deno.test("a Worker that opens and closes the same objects all the time takes nothing from those who wait here", async () => {
  using _dog = watchdog("handles in a Worker");
  await using child = spawnProgram("worker_handles_child.ts");
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stdout], [0, "0,0,0,0,0,0\n"], stderr);
});

Deno.test("waits on a descriptor closed behind our back end by timeout, abort and close(), and others are not harmed", async () => {
  using _dog = watchdog("closed behind our back");
  await using child = spawnProgram("recycled_child.ts");
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stdout], [0, "over\n"], stderr);
});
