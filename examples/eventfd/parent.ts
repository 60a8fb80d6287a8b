import { EventFd } from "@libc/ipc/eventfd";
import { spawn } from "@libc/ipc/spawn";

const JOBS = 12;
const WORKERS = 3;

// One ticket for each job, which workers take one at a time, and a count of the
// jobs done.
using tickets = EventFd.create({ semaphore: true });
using done = EventFd.create();

const worker = new URL("worker.ts", import.meta.url).pathname;
const workers = Array.from({ length: WORKERS }, () =>
  spawn(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-ffi", worker],
    fds: { 3: tickets, 4: done },
  }));
console.log(`${WORKERS} workers wait for tickets (${Deno.pid})`);

tickets.post(JOBS);
for (let count = 0; count < JOBS;) {
  count += await done.receive();
  console.log(`${count} of ${JOBS} jobs done`);
}

// The workers still wait for tickets.
for (const child of workers) child.kill();
for (const child of workers) await child.status;
