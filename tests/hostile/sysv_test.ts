// System V objects that belong to another user, that another user has planted,
// or that peers remove at any moment, and limits that are reached.

import { assertEquals } from "@std/assert";
import {
  SysvMessageQueue,
  SysvSemaphoreSet,
  SysvSharedMemory,
} from "@libc/ipc";
import { EMULATED, scaled, spawnDeno, uniqueKey, watchdog } from "../util.ts";
import { outcome, type Outcomes, play, withStranger } from "./stage.ts";

/** The outcomes for another user if the mode allows nothing. */
const CLOSED: Record<string, Outcomes> = {
  memory: {
    "open": "EACCES",
    "open for reading": "EACCES",
    "open for writing": "EACCES",
    "openOrCreate": "EACCES",
    "create": "EEXIST",
    "fromId": "EACCES",
    "stat": "EACCES",
    "read": "EACCES",
    "write": "EACCES",
    "lock": "EPERM",
    "set": "EACCES",
    "take": "EACCES",
    "remove": "EPERM",
    "unchanged": "true",
  },
  semaphores: {
    "open": "EACCES",
    "open for reading": "EACCES",
    "open for writing": "EACCES",
    "openOrCreate": "EACCES",
    "create": "EEXIST",
    "fromId": "EACCES",
    "stat": "EACCES",
    "value": "EACCES",
    "values": "EACCES",
    "lastPid": "EACCES",
    "tryWaitZero": "EACCES",
    "tryAcquire": "EACCES",
    "acquireSync": "EACCES",
    "acquire": "EACCES",
    "release": "EACCES",
    "setValue": "EACCES",
    "setValues": "EACCES",
    "set": "EACCES",
    "take": "EACCES",
    "remove": "EPERM",
    "unchanged": "true",
  },
  queues: {
    // msgget without mode bits checks no permission; the first use does.
    "open": "done",
    "open for reading": "EACCES",
    "open for writing": "EACCES",
    "openOrCreate": "done",
    "create": "EEXIST",
    "fromId": "EACCES",
    "stat": "EACCES",
    "peek": "EACCES",
    "tryReceive": "EACCES",
    "trySend": "EACCES",
    "receiveSync": "EACCES",
    "sendSync": "EACCES",
    "receive": "EACCES",
    "send": "EACCES",
    "set": "EACCES",
    "less room": "EACCES",
    "take": "EACCES",
    "remove": "EPERM",
    "unchanged": "true",
  },
};

/** The outcomes that differ, by mode. */
const ALLOWED: [kind: string, mode: string, allowed: Outcomes][] = [
  ["memory", "600", {}],
  ["memory", "644", {
    "open": "done",
    "open for reading": "done",
    "openOrCreate": "done",
    "fromId": "done",
    "stat": "4096",
    "read": "done",
    "set": "EPERM",
    "take": "EPERM",
  }],
  ["memory", "666", {
    "open": "done",
    "open for reading": "done",
    "open for writing": "done",
    "openOrCreate": "done",
    "fromId": "done",
    "stat": "4096",
    "read": "done",
    "write": "done",
    "set": "EPERM",
    "take": "EPERM",
  }],
  // Write permission alone is no use: attaching also needs read permission.
  ["memory", "622", {}],
  ["semaphores", "600", {}],
  ["semaphores", "644", {
    "open": "done",
    "open for reading": "done",
    "openOrCreate": "done",
    "fromId": "done",
    "stat": "1",
    "value": "1",
    "values": "1",
    "lastPid": "number",
    "tryWaitZero": "false",
    "set": "EPERM",
    "take": "EPERM",
  }],
  ["semaphores", "666", {
    "open": "done",
    "open for reading": "done",
    "open for writing": "done",
    "openOrCreate": "done",
    "fromId": "done",
    "stat": "1",
    "value": "1",
    "values": "1",
    "lastPid": "number",
    "tryWaitZero": "false",
    "tryAcquire": "true",
    "acquireSync": "ETIMEDOUT",
    "acquire": "ETIMEDOUT",
    "release": "done",
    "setValue": "done",
    "setValues": "done",
    "set": "EPERM",
    "take": "EPERM",
  }],
  ["semaphores", "622", {
    "tryAcquire": "true",
    "acquireSync": "ETIMEDOUT",
    "acquire": "ETIMEDOUT",
    "release": "done",
    "setValue": "done",
    "setValues": "done",
  }],
  ["queues", "600", {}],
  ["queues", "644", {
    "open for reading": "done",
    "fromId": "done",
    "stat": "1",
    "peek": "1",
    "tryReceive": "1",
    "receiveSync": "ETIMEDOUT",
    "receive": "ETIMEDOUT",
    "set": "EPERM",
    "less room": "EPERM",
    "take": "EPERM",
    // Read permission is enough to take every message.
    "unchanged": "false",
  }],
  ["queues", "666", {
    "open for reading": "done",
    "open for writing": "done",
    "fromId": "done",
    "stat": "1",
    "peek": "1",
    "tryReceive": "1",
    "trySend": "true",
    "receiveSync": "1",
    "sendSync": "done",
    "receive": "1",
    "send": "done",
    "set": "EPERM",
    "less room": "EPERM",
    "take": "EPERM",
  }],
  ["queues", "622", {
    "open for writing": "done",
    "trySend": "true",
    "sendSync": "done",
    "send": "done",
    "unchanged": "false",
  }],
];

