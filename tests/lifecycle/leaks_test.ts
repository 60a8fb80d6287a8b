// Rounds of making, using and disposing: nothing stays behind in the kernel or
// in this process.

import { assert, assertEquals } from "@std/assert";
import {
  SysvMessageQueue,
  SysvSemaphoreSet,
  SysvSharedMemory,
} from "@libc/ipc";
import { handles } from "./handles.ts";

/** What there is of this process. */
function snapshot() {
  return {
    descriptors: [...Deno.readDirSync("/proc/self/fd")].length,
    segments: SysvSharedMemory.list().filter(isOurs).length,
    sets: SysvSemaphoreSet.list().length,
    queues:
      SysvMessageQueue.list().filter((queue) =>
        queue.lastSendPid === Deno.pid || queue.lastReceivePid === Deno.pid
      ).length,
    sharedMappings: mappings(),
  };
}

function isOurs({ creatorPid }: { creatorPid: number }): boolean {
  return creatorPid === Deno.pid;
}

/** Mappings of shared memory, of memfds and of files in /dev/shm. */
function mappings(): number {
  return Deno.readTextFileSync("/proc/self/maps").split("\n")
    .filter((line) => /SYSV|\/memfd:|\/dev\/shm\//.test(line)).length;
}

/** Bytes of memory that this process has in use. */
function residentBytes(): number {
  const [, pages = "0"] = Deno.readTextFileSync("/proc/self/statm").split(" ");
  return Number(pages) * 4096;
}

for (const [name, { make, use, rounds = 5000 }] of Object.entries(handles)) {
  Deno.test(`${name} leaves nothing behind after ${rounds} rounds`, async () => {
    const round = async (fail: boolean) => {
      try {
        using handle = await make();
        await use(handle);
        if (fail) throw new RangeError("in the middle");
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
    };
    // What is made once and kept, such as the reactor, is made here.
    for (let i = 0; i < rounds / 5; i++) await round(i % 2 === 0);
    const before = snapshot();
    const bytes = residentBytes();
    for (let i = 0; i < rounds; i++) await round(i % 10 === 0);
    assertEquals(snapshot(), before);
    // The heap breathes; a leak of a page a round would be 20 MB.
    const growth = residentBytes() - bytes;
    assert(growth < rounds * 2048 + (8 << 20), `grew by ${growth} bytes`);
  });
}
