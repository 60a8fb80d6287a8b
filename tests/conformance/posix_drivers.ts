/** Drivers of the rows about POSIX semaphores and message queues. */

import { mapAnonymous, PosixMessageQueue, PosixSemaphore } from "@libc/ipc";
import { assertEquals } from "@std/assert";
import { uniqueName } from "../util.ts";
import { becomeNobody, becomeRoot, limit, RLIMIT } from "./privileges.ts";
import type { Defer, Driven, Drivers } from "./rows.ts";
import { before, INTERRUPTED, NO_POINTERS, stranger } from "./situations.ts";

const OWN_QUEUE = { why: "a handle's descriptor is that of its queue" };
const NO_DEADLINES = {
  why: "poll waits with the time that is left: no deadline is passed to mq_*",
};
const NO_NOTIFY = {
  why: "waiting uses the descriptor itself: mq_notify is not called",
};

const name = () => `/${uniqueName()}`;
/** A name of so many characters behind its slash. */
const long = (length: number) => `/${"x".repeat(length)}`;

function semaphore(defer: Defer, value = 0, mode = 0o600): PosixSemaphore {
  const options = { value, mode, ignoreUmask: true };
  const made = PosixSemaphore.create(name(), options);
  defer(() => made[Symbol.dispose]());
  return made;
}

function queue(defer: Defer, maxMessages = 2): PosixMessageQueue {
  const made = PosixMessageQueue.create(name(), {
    maxMessages,
    messageSize: 16,
  });
  defer(() => made[Symbol.dispose]());
  return made;
}

/** A queue that takes no more. */
function fullQueue(defer: Defer): PosixMessageQueue {
  const made = queue(defer, 1);
  made.sendSync("full");
  return made;
}

function closedQueue(defer: Defer): PosixMessageQueue {
  const made = queue(defer);
  made.close();
  return made;
}

/** A row of a name that is refused. */
function badName(use: (name: string) => unknown, wrong: string): Driven {
  return { run: () => use(wrong), instead: before("such a name", "TypeError") };
}

/** A row in a process without a free descriptor. */
function withoutDescriptors(use: () => unknown): Driven {
  return {
    child: "common",
    run(defer) {
      defer(limit(RLIMIT.NOFILE, 0));
      return use();
    },
  };
}

/** The drivers of semaphores. */
const semaphores: Drivers = {
  "sem_open: missing, no O_CREAT": { run: () => PosixSemaphore.open(name()) },
  "sem_open: initial value above SEM_VALUE_MAX": {
    run: () => PosixSemaphore.create(null, { value: 2 ** 31 }),
    instead: before("such a value"),
  },
  "sem_open: name of 256 characters or more": badName(
    (name) => PosixSemaphore.create(name),
    long(256),
  ),
  "sem_open: 252-char name (prefix sem. makes 256)": badName(
    (name) => PosixSemaphore.create(name),
    long(252),
  ),
  "sem_open + sem_trywait: zero-byte file planted as sem.NAME: sem_open succeeds, first use faults":
    {
      run(defer) {
        const planted = name();
        const path = `/dev/shm/sem.${planted.slice(1)}`;
        Deno.writeTextFileSync(path, "");
        defer(() => Deno.removeSync(path));
        PosixSemaphore.open(planted).tryAcquire();
      },
      instead: {
        expect: "EBADMSG",
        because: "the file is looked at before it is used",
      },
    },
  "sem_open: symlink planted as sem.NAME": {
    run(defer) {
      const planted = name();
      const path = `/dev/shm/sem.${planted.slice(1)}`;
      const target = semaphore(defer).name;
      Deno.symlinkSync(`/dev/shm/sem.${target?.slice(1)}`, path);
      defer(() => Deno.removeSync(path));
      PosixSemaphore.open(planted);
    },
  },
  "sem_open: descriptor limit reached": withoutDescriptors(
    () => PosixSemaphore.create(),
  ),
  "sem_unlink: missing": { run: () => PosixSemaphore.unlink(name()) },
  "sem_unlink: owned by another user in sticky /dev/shm": stranger(
    (defer) => semaphore(defer, 0, 0o666),
    (made) => PosixSemaphore.unlink(made.name ?? ""),
  ),
  "sem_unlink: name of 252..255 characters": badName(
    (name) => PosixSemaphore.unlink(name),
    long(252),
  ),
  "sem_trywait: value zero": {
    run(defer) {
      const made = semaphore(defer);
      if (!made.tryAcquire()) made.acquireSync({ timeout: 0 });
    },
    instead: {
      expect: "ETIMEDOUT",
      because: "zero is waited for, and false for tryAcquire",
    },
  },
  "sem_wait: signal handler without SA_RESTART": INTERRUPTED,
  "sem_timedwait: deadline already in the past, value 0": {
    run: (defer) => semaphore(defer).acquireSync({ timeout: 0 }),
  },
  "sem_timedwait: tv_nsec = -1 with value 0": {
    run: (defer) => semaphore(defer).acquireSync({ timeout: -1 }),
    instead: before("a negative timeout"),
  },
  "sem_timedwait: tv_nsec invalid even though value > 0": {
    run: (defer) => semaphore(defer, 1).acquireSync({ timeout: NaN }),
    instead: before("a timeout that is no number"),
  },
  "sem_timedwait: signal handler while blocked": INTERRUPTED,
  "sem_clockwait: unsupported clock id": {
    why: "the clock is always the monotonic one",
  },
  "sem_post: value already SEM_VALUE_MAX": {
    run: (defer) => semaphore(defer, 2 ** 31 - 1).release(),
  },
  "sem_init: value above SEM_VALUE_MAX": {
    run(defer) {
      const memory = mapAnonymous(64);
      defer(() => memory.close());
      PosixSemaphore.inMapping(memory, 0, { value: 2 ** 31 });
    },
    instead: before("such a value"),
  },
  "sem_close: address that is not an open named semaphore": {
    why: "a handle closes its own address, once",
  },
};

