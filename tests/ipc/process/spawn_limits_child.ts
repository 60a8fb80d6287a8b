/**
 * Starts a program with no descriptor left, then with one, two and so on, and
 * prints the outcome of each attempt. Fails if one leaves a descriptor behind.
 */

import "../../settle_runtime.ts";
import { IpcError } from "@libc/ipc/errno";
import { fcntl, sys_resource } from "@libc/ipc/ffi";
import { type ChildProcess, spawn } from "@libc/ipc/spawn";

const RLIMIT_NOFILE = 7;
const F_GETFD = 1;
const fds = { 0: "pipe", 1: "pipe", 2: "pipe" } as const;

function limit(count: number): void {
  const limits = new BigUint64Array([BigInt(count), 4096n]);
  sys_resource().setrlimit(RLIMIT_NOFILE, limits);
}

/** Numbers in use, without the one that was open for looking. */
function used(): number[] {
  return [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => Number(name))
    .filter((fd) => fcntl().fcntl(fd, F_GETFD) >= 0);
}

/** The limit that leaves this many numbers. */
function limitFor(free: number): number {
  const taken = new Set(used());
  let top = 0;
  for (let left = free; left > 0 || taken.has(top); top++) {
    if (!taken.has(top)) left--;
  }
  return top;
}

// Make the reactor and the tables first, by a program that still runs when its
// end is first checked.
{
  await using cat = spawn("cat", { fds });
  await cat.wait({ timeout: 100 }).catch((error) => {
    if (error.code !== "ETIMEDOUT") throw error;
  });
}
const before = used().length;

/** The runtime has descriptors of its own for a moment now and then. */
async function refuseLeaks(free: number): Promise<void> {
  for (let i = 0; i < 200 && used().length !== before; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  if (used().length !== before) throw new Error(`leaked with ${free} left`);
}

const codes: unknown[] = [];
for (let free = 0; codes.at(-2) !== "started"; free++) {
  const least = limitFor(free);
  let child: ChildProcess | undefined;
  limit(least);
  try {
    child = spawn("true", { fds });
  } catch (error) {
    if (!(error instanceof IpcError)) throw error;
    codes.push(error.code);
  }
  if (child !== undefined) {
    const started = child.pidfd === undefined ? "no pidfd" : "started";
    codes.push(started, (await child.status).code);
    child.close();
  }
  limit(4096);
  await refuseLeaks(free);
}
console.log(JSON.stringify(codes));
