/** Drivers of the rows about `ftok` and the System V calls. */

import {
  ftok,
  IPC_PRIVATE,
  SysvMessageQueue,
  SysvSemaphoreSet,
  SysvSharedMemory,
} from "@libc/ipc";
import { assertEquals } from "@std/assert";
import { uniqueKey } from "../util.ts";
import {
  addressSpace,
  becomeNobody,
  becomeRoot,
  limit,
  RLIMIT,
  SLACK,
  sysctl,
} from "./privileges.ts";
import type { Defer, Drivers } from "./rows.ts";
import {
  before,
  inPrivate,
  INTERRUPTED,
  NO_COMMANDS,
  NO_POINTERS,
  stranger,
} from "./situations.ts";

/** A temporary folder. */
function folder(defer: Defer): string {
  const path = Deno.makeTempDirSync({ prefix: "libc_ipc_" });
  defer(() => Deno.removeSync(path, { recursive: true }));
  return path;
}

function segment(defer: Defer, mode = 0o600, size = 4096): SysvSharedMemory {
  const made = SysvSharedMemory.create(uniqueKey(), size, { mode });
  defer(() => made[Symbol.dispose]());
  return made;
}

function set(defer: Defer, values = [0], mode = 0o600): SysvSemaphoreSet {
  const made = SysvSemaphoreSet.create(uniqueKey(), values, { mode });
  defer(() => made[Symbol.dispose]());
  return made;
}

function queue(defer: Defer, mode = 0o600): SysvMessageQueue {
  const made = SysvMessageQueue.create(uniqueKey(), { mode });
  defer(() => made[Symbol.dispose]());
  return made;
}

/** The drivers of `ftok`. */
const key: Drivers = {
  "ftok: path does not exist": {
    run: (defer) => ftok(`${folder(defer)}/nope`, 1),
  },
  "ftok: a path component is a regular file": {
    run(defer) {
      const path = folder(defer);
      Deno.writeTextFileSync(`${path}/f`, "");
      return ftok(`${path}/f/x`, 1);
    },
  },
  "ftok: symlink loop in the path": {
    run(defer) {
      const path = folder(defer);
      Deno.symlinkSync("b", `${path}/a`);
      Deno.symlinkSync("a", `${path}/b`);
      return ftok(`${path}/a`, 1);
    },
  },
};

/** The drivers of shared memory. */
const memory: Drivers = {
  "shmget: new segment of size 0 (below SHMMIN)": {
    run: () => SysvSharedMemory.create(IPC_PRIVATE, 0),
    instead: before("a size of 0"),
  },
  "shmget: existing segment is smaller than the size asked": {
    run: (defer) => SysvSharedMemory.open(segment(defer).key, { size: 8192 }),
  },
  "shmget: SHM_HUGETLB asked by an unprivileged caller outside hugetlb_shm_group":
    stranger(
      () => undefined,
      () => SysvSharedMemory.create(uniqueKey(), 4096, { hugePages: true }),
    ),
  "shmget: SHM_HUGETLB asked by root but no huge pages reserved": {
    // More than any machine reserves, or another test uses.
    run: () =>
      SysvSharedMemory.create(uniqueKey(), 2 ** 44, { hugePages: true }),
  },
  "shmget: kernel.shmmni segments already exist": inPrivate((defer) => {
    sysctl("kernel/shmmni", "2");
    for (let i = 0; i < 3; i++) segment(defer);
  }),
  "shmget: total pages would exceed kernel.shmall": inPrivate((defer) => {
    sysctl("kernel/shmall", "1");
    segment(defer, 0o600, 8192);
  }),
  "shmget: giant size within shmmax but beyond what can be accounted": {
    run: () => SysvSharedMemory.create(IPC_PRIVATE, Number.MAX_SAFE_INTEGER),
  },
  "shmat: shmid is negative / never valid": {
    run: () => SysvSharedMemory.fromId(-1),
    instead: before("a negative id"),
  },
  "shmat: no permission for the requested access": stranger(
    (defer) => segment(defer, 0o600),
    (made) => made.attach(),
  ),
  "shmat: read-only permission, read-write attach": stranger(
    (defer) => segment(defer, 0o444),
    (made) => made.attach(),
  ),
  "shmat: address range already mapped and SHM_REMAP absent": {
    run(defer) {
      const made = segment(defer);
      const mapping = made.attach();
      defer(() => mapping.close());
      return made.attach({ address: mapping.address });
    },
  },
  "shmat: address space limit leaves no room": {
    child: "common",
    run(defer) {
      const made = segment(defer, 0o600, 1 << 30);
      defer(limit(RLIMIT.AS, addressSpace() + SLACK));
      return made.attach();
    },
  },
  "shmdt: no segment attached at the address (mapped page of ordinary memory)":
    { why: "a Mapping detaches its own address, once" },
  "shmdt: address not on a page boundary": {
    why: "a Mapping detaches its own address, once",
  },
  "shmctl: IPC_STAT without read permission": stranger(
    (defer) => segment(defer, 0),
    (made) => made.stat(),
  ),
  "shmctl: IPC_STAT with an unmapped buffer": NO_POINTERS,
  "shmctl: IPC_SET with an unmapped buffer": NO_POINTERS,
  "shmctl: negative id": {
    run: () => SysvSharedMemory.fromId(-1),
    instead: before("a negative id"),
  },
  "shmctl: IPC_RMID by neither owner, creator nor CAP_SYS_ADMIN/IPC_LOCK":
    stranger(
      (defer) => segment(defer, 0o666),
      (made) => SysvSharedMemory.fromId(made.id).remove(),
    ),
  "shmctl: SHM_LOCK by neither owner, creator nor CAP_SYS_ADMIN/IPC_LOCK": {
    child: "common",
    run(defer) {
      const made = segment(defer, 0o666);
      defer(limit(RLIMIT.MEMLOCK, 0));
      becomeNobody();
      defer(becomeRoot);
      made.lockInMemory();
    },
  },
  "shmctl: SHM_LOCK beyond RLIMIT_MEMLOCK by the unprivileged owner": {
    child: "common",
    run(defer) {
      defer(limit(RLIMIT.MEMLOCK, 4096));
      becomeNobody();
      defer(becomeRoot);
      segment(defer, 0o600, 1 << 20).lockInMemory();
    },
  },
};