/** The drivers of opening and removing queues. */
const queues: Drivers = {
  "mq_open: missing, no O_CREAT": {
    run: () => PosixMessageQueue.open(name()),
  },
  "mq_open: exists, O_CREAT|O_EXCL": {
    run: (defer) => PosixMessageQueue.create(queue(defer).name),
  },
  "mq_open: empty name": badName((name) => PosixMessageQueue.create(name), ""),
  "mq_open: inner slash": badName(
    (name) => PosixMessageQueue.create(name),
    "/a/b",
  ),
  "mq_open: component longer than 255": badName(
    (name) => PosixMessageQueue.create(name),
    long(256),
  ),
  "mq_open: longer than PATH_MAX": badName(
    (name) => PosixMessageQueue.create(name),
    long(5000),
  ),
  "mq_open: mq_maxmsg zero": {
    run: () => PosixMessageQueue.create(null, { maxMessages: 0 }),
    instead: before("a queue of no messages"),
  },
  "mq_open: mq_msgsize zero": {
    run: () => PosixMessageQueue.create(null, { messageSize: 0 }),
    instead: before("a queue of empty messages"),
  },
  "mq_open: mq_msgsize negative": {
    run: () => PosixMessageQueue.create(null, { messageSize: -1 }),
    instead: before("a negative size"),
  },
  "mq_open: msgsize above msgsize_max, unprivileged": {
    child: "common",
    run(defer) {
      becomeNobody();
      defer(becomeRoot);
      const messageSize = PosixMessageQueue.limits().maxMessageSize + 1;
      const made = PosixMessageQueue.create(null, { messageSize });
      defer(() => made[Symbol.dispose]());
    },
  },
  "mq_open: total bytes beyond RLIMIT_MSGQUEUE": {
    child: "common",
    run(defer) {
      defer(limit(RLIMIT.MSGQUEUE, 4096));
      const made = PosixMessageQueue.create();
      defer(() => made[Symbol.dispose]());
    },
  },
  "mq_open: descriptor limit": withoutDescriptors(
    () => PosixMessageQueue.create(null, { messageSize: 16 }),
  ),
  "mq_unlink: missing": { run: () => PosixMessageQueue.unlink(name()) },
  "mq_unlink: name too long": badName(
    (name) => PosixMessageQueue.unlink(name),
    long(256),
  ),
  "mq_close: invalid descriptor": {
    why: "a handle closes its own descriptor, once",
  },
  "mq_notify: descriptor -1": {
    run: (defer) => closedQueue(defer).onMessage(() => {}),
    instead: before("a closed handle", "TypeError"),
  },
  "mq_notify: descriptor is not a queue": NO_NOTIFY,
  "mq_notify: already registered": NO_NOTIFY,
  "mq_notify: sigev_notify unknown": NO_NOTIFY,
  "mq_setattr: bad descriptor": {
    why: "mq_setattr is not called: a handle is always non-blocking inside",
  },
};

