/**
 * Finds the leftovers of programs that make handles repeatedly. Each runs in
 * its own IPC namespace, with its own `/dev/shm` and `/tmp`, if permitted.
 */

import "../settle_runtime.ts";
import {
  SysvMessageQueue,
  SysvSemaphoreSet,
  SysvSharedMemory,
} from "@libc/ipc";
import {
  isPrivileged,
  keepFiles,
  unshareIpc,
} from "../conformance/privileges.ts";
import { openFds } from "../descriptors.ts";

/** Turns after which background work must have ended. */
const MAX_TURNS = 3000;
/** All but the caches: such a program counts its wakers too. */
const OURS = /^(?!.*(_cache_v\d|\/deno\/))/;
/** The threads of the runtime, which come and go. */
const OF_THE_RUNTIME = /^(tokio|V8)/;

const alone = isPrivileged();
if (alone) {
  unshareIpc();
  keepFiles();
}

/** Collects garbage, with `--expose-gc`. */
export const collect: (() => void) | undefined =
  (globalThis as { gc?: () => void }).gc;

/** The numbers of the open descriptors. */
export function descriptors(): number[] {
  return openFds(OURS).map((fd) => parseInt(fd)).sort((a, b) => a - b);
}

function names(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
}

function threads(): number {
  return names("/proc/self/task").filter((name) => {
    try {
      const comm = Deno.readTextFileSync(`/proc/self/task/${name}/comm`);
      return !OF_THE_RUNTIME.test(comm);
    } catch {
      // It has just ended.
      return false;
    }
  }).length;
}

/** The number of objects of each kind, or a list of them. */
export type Snapshot = Record<string, number | readonly (number | string)[]>;

/** Counts everything that could be left behind. */
function snapshot(): Snapshot {
  const children = Deno.readTextFileSync(
    `/proc/self/task/${Deno.pid}/children`,
  );
  const maps = Deno.readTextFileSync("/proc/self/maps").split("\n");
  return {
    descriptors: descriptors(),
    threads: threads(),
    mappings:
      maps.filter((line) => /SYSV|\/memfd:|\/dev\/shm\/|\/tmp\//.test(line))
        .length,
    children: children.split(" ").length,
    ...alone && {
      segments: SysvSharedMemory.list().length,
      sets: SysvSemaphoreSet.list().length,
      queues: SysvMessageQueue.list().length,
      memory: names("/dev/shm"),
      files: names("/tmp"),
    },
  };
}

/** The additions since `before`. Removals are the runtime's. */
function added(before: Snapshot, after: Snapshot): Snapshot {
  const more: Snapshot = {};
  for (const [what, now] of Object.entries(after)) {
    const then = before[what] ?? 0;
    if (typeof now === "number") {
      if (now > Number(then)) more[what] = now - Number(then);
    } else {
      const known = typeof then === "number" ? [] : then;
      const others = now.filter((one) => !known.includes(one));
      if (others.length > 0) more[what] = others;
    }
  }
  return more;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2));
}

/** A snapshot once no background work is left. */
export async function settled(): Promise<Snapshot> {
  let last: Snapshot = {};
  for (let same = 0; same < 3; same++) {
    collect?.();
    const now = snapshot();
    if (JSON.stringify(now) !== JSON.stringify(last)) same = 0;
    last = now;
    await pause();
  }
  return last;
}

/** The leftovers since `before`, or an empty text. */
export async function leftSince(before: Snapshot): Promise<string> {
  for (let turn = 0;; turn++) {
    const left = added(before, snapshot());
    if (Object.keys(left).length === 0) return "";
    if (turn === MAX_TURNS) return JSON.stringify(left);
    collect?.();
    await pause();
  }
}