/** The drivers of semaphores. */
const semaphores: Drivers = {
  "semget: no set for the key and IPC_CREAT absent": {
    run: () => SysvSemaphoreSet.open(uniqueKey()),
  },
  "semget: negative count": {
    run: () => SysvSemaphoreSet.create(IPC_PRIVATE, -1),
    instead: before("a negative count"),
  },
  "semget: zero count when creating": {
    run: () => SysvSemaphoreSet.create(IPC_PRIVATE, 0),
    instead: before("a count of 0"),
  },
  "semget: existing set has fewer semaphores than asked": {
    run: (defer) => SysvSemaphoreSet.open(set(defer).key, { count: 2 }),
  },
  "semget: no permission on existing set": stranger(
    (defer) => set(defer),
    (made) => SysvSemaphoreSet.open(made.key, { mode: 0o400 }),
  ),
  "semget: SEMMNS total semaphores would be exceeded": inPrivate((defer) => {
    sysctl("kernel/sem", "250 3 32 10");
    set(defer, [0, 0, 0, 0]);
  }),
  "semop: no alter permission": stranger(
    (defer) => set(defer, [0], 0),
    (made) => made.release(),
  ),
  "semop: read-only permission, altering op": stranger(
    (defer) => set(defer, [1], 0o444),
    (made) => made.tryAcquire(),
  ),
  "semop: operation array unmapped": NO_POINTERS,
  "semop: zero operations": {
    run: (defer) => set(defer).tryOperate([]),
    instead: before("an empty list"),
  },
  "semop: semid already removed": {
    run(defer) {
      const made = set(defer);
      SysvSemaphoreSet.fromId(made.id).remove();
      made.release();
    },
  },
  "semop: result would pass SEMVMX (32767)": {
    run: (defer) => set(defer, [32767]).release(0, 1, { undo: false }),
  },
  "semop: undo adjustment would leave the SEMAEM range": {
    run(defer) {
      const made = set(defer, [32767]);
      for (let i = 0; i < 3; i++) {
        made.acquireSync(0, { count: 32767 });
        made.release(0, 32767, { undo: false });
      }
    },
  },
  "semop: semaphore number = -1 (65535) or beyond the set": {
    run: (defer) => set(defer).release(5),
    instead: before("an index beyond the set"),
  },
  "semop: set removed while blocked in decrement": {
    async run(defer) {
      const made = set(defer);
      const wait = made.acquire();
      setTimeout(() => SysvSemaphoreSet.fromId(made.id).remove(), 20);
      await wait;
    },
  },
  "semop: signal handler runs while blocked": INTERRUPTED,
  "semtimedop: timeout elapses on decrement": {
    run: (defer) => set(defer).acquireSync(0, { timeout: 50 }),
    instead: { expect: "ETIMEDOUT", because: "every timeout has one code" },
  },
  "semtimedop: timeout elapses on wait-for-zero": {
    run: (defer) => set(defer, [1]).waitZeroSync(0, { timeout: 50 }),
    instead: { expect: "ETIMEDOUT", because: "every timeout has one code" },
  },
  "semtimedop: timeout pointer unmapped": NO_POINTERS,
  "semtimedop: tv_nsec out of range": {
    run: (defer) => set(defer).acquireSync(0, { timeout: NaN }),
    instead: before("a timeout that is no number"),
  },
  "semctl: IPC_STAT without read permission": stranger(
    (defer) => set(defer, [0], 0),
    (made) => made.stat(),
  ),
  "semctl: GETVAL without read permission": stranger(
    (defer) => set(defer, [0], 0),
    (made) => made.value(),
  ),
  "semctl: unknown command": NO_COMMANDS,
  "semctl: semaphore index out of the set": {
    run: (defer) => set(defer).value(5),
    instead: before("an index beyond the set"),
  },
  "semctl: GETALL into an unmapped array": NO_POINTERS,
  "semctl: IPC_SET from an unmapped struct": NO_POINTERS,
  "semctl: IPC_SET by a stranger": stranger(
    (defer) => set(defer, [0], 0o666),
    (made) => made.set({ mode: 0o600 }),
  ),
};