const PRIORITY: Driven = {
  run: (defer) => queue(defer).trySend("", { priority: 32768 }),
  instead: before("such a priority"),
};

const CLOSED_SEND: Driven = {
  run: (defer) => closedQueue(defer).trySend(""),
  instead: before("a closed handle", "TypeError"),
};

const CLOSED_RECEIVE: Driven = {
  run: (defer) => closedQueue(defer).tryReceive(),
  instead: before("a closed handle", "TypeError"),
};

/** The message stays, too. */
const SHORT_BUFFER: Driven = {
  run(defer) {
    const made = queue(defer);
    made.sendSync("kept");
    defer(() => assertEquals(made.attributes().messages, 1));
    made.tryReceive({ into: new Uint8Array(15) });
  },
  instead: before("a place that is too short"),
};

const FULL: Driven = {
  run(defer) {
    const made = fullQueue(defer);
    if (!made.trySend("x")) made.sendSync("x", { timeout: 0 });
  },
  instead: {
    expect: "ETIMEDOUT",
    because: "room is waited for, and false for trySend",
  },
};

const EMPTY: Driven = {
  run(defer) {
    const made = queue(defer);
    if (made.tryReceive() === undefined) made.receiveSync({ timeout: 0 });
  },
  instead: {
    expect: "ETIMEDOUT",
    because: "a message is waited for, and undefined for tryReceive",
  },
};

/** The drivers of sending and receiving. */
const messages: Drivers = {
  "mq_send: descriptor -1": CLOSED_SEND,
  "mq_send: descriptor is not a queue": OWN_QUEUE,
  "mq_send: full queue, O_NONBLOCK": FULL,
  "mq_send: priority = MQ_PRIO_MAX (32768)": PRIORITY,
  "mq_send: message pointer unmapped": NO_POINTERS,
  "mq_timedsend: descriptor -1": CLOSED_SEND,
  "mq_timedsend: queue opened read-only": {
    run(defer) {
      const made = queue(defer);
      const handle = PosixMessageQueue.open(made.name, { readOnly: true });
      defer(() => handle.close());
      handle.sendSync("x", { timeout: 10 });
    },
  },
  "mq_timedsend: priority = MQ_PRIO_MAX (32768)": PRIORITY,
  "mq_timedsend: message pointer unmapped": NO_POINTERS,
  "mq_timedsend: deadline passes": {
    run: (defer) => fullQueue(defer).sendSync("x", { timeout: 20 }),
  },
  "mq_timedsend: negative seconds while it would block": {
    run: (defer) => fullQueue(defer).sendSync("x", { timeout: -1000 }),
    instead: before("a negative timeout"),
  },
  "mq_timedsend: tv_nsec -1 while it would block": {
    run: (defer) => fullQueue(defer).sendSync("x", { timeout: -1e-6 }),
    instead: before("a negative timeout"),
  },
  "mq_timedsend: tv_nsec 1e9 while it would block": NO_DEADLINES,
  "mq_timedsend: deadline pointer unmapped": NO_POINTERS,
  "mq_receive: buffer shorter than mq_msgsize": SHORT_BUFFER,
  "mq_receive: descriptor is not a queue": OWN_QUEUE,
  "mq_receive: empty queue, O_NONBLOCK": EMPTY,
  "mq_receive: signal while blocked": INTERRUPTED,
  "mq_timedreceive: buffer shorter than mq_msgsize": SHORT_BUFFER,
  "mq_timedreceive: descriptor -1": CLOSED_RECEIVE,
  "mq_timedreceive: descriptor is not a queue": OWN_QUEUE,
  "mq_timedreceive: queue opened write-only": {
    run(defer) {
      const made = queue(defer);
      const handle = PosixMessageQueue.open(made.name, { writeOnly: true });
      defer(() => handle.close());
      handle.receiveSync({ timeout: 10 });
    },
  },
  "mq_timedreceive: empty queue, O_NONBLOCK": EMPTY,
  "mq_timedreceive: deadline passes": {
    run: (defer) => queue(defer).receiveSync({ timeout: 20 }),
  },
  "mq_timedreceive: tv_nsec 1e9 although it would not block": NO_DEADLINES,
  "mq_timedreceive: deadline pointer unmapped": NO_POINTERS,
};

/** The drivers of all these rows. */
export const drivers: Drivers = { ...semaphores, ...queues, ...messages };
