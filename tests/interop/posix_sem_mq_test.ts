// POSIX semaphores and message queues with C and Python on the other side.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import { PosixMessageQueue } from "@libc/ipc/posix-mq";
import { PosixSemaphore } from "@libc/ipc/posix-sem";
import { PosixSharedMemory } from "@libc/ipc/posix-shm";
import { type ChildProcess, spawn } from "@libc/ipc/spawn";
import {
  type Child,
  spawnCommand,
  uniqueName,
  until,
  untilBlocked,
  watchdog,
} from "../util.ts";
import { compiled, NO_CC, NO_PYTHON } from "./_peers.ts";

/** A C program that makes one call. */
interface Peer {
  /** Runs it to its end and returns its output, or its error. */
  run(...args: (string | number)[]): Promise<string>;
  /** Starts it. */
  spawn(...args: (string | number)[]): Child;
}

async function inC(name: string): Promise<Peer> {
  const program = await compiled(name);
  const spawn = (...args: (string | number)[]) =>
    spawnCommand(program, { args: args.map(String) });
  return {
    spawn,
    async run(...args) {
      await using child = spawn(...args);
      const { code, stdout, stderr } = await child.end();
      return (code === 0 ? stdout : stderr).trim();
    },
  };
}

/** Unlinks a name that a failed test may have left. */
function unlinking(
  { unlink }: { unlink(name: string): void },
  name: string,
): Disposable {
  return {
    [Symbol.dispose]() {
      try {
        unlink(name);
      } catch (error) {
        if (!(error instanceof IpcError && error.code === "ENOENT")) {
          throw error;
        }
      }
    },
  };
}

/** Starts a Python program that has the C library as `libc`. */
function spawnPython(code: string, ...args: string[]): Child {
  const preamble = `
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.sem_open.restype = ctypes.c_void_p
for name in ("sem_wait", "sem_post", "sem_close"):
    getattr(libc, name).argtypes = [ctypes.c_void_p]
libc.mq_receive.restype = ctypes.c_ssize_t
libc.mq_receive.argtypes = [
    ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p]
libc.mq_send.argtypes = [
    ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint]
name = sys.argv[1].encode()
def say(*words):
    print(*words, flush=True)
`;
  return spawnCommand("python3", { args: ["-c", preamble + code, ...args] });
}

/** Returns the number of threads blocked on a named semaphore in libc. */
function waiting(name: string): number {
  const { buffer } = Deno.readFileSync(`/dev/shm/sem.${name.slice(1)}`);
  return new DataView(buffer).getUint32(4, true);
}

const hex = (bytes: Uint8Array) => bytes.toHex();
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test({
  name: `PosixSemaphore uses what C made, and the reverse${NO_CC}`,
  ignore: NO_CC !== "",
  async fn() {
    using _dog = watchdog("C semaphores");
    const peer = await inC("posix_sem_peer");
    const name = `/${uniqueName()}`;
    using _left = unlinking(PosixSemaphore, name);
    assertEquals(await peer.run("create", name, 2, "640"), "");
    using theirs = PosixSemaphore.open(name);
    theirs.acquireSync();
    assertEquals(await peer.run("value", name), "value 1");
    assertEquals(await peer.run("try", name), "");
    assertStringIncludes(await peer.run("try", name), "error sem_trywait 11");
    await using blocked = peer.spawn("wait", name, 2);
    for (let i = 0; i < 2; i++) {
      await until(() => waiting(name) === 1);
      theirs.release();
      assertEquals(await blocked.line(), "taken");
    }
    const acquired = theirs.acquire();
    await peer.run("post", name);
    await acquired;
    theirs.unlink();
    using ours = PosixSemaphore.create(name, { value: 5 });
    assertEquals(await peer.run("value", name), "value 5");
    assertEquals(await peer.run("unlink", name), "");
    ours.release();
    assertEquals(ours.value(), 6);
  },
});

Deno.test({
  name: `PosixSemaphore in shared memory is the sem_t of C${NO_CC}`,
  ignore: NO_CC !== "",
  async fn() {
    using _dog = watchdog("C semaphores in memory");
    const peer = await inC("posix_sem_peer");
    using memory = PosixSharedMemory.create(null, { size: 4096 });
    using mapping = memory.map();
    using ours = PosixSemaphore.inMapping(mapping, 64, { value: 3 });
    const place = `${memory.name}:64`;
    assertEquals(await peer.run("value", place), "value 3");
    await peer.run("post", place);
    assertEquals(ours.value(), 4);
    assertEquals(await peer.run("init", `${memory.name}:4064`, 7), "");
    using theirs = PosixSemaphore.at(mapping, 4064);
    assertEquals(theirs.value(), 7);
    await using blocked = peer.spawn("wait", place, 5);
    for (let i = 0; i < 4; i++) assertEquals(await blocked.line(), "taken");
    await until(() => new Uint32Array(mapping.buffer)[17] === 1);
    ours.release();
    assertEquals(await blocked.line(), "taken");
  },
});

Deno.test({
  name: `PosixSemaphore keeps its value when a C holder is killed${NO_CC}`,
  ignore: NO_CC !== "",
  async fn() {
    using _dog = watchdog("kill");
    const peer = await inC("posix_sem_peer");
    using semaphore = PosixSemaphore.create(null, { value: 1 });
    await using holder = peer.spawn("hold", semaphore.name ?? "");
    assertEquals(await holder.line(), "held");
    holder.kill();
    await holder.end();
    assertEquals(semaphore.value(), 0);
  },
});

