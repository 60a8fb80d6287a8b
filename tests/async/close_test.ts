// Waits whose object is closed or removed at any moment, by anybody.

import { assertEquals } from "@std/assert";
import {
  IPC_PRIVATE,
  SysvMessageQueue,
  SysvSemaphoreSet,
  type WaitOptions,
} from "@libc/ipc";
import { IpcError } from "@libc/ipc/errno";
import { spawn } from "../../ipc/process/spawn.ts";
import { Socket } from "../../ipc/stream/socket.ts";

import { denoArgs, scaled, source, spawnDeno, watchdog } from "../util.ts";
import { checkRandomEnds, closing, type End, seed } from "./checks.ts";
import { type Kind, kindOf, kinds, type Subject } from "./kinds.ts";

/** In each there are four waits and a later one. */
const ROUNDS = scaled(500);
/** Objects that live at the same time. */
const OBJECTS = 10;
/** Kinds whose every object is a process. */
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
  // What resolves with null instead.
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

/** The same on a set of two System V semaphores, of which the second is 1. */
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

/** Kinds with something to remove; what only receives counts its effects. */
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
  // Those who come after the end of a System V object find none.
  const codes = REMOVALS[name] ?? ["EIDRM", "EINVAL"];
  return (error) => error instanceof IpcError && codes.includes(error.code);
}

