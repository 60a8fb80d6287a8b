import { waitAny } from "@libc/ipc/wait";
import { EventFd } from "@libc/ipc/eventfd";
import { spawn } from "@libc/ipc/spawn";

const worker = new URL("worker.ts", import.meta.url).pathname;
const beats = Deno.args[0] ?? "100";

for (;;) {
  using beat = EventFd.create();
  await using child = spawn(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-ffi", worker, beats],
    fds: { 3: beat },
  });
  console.log(`worker ${child.pid} started`);

  let count = 0;
  while (await waitAny([beat, child]) === beat) count += beat.tryReceive() ?? 0;

  count += beat.tryReceive() ?? 0;

  const { success, code, signal } = await child.status;
  const how = signal ?? `exit code ${code}`;
  console.log(`worker ${child.pid} ended with ${how} after ${count} beats`);
  if (success) break;
}