Deno.test({
  name: `PosixSemaphore takes turns with Python${NO_PYTHON}`,
  ignore: NO_PYTHON !== "",
  async fn() {
    using _dog = watchdog("Python semaphores");
    using there = PosixSemaphore.create();
    using back = PosixSemaphore.create();
    await using child = spawnPython(
      `
there, back = (libc.sem_open(n.encode(), 0) for n in sys.argv[1:3])
for i in range(100):
    libc.sem_wait(there)
    libc.sem_post(back)
say("done")
`,
      there.name ?? "",
      back.name ?? "",
    );
    for (let i = 0; i < 100; i++) {
      there.release();
      if (i % 2 === 0) back.acquireSync();
      else await back.acquire();
    }
    assertEquals(await child.line(), "done");
    assertEquals([there.value(), back.value()], [0, 0]);
  },
});

Deno.test({
  name:
    `PosixMessageQueue receives from C by priority, and the reverse${NO_CC}`,
  ignore: NO_CC !== "",
  async fn() {
    using _dog = watchdog("C queues");
    const peer = await inC("posix_mq_peer");
    const name = `/${uniqueName()}`;
    using _left = unlinking(PosixMessageQueue, name);
    assertEquals(await peer.run("create", name, 4, 16, "660"), "");
    using queue = PosixMessageQueue.open(name);
    assertEquals([queue.maxMessages, queue.messageSize], [4, 16]);
    assertEquals(queue.stat().mode, 0o660);
    await peer.run("send", name, 1, "low");
    await peer.run("send", name, 31, "hex:00ff00");
    const first = await queue.receive();
    assertEquals([hex(first.data), first.priority], ["00ff00", 31]);
    assertEquals(text(queue.receiveSync().data), "low");
    queue.sendSync(new Uint8Array([9, 0, 9]), { priority: 2 });
    queue.sendSync("", { priority: 3 });
    assertEquals(
      await peer.run("attr", name),
      "mq_flags 0\nmq_maxmsg 4\nmq_msgsize 16\nmq_curmsgs 2",
    );
    assertEquals(await peer.run("receive", name, 2), "3 \n2 090009");
    // One side blocks and the other wakes it, in both directions.
    await using receiver = peer.spawn("receive", name);
    queue.sendSync("wake", { priority: 1 });
    assertEquals(
      await receiver.line(),
      `1 ${hex(new TextEncoder().encode("wake"))}`,
    );
    const waiting = queue.receive();
    await peer.run("send", name, 0, "up");
    assertEquals(text((await waiting).data), "up");
    assertEquals(await peer.run("unlink", name), "");
    assertEquals(queue.stat().unlinked, true);
  },
});

Deno.test({
  name:
    `PosixMessageQueue makes queues that C fills until they are full${NO_CC}`,
  ignore: NO_CC !== "",
  async fn() {
    using _dog = watchdog("full queue");
    const peer = await inC("posix_mq_peer");
    using queue = PosixMessageQueue.create(null, {
      maxMessages: 2,
      messageSize: 8,
    });
    await using sender = peer.spawn("send", queue.name, 5, "x", 100);
    await until(() => queue.attributes().messages === 2);
    for (let i = 0; i < 100; i++) {
      const message = i % 2 === 0 ? await queue.receive() : queue.receiveSync();
      assertEquals([text(message.data), message.priority], ["x", 5]);
    }
    assertEquals((await sender.end()).code, 0);
    assertEquals(queue.tryReceive(), undefined);
  },
});

Deno.test({
  name: `PosixMessageQueue talks with Python both ways${NO_PYTHON}`,
  ignore: NO_PYTHON !== "",
  async fn() {
    using _dog = watchdog("Python queues");
    const size = { maxMessages: 2, messageSize: 32 };
    using there = PosixMessageQueue.create(null, size);
    using back = PosixMessageQueue.create(null, size);
    await using child = spawnPython(
      `
there, back = (libc.mq_open(n.encode(), 2) for n in sys.argv[1:3])
buffer = ctypes.create_string_buffer(32)
priority = ctypes.c_uint()
for i in range(50):
    n = libc.mq_receive(there, buffer, 32, ctypes.byref(priority))
    libc.mq_send(back, buffer.raw[:n][::-1], n, priority.value + 1)
say("done")
`,
      there.name,
      back.name,
    );
    for (let i = 0; i < 50; i++) {
      await there.send(`message ${i}`, { priority: i });
      const { data, priority } = await back.receive();
      assertEquals(priority, i + 1);
      assertEquals(text(data.toReversed()), `message ${i}`);
    }
    assertEquals(await child.line(), "done");
  },
});

Deno.test({
  name: `PosixMessageQueue gives Python a descriptor that blocks${NO_PYTHON}`,
  ignore: NO_PYTHON !== "",
  async fn() {
    using _dog = watchdog("a queue inherited by Python");
    using queue = PosixMessageQueue.create(null, {
      maxMessages: 2,
      messageSize: 32,
    });
    const code = `
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
buffer = ctypes.create_string_buffer(32)
n = libc.mq_receive(3, buffer, 32, None)
print(buffer.raw[:n].decode() if n >= 0 else errno.errorcode[ctypes.get_errno()], flush=True)
`;
    const receive = () =>
      spawn("python3", {
        args: ["-c", code],
        fds: { 1: "pipe", 3: queue },
      });
    const said = (child: ChildProcess) =>
      new Response(child.stdout?.readable).text();
    using early = receive();
    assertEquals(await said(early), "EAGAIN\n");
    queue.setNonBlocking(false);
    using late = receive();
    await untilBlocked(late.pid, "wq_sleep");
    // The flag cleared for the child does not make this call block.
    assertEquals(queue.tryReceive(), undefined);
    queue.sendSync("for Python");
    assertEquals(await said(late), "for Python\n");
  },
});