/** The drivers of message queues. */
const queues: Drivers = {
  "msgget: no queue for key, IPC_CREAT absent": {
    run: () => SysvMessageQueue.open(uniqueKey()),
  },
  "msgget: queue exists with IPC_CREAT|IPC_EXCL": {
    run: (defer) => SysvMessageQueue.create(queue(defer).key),
  },
  "msgget: no permission on existing queue": stranger(
    (defer) => queue(defer, 0),
    (made) => SysvMessageQueue.open(made.key, { mode: 0o600 }),
  ),
  "msgsnd: message pointer unmapped": NO_POINTERS,
  "msgsnd: bad queue id": {
    run: () => SysvMessageQueue.fromId(-1),
    instead: before("a negative id"),
  },
  "msgsnd: type zero": {
    run: (defer) => queue(defer).trySend(0, ""),
    instead: before("a type of 0"),
  },
  "msgsnd: size negative": {
    why: "the size is that of the data, never negative",
  },
  "msgsnd: queue full of empty messages (count limit = msg_qbytes)": {
    run(defer) {
      const made = queue(defer);
      made.set({ maxBytes: 8 });
      for (let i = 0; i < 9; i++) made.sendSync(1, "", { timeout: 20 });
    },
    instead: {
      expect: "ETIMEDOUT",
      because: "a full queue is waited for, and false for trySend",
    },
  },
  "msgsnd: signal while blocked on a full queue": INTERRUPTED,
  "msgsnd: queue removed while blocked": {
    async run(defer) {
      const made = queue(defer);
      made.set({ maxBytes: 8 });
      made.sendSync(1, "12345678");
      const wait = made.send(1, "9");
      setTimeout(() => SysvMessageQueue.fromId(made.id).remove(), 20);
      await wait;
    },
  },
  "msgrcv: buffer unmapped (message present)": NO_POINTERS,
  "msgrcv: size negative": {
    run: (defer) => queue(defer).tryReceive({ maxSize: -1 }),
    instead: before("a negative maxSize"),
  },
  "msgrcv: no message of the type with IPC_NOWAIT": {
    run(defer) {
      const made = queue(defer);
      made.sendSync(1, "x");
      if (made.tryReceive({ type: 3 }) === undefined) {
        made.receiveSync({ type: 3, timeout: 0 });
      }
    },
    instead: {
      expect: "ETIMEDOUT",
      because: "no message is waited for, and undefined for tryReceive",
    },
  },
  "msgrcv: message longer than the buffer and MSG_NOERROR absent (message stays queued)":
    {
      run(defer) {
        const made = queue(defer);
        made.sendSync(1, new Uint8Array(32));
        defer(() => assertEquals(made.stat().messages, 1));
        made.tryReceive({ maxSize: 16 });
      },
    },
  "msgrcv: MSG_COPY without IPC_NOWAIT": {
    why: "peek() always passes IPC_NOWAIT",
  },
  "msgrcv: MSG_COPY with MSG_EXCEPT": { why: "peek() takes no type" },
  "msgrcv: MSG_COPY index beyond the queue": {
    run(defer) {
      const made = queue(defer);
      made.sendSync(1, "x");
      if (made.peek(2) === undefined) throw new RangeError("no such message");
    },
    instead: {
      expect: "RangeError",
      because: "peek() answers undefined, which the driver turns into an error",
    },
  },
  "msgctl: unknown command": NO_COMMANDS,
  "msgctl: bad id": {
    run: () => SysvMessageQueue.fromId(0x7fff_ffff),
  },
  "msgctl: id of a removed queue": {
    run(defer) {
      const made = queue(defer);
      const other = SysvMessageQueue.fromId(made.id);
      made.remove();
      other.remove();
    },
  },
  "msgctl: IPC_RMID by a stranger": stranger(
    (defer) => queue(defer, 0o666),
    (made) => SysvMessageQueue.fromId(made.id).remove(),
  ),
  "msgctl: IPC_SET raising msg_qbytes above kernel.msgmnb by an unprivileged owner":
    {
      child: "common",
      run(defer) {
        becomeNobody();
        defer(becomeRoot);
        const made = queue(defer);
        made.set({ maxBytes: made.stat().maxBytes + 1 });
      },
    },
};

/** The drivers of all these rows. */
export const drivers: Drivers = { ...key, ...memory, ...semaphores, ...queues };
