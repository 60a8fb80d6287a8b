/** Helpers of many tests: unique names, errors, descriptors, a watchdog. */

import { assertRejects, assertThrows } from "@std/assert";
import { IpcError } from "@libc/ipc/errno";

export { openedSince, openFds } from "./descriptors.ts";
export {
  Child,
  denoArgs,
  type Ended,
  spawnCommand,
  spawnDeno,
  type SpawnDenoOptions,
  type SpawnOptions,
  spawnWorker,
  type Thread,
} from "./child.ts";

const RANDOM = new Uint32Array(1);
/** The divisor of repetitions in an emulator. */
const HASTE = 20;
let serial = 0;

/**
 * The architecture of the kernel and, where this process runs in a user-mode
 * emulator, of all other programs.
 */
export const MACHINE: string = machine();

/**
 * Whether this process runs in a user-mode emulator, where slow tests repeat
 * less often; see {@linkcode scaled}.
 */
export const EMULATED: boolean = MACHINE !== Deno.build.arch;

function machine(): string {
  try {
    return Deno.readTextFileSync("/proc/sys/kernel/arch").trim();
  } catch {
    // Before Linux 6.1, or not permitted.
    return Deno.build.arch;
  }
}

/**
 * The name of a test that fails in any emulator, and whether to skip it:
 * `Deno.test({ ...notEmulated("a test", "has no mq_notify"), fn() {} })`.
 *
 * @param why What the emulator lacks or does differently.
 */
export function notEmulated(
  name: string,
  why: string,
): { name: string; ignore: boolean } {
  const skipped = EMULATED ? ` [skipped: the emulator ${why}]` : "";
  return { name: name + skipped, ignore: EMULATED };
}

/** Why tests that read the signals that threads block are skipped. */
export const NO_SIGNAL_MASKS: string = EMULATED
  ? " [skipped: the emulator shows its own signal masks]"
  : "";

/**
 * Whether the tests run with the full counts, as `deno task test:full` does:
 * for hours. See {@linkcode scaled}.
 */
export const FULL: boolean = isFull();

function isFull(): boolean {
  try {
    return Deno.env.get("LIBC_IPC_TEST_FULL") === "1";
  } catch {
    // A child without permission to ask repeats little.
    return false;
  }
}

/**
 * The number of repetitions.
 *
 * @param count In the gate; an emulator does less.
 * @param full With the full counts.
 */
export function scaled(count: number, full = count): number {
  if (EMULATED) return Math.ceil(count / HASTE);
  return FULL ? full : count;
}

/** In an emulator, and with the full counts, a watchdog waits longer. */
const PATIENCE = EMULATED ? 5 : FULL ? 1000 : 1;

/**
 * A name that is unique on this machine, of letters and digits. Prepend a slash
 * for a POSIX object.
 */
export function uniqueName(prefix = "libc-ipc-test"): string {
  crypto.getRandomValues(RANDOM);
  return `${prefix}-${Deno.pid}-${serial++}-${RANDOM[0]?.toString(36)}`;
}

/** A System V key that is unique on this machine. */
export function uniqueKey(): number {
  crypto.getRandomValues(RANDOM);
  // Not 0, which is IPC_PRIVATE, and away from the keys of ftok.
  return 0x6000_0000 | ((RANDOM[0] ?? 0) & 0x0fff_ffff);
}

/** Whether a program is in the PATH. */
export function hasCommand(name: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((directory) => {
    try {
      return Deno.statSync(`${directory}/${name}`).isFile;
    } catch {
      return false;
    }
  });
}

/**
 * Resolves when a condition holds, polling every few milliseconds, for states
 * without an event, such as a process that has begun to block. There is no time
 * limit: a {@linkcode watchdog} ends a stuck test.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  while (!await condition()) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/**
 * Resolves after a delay in milliseconds, in which other code has time to fail.
 */
export function later(milliseconds = 3): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The code of the {@linkcode IpcError} that a call throws. */
export function codeOf(call: () => unknown): string {
  return assertThrows(call, IpcError).code;
}

/** The code of the {@linkcode IpcError} that a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, IpcError)).code;
}

/** Whether a path exists, even as a dangling link. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The index of the change counter that the thread waits on. */
const CHANGES = 0;
const MILLISECONDS = 1;
const NAME_LENGTH = 2;
const HEADER = 12;
const MAX_NAME = 500;
/** Instead of milliseconds: no deadline. */
const IDLE = -1;
const OVER = -2;

/**
 * The watchdog thread: sleeps until a deadline has passed or another is set.
 */
