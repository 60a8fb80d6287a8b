// System calls that the kernel lacks or a sandbox forbids: each is removed from
// a process, which then tries everything.

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Capabilities } from "@libc/ipc/capabilities";
import { ERRNO } from "@libc/ipc/errno";
import { spawn } from "@libc/ipc/spawn";
import { denoArgs, notEmulated, source, watchdog } from "../util.ts";
import type { Report } from "./missing/child.ts";
import { hasSeccomp, type Refusal } from "./missing/seccomp.ts";
import type { Use } from "./missing/uses.ts";
import { lineChild } from "./process/util.ts";

/** Missing calls and the consequences. */
interface Row extends Refusal {
  /** Replaces the calls in the name of the test. */
  what?: string;
  /**
   * The errors of the calls; by default `ENOSYS`, as old kernels and sandboxes.
   */
  answers?: (keyof typeof ERRNO)[];
  /** The capabilities that are then false. */
  lacks?: (keyof Capabilities)[];
  /** The uses that then fail, and the call in the error. All others work. */
  fails?: Partial<Record<Use, string>>;
}

/** The result of each use if nothing is missing. */
const WORKS: Record<Use, unknown> = {
  memfd: 2,
  executableMemfd: 0,
  hugeMemfd: "made",
  pidfd: false,
  pidfdSend: "sent",
  pidfdGetFd: false,
  spawn: "SIGKILL",
  spawnSync: 3,
  readInto: 1,
  lockMemory: "locked",
  sysvMemory: 4096,
  sysvMemoryList: 4096,
  sysvSemaphore: 1,
  sysvSemaphoreTimeout: "ETIMEDOUT",
  sysvSemaphoreList: 2,
  sysvQueue: 1,
  sysvQueueTimeout: "ETIMEDOUT",
  sysvQueueWait: 1,
  sysvQueueList: 0,
  sysvPeek: 1,
  posixMemory: 4096,
  posixSemaphore: 0,
  posixQueue: 1,
  posixQueueUnlink: "ENOENT",
  posixQueueWait: 1,
  eventfd: 2,
  eventfdWait: 1,
  signalQueue: null,
  sigqueue: "sent",
  pipe: 3,
  pipeWait: 3,
  splice: 3,
  fifo: true,
  socket: 3,
  socketFds: 1,
  socket6: "made",
  fileLock: "locked",
  rangeLock: "locked",
};

/** Uses that all fail with the same call. */
function failing(
  syscall: string,
  ...names: Use[]
): Partial<Record<Use, string>> {
  return Object.fromEntries(names.map((name) => [name, syscall]));
}

// They create sets with values, which needs semop.
const SEMAPHORES: Use[] = [
  "sysvSemaphore",
  "sysvSemaphoreTimeout",
  "sysvSemaphoreList",
];
/** Waits on descriptors. */
const REACTOR: Use[] = ["posixQueueWait", "eventfdWait", "pipeWait"];
const QUEUES: Use[] = [
  "sysvQueue",
  "sysvQueueTimeout",
  "sysvQueueWait",
  "sysvQueueList",
  "sysvPeek",
];

