import { assert, assertEquals, assertRejects } from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import { Fd } from "@libc/ipc/fd";
import {
  check0,
  errno,
  errnoOf,
  fcntl,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDONLY,
  unistd,
} from "@libc/ipc/ffi";
import type { WaitOptions } from "@libc/ipc/wait";
import { INTERNAL } from "../../../../ipc/core/handle/internal.ts";
import { fdSource } from "../../../../ipc/core/wait/reactor.ts";
import { waitUntil } from "../../../../ipc/core/wait/wait.ts";
import { later, source, spawnDeno, watchdog } from "../../../util.ts";

const SUBJECT = { syscall: "read", action: "read", object: "a pipe" };

class Pipe implements Disposable {
  readonly reader: Fd;
  readonly writer: Fd;

  constructor() {
    const fds = new Int32Array(2);
    check0(
      unistd().pipe2(fds, O_CLOEXEC | O_NONBLOCK),
      errno[0],
      "pipe2",
      "make",
      "a pipe",
    );
    this.reader = new Fd(INTERNAL, fds[0] ?? -1, "pipe");
    this.writer = new Fd(INTERNAL, fds[1] ?? -1, "pipe");
  }

  read(options?: WaitOptions): Promise<number> {
    const byte = new Uint8Array(1);
    return waitUntil(
      () => {
        const count = unistd().read(this.reader.use("read"), byte, 1);
        return errnoOf(count, errno[0]) === 0
          ? count === 0 ? -2 : byte[0]
          : undefined;
      },
      options,
      SUBJECT,
      fdSource(this.reader, "read"),
    );
  }

  write(value: number): void {
    unistd().write(this.writer.number, new Uint8Array([value]), 1);
  }

  [Symbol.dispose](): void {
    this.reader.close();
    this.writer.close();
  }
}

Deno.test("fdSource() wakes a waiter when there is something to read", async () => {
  using pipe = new Pipe();
  const read = pipe.read();
  await later(20);
  pipe.write(7);
  assertEquals(await read, 7);
});

Deno.test("fdSource() wakes a waiter when the other end closes", async () => {
  using pipe = new Pipe();
  const read = pipe.read();
  await later(20);
  pipe.writer.close();
  assertEquals(await read, -2);
});

