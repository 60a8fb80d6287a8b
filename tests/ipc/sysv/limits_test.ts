import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { IPC_PRIVATE } from "@libc/ipc/sysv-key";
import { sysvLimits } from "@libc/ipc/sysv-limits";
import { SysvMessageQueue } from "@libc/ipc/sysv-msg";
import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
import { SysvSharedMemory } from "@libc/ipc/sysv-shm";
import { hasCommand, spawnCommand, spawnDeno } from "../../util.ts";

const NO_UNSHARE = Deno.uid() === 0 && hasCommand("unshare")
  ? ""
  : " [skipped: needs root and unshare]";

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

Deno.test(
  `sysvLimits() counts exactly, in a namespace of its own${NO_UNSHARE}`,
  {
    ignore: NO_UNSHARE !== "",
  },
  async () => {
    const code = `
    import { sysvLimits } from "@libc/ipc/sysv-limits";
    import { SysvMessageQueue } from "@libc/ipc/sysv-msg";
    import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
    import { SysvSharedMemory } from "@libc/ipc/sysv-shm";
    using segment = SysvSharedMemory.create(0, 3 * 4096);
    using mapping = segment.attach();
    mapping.bytes[0] = 1;
    using three = SysvSemaphoreSet.create(0, 3);
    using four = SysvSemaphoreSet.create(0, 4);
    using queue = SysvMessageQueue.create(0);
    using second = SysvMessageQueue.create(0);
    using third = SysvMessageQueue.create(0);
    queue.sendSync(1, "12345");
    second.sendSync(1, "1234");
    const { sharedMemory, semaphores, messageQueues } = sysvLimits();
    const { segments, pages, residentPages, swappedPages } = sharedMemory;
    console.log(segments, pages, residentPages, swappedPages);
    console.log(semaphores.sets, semaphores.semaphores);
    const { queues, messages, bytes } = messageQueues;
    console.log(queues, messages, bytes);
  `;
    const config = new URL("../../../deno.json", import.meta.url).pathname;
    await using child = spawnCommand("unshare", {
      args: [
        "--ipc",
        Deno.execPath(),
        "run",
        "--quiet",
        `--config=${config}`,
        "--allow-ffi",
        `data:application/typescript,${encodeURIComponent(code)}`,
      ],
    });
    assertEquals(await child.line(), "1 3 1 0");
    assertEquals(await child.line(), "2 7");
    assertEquals(await child.line(), "3 2 9");
  },
);

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