const rows: Row[] = [
  { calls: [] },
  {
    calls: ["memfd_create"],
    answers: ["ENOSYS", "EPERM"],
    lacks: ["memfd", "memfdFutureWrite", "memfdExec", "memfdHugePages"],
    fails: failing("memfd_create", "memfd", "executableMemfd", "hugeMemfd"),
  },
  {
    calls: ["memfd_create"],
    what: "MFD_HUGETLB",
    only: { argument: 1, mask: 4, values: [4] },
    lacks: ["memfdHugePages"],
    fails: failing("memfd_create", "hugeMemfd"),
  },
  {
    calls: ["memfd_create"],
    what: "MFD_NOEXEC_SEAL",
    only: { argument: 1, mask: 8, values: [8] },
    answers: ["EINVAL"],
    lacks: ["memfdExec"],
  },
  {
    calls: ["pidfd_open"],
    answers: ["ENOSYS", "EPERM"],
    lacks: ["pidfd", "pidfdGetfd"],
    fails: failing("pidfd_open", "pidfd", "pidfdSend", "pidfdGetFd"),
  },
  {
    calls: ["pidfd_send_signal"],
    answers: ["ENOSYS"],
    fails: failing("pidfd_send_signal", "pidfdSend"),
  },
  {
    calls: ["pidfd_getfd"],
    answers: ["ENOSYS", "EPERM"],
    lacks: ["pidfdGetfd"],
    fails: failing("pidfd_getfd", "pidfdGetFd"),
  },
  {
    calls: ["process_vm_readv"],
    answers: ["ENOSYS", "EPERM"],
    lacks: ["processVmRead"],
    fails: failing("process_vm_readv", "readInto"),
  },
  { calls: ["mlock"], fails: failing("mlock", "lockMemory") },
  {
    calls: ["shmget", "semget", "msgget"],
    answers: ["ENOSYS", "EPERM"],
    lacks: ["sysv"],
    fails: {
      ...failing("shmget", "sysvMemory", "sysvMemoryList"),
      ...failing("semget", ...SEMAPHORES),
      ...failing("msgget", ...QUEUES),
    },
  },
  {
    calls: [
      "shmget",
      "shmat",
      "shmctl",
      "semget",
      "semop",
      "semtimedop",
      "semctl",
      "msgget",
      "msgsnd",
      "msgrcv",
      "msgctl",
    ],
    what: "CONFIG_SYSVIPC",
    lacks: ["sysv", "messageCopy"],
    fails: {
      ...failing("shmget", "sysvMemory", "sysvMemoryList"),
      ...failing("semget", ...SEMAPHORES),
      ...failing("msgget", ...QUEUES),
    },
  },
  { calls: ["shmat"], fails: failing("shmat", "sysvMemory") },
  {
    calls: ["shmctl"],
    what: "SHM_STAT_ANY",
    only: { argument: 1, mask: 0xff, values: [15] },
    answers: ["EINVAL", "EPERM"],
  },
  {
    calls: ["semctl"],
    what: "SEM_STAT_ANY",
    only: { argument: 2, mask: 0xff, values: [20] },
    answers: ["EINVAL", "EPERM"],
  },
  {
    calls: ["msgctl"],
    what: "MSG_STAT_ANY",
    only: { argument: 1, mask: 0xff, values: [13] },
    answers: ["EINVAL", "EPERM"],
  },
  {
    calls: ["semop", "semtimedop"],
    fails: failing("semop", ...SEMAPHORES),
  },
  {
    calls: ["msgsnd"],
    fails: failing("msgsnd", "sysvQueue", "sysvQueueWait", "sysvPeek"),
  },
  {
    calls: ["msgrcv"],
    lacks: ["messageCopy"],
    fails: failing(
      "msgrcv",
      "sysvQueue",
      "sysvQueueTimeout",
      "sysvQueueWait",
      "sysvPeek",
    ),
  },
  {
    calls: ["msgrcv"],
    what: "MSG_COPY",
    only: { argument: 4, mask: 0o40000, values: [0o40000] },
    lacks: ["messageCopy"],
    fails: failing("msgrcv", "sysvPeek"),
  },
  // A wait can be interrupted in other ways.
  { calls: ["timer_create"] },
  {
    calls: [
      "mq_open",
      "mq_unlink",
      "mq_timedsend",
      "mq_timedreceive",
      "mq_getsetattr",
    ],
    what: "CONFIG_POSIX_MQUEUE",
    lacks: ["posixMessageQueue"],
    fails: {
      ...failing("mq_open", "posixQueue", "posixQueueWait"),
      ...failing("mq_unlink", "posixQueueUnlink"),
    },
  },
  {
    calls: ["mq_open"],
    answers: ["EPERM"],
    lacks: ["posixMessageQueue"],
    fails: failing("mq_open", "posixQueue", "posixQueueWait"),
  },
  {
    calls: ["mq_timedsend"],
    fails: failing("mq_send", "posixQueue", "posixQueueWait"),
  },
  {
    calls: ["mq_timedreceive"],
    fails: failing("mq_receive", "posixQueue", "posixQueueWait"),
  },
  {
    calls: ["fallocate"],
    fails: failing("posix_fallocate", "posixMemory"),
  },
  {
    calls: ["ftruncate"],
    fails: failing("ftruncate", "memfd", "executableMemfd"),
  },
  {
    calls: ["eventfd2"],
    fails: failing("eventfd", "eventfd", ...REACTOR),
  },
  {
    calls: ["epoll_create1"],
    fails: failing("epoll_create1", ...REACTOR),
  },
  {
    calls: ["signalfd4"],
    answers: ["ENOSYS", "EPERM"],
    lacks: ["signalfd"],
    fails: failing("signalfd", "signalQueue"),
  },
  { calls: ["rt_sigqueueinfo"], fails: failing("sigqueue", "sigqueue") },
  {
    calls: ["pipe2"],
    lacks: ["ofdLocks"],
    fails: failing(
      "pipe2",
      "spawn",
      "pipe",
      "pipeWait",
      "splice",
      "socketFds",
    ),
  },
  { calls: ["splice"], fails: failing("splice", "splice") },
  { calls: ["mknodat"], fails: failing("mkfifo", "fifo") },
  {
    calls: ["socketpair"],
    fails: failing("socketpair", "socket", "socketFds"),
  },
  { calls: ["sendmsg"], fails: failing("sendmsg", "socketFds") },
  { calls: ["recvmsg"], fails: failing("recvmsg", "socketFds") },
  {
    calls: ["socket"],
    what: "AF_INET6",
    only: { argument: 0, mask: 0xffff, values: [10] },
    answers: ["EAFNOSUPPORT"],
    lacks: ["inet6"],
    fails: failing("socket", "socket6"),
  },
  { calls: ["flock"], fails: failing("flock", "fileLock") },
  {
    calls: ["fcntl"],
    what: "F_OFD_SETLK",
    only: { argument: 1, mask: 0xff, values: [36, 37, 38] },
    answers: ["EINVAL"],
    lacks: ["ofdLocks"],
    fails: failing("fcntl", "rangeLock"),
  },
  // The C library has fallbacks for these.
  { calls: ["clone3"] },
  { calls: ["close_range"] },
];

