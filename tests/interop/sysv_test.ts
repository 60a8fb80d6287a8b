// System V objects with C, Python, Perl and util-linux on the other side: each
// side sees the objects that the other creates, changes and removes.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import { ftok } from "@libc/ipc/sysv-key";
import { SysvMessageQueue } from "@libc/ipc/sysv-msg";
import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
import { type Permissions, SysvSharedMemory } from "@libc/ipc/sysv-shm";
import {
  type Child,
  hasCommand,
  spawnCommand,
  uniqueKey,
  until,
  untilBlocked,
  watchdog,
} from "../util.ts";
import { compiled, NO_CC, NO_PERL, NO_PYTHON, peerPath } from "./_peers.ts";

type Kind = "shm" | "sem" | "msg";
type Word = string | number;

/** A program in another language that makes one call. */
interface Peer {
  /** Starts it. */
  spawn(kind: Kind, ...words: Word[]): Child;
}

/** Runs a peer to its end; returns its output, or its error. */
async function run(peer: Peer, kind: Kind, ...words: Word[]): Promise<string> {
  await using child = peer.spawn(kind, ...words);
  const { stdout, stderr } = await child.end();
  return (stdout + stderr).trim();
}

/** Returns the C peers, one for each kind. */
async function inC(): Promise<Peer> {
  const [shm, sem, msg] = await Promise.all([
    compiled("shm_peer"),
    compiled("sem_peer"),
    compiled("msg_peer"),
  ]);
  const programs = { shm, sem, msg };
  return {
    spawn: (kind, ...words) =>
      spawnCommand(programs[kind], { args: words.map(String) }),
  };
}

/** Returns a peer in an interpreted language. */
function interpreted(command: string, script: string): Promise<Peer> {
  return Promise.resolve({
    spawn: (kind, ...words) =>
      spawnCommand(command, {
        args: [peerPath(script), kind, ...words.map(String)],
      }),
  });
}

const PEERS: [string, string, () => Promise<Peer>][] = [
  ["C", NO_CC, inC],
  ["Python", NO_PYTHON, () => interpreted("python3", "ipc_ctypes.py")],
  ["Perl", NO_PERL, () => interpreted("perl", "ipc.pl")],
];

const hex = (text: string): string => new TextEncoder().encode(text).toHex();
const textOf = (data: Uint8Array): string => new TextDecoder().decode(data);

/** Removes an object that a failed test may have left. */
function removing(kind: Kind, key: number): Disposable {
  return {
    [Symbol.dispose]() {
      try {
        if (kind === "shm") SysvSharedMemory.open(key).remove();
        else if (kind === "sem") SysvSemaphoreSet.open(key).remove();
        else SysvMessageQueue.open(key).remove();
      } catch (error) {
        if (!(error instanceof IpcError && error.code === "ENOENT")) {
          throw error;
        }
      }
    },
  };
}