Deno.test("fdSource() serves waiters of one descriptor in their order", async () => {
  using pipe = new Pipe();
  const reads = Array.from({ length: 10 }, () => pipe.read());
  await later(20);
  for (let i = 0; i < 10; i++) pipe.write(i);
  assertEquals(await Promise.all(reads), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

Deno.test("Fd.close() rejects those who wait for it", async () => {
  using pipe = new Pipe();
  const reads = [pipe.read(), pipe.read()];
  await later(20);
  pipe.reader.close();
  for (const read of reads) {
    await assertRejects(() => read, TypeError, "Cannot read a closed pipe");
  }
});

Deno.test("fdSource() forgets a closed descriptor whose number is used again", async () => {
  for (let round = 0; round < 20; round++) {
    const first = new Pipe();
    const waiting = assertRejects(() => first.read(), TypeError, "closed");
    if (round % 2 === 0) await later(1);
    first[Symbol.dispose]();
    using second = new Pipe();
    const read = second.read();
    second.write(round);
    assertEquals(await read, round);
    await waiting;
  }
});

Deno.test("fdSource() lets a waiter add another from its continuation", async () => {
  using first = new Pipe();
  using second = new Pipe();
  const chain = first.read().then(async (a) => [a, await second.read()]);
  await later(20);
  first.write(1);
  await later(20);
  second.write(2);
  assertEquals(await chain, [1, 2]);
});

Deno.test("fdSource() works again after a wait that was aborted", async () => {
  using pipe = new Pipe();
  for (let round = 0; round < 50; round++) {
    const controller = new AbortController();
    const aborted = pipe.read(controller).catch(() => "aborted");
    if (round % 3 === 0) await later(1);
    controller.abort();
    assertEquals(await aborted, "aborted");
    const read = pipe.read();
    if (round % 2 === 0) await later(1);
    pipe.write(round);
    assertEquals(await read, round);
  }
});

Deno.test("fdSource() times out and leaves nothing armed", async () => {
  using pipe = new Pipe();
  const error = await assertRejects(
    () => pipe.read({ timeout: 20 }),
    IpcError,
  );
  assertEquals(error.code, "ETIMEDOUT");
  pipe.write(3);
  assertEquals(await pipe.read(), 3);
});

Deno.test("fdSource() waits on 1,000 descriptors at once", async () => {
  const pipes = Array.from({ length: 500 }, () => new Pipe());
  try {
    const reads = pipes.map((pipe) => pipe.read());
    await later(20);
    // The pool of threads is free meanwhile.
    assert((await Deno.readTextFile(new URL(import.meta.url))).length > 0);
    pipes.forEach((pipe, i) => pipe.write(i & 255));
    assertEquals(await Promise.all(reads), pipes.map((_, i) => i & 255));
  } finally {
    for (const pipe of pipes) pipe[Symbol.dispose]();
  }
});

Deno.test("fdSource() finds a regular file always ready", async () => {
  const path = new TextEncoder().encode("/proc/self/exe\0");
  using file = new Fd(
    INTERNAL,
    fcntl().open(path, O_RDONLY | O_CLOEXEC, 0),
    "file",
  );
  let tries = 0;
  assertEquals(
    await waitUntil(
      () => ++tries > 2 && performance.now() > 0 ? tries > 2 : undefined,
      {},
      SUBJECT,
      fdSource(file, "read"),
    ),
    true,
  );
});

const PREPARE = `
  import { Fd } from "@libc/ipc/fd";
  import { errno, errnoOf, unistd } from "@libc/ipc/ffi";
  import { INTERNAL } from "${source("ipc/core/handle/internal.ts")}";
  import { fdSource } from "${source("ipc/core/wait/reactor.ts")}";
  import { waitUntil } from "${source("ipc/core/wait/wait.ts")}";
  const fds = new Int32Array(2);
  unistd().pipe2(fds, 0o2004000);
  const reader = new Fd(INTERNAL, fds[0], "pipe");
  const byte = new Uint8Array(1);
  const read = (options) => waitUntil(
    () => errnoOf(unistd().read(reader.use("read"), byte, 1), errno[0]) === 0 ? byte[0] : undefined,
    options, { syscall: "read", action: "read", object: "a pipe" }, fdSource(reader, "read"));
`;

Deno.test("fdSource() lets a process end whose last wait was aborted", async () => {
  await using child = spawnDeno(`${PREPARE}
    const controller = new AbortController();
    const aborted = read(controller).catch(() => "aborted");
    setTimeout(() => controller.abort(), 50);
    console.log(await aborted);`);
  assertEquals((await child.end()).stdout, "aborted\n");
});

Deno.test("fdSource() lets a process end that has only unref waits left", async () => {
  await using child = spawnDeno(`${PREPARE}
    read({ unref: true });
    console.log("done");`);
  const { code, stdout } = await child.end();
  assertEquals([code, stdout], [0, "done\n"]);
});

Deno.test("fdSource() starts the reactor for a wait behind one who holds its turn", async () => {
  await using child = spawnDeno(
    `${PREPARE}
    import "${source("tests/settle_runtime.ts")}";
    const epolls = () => Array.from(
      Deno.readDirSync("/proc/self/fd"),
      ({ name }) => {
        try {
          return Deno.readLinkSync("/proc/self/fd/" + name);
        } catch {
          return ""; // The one that reads the directory.
        }
      },
    ).filter((file) => file.includes("eventpoll")).length;
    const denos = epolls();
    const source = fdSource(reader, "read");
    source.held = true;
    const value = read();
    while (source.parked === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    // Without one the call in the pool fails at once, over and over.
    console.log(epolls() - denos);
    unistd().write(fds[1], new Uint8Array([6]), 1);
    source.release();
    console.log(await value);`,
    { permissions: ["--allow-all"] },
  );
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stdout], [0, "1\n6\n"], stderr);
});

Deno.test("fdSource() serves an unref wait while something else keeps the process alive", async () => {
  await using child = spawnDeno(`${PREPARE}
    const value = read({ unref: true });
    const keep = setTimeout(() => {}, 1e6);
    setTimeout(() => unistd().write(fds[1], new Uint8Array([5]), 1), 30);
    console.log(await value);
    clearTimeout(keep);`);
  assertEquals((await child.end()).stdout, "5\n");
});

Deno.test("fdSource() works in workers, each with a reactor of its own", async () => {
  await using child = spawnDeno(
    `${PREPARE}
    if (self.name === "") {
      const results = await Promise.all([1, 2, 3].map((i) => new Promise((resolve) => {
        const worker = new Worker(import.meta.url, { type: "module", name: "w" + i });
        worker.onmessage = ({ data }) => { worker.terminate(); resolve(data); };
      })));
      console.log(results.join());
    } else {
      setTimeout(() => unistd().write(fds[1], new Uint8Array([7]), 1), 30);
      postMessage(await read());
    }`,
    { permissions: ["--allow-all"] },
  );
  const { stdout, stderr } = await child.end();
  assertEquals(stdout, "7,7,7\n", stderr);
});

Deno.test("fdSource() lets a process end whose worker was terminated while it waited", async () => {
  await using child = spawnDeno(
    `${PREPARE}
    if (self.name === "") {
      const worker = new Worker(import.meta.url, { type: "module", name: "w" });
      await new Promise((resolve) => worker.onmessage = resolve);
      worker.terminate();
      console.log("terminated");
    } else {
      read();
      setTimeout(() => postMessage("waiting"), 50);
    }`,
    { permissions: ["--allow-all"] },
  );
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stdout], [0, "terminated\n"], stderr);
});