const GUARD = `onmessage = ({ data }) => {
  const state = new Int32Array(data, 0, 3);
  for (;;) {
    const changes = Atomics.load(state, ${CHANGES});
    const time = state[${MILLISECONDS}];
    if (time === ${OVER}) return close();
    const timeout = time === ${IDLE} ? Infinity : time;
    const result = Atomics.wait(state, ${CHANGES}, changes, timeout);
    if (result !== "timed-out" || state[${CHANGES}] !== changes) continue;
    const name = new Uint8Array(data, ${HEADER}, state[${NAME_LENGTH}]).slice();
    const text = "watchdog: stuck in " + new TextDecoder().decode(name) + "\\n";
    try {
      // console.error() would be forwarded by a thread of this process.
      Deno.writeTextFileSync("/dev/stderr", text, { append: true });
    } finally {
      try {
        killChildren();
      } finally {
        Deno.kill(Deno.pid, "SIGKILL");
      }
    }
  }
};
// Those that block would never notice that they are alone.
function killChildren() {
  for (const { name } of Deno.readDirSync("/proc/self/task")) {
    const pids = Deno.readTextFileSync("/proc/self/task/" + name + "/children");
    for (const [pid] of pids.matchAll(/\\d+/g)) Deno.kill(Number(pid), "SIGKILL");
  }
}`;

/** What may be stuck, and its deadline. */
const watched = new Set<{ what: string; end: number }>();
let guard: SharedArrayBuffer | undefined;

/** Sets the thread's deadline: the earliest end. */
function watch(): void {
  guard ??= startGuard();
  const [first] = [...watched].sort((a, b) => a.end - b.end);
  if (first === undefined) return setTime(guard, IDLE);
  // encodeInto() refuses a view of shared memory.
  const name = new TextEncoder().encode(first.what).subarray(0, MAX_NAME);
  new Uint8Array(guard, HEADER).set(name);
  new Int32Array(guard, 0, 3)[NAME_LENGTH] = name.length;
  setTime(guard, Math.max(0, first.end - performance.now()));
}

function setTime(guard: SharedArrayBuffer, milliseconds: number): void {
  const state = new Int32Array(guard, 0, 3);
  state[MILLISECONDS] = milliseconds;
  Atomics.add(state, CHANGES, 1);
  Atomics.notify(state, CHANGES);
}

function startGuard(): SharedArrayBuffer {
  const url = `data:application/javascript,${encodeURIComponent(GUARD)}`;
  const shared = new SharedArrayBuffer(HEADER + MAX_NAME);
  // The thread may run before the first deadline is set: 0 would have passed.
  setTime(shared, IDLE);
  new Worker(url, { type: "module" }).postMessage(shared);
  // Threads outlive the end of a test file.
  addEventListener("unload", () => setTime(shared, OVER));
  return shared;
}

/**
 * Ends this process when a test is stuck, even in a call that blocks its
 * thread. `using _dog = watchdog("what hangs");`
 */
export function watchdog(what: string, seconds = 60): Disposable {
  const end = performance.now() + seconds * 1000 * PATIENCE;
  const entry = { what, end };
  watched.add(entry);
  watch();
  return {
    [Symbol.dispose]() {
      watched.delete(entry);
      watch();
    },
  };
}

/**
 * Resolves when a thread is asleep inside a call, such as `msgrcv`.
 *
 * @param task A process id, for its main thread, or `pid/task/tid`.
 */
export function untilBlocked(
  task: number | string,
  call: string,
): Promise<void> {
  const read = (file: string) => Deno.readTextFileSync(`/proc/${task}/${file}`);
  let asleep = 0;
  let before = NaN;
  return until(() => {
    if (saysWhere()) return read("wchan").includes(call);
    // Without that, take a thread that stays asleep as blocked.
    const stat = read("stat");
    const now = sleeps(task);
    const sleeping = stat.slice(stat.lastIndexOf(")") + 2).startsWith("S");
    asleep = sleeping && now === before ? asleep + 1 : 0;
    before = now;
    return asleep > 20;
  });
}

/** Whether this kernel shows the call in which a thread sleeps. */
function saysWhere(): boolean {
  return Deno.readDirSync("/proc/self/task").some(({ name }) =>
    Deno.readTextFileSync(`/proc/self/task/${name}/wchan`) !== "0"
  );
}

/** How often a thread has gone to sleep, which grows while it polls. */
export function sleeps(task: number | string): number {
  const status = Deno.readTextFileSync(`/proc/${task}/status`);
  return Number(/^voluntary_ctxt_switches:\s*(\d+)$/m.exec(status)?.[1]);
}

/**
 * Sends SIGUSR2 to a process repeatedly until it ends: for `perl -e` with its
 * pid.
 *
 * It pauses in between: the kernel returns the rest of an interrupted sleep 50
 * microseconds too long, so that with 20,000 signals a second a V8 thread that
 * wants to sleep for a millisecond sleeps for ever.
 */
export const STORM =
  "select undef, undef, undef, 0.0001 while kill 'USR2', $ARGV[0]";

/** The URL of a file of this repository, for a child's `import`. */
export function source(path: string): string {
  return new URL(`../${path}`, import.meta.url).href;
}