for (const [language, skipped, make] of PEERS) {
  const test = (name: string, fn: (peer: Peer) => Promise<void>): void =>
    Deno.test({
      name: `${name} ${language}${skipped}`,
      ignore: skipped !== "",
      async fn() {
        using _dog = watchdog(`${name} ${language}`);
        await fn(await make());
      },
    });

  test("SysvSharedMemory is memory of", async (peer) => {
    const key = uniqueKey();
    using _removing = removing("shm", key);
    using memory = SysvSharedMemory.create(key, 5000);
    using mapping = memory.attach();
    mapping.write(new TextEncoder().encode("from Deno"), 4000);
    assertEquals(
      await run(peer, "shm", "read", key, 4000, 9),
      `hex ${hex("from Deno")}`,
    );
    assertEquals(await run(peer, "shm", "write", key, 4991, "from them"), "");
    assertEquals(textOf(mapping.read(4991, 9)), "from them");
    assertEquals(await run(peer, "shm", "rm", key), "");
    assert(memory.stat().removed);
    // And objects that the peer has created.
    const made = await run(peer, "shm", "create", key, 100);
    using theirs = SysvSharedMemory.open(key, { size: 100 });
    assertEquals(made, `id ${theirs.id}`);
    assertEquals([theirs.size, theirs.stat().mode], [100, 0o600]);
    theirs.remove();
    const [what, call, errno] = (await run(peer, "shm", "read", key, 0, 1))
      .split(" ");
    assertEquals([what, call, errno], ["error", "shmget", "2"]);
  });

  test("SysvSemaphoreSet is a set of", async (peer) => {
    const key = uniqueKey();
    using _removing = removing("sem", key);
    using set = SysvSemaphoreSet.create(key, [3, 0]);
    assertEquals(await run(peer, "sem", "value", key), "values 3 0");
    assertEquals(await run(peer, "sem", "op", key, "0:-2", "1:+1"), "");
    assertEquals(set.values(), [1, 1]);
    assertEquals(await run(peer, "sem", "set", key, 1, 7), "");
    assertEquals(set.values(), [1, 7]);
    const [, call, errno] = (await run(peer, "sem", "op", key, "0:-5:n")).split(
      " ",
    );
    assertEquals([call, errno], ["semop", "11"], "EAGAIN");
    assertEquals(await run(peer, "sem", "rm", key), "");
    const made = await run(peer, "sem", "create", key, 3);
    using theirs = SysvSemaphoreSet.open(key, {
      count: 3,
      initialized: "any",
    });
    assertEquals([made, theirs.length], [`id ${theirs.id}`, 3]);
    assertEquals(theirs.values(), [0, 0, 0]);
    theirs.remove();
  });

  test("SysvSemaphoreSet wakes and is woken by", async (peer) => {
    const key = uniqueKey();
    using set = SysvSemaphoreSet.create(key, [0, 0]);
    await using waiting = peer.spawn("sem", "op", key, "0:-1", "1:+1");
    await until(() => set.waitingForIncrease(0) === 1);
    set.release(0, 1, { undo: false });
    await set.acquire(1, { undo: false });
    assertEquals((await waiting.end()).code, 0);
    assertEquals(set.values(), [0, 0]);
  });

  test("SysvSemaphoreSet takes back what was held with SEM_UNDO by a killed process in", async (peer) => {
    const key = uniqueKey();
    using set = SysvSemaphoreSet.create(key, [1]);
    await using holder = peer.spawn("sem", "hold", key, 0);
    assertEquals(await holder.line(), "held");
    assertEquals(set.tryAcquire(), false);
    const acquired = set.acquire();
    holder.kill();
    await acquired;
    assertEquals(set.value(), 0);
  });

  test("SysvMessageQueue is a queue of", async (peer) => {
    const key = uniqueKey();
    using _removing = removing("msg", key);
    using queue = SysvMessageQueue.create(key);
    queue.sendSync(5, "to them ü");
    queue.sendSync(7, "");
    assertEquals(
      await run(peer, "msg", "recv", key, 5),
      `type 5\nlength 10\nhex ${hex("to them ü")}`,
    );
    assertEquals(
      (await run(peer, "msg", "recv", key, 0)).trim(),
      "type 7\nlength 0\nhex",
    );
    assertEquals(await run(peer, "msg", "send", key, 9, "from them"), "");
    const { type, data } = queue.receiveSync();
    assertEquals([type, textOf(data)], [9, "from them"]);
    const [, call, errno] = (await run(peer, "msg", "recv", key, 0, "NOWAIT"))
      .split(" ");
    assertEquals([call, errno], ["msgrcv", "42"], "ENOMSG");
    assertEquals(await run(peer, "msg", "rm", key), "");
    const made = await run(peer, "msg", "create", key);
    using theirs = SysvMessageQueue.open(key);
    assertEquals(made, `id ${theirs.id}`);
    theirs.remove();
  });

  test("SysvMessageQueue wakes and is woken by", async (peer) => {
    const key = uniqueKey();
    using queue = SysvMessageQueue.create(key);
    await using waiting = peer.spawn("msg", "recv", key, 3);
    await untilBlocked(waiting.pid, "msgrcv");
    queue.sendSync(2, "other");
    queue.sendSync(3, "for them");
    assertEquals(await waiting.line(), "type 3");
    const received = queue.receive({ type: 4 });
    assertEquals(await run(peer, "msg", "send", key, 4, "for us"), "");
    assertEquals(textOf((await received).data), "for us");
    assertEquals(textOf(queue.receiveSync().data), "other");
  });
}

/** Parses the lines `name value` that a peer prints. */
function fields(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split("\n").map((line) => {
      const [name = "", ...rest] = line.split(" ");
      return [name, rest.join(" ")];
    }),
  );
}

const seconds = (date: Date | null): number => (date?.getTime() ?? 0) / 1000;

