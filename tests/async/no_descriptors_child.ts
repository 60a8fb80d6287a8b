/**
 * Waits with no descriptor left, and with one, which is not enough for the
 * reactor. Prints how the waits ended, and the growth of open descriptors.
 */

import { IPC_PRIVATE, SysvMessageQueue, SysvSemaphoreSet } from "@libc/ipc";
import { IpcError } from "@libc/ipc/errno";
import { EventFd } from "@libc/ipc/eventfd";
import { pipe } from "@libc/ipc/pipe";
import { waitAny } from "@libc/ipc/wait";
import { sys_resource } from "@libc/ipc/ffi";
import { openFds } from "../descriptors.ts";
import { later } from "../util.ts";
import "../settle_runtime.ts";

const RLIMIT_NOFILE = 7;
const limits = new BigUint64Array(2);
sys_resource().getrlimit(RLIMIT_NOFILE, limits);

const numbers = () => openFds(/^/).map((fd) => parseInt(fd));

function limit(soft: number): void {
  const both = BigUint64Array.of(BigInt(soft), limits[1] ?? 0n);
  sys_resource().setrlimit(RLIMIT_NOFILE, both);
}

/** Takes all remaining descriptors. */
function takeAll(): EventFd[] {
  const events: EventFd[] = [];
  try {
    for (;;) events.push(EventFd.create());
  } catch (error) {
    if (!(error instanceof IpcError && error.code === "EMFILE")) throw error;
  }
  return events;
}

const codeOf = (error: unknown) =>
  error instanceof IpcError ? error.code : error;

using ends = pipe();
using queue = SysvMessageQueue.create(IPC_PRIVATE);
using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0]);
const buffer = new Uint8Array(1);
// Deno itself panics without descriptors for its first handler.
const listener = () => {};
Deno.addSignalListener("SIGUSR2", listener);
for (const more of [0, 1]) {
  const before = numbers().length;
  limit(Math.max(...numbers()) + 3);
  const events = takeAll();
  for (let i = 0; i < more; i++) events.pop()?.close();
  const results: unknown[] = [
    await ends.reader.read(buffer).catch(codeOf),
    await waitAny([ends.reader, queue]).catch(codeOf),
    // These need no descriptor.
    await queue.receive({ timeout: 5 }).catch(codeOf),
  ];
  const waits = Promise.all([queue.receive(), set.acquire()]);
  await later(5);
  queue.sendSync(1, "x");
  set.release();
  const [message] = await waits;
  results.push(message.type);
  sys_resource().setrlimit(RLIMIT_NOFILE, limits);
  for (const event of events) event.close();
  console.log(results.join(), numbers().length - before);
}
setTimeout(() => ends.writer.writeSync("y"), 5);
console.log(await ends.reader.read(buffer));
Deno.removeSignalListener("SIGUSR2", listener);