const FIND = `
  import "${source("tests/settle_runtime.ts")}";
  import { EventFd, pipe } from "@libc/ipc";
  import { unistd } from "@libc/ipc/ffi";
  const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const epolls = () => Array.from(
    Deno.readDirSync("/proc/self/fd"),
    ({ name }) => Number(name),
  ).filter((fd) => {
    try {
      return Deno.readLinkSync("/proc/self/fd/" + fd).includes("eventpoll");
    } catch {
      return false; // The one that reads the directory.
    }
  });
  const denos = epolls();
  const ours = async () => {
    for (;;) {
      const [fd] = epolls().filter((fd) => !denos.includes(fd));
      if (fd !== undefined) return fd;
      await later(1);
    }
  };
`;

Deno.test("fdSource() goes on when somebody has closed the descriptor of the reactor", async () => {
  using _dog = watchdog("epoll closed");
  await using child = spawnDeno(
    `${FIND}
    using ends = pipe();
    using event = EventFd.create();
    const buffer = new Uint8Array(4);
    for (const moment of ["a wait is on its way", "nobody waits", "unref"]) {
      const unref = moment === "unref";
      const first = ends.reader.read(buffer, { unref });
      const other = event.receive();
      const fd = await ours();
      if (moment === "nobody waits") {
        ends.writer.writeSync("x");
        event.post();
        await Promise.all([first, other]);
        unistd().close(fd);
      } else {
        unistd().close(fd);
        ends.writer.writeSync("x");
        await first;
        setTimeout(() => event.post(), 5);
        await other;
      }
      const again = ends.reader.read(buffer);
      setTimeout(() => ends.writer.writeSync("yz"), 5);
      console.log(moment, await again);
    }`,
    { permissions: ["--allow-all"] },
  );
  const { code, stdout, stderr } = await child.end();
  assertEquals(
    [code, stdout],
    [0, "a wait is on its way 2\nnobody waits 2\nunref 2\n"],
    stderr,
  );
});

Deno.test("fdSource() makes new waits independent of old ones when the reactor's descriptor was closed", async () => {
  using _dog = watchdog("epoll closed and its number taken");
  for (const taken of [false, true]) {
    await using child = spawnDeno(
      `${FIND}
      using idle = pipe();
      const old = idle.reader.read(new Uint8Array(4));
      unistd().close(await ours());
      // What is opened next takes the number.
      using first = ${taken} ? pipe() : idle;
      using ends = pipe();
      const read = ends.reader.read(new Uint8Array(4));
      setTimeout(() => ends.writer.writeSync("abc"), 5);
      console.log(await read);
      setTimeout(() => idle.writer.writeSync("x"), 5);
      console.log(await old);`,
      { permissions: ["--allow-all"] },
    );
    const { code, stdout, stderr } = await child.end();
    assertEquals([code, stdout], [0, "3\n1\n"], stderr);
  }
});
