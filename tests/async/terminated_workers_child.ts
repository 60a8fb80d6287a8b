/**
 * Starts and terminates waiting workers one after the other, more than there
 * are signals to interrupt threads with. Prints which of them got no thread.
 */

import { IPC_PRIVATE } from "@libc/ipc/sysv-key";
import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";
import { pipe } from "@libc/ipc/pipe";
import { WaitThread } from "../../ipc/core/wait/_wait_thread.ts";
import { later, until } from "../util.ts";

/** The global scope, here or in a worker. */
declare const self: { name: string } & Pick<Worker, "postMessage">;

const WORKERS = 26;
/**
 * `epoll_wait` and `epoll_pwait` of x86-64, and the number of other machines.
 */
const IN_WAIT = /^(232|281|22) /;

/** How many threads are in a call of a reactor. */
function inEpollWait(): number {
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc/self/task")) {
    try {
      const call = Deno.readTextFileSync(`/proc/self/task/${name}/syscall`);
      if (IN_WAIT.test(call)) count++;
    } catch {
      // It has just ended.
    }
  }
  return count;
}

async function startAll(): Promise<void> {
  for (let i = 0; i < WORKERS; i++) {
    const worker = new Worker(import.meta.url, { type: "module", name: "w" });
    const { data: found } = await new Promise<MessageEvent>((resolve) =>
      worker.onmessage = resolve
    );
    if (found !== "in a thread") console.log(i, found);
    worker.terminate();
  }
  // Their last calls end by themselves, and then their threads.
  await until(() => inEpollWait() < 20);
  console.log("done");
}

/** What a worker leaves behind: a read, and a wait whose object is gone. */
async function leave(): Promise<string> {
  pipe().reader.read(new Uint8Array(1));
  const set = SysvSemaphoreSet.create(IPC_PRIVATE, [0]);
  set.acquire().catch(() => {});
  await later(2);
  const thread = WaitThread.take();
  set.remove();
  return thread ? "in a thread" : "without a thread";
}

if (self.name === "") await startAll();
else self.postMessage(await leave());
