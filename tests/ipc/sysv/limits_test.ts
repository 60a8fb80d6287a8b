import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { IPC_PRIVATE } from "@libc/ipc/sysv-key";
import { sysvLimits } from "@libc/ipc/sysv-limits";
import { SysvMessageQueue } from "@libc/ipc/sysv-msg";
import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
import { SysvSharedMemory } from "@libc/ipc/sysv-shm";
import { spawnDeno } from "../../util.ts";

/** The numbers of a file below `/proc/sys/kernel`. */
function setting(name: string): number[] {
  return Deno.readTextFileSync(`/proc/sys/kernel/${name}`).trim().split(/\s+/)
    .map(Number);
}

Deno.test("sysvLimits() gives what /proc/sys/kernel says", () => {
  const { sharedMemory, semaphores, messageQueues } = sysvLimits();
  assertEquals([sharedMemory.maxSize], setting("shmmax"));
  assertEquals([sharedMemory.maxPages], setting("shmall"));
  assertEquals([sharedMemory.maxSegments], setting("shmmni"));
  assertEquals([
    semaphores.maxLength,
    semaphores.maxSemaphores,
    semaphores.maxOperations,
    semaphores.maxSets,
  ], setting("sem"));
  assertEquals([messageQueues.maxMessageSize], setting("msgmax"));
  assertEquals([messageQueues.maxBytes], setting("msgmnb"));
  assertEquals([messageQueues.maxQueues], setting("msgmni"));
});

Deno.test("sysvLimits() counts what is in use", () => {
  using _segment = SysvSharedMemory.create(IPC_PRIVATE, 3 * 4096);
  using _set = SysvSemaphoreSet.create(IPC_PRIVATE, 5);
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  queue.sendSync(1, "123456");
  const { sharedMemory, semaphores, messageQueues } = sysvLimits();
  assertGreaterOrEqual(sharedMemory.segments, 1);
  assertGreaterOrEqual(sharedMemory.pages, 3);
  assertGreaterOrEqual(semaphores.sets, 1);
  assertGreaterOrEqual(semaphores.semaphores, 5);
  assertGreaterOrEqual(messageQueues.queues, 1);
  assertGreaterOrEqual(messageQueues.messages, 1);
  assertGreaterOrEqual(messageQueues.bytes, 6);
});

Deno.test("importing the System V modules asks for no permission", async () => {
  await using child = spawnDeno(
    `
    import "@libc/ipc/sysv-key";
    import "@libc/ipc/sysv-limits";
    import "@libc/ipc/sysv-msg";
    import "@libc/ipc/sysv-sem";
    import "@libc/ipc/sysv-shm";
    console.log("imported");
  `,
    { permissions: ["--no-prompt"] },
  );
  assertEquals(await child.line(), "imported");
  assertEquals((await child.end()).code, 0);
});