for (const [kind, mode, allowed] of ALLOWED) {
  // The emulator does IPC_STAT on a set before SETALL.
  const emulated = EMULATED && "setValues" in allowed && !("values" in allowed)
    ? { setValues: "EACCES" }
    : {};
  Deno.test({
    ...withStranger(`System V ${kind} of mode 0${mode} and another user`),
    async fn() {
      assertEquals(await play("stranger to System V", kind, mode), {
        ...CLOSED[kind],
        ...allowed,
        ...emulated,
      });
    },
  });
}

Deno.test({
  ...withStranger("System V objects that another user has put at our key"),
  async fn() {
    assertEquals(await play("planted System V"), {
      "memory that is too short": "EINVAL",
      "memory of a size to open": "EINVAL",
      "memory that is longer": "100 100 of 65534",
      "a set that is too short": "EINVAL",
      "a set of a count to open": "EINVAL",
      "a semaphore beyond the set":
        "RangeError: index must be an integer from 0 to 0, got 1",
      "a semaphore at its greatest": "ERANGE",
      "a queue without room": "EMSGSIZE",
      "a queue to wait for": "EMSGSIZE",
      "an empty message": "false",
      "whose they are": "65534,65534,65534",
    });
  },
});

Deno.test({
  ...withStranger("System V limits of the machine, met and passed by one"),
  async fn() {
    assertEquals(await play("exhausted System V"), {
      "shmmax, met": "true",
      "shmmax, passed": "EINVAL",
      "shmmni": "ENOSPC",
      "shmall": "ENOSPC",
      "semmsl, met": "true",
      "semmsl, passed": "EINVAL",
      "semmns": "ENOSPC",
      "semmni": "ENOSPC",
      "semopm": "E2BIG",
      "msgmni": "ENOSPC",
      "msgmnb of a new queue": "10",
      "msgmnb, passed": "EMSGSIZE",
      "msgmax, met": "true",
      "msgmax, passed": "EINVAL",
      "a message from before": "3",
      // The failed calls have left nothing.
      "what there is in the end": "1,2,3",
    });
  },
});

/** The peer's arguments after the key, and the call that races with it. */
const RACES: Record<
  string,
  [arguments: string, open: (key: number) => { close(): void; remove(): void }]
> = {
  SysvSharedMemory: [", 64", (key) => SysvSharedMemory.openOrCreate(key, 64)],
  SysvSemaphoreSet: [", [1]", (key) => SysvSemaphoreSet.openOrCreate(key, [1])],
  SysvMessageQueue: ["", (key) => SysvMessageQueue.openOrCreate(key)],
};

for (const [name, [more, open]] of Object.entries(RACES)) {
  Deno.test(`${name}.openOrCreate() gives an object, whenever a peer removes it`, async () => {
    using _dog = watchdog(name);
    const key = uniqueKey();
    await using peer = spawnDeno(`
      import { ${name} } from "@libc/ipc";
      console.log("removing");
      for (;;) {
        try {
          ${name}.openOrCreate(${key}${more}).remove();
        } catch {
          // What is to be tested is tested elsewhere.
        }
      }`);
    assertEquals(await peer.line(), "removing");
    const found: Record<string, number> = {};
    for (let i = 0; i < scaled(100_000); i++) {
      const code = await outcome(() => open(key).close());
      found[code] = (found[code] ?? 0) + 1;
    }
    peer.kill();
    await peer.end();
    open(key).remove();
    assertEquals(Object.keys(found), ["done"], JSON.stringify(found));
  });
}