for (const row of rows) {
  for (const answer of row.answers ?? ["ENOSYS"]) {
    const what = row.what ?? row.calls.join(", ");
    const { name, ignore } = notEmulated(
      row.calls.length === 0
        ? "no call is missing where all of them are allowed"
        : `without ${what} (${answer}) only what needs it fails, and says so`,
      "has no seccomp",
    );
    const lacksSeccomp = !hasSeccomp();
    Deno.test({
      name: lacksSeccomp ? `${name} [skipped: no seccomp]` : name,
      ignore: ignore || lacksSeccomp,
      fn: () => check(row, answer),
    });
  }
}

async function check(row: Row, answer: keyof typeof ERRNO): Promise<void> {
  using _dog = watchdog("a process with a missing call");
  const { calls, only, lacks = [], fails = {} } = row;
  const args = denoArgs(
    `import { run } from "${source("tests/ipc/missing/child.ts")}";
    await run(${JSON.stringify({ calls, only })}, ${ERRNO[answer]});`,
  );
  await using child = lineChild(spawn(Deno.execPath(), {
    // Reading /proc needs more permissions.
    args: args.map((arg) => arg === "--allow-ffi" ? "--allow-all" : arg),
    // For signalQueue.
    signalMask: ["SIGRTMIN+1"],
    fds: { 0: "null", 1: "pipe" },
    killSignal: "SIGKILL",
  }));
  const line = await child.line();
  assert(line !== undefined, "the process ended early");
  const { outcomes, ...rest }: Report = JSON.parse(line);
  const failed: Record<string, string> = {};
  const worked: Record<string, unknown> = {};
  for (const [use, outcome] of Object.entries(outcomes)) {
    if ("value" in outcome) {
      worked[use] = outcome.value;
      continue;
    }
    const { code, syscall, message } = outcome;
    failed[use] = syscall;
    assertEquals([use, code], [use, answer], message);
    assertMatch(message, /^Cannot .+ failed with E\w+ \([^)]+\): ./);
  }
  assertEquals(failed, fails);
  const expected = Object.entries(WORKS).filter(([use]) => !(use in fails));
  assertEquals(worked, Object.fromEntries(expected));
  assertEquals(rest, { lacks, steady: true, leaks: 0, left: [] });
  assertEquals((await child.process.status).code, 0);
}