for (const kind of removable) {
  const { name } = kind;
  const allows = allowsRemoval(name);
  /** Removed, or also closed at the same time, in either order. */
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
 * Another process, which removes the System V objects that it is told, and
 * closes the descriptors that it gets.
 */
const REMOVER = `
  import { SysvMessageQueue, SysvSemaphoreSet } from "${source("mod.ts")}";
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
  await using child = spawnDeno(
    `
    import { EventFd, IPC_PRIVATE, PosixMessageQueue, PosixSemaphore, SysvMessageQueue, SysvSemaphoreSet } from "${
      source("mod.ts")
    }";
    import { pipe, PipeReader } from "${source("ipc/stream/pipe.ts")}";
    import { later, turn } from "${source("tests/util.ts")}";
    const undo = false;
    /** How the objects of these names are opened, waited for and tried. */
    const openers = (names) => [
      [() => SysvMessageQueue.fromId(names.queue), (each) => each.receive(), (each) => each.tryReceive()],
      [() => SysvSemaphoreSet.fromId(names.set), (each) => each.acquire(0, { undo }), (each) => each.tryAcquire(0, { undo })],
      [() => PosixMessageQueue.open(names.posix), (each) => each.receive(), (each) => each.tryReceive()],
      [() => PosixSemaphore.open(names.semaphore), (each) => each.acquire(), (each) => each.tryAcquire()],
      [() => EventFd.fromFd(names.event), (each) => each.receive(), (each) => each.tryReceive()],
      [() => PipeReader.fromFd(names.pipe), (each) => each.read(new Uint8Array(1)), (each) => each.tryRead(new Uint8Array(1))],
    ];
    /** Waits and closes, until told to stop; gives how many waits had a result. */
    async function use([open, wait], stop, count = () => {}) {
      let got = 0;
      const took = () => {
        got++;
        count();
      };
      while (!stop()) {
        const handle = open();
        const waits = [1, 2].map(() => wait(handle).then(took, (error) => {
          if (!(error instanceof TypeError)) throw error;
        }));
        for (let turns = Math.random() * 30; turns > 0; turns--) await turn();
        handle.close();
        await Promise.all(waits);
      }
      return got;
    }
    if (self.name === "worker") {
      let stopped = false;
      self.onmessage = async ({ data }) => {
        if (data === "stop") return void (stopped = true);
        postMessage("ready");
        const counts = new Int32Array(data.counts);
        postMessage(await Promise.all(openers(data).map((each, i) =>
          use(each, () => stopped, () => Atomics.add(counts, i, 1)))));
      };
    } else {
      using queue = SysvMessageQueue.create(IPC_PRIVATE);
      using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0]);
      using posix = PosixMessageQueue.create(null, { maxMessages: 8, messageSize: 8 });
      using semaphore = PosixSemaphore.create();
      using event = EventFd.create({ semaphore: true });
      using ends = pipe();
      const counts = new Int32Array(new SharedArrayBuffer(24));
      const names = {
        counts: counts.buffer,
        queue: queue.id, set: set.id, posix: posix.name, semaphore: semaphore.name,
        event: event.fd.number, pipe: ends.reader.fd.number,
      };
      const gives = [
        () => queue.send(1, "x"), () => set.release(0, 1, { undo }), () => posix.send("x"),
        () => semaphore.release(), () => event.post(), () => ends.writer.write("x"),
      ];
      const worker = new Worker(import.meta.url, { type: "module", name: "worker" });
      const next = () => new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = reject;
      });
      const ready = next();
      worker.postMessage(names);
      await ready;
      const theirs = next();
      const here = openers(names);
      const others = await Promise.all(gives.map(async (give, i) => {
        let given = 0;
        const enough = () => given >= 500;
        const users = [use(here[i], enough), use(here[i], enough)];
        // Until the Worker has had some, too.
        while (!enough() || Atomics.load(counts, i) === 0) {
          await give();
          given++;
          if (Math.random() < 0.3) await turn();
        }
        const got = await Promise.all(users);
        return given - got[0] - got[1];
      }));
      worker.postMessage("stop");
      const found = await theirs;
      const missing = here.map(([open, , attempt], i) => {
        using rest = open();
        let left = 0;
        while (attempt(rest)) left++;
        return others[i] - left - found[i];
      });
      console.log(missing.join());
      worker.terminate();
    }`,
    { permissions: ["--allow-all"] },
  );
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stdout], [0, "0,0,0,0,0,0\n"], stderr);
});

Deno.test("waits on a descriptor closed behind our back end by timeout, abort and close(), and others are not harmed", async () => {
  using _dog = watchdog("closed behind our back");
  await using child = spawnDeno(`
    import { EventFd } from "@libc/ipc/eventfd";
    import { INTERNAL } from "${source("ffi/core/_internal.ts")}";
    import { Fd } from "${source("ffi/core/fd.ts")}";
    import { F_DUPFD_CLOEXEC } from "${source("ffi/core/platform.ts")}";
    import { fcntl } from "${source("ffi/libc/fcntl.ts")}";
    import { unistd } from "${source("ffi/libc/unistd.ts")}";
    import { later } from "${source("tests/util.ts")}";
    const kind = (promise) => promise.then(String, (error) => error.code ?? error);
    /** With a number that nobody else in this process gets by chance. */
    const eventAt = (number) => {
      using event = EventFd.create();
      const found = fcntl().fcntl_int(event.fd.number, F_DUPFD_CLOEXEC, number);
      if (found !== number) throw new Error(number + " is in use");
      return new EventFd(INTERNAL, new Fd(INTERNAL, found, "eventfd"));
    };
    const close = (event) => {
      try {
        event?.close();
      } catch (error) {
        if (error.code !== "EBADF") throw error;
      }
    };
    let number = 500;
    for (const recycled of [false, true]) {
      for (const shared of [false, true]) {
        const event = eventAt(++number);
        // Who else has it open wakes the reactor; otherwise nothing does.
        using copy = shared ? EventFd.fromFd(event.fd) : undefined;
        using bystander = EventFd.create();
        const controller = new AbortController();
        const waits = [
          event.receive({ timeout: 20 }),
          event.receive({ signal: controller.signal }),
          event.receive(),
        ].map(kind);
        const other = bystander.receive();
        await later(5);
        unistd().close(number);
        const next = recycled ? eventAt(number) : undefined;
        const stranger = next?.receive().catch((error) => error);
        copy?.post();
        await later(5);
        bystander.post(7);
        if (await other !== 7) throw new Error("somebody else's wait");
        const timedOut = await waits[0];
        controller.abort("aborted");
        const aborted = await waits[1];
        close(event);
        const closed = await waits[2];
        const fits = (found, expected) =>
          found === expected || found === "EBADF" || found === "ENOENT" ||
          found instanceof TypeError;
        if (!fits(timedOut, "ETIMEDOUT")) throw timedOut;
        if (!fits(aborted, "aborted")) throw aborted;
        if (!fits(closed)) throw closed;
        const error = await kind(bystander.receive({ timeout: 1 }));
        if (error !== "ETIMEDOUT") throw error;
        // That close() may have taken its number away.
        close(next);
        await stranger;
      }
    }
    console.log("over");`);
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stdout], [0, "over\n"], stderr);
});
