import { IpcError } from "@libc/ipc/errno";
import { Pidfd } from "@libc/ipc/pidfd";
import type { Signal } from "@libc/ipc/signal";

const [pid, signal = "SIGKILL"] = Deno.args;
if (pid === undefined) {
  console.error("Usage: kill.ts <pid> [signal]");
  Deno.exit(2);
}

try {
  // From here on it refers to this process, even if the pid is reused.
  using process = Pidfd.open(Number(pid));
  process.send(signal as Signal);
  await process.wait({ timeout: 5000 });
  console.log(`process ${pid} has ended`);
} catch (error) {
  if (!(error instanceof IpcError)) throw error;
  console.error(error.message);
  Deno.exit(1);
}