Deno.test({
  name:
    `System V objects have every field of stat() and every call of set() of C${NO_CC}`,
  ignore: NO_CC !== "",
  async fn() {
    using _dog = watchdog("stat() and C");
    const peer = await inC();
    const keys = [uniqueKey(), uniqueKey(), uniqueKey()] as const;
    using memory = SysvSharedMemory.create(keys[0], 5000, { mode: 0o640 });
    using _mapping = memory.attach();
    using set = SysvSemaphoreSet.create(keys[1], [1, 2], { mode: 0o640 });
    using queue = SysvMessageQueue.create(keys[2], { mode: 0o640 });
    queue.sendSync(1, "abc");
    set.acquireSync();
    const permissions = (prefix: string, stat: Permissions) =>
      Object.fromEntries(
        Object.entries({
          __key: stat.key | 0,
          uid: stat.uid,
          gid: stat.gid,
          cuid: stat.creatorUid,
          cgid: stat.creatorGid,
          __seq: stat.sequence,
        }).map(([name, value]) => [`${prefix}.${name}`, `${value}`]),
      );
    const shm = fields(await run(peer, "shm", "stat", keys[0]));
    const memoryStat = memory.stat();
    assertEquals(
      { ...shm, "shm_perm.mode": "" },
      {
        ...permissions("shm_perm", memoryStat),
        "shm_perm.mode": "",
        shm_segsz: "5000",
        shm_atime: `${seconds(memoryStat.attachTime)}`,
        shm_dtime: `${seconds(memoryStat.detachTime)}`,
        shm_ctime: `${seconds(memoryStat.changeTime)}`,
        shm_cpid: `${Deno.pid}`,
        shm_lpid: `${memoryStat.lastPid}`,
        shm_nattch: "1",
      },
    );
    const msg = fields(await run(peer, "msg", "stat", keys[2]));
    const queueStat = queue.stat();
    assertEquals(msg, {
      ...permissions("msg_perm", queueStat),
      "msg_perm.mode": `${0o640}`,
      msg_stime: `${seconds(queueStat.sendTime)}`,
      msg_rtime: "0",
      msg_ctime: `${seconds(queueStat.changeTime)}`,
      __msg_cbytes: "3",
      msg_qnum: "1",
      msg_qbytes: `${queueStat.maxBytes}`,
      msg_lspid: `${Deno.pid}`,
      msg_lrpid: "0",
    });
    const sem = await run(peer, "sem", "stat", keys[1]);
    assert(sem.includes(`sem 0 0 ${Deno.pid} 0 0\nsem 1 2 `), sem);
    assertEquals(fields(sem).sem_nsems, "2");
    // Each side sees the changes of the other.
    for (
      const [kind, key, object] of [
        ["shm", keys[0], memory],
        ["sem", keys[1], set],
        ["msg", keys[2], queue],
      ] as const
    ) {
      assertEquals(await run(peer, kind, "mode", key, "604"), "");
      assertEquals(object.stat().mode, 0o604);
      object.set({ mode: 0o620 });
      const stat = fields(await run(peer, kind, "stat", key));
      assertEquals(Number(stat[`${kind}_perm.mode`]) & 0o777, 0o620);
    }
    assertEquals(await run(peer, "msg", "qbytes", keys[2], 100), "");
    assertEquals(queue.stat().maxBytes, 100);
  },
});

Deno.test({
  name: `System V objects have info() and list() of C${NO_CC}`,
  ignore: NO_CC !== "",
  async fn() {
    using _dog = watchdog("info() and C");
    const peer = await inC();
    const key = uniqueKey();
    using memory = SysvSharedMemory.create(key, 5000);
    const numbers = async (kind: Kind, ...names: string[]) => {
      const found = fields(await run(peer, kind, "info"));
      return names.map((name) => Number(found[name]));
    };
    const limits = SysvSharedMemory.info();
    assertEquals(await numbers("shm", "shmmax", "shmmin", "shmmni", "shmall"), [
      limits.maxSize,
      limits.minSize,
      limits.maxSegments,
      limits.maxPages,
    ]);
    const list = await run(peer, "shm", "list");
    const line = `segment ${memory.id} ${key | 0} 5000 0`;
    assert(list.split("\n").includes(line), list);
    const found = SysvSharedMemory.list().find(({ id }) => id === memory.id);
    assertEquals([found?.size, found?.attachCount], [5000, 0]);
    const queues = SysvMessageQueue.info();
    assertEquals(await numbers("msg", "msgmax", "msgmnb", "msgmni"), [
      queues.maxMessageSize,
      queues.maxBytes,
      queues.maxQueues,
    ]);
    const sets = SysvSemaphoreSet.info();
    assertEquals(
      await numbers("sem", "semmni", "semmns", "semmsl", "semopm", "semvmx"),
      [
        sets.maxSets,
        sets.maxSemaphores,
        sets.maxLength,
        sets.maxOperations,
        sets.maxValue,
      ],
    );
  },
});

