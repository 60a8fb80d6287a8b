// The output of `console.log()` for every handle.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { uniqueKey } from "../util.ts";
import { handles } from "./handles.ts";
import { SysvMessageQueue } from "@libc/ipc/sysv-msg";
import { PosixSharedMemory } from "@libc/ipc/posix-shm";

for (const [name, { make }] of Object.entries(handles)) {
  Deno.test(`console.log() shows what ${name} is, and whether it is closed`, async () => {
    using handle = await make();
    const shown = Deno.inspect(handle);
    // Not the empty object that is the default.
    assertMatch(shown, /^[A-Z]\w+ \{\s+\w+: [^]+\}$/);
    assert(!shown.includes("closed: true"), shown);
    assert(shown.length < 500, shown);
    handle.close();
    assertMatch(Deno.inspect(handle), /[{ ]closed: true,?\s\}$/);
  });
}

Deno.test("console.log() shows names as they are known elsewhere", () => {
  // A key whose hexadecimal form begins with a zero.
  using queue = SysvMessageQueue.create(uniqueKey() & 0x0fff_ffff);
  const key = queue.key.toString(16).padStart(8, "0");
  assertEquals(
    Deno.inspect({ queue }, { breakLength: Infinity }),
    `{ queue: SysvMessageQueue { id: ${queue.id}, key: "0x${key}", created: true } }`,
  );
  const { prototype } = SysvMessageQueue;
  assertEquals(Deno.inspect(prototype), "SysvMessageQueue {}");
  using memory = PosixSharedMemory.create(null, { size: 100 });
  assert(Deno.inspect(memory).includes(memory.name));
  assertEquals(
    Deno.inspect(memory, { colors: true }).includes("\x1b["),
    true,
  );
});
