// Waits whose object another process removes, or whose peer it kills.

import { assertEquals, assertRejects } from "@std/assert";
import {
  type ChildFd,
  type ChildProcess,
  Fifo,
  IPC_PRIVATE,
  Pidfd,
  pipe,
  PosixMessageQueue,
  PosixSemaphore,
  Socket,
  spawn,
  SysvMessageQueue,
  SysvSemaphoreSet,
} from "@libc/ipc";
import { IpcError } from "@libc/ipc/errno";
import { lockFile, openLockFile } from "@libc/ipc/file-lock";
import { Place } from "../ipc/core/stream/util.ts";
import { exists, later, scaled, spawnDeno, watchdog } from "../util.ts";

/** How often each process is killed. */
const KILLS = scaled(1, 1000);

/** Repeats a test that kills processes. */
function repeatedly(test: () => Promise<void>): () => Promise<void> {
  return async () => {
    for (let i = 0; i < KILLS; i++) await test();
  };
}

/** Runs some code in another process. */
async function elsewhere(code: string): Promise<void> {
  await using child = spawnDeno(`
    import { PosixMessageQueue, PosixSemaphore, SysvMessageQueue, SysvSemaphoreSet } from "@libc/ipc";
    ${code}`);
  const { code: status, stderr } = await child.end();
  assertEquals(status, 0, stderr);
}

/** A process that only holds descriptors, and ends with this one. */
function holder(fds: Record<number, ChildFd> = {}): ChildProcess {
  return spawn("cat", { fds: { ...fds, 0: "pipe" }, killSignal: "SIGKILL" });
}

/** Three pending waits: one still tries by itself, others rely on events. */
async function three<T>(wait: () => Promise<T>): Promise<Promise<T>[]> {
  const waits = [wait(), wait()];
  await later();
  waits.push(wait());
  for (const each of waits) each.catch(() => {});
  return waits;
}

async function assertAllReject(waits: Promise<unknown>[], code: string) {
  for (const wait of waits) {
    const error = await assertRejects(() => wait, IpcError);
    assertEquals(error.code, code);
  }
}

Deno.test("SysvMessageQueue.receive() and send() end with EIDRM when another process removes the queue", async () => {
  using _dog = watchdog("EIDRM of a queue");
  using queue = SysvMessageQueue.create(IPC_PRIVATE);
  queue.set({ maxBytes: 1 });
  queue.sendSync(1, "x");
  const waits = [
    ...await three(() => queue.receive({ type: 2 })),
    ...await three(() => queue.send(1, "y")),
  ];
  await elsewhere(`SysvMessageQueue.fromId(${queue.id}).remove();`);
  await assertAllReject(waits, "EIDRM");
});

Deno.test("SysvSemaphoreSet.acquire(), operate() and waitZero() end with EIDRM when another process removes the set", async () => {
  using _dog = watchdog("EIDRM of a set");
  using set = SysvSemaphoreSet.create(IPC_PRIVATE, [0, 1]);
  const waits = [
    ...await three(() => set.acquire(0)),
    ...await three(() => set.operate([{ index: 0, delta: -2 }])),
    ...await three(() => set.waitZero(1)),
  ];
  await elsewhere(`SysvSemaphoreSet.fromId(${set.id}).remove();`);
  await assertAllReject(waits, "EIDRM");
});

Deno.test("PosixMessageQueue.unlink() and PosixSemaphore.unlink() have no effect on those who wait", async () => {
  using _dog = watchdog("unlink");
  using queue = PosixMessageQueue.create(null, { messageSize: 64 });
  using semaphore = PosixSemaphore.create();
  const received = await three(() => queue.receive());
  const acquired = await three(() => semaphore.acquire());
  await elsewhere(`
    PosixMessageQueue.unlink(${JSON.stringify(queue.name)});
    PosixSemaphore.unlink(${JSON.stringify(semaphore.name)});`);
  for (let i = 0; i < 3; i++) queue.sendSync("x");
  semaphore.release(3);
  await Promise.all([...received, ...acquired]);
  assertEquals([queue.attributes().messages, semaphore.value()], [0, 0]);
});

Deno.test(
  "PipeReader.read() ends with null when the process that could write is killed",
  repeatedly(async () => {
    using _dog = watchdog("hang-up of a pipe");
    using ends = pipe();
    await using child = holder({ 3: ends.writer });
    ends.writer.close();
    const reads = await three(() => ends.reader.read(new Uint8Array(1)));
    child.kill("SIGKILL");
    assertEquals(await Promise.all(reads), [null, null, null]);
  }),
);

