/** System V objects among strangers, and under low limits. */

import {
  IPC_PRIVATE,
  SysvMessageQueue,
  SysvSemaphoreSet,
  SysvSharedMemory,
} from "@libc/ipc";
import {
  becomeNobody,
  becomeRoot,
  NOBODY,
  sysctl,
  unshareIpc,
} from "../conformance/privileges.ts";
import { uniqueKey } from "../util.ts";
import { type Attempts, type Outcomes, outcomes, type Scene } from "./stage.ts";

/** The common calls of the three classes. */
interface Kind {
  create(key: number, options: { mode: number }): Disposable & { id: number };
  /** Calls that all classes have. */
  general(key: number): Attempts;
  /** Calls of one class, on a handle that was made before. */
  special(made: Disposable): Attempts;
  /** The state that must not change. */
  state(id: number): string;
}

const memory: Kind = {
  create: (key, options) => SysvSharedMemory.create(key, 4096, options),
  general: (key) => ({
    "open": () => SysvSharedMemory.open(key),
    "open for reading": () => SysvSharedMemory.open(key, { mode: 0o400 }),
    "open for writing": () => SysvSharedMemory.open(key, { mode: 0o200 }),
    "openOrCreate": () => SysvSharedMemory.openOrCreate(key, 4096),
    "create": () => SysvSharedMemory.create(key, 4096),
  }),
  special(made) {
    const segment = made as SysvSharedMemory;
    return {
      "fromId": () => SysvSharedMemory.fromId(segment.id),
      "stat": () => segment.stat().size,
      "read": () => segment.attach({ readOnly: true }),
      "write": () => segment.attach(),
      "lock": () => segment.lockInMemory(),
      "set": () => segment.set({ mode: 0o666 }),
      "take": () => segment.set({ uid: NOBODY }),
      "remove": () => segment.remove(),
    };
  },
  state(id) {
    const { mode, uid, attachCount, locked, removed } = SysvSharedMemory
      .fromId(id).stat();
    return [mode, uid, attachCount, locked, removed].join();
  },
};

const semaphores: Kind = {
  create: (key, options) => SysvSemaphoreSet.create(key, [1], options),
  general: (key) => ({
    "open": () => SysvSemaphoreSet.open(key),
    "open for reading": () => SysvSemaphoreSet.open(key, { mode: 0o400 }),
    "open for writing": () => SysvSemaphoreSet.open(key, { mode: 0o200 }),
    "openOrCreate": () => SysvSemaphoreSet.openOrCreate(key, [1]),
    "create": () => SysvSemaphoreSet.create(key, [1]),
  }),
  special(made) {
    const set = made as SysvSemaphoreSet;
    return {
      "fromId": () => SysvSemaphoreSet.fromId(set.id),
      "stat": () => set.stat().length,
      "value": () => set.value(),
      "values": () => set.values().join(),
      "lastPid": () => typeof set.lastPid(),
      "tryWaitZero": () => set.tryWaitZero(),
      "tryAcquire": () => set.tryAcquire(),
      "acquireSync": () => set.acquireSync(0, { timeout: 0 }),
      "acquire": () => set.acquire(0, { timeout: 0 }),
      "release": () => set.release(0, 2, { undo: false }),
      "setValue": () => set.setValue(0, 1),
      "setValues": () => set.setValues([1]),
      "set": () => set.set({ mode: 0o666 }),
      "take": () => set.set({ uid: NOBODY }),
      "remove": () => set.remove(),
    };
  },
  state(id) {
    const set = SysvSemaphoreSet.fromId(id);
    const { mode, uid } = set.stat();
    return [mode, uid, set.value()].join();
  },
};

const queues: Kind = {
  create(key, options) {
    const queue = SysvMessageQueue.create(key, options);
    queue.sendSync(1, "a");
    return queue;
  },
  general: (key) => ({
    "open": () => SysvMessageQueue.open(key),
    "open for reading": () => SysvMessageQueue.open(key, { mode: 0o400 }),
    "open for writing": () => SysvMessageQueue.open(key, { mode: 0o200 }),
    "openOrCreate": () => SysvMessageQueue.openOrCreate(key),
    "create": () => SysvMessageQueue.create(key),
  }),
  special(made) {
    const queue = made as SysvMessageQueue;
    return {
      "fromId": () => SysvMessageQueue.fromId(queue.id),
      "stat": () => queue.stat().messages,
      "peek": () => queue.peek(0)?.type,
      "tryReceive": () => queue.tryReceive()?.type,
      "trySend": () => queue.trySend(1, "b"),
      "receiveSync": () => queue.receiveSync({ timeout: 1 }).type,
      "sendSync": () => queue.sendSync(1, "c", { timeout: 1 }),
      "receive": async () => (await queue.receive({ timeout: 1 })).type,
      "send": async () => void await queue.send(1, "a", { timeout: 1 }),
      "set": () => queue.set({ mode: 0o666 }),
      "less room": () => queue.set({ maxBytes: 1 }),
      "take": () => queue.set({ uid: NOBODY }),
      "remove": () => queue.remove(),
    };
  },
  state(id) {
    const { mode, uid, messages, bytes } = SysvMessageQueue.fromId(id).stat();
    return [mode, uid, messages, bytes].join();
  },
};

