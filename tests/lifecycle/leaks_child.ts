/**
 * Makes, uses and disposes of one class many times, every tenth time with an
 * error in the middle, and prints what there is of this process before and
 * after. Runs in an IPC namespace of its own where it may.
 */

import "../settle_runtime.ts";
import {
  SysvMessageQueue,
  SysvSemaphoreSet,
  SysvSharedMemory,
} from "@libc/ipc";
import { isPrivileged, unshareIpc } from "../conformance/privileges.ts";
import { scaled } from "../util.ts";
import { handles } from "./handles.ts";

const one = handles[Deno.args[0] ?? ""];
if (one === undefined) throw new Error("no such class");
const { make, use } = one;
const rounds = scaled(one.rounds ?? 5000);
// Alone, whatever there is in the namespace is ours.
const alone = isPrivileged();
if (alone) unshareIpc();

/** Mappings of shared memory, of memfds and of files in /dev/shm. */
function mappings(): number {
  return Deno.readTextFileSync("/proc/self/maps").split("\n")
    .filter((line) => /SYSV|\/memfd:|\/dev\/shm\//.test(line)).length;
}

function snapshot() {
  return {
    descriptors: [...Deno.readDirSync("/proc/self/fd")].length,
    mappings: mappings(),
    threads: [...Deno.readDirSync("/proc/self/task")].length,
    segments: alone ? SysvSharedMemory.list().length : 0,
    sets: alone ? SysvSemaphoreSet.list().length : 0,
    queues: alone ? SysvMessageQueue.list().length : 0,
  };
}

/** Bytes of memory in use, without what the collector keeps for later. */
function bytesInUse(): number {
  // deno-lint-ignore no-explicit-any -- there with --expose-gc only
  (globalThis as any).gc();
  const { rss, heapTotal, heapUsed } = Deno.memoryUsage();
  return rss - heapTotal + heapUsed;
}

async function round(fail: boolean): Promise<void> {
  try {
    using handle = await make();
    await use(handle);
    if (fail) throw new RangeError("in the middle");
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
}

// What is made once and kept, such as the reactor, is made before.
for (let i = 0; i < rounds; i++) await round(i % 2 === 0);
const before = snapshot();
// The heap finds its size by and by; a leak grows in every phase.
const growths: number[] = [];
for (let phase = 0; phase < 12; phase++) {
  const bytes = bytesInUse();
  for (let i = 0; i < rounds; i++) await round(i % 10 === 0);
  growths.push(bytesInUse() - bytes);
  if (Math.min(...growths) < 1 << 20) break;
}
console.log(JSON.stringify({ before, after: snapshot(), growths }));