Deno.test(
  "PipeWriter.write() ends with EPIPE when the process that could read is killed",
  repeatedly(async () => {
    using _dog = watchdog("EPIPE of a pipe");
    using ends = pipe({ capacity: 4096 });
    ends.writer.writeSync(new Uint8Array(4096));
    await using child = holder({ 3: ends.reader });
    ends.reader.close();
    const writes = await three(() => ends.writer.write("x"));
    child.kill("SIGKILL");
    await assertAllReject(writes, "EPIPE");
  }),
);

Deno.test(
  "PipeReader.read() of a FIFO ends with null when its last writer is killed",
  repeatedly(async () => {
    using _dog = watchdog("hang-up of a FIFO");
    using place = new Place();
    using fifo = Fifo.create(place.path());
    using reader = fifo.openReader();
    const reads = await three(() => reader.read(new Uint8Array(1)));
    // The reads have waited for the first writer, too.
    using writer = fifo.openWriterSync();
    await using child = holder({ 3: writer });
    writer.close();
    await later();
    child.kill("SIGKILL");
    assertEquals(await Promise.all(reads), [null, null, null]);
  }),
);

Deno.test("Fifo.openWriter() ends with an error when the path is removed or taken", async () => {
  using _dog = watchdog("a FIFO that goes");
  using place = new Place();
  for (const code of ["ENOENT", "ESTALE"]) {
    using fifo = Fifo.create(place.path());
    const waits = await three(() => fifo.openWriter());
    // The path is replaced at once: it must not be missing in between.
    const script = code === "ESTALE" ? ": > $0.new; mv $0.new $0" : "rm $0";
    const args = ["-c", script, fifo.path];
    await new Deno.Command("sh", { args }).output();
    await assertAllReject(waits, code);
  }
});

for (const type of ["stream", "seqpacket"] as const) {
  Deno.test(
    `Socket.receive() of a ${type} ends with null, and send() with EPIPE, when the peer is killed`,
    repeatedly(async () => {
      using _dog = watchdog(`hang-up of a ${type}`);
      const [a, b] = Socket.pair(type);
      using socket = a;
      using peer = b;
      const receives = await three(() => socket.receive());
      await using child = holder({ 3: peer });
      peer.close();
      const data = new Uint8Array(65536);
      // Write until the buffer is full.
      while (
        type === "stream" ? socket.writer.tryWrite(data) : socket.trySend(data)
      );
      const sends = await three(() => socket.send(data));
      child.kill("SIGKILL");
      for (const send of sends) {
        const { code } = await assertRejects(() => send, IpcError);
        assertEquals(["EPIPE", "ECONNRESET"].includes(code), true, code);
      }
      const ends = await Promise.all(
        receives.map((receive) => receive.catch(({ code }) => code)),
      );
      // Data that the peer had not received counts as a reset, reported once.
      assertEquals(
        ends.filter((end) => end !== null && end !== "ECONNRESET"),
        [],
      );
    }),
  );
}

Deno.test("Socket.accept() goes on when another process removes the path", async () => {
  using _dog = watchdog("a socket without a path");
  using place = new Place();
  using listener = Socket.listen(place.path(), { owner: false });
  const accepts = await three(() => listener.accept());
  // Another path leads to the same socket.
  const args = ["-c", "ln $0 $0.other && rm $0", place.path()];
  await new Deno.Command("sh", { args }).output();
  assertEquals(exists(place.path()), false);
  for (const accept of accepts) {
    using _client = await Socket.connect(`${place.path()}.other`);
    using connection = await accept;
    assertEquals(connection.closed, false);
  }
});

Deno.test(
  "ChildProcess.wait() and Pidfd.wait() end when another process kills the child",
  repeatedly(async () => {
    using _dog = watchdog("a killed process");
    await using child = holder();
    using pidfd = Pidfd.open(child.pid);
    const waits = await three(() => pidfd.wait());
    const statuses = await three(() => child.wait());
    await new Deno.Command("sh", {
      args: ["-c", "kill -KILL $0", String(child.pid)],
    }).output();
    await Promise.all(waits);
    for (const status of statuses) {
      assertEquals((await status).signal, "SIGKILL");
    }
  }),
);

Deno.test(
  "lockFile() gets the lock when the process that has it is killed",
  repeatedly(async () => {
    using _dog = watchdog("a killed holder");
    using place = new Place();
    const path = place.path();
    using file = openLockFile(path);
    await using child = spawnDeno(
      `
    import { lockFileSync, openLockFile } from "@libc/ipc/file-lock";
    const lock = lockFileSync(openLockFile(${JSON.stringify(path)}));
    console.log("locked");
    setInterval(() => lock, 1e6);`,
    );
    assertEquals(await child.line(), "locked");
    const locking = lockFile(file);
    await later();
    child.kill();
    using lock = await locking;
    assertEquals(lock.shared, false);
  }),
);
