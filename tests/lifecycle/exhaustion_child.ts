/**
 * Calls constructors, each with no descriptor left, then with one, and so on
 * until it succeeds, and prints for each as a line of JSON what its attempts
 * failed with and have left behind.
 *
 * Runs in an IPC namespace of its own, with a `/dev/shm` and a `/tmp` of its
 * own, where it may.
 */

import "../settle_runtime.ts";
import {
  IpcError,
  SysvMessageQueue,
  SysvSemaphoreSet,
  SysvSharedMemory,
} from "@libc/ipc";
import { sys_resource } from "../../ffi/libc/sys_resource.ts";
import { fcntl } from "../../ffi/libc/fcntl.ts";
import { unistd } from "../../ffi/libc/unistd.ts";
import {
  isPrivileged,
  keepFiles,
  unshareIpc,
} from "../conformance/privileges.ts";
import { openFds } from "../descriptors.ts";
import { constructors, type Made } from "./constructors.ts";
import { handles } from "./handles.ts";

const RLIMIT_NOFILE = 7;
const F_DUPFD_CLOEXEC = 1030;
/** No constructor needs more. */
const MAX_DESCRIPTORS = 64;
/** Turns until what ends in the background must be gone. */
const MAX_TURNS = 2000;
/** Alone here, it answers for what is like the runtime's own, too. */
const ANY = /^/;

const alone = isPrivileged();
if (alone) {
  unshareIpc();
  keepFiles();
}

function constructorOf(
  name: string,
  stack: DisposableStack,
): () => Made | Promise<Made> {
  const constructor = constructors[name]?.(stack);
  if (constructor !== undefined) return constructor;
  const one = handles[name];
  if (one === undefined) throw new Error(`there is no ${name}`);
  return async () => {
    const handle = await one.make();
    return {
      [Symbol.dispose]() {
        // Some need to be used for all of what they are made of to go.
        used = Promise.resolve(one.use(handle))
          .finally(() => handle[Symbol.dispose]());
      },
    };
  };
}

function names(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
}

/** All that could be left behind. */
function snapshot(): string {
  const children = Deno.readTextFileSync(
    `/proc/self/task/${Deno.pid}/children`,
  );
  const maps = Deno.readTextFileSync("/proc/self/maps").split("\n");
  return JSON.stringify({
    descriptors: openFds(ANY),
    mappings: maps.filter((line) =>
      /SYSV|\/memfd:|\/dev\/shm\/|\/tmp\//.test(line)
    ).length,
    children: children.split(" ").length,
    ...alone && {
      segments: SysvSharedMemory.list().length,
      sets: SysvSemaphoreSet.list().length,
      queues: SysvMessageQueue.list().length,
      memory: names("/dev/shm"),
      files: names("/tmp"),
    },
  });
}

const limits = new BigUint64Array(2);
sys_resource().getrlimit(RLIMIT_NOFILE, limits);
const [, hard = 0n] = limits;

/** Leaves so many descriptors to have, until it is disposed of. */
function starve(left: number): Disposable {
  const highest = Math.max(...openFds(ANY).map((fd) => parseInt(fd)));
  const soft = BigInt(highest + 1 + left);
  sys_resource().setrlimit(RLIMIT_NOFILE, BigUint64Array.of(soft, hard));
  const fillers: number[] = [];
  for (;;) {
    const fd = fcntl().fcntl_int(0, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) break;
    fillers.push(fd);
  }
  for (const fd of fillers.splice(-left, left)) unistd().close(fd);
  return {
    [Symbol.dispose]() {
      for (const fd of fillers) unistd().close(fd);
      sys_resource().setrlimit(RLIMIT_NOFILE, limits);
    },
  };
}

let used: Promise<unknown> | undefined;

async function release(made: Made): Promise<void> {
  made?.[Symbol.dispose]();
  await used;
  await new Promise((resolve) => setTimeout(resolve, 0));
}

/** What there is when nothing goes on in the background. */
async function settled(): Promise<string> {
  let last = "";
  for (let same = 0; same < 3; same++) {
    collect?.();
    const now = snapshot();
    if (now !== last) same = 0;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return last;
}

/** Ends what goes with the garbage, with `--expose-gc`. */
const collect = (globalThis as { gc?: () => void }).gc;

/** What is left behind compared with before, or nothing. */
async function leak(before: string): Promise<string> {
  let after = snapshot();
  for (let turn = 0; after !== before && turn < MAX_TURNS; turn++) {
    collect?.();
    await new Promise((resolve) => setTimeout(resolve, 2));
    after = snapshot();
  }
  return after === before ? "" : `${before} became ${after}`;
}

/** What the attempts of a constructor fail with, and what they leave. */
async function exhaust(
  make: () => Made | Promise<Made>,
): Promise<{ failures: string[]; leaked: string }> {
  // What is made once and kept, such as the reactor, is made before.
  for (let i = 0; i < 3; i++) await release(await make());
  const before = await settled();
  const failures: string[] = [];
  let leaked = "";
  for (let left = 0; left < MAX_DESCRIPTORS && leaked === ""; left++) {
    let made: Made;
    let failure = "";
    {
      using _starved = starve(left);
      try {
        made = await make();
      } catch (error) {
        failure = error instanceof IpcError ? error.code : String(error);
      }
    }
    await release(made);
    leaked = await leak(before);
    if (failure === "") break;
    failures.push(failure);
  }
  return { failures, leaked };
}

for (const name of Deno.args) {
  using stack = new DisposableStack();
  const result = await exhaust(constructorOf(name, stack));
  console.log(JSON.stringify({ name, ...result }));
}
Deno.exit();