Deno.test({
  name: `ftok() gives the key of C and of Python${NO_CC || NO_PYTHON}`,
  ignore: (NO_CC || NO_PYTHON) !== "",
  async fn() {
    using _dog = watchdog("ftok()");
    const peer = await inC();
    const file = await Deno.makeTempFile({ prefix: "ftok_" });
    try {
      for (const project of [1, 120, 255]) {
        const key = `key ${ftok(file, project) | 0}`;
        assertEquals(await run(peer, "shm", "ftok", file, project), key);
        await using python = spawnCommand("python3", {
          args: [peerPath("ipc_ctypes.py"), "ftok", file, `${project}`],
        });
        assertEquals((await python.end()).stdout.trim(), key);
      }
    } finally {
      await Deno.remove(file);
    }
  },
});

const missing = ["ipcs", "ipcmk", "ipcrm", "lsipc"].find((command) =>
  !hasCommand(command)
);
const NO_UTIL = missing === undefined ? "" : ` [skipped: no ${missing}]`;

/** Runs a command of util-linux; returns its output. */
async function util(command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args,
    env: { LC_ALL: "C" },
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

Deno.test({
  name:
    `System V objects are shown by ipcs and lsipc, and removed by ipcrm${NO_UTIL}`,
  ignore: NO_UTIL !== "",
  async fn() {
    const keys = [uniqueKey(), uniqueKey(), uniqueKey()] as const;
    using memory = SysvSharedMemory.create(keys[0], 4097, { mode: 0o640 });
    using set = SysvSemaphoreSet.create(keys[1], [0, 0, 0], { mode: 0o600 });
    using queue = SysvMessageQueue.create(keys[2], { mode: 0o666 });
    queue.sendSync(1, "four");
    const columns = async (option: string, id: number) => {
      const lines = (await util("ipcs", option)).split("\n");
      return lines.map((line) => line.split(/\s+/))
        .find(([, found]) => found === String(id)) ?? [];
    };
    const keyText = (key: number) => `0x${(key >>> 0).toString(16)}`;
    const [shmKey, , , shmMode, shmSize] = await columns("-m", memory.id);
    assertEquals([shmKey, shmMode, shmSize], [keyText(keys[0]), "640", "4097"]);
    const [semKey, , , semMode, count] = await columns("-s", set.id);
    assertEquals([semKey, semMode, count], [keyText(keys[1]), "600", "3"]);
    const [msgKey, , , msgMode, bytes, messages] = await columns(
      "-q",
      queue.id,
    );
    assertEquals(
      [msgKey, msgMode, bytes, messages],
      [keyText(keys[2]), "666", "4", "1"],
    );
    const details = await util("lsipc", "--queues", "--id", `${queue.id}`);
    assert(details.includes(String(queue.id)), details);
    await util("ipcrm", "-m", `${memory.id}`);
    await util("ipcrm", "-S", `${keys[1]}`);
    await util("ipcrm", "-Q", `${keys[2]}`);
    for (const object of [memory, set, queue]) {
      const error = assertThrows(() => object.stat(), IpcError);
      assert(["EINVAL", "EIDRM"].includes(error.code), error.message);
    }
  },
});

Deno.test({
  name: `System V objects of ipcmk are opened by their ids and keys${NO_UTIL}`,
  ignore: NO_UTIL !== "",
  async fn() {
    const idOf = async (...args: string[]) =>
      Number(/id: (\d+)/.exec(await util("ipcmk", ...args))?.[1]);
    using stack = new DisposableStack();
    const removing = <T extends { remove(): void }>(object: T) =>
      stack.adopt(object, () => object.remove());
    const memory = removing(
      SysvSharedMemory.fromId(await idOf("-M", "8000")),
    );
    const set = removing(SysvSemaphoreSet.fromId(await idOf("-S", "4")));
    const queue = removing(
      SysvMessageQueue.fromId(await idOf("-Q", "-p", "0600")),
    );
    assertEquals([memory.size, set.length], [8000, 4]);
    using same = SysvSharedMemory.open(memory.stat().key);
    assertEquals(same.id, memory.id);
    assertEquals(queue.stat().mode, 0o600);
    queue.sendSync(1, "x");
    set.release(3, 1, { undo: false });
    assertEquals(set.values(), [0, 0, 0, 1]);
  },
});