const kinds: Record<string, Kind> = { memory, semaphores, queues };

/** `nobody` tries everything on what root has made. */
async function useAsStranger(name: string, mode: string): Promise<Outcomes> {
  const kind = kinds[name] as Kind;
  const key = uniqueKey();
  using made = kind.create(key, { mode: Number.parseInt(mode, 8) });
  const before = kind.state(made.id);
  becomeNobody();
  const found = await outcomes({
    ...kind.general(key),
    ...kind.special(made),
  });
  becomeRoot();
  return { ...found, unchanged: String(kind.state(made.id) === before) };
}

/** `nobody` was first at our key, with an object that is not ours. */
async function findPlanted(): Promise<Outcomes> {
  const key = uniqueKey();
  using stack = new DisposableStack();
  becomeNobody();
  const mode = 0o666;
  const memory = stack.use(SysvSharedMemory.create(key, 100, { mode }));
  const set = stack.use(SysvSemaphoreSet.create(key, [32767], { mode }));
  const queue = stack.use(SysvMessageQueue.create(key, { mode }));
  queue.set({ maxBytes: 0 });
  becomeRoot();
  return await outcomes({
    "memory that is too short": () => SysvSharedMemory.openOrCreate(key, 4096),
    "memory of a size to open": () => SysvSharedMemory.open(key, { size: 101 }),
    "memory that is longer": () => {
      using segment = SysvSharedMemory.openOrCreate(key, 1);
      using mapping = segment.attach();
      return `${segment.size} ${mapping.bytes.length} of ${segment.stat().uid}`;
    },
    "a set that is too short": () => SysvSemaphoreSet.openOrCreate(key, [0, 0]),
    "a set of a count to open": () => SysvSemaphoreSet.open(key, { count: 2 }),
    "a semaphore beyond the set": () => SysvSemaphoreSet.open(key).value(1),
    "a semaphore at its greatest": () => SysvSemaphoreSet.open(key).release(),
    "a queue without room": () => SysvMessageQueue.open(key).trySend(1, "a"),
    "a queue to wait for": () =>
      SysvMessageQueue.openOrCreate(key).send(1, "a", { timeout: 1 }),
    "an empty message": () => SysvMessageQueue.open(key).trySend(1, ""),
    "whose they are": () =>
      [memory, set, queue].map((made) => made.stat().uid).join(),
  });
}

/** A `kernel.` limit of the IPC namespace, which is this process's own. */
async function under(
  name: string,
  value: string,
  attempt: () => unknown,
): Promise<string> {
  const path = `/proc/sys/kernel/${name}`;
  const before = Deno.readTextFileSync(path);
  sysctl(`kernel/${name}`, value);
  try {
    return Object.values(await outcomes({ attempt })).join();
  } finally {
    sysctl(`kernel/${name}`, before);
  }
}

async function exhaust(): Promise<Outcomes> {
  unshareIpc();
  using stack = new DisposableStack();
  const segment = (size: number) =>
    stack.use(SysvSharedMemory.create(IPC_PRIVATE, size));
  const set = (count: number) =>
    stack.use(SysvSemaphoreSet.create(IPC_PRIVATE, count));
  const queue = () => stack.use(SysvMessageQueue.create(IPC_PRIVATE));
  const seven = set(7);
  const full = queue();
  const found = await outcomes({
    "shmmax, met": () => under("shmmax", "4096", () => segment(4096).id >= 0),
    "shmmax, passed": () => under("shmmax", "4096", () => segment(4097)),
    "shmmni": () => under("shmmni", "1", () => segment(1)),
    "shmall": () => under("shmall", "1", () => segment(1)),
    "semmsl, met": () => under("sem", "3 100 32 10", () => set(3).id >= 0),
    "semmsl, passed": () => under("sem", "3 100 32 10", () => set(4)),
    "semmns": () => under("sem", "100 11 32 10", () => set(2)),
    "semmni": () => under("sem", "100 100 32 2", () => set(1)),
    "semopm": () =>
      under(
        "sem",
        "100 100 32 10",
        () => seven.tryOperate(Array(33).fill({ index: 0, delta: 1 })),
      ),
    "msgmni": () => under("msgmni", "1", queue),
    "msgmnb of a new queue": () =>
      under("msgmnb", "10", () => queue().stat().maxBytes),
    "msgmnb, passed": () =>
      under("msgmnb", "10", () => queue().trySend(1, "12345678901")),
    "msgmax, met": () => under("msgmax", "3", () => full.trySend(1, "123")),
    "msgmax, passed": () => under("msgmax", "3", () => full.trySend(1, "1234")),
    "a message from before": () =>
      under("msgmax", "1", () => full.receiveSync().data.length),
  });
  const use = [SysvSharedMemory, SysvSemaphoreSet, SysvMessageQueue]
    .map((kind) => kind.list().length).join();
  return { ...found, "what there is in the end": use };
}

export const sysvScenes: Record<string, Scene> = {
  "stranger to System V": useAsStranger,
  "planted System V": findPlanted,
  "exhausted System V": exhaust,
};
