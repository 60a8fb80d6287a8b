import { IpcError, type WaitOptions } from "@libc/ipc";
import { errno, errnoOf, sys_msg } from "@libc/ipc/ffi";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ThreadSource } from "../../../../ipc/core/wait/thread_source.ts";
import { waitUntil } from "../../../../ipc/core/wait/wait.ts";
import {
  later,
  notEmulated,
  scaled,
  source as url,
  spawnDeno,
  watchdog,
} from "../../../util.ts";

/** A queue of messages of one byte, waited for in threads. */
class Queue implements Disposable {
  readonly id = sys_msg().msgget(0, 0o1600);
  readonly #source = new ThreadSource();
  readonly #buffer = new Uint8Array(16);

  send(value: number): void {
    const message = new Uint8Array(16);
    message[0] = 1;
    message[8] = value;
    sys_msg().msgsnd(this.id, message, 1, 0);
  }

  tryReceive(): number | undefined {
    const count = sys_msg().msgrcv(this.id, this.#buffer, 8, 0n, 0o4000);
    return errnoOf(count, errno[0]) === 0 ? this.#buffer[8] : undefined;
  }

  receive(options?: WaitOptions): Promise<number> {
    return waitUntil(
      () => this.tryReceive(),
      options,
      {
        syscall: "msgrcv",
        action: "receive from",
        object: "a queue",
        call: {
          symbol: "msgrcv",
          // No space for the message: the call ends and leaves it in the queue.
          prepare: (_, address) => [BigInt(this.id), address, 0n, 0n, 0n],
        },
      },
      this.#source,
    );
  }

  [Symbol.dispose](): void {
    sys_msg().msgctl(this.id, 0, null);
  }
}

Deno.test("ThreadSource wakes a waiter when its call returns", async () => {
  using queue = new Queue();
  for (let i = 0; i < 20; i++) {
    const receive = queue.receive();
    await later(i % 3);
    queue.send(i);
    assertEquals(await receive, i);
  }
});

Deno.test("ThreadSource times out and lets its thread go", async () => {
  using queue = new Queue();
  const error = await assertRejects(
    () => queue.receive({ timeout: 20 }),
    IpcError,
  );
  assertEquals(error.code, "ETIMEDOUT");
  queue.send(1);
  assertEquals(await queue.receive(), 1);
});

Deno.test("ThreadSource serves more waiters than there are threads", async () => {
  using queue = new Queue();
  const waits = Array.from({ length: 120 }, () => queue.receive());
  await later(30);
  assert((await Deno.readTextFile(new URL(import.meta.url))).length > 0);
  const sent = waits.map((_, i) => i);
  for (const value of sent) queue.send(value);
  assertEquals((await Promise.all(waits)).sort((a, b) => a - b), sent);
});

const ABORTS = scaled(3000, 10_000);

Deno.test(`ThreadSource loses nothing over ${ABORTS} aborts at random moments`, async () => {
  using _dog = watchdog("aborts");
  using queue = new Queue();
  let received = 0;
  let sent = 0;
  for (let i = 0; i < ABORTS; i++) {
    const controller = new AbortController();
    const wait = queue.receive(controller).then(
      () => received++,
      (error) => assertEquals(error.name, "AbortError"),
    );
    if (i % 3 === 0) await later(Math.random() / 2);
    if (Math.random() < 0.5) {
      queue.send(sent & 255);
      sent++;
    }
    if (i % 7 === 0) await later(0);
    controller.abort();
    await wait;
  }
  let left = 0;
  while (queue.tryReceive() !== undefined) left++;
  assertEquals(received + left, sent);
});

for (const unref of [true, false]) {
  Deno.test(`ThreadSource ${unref ? "lets the process end with" : "keeps the process alive without"} unref`, async () => {
    await using child = spawnDeno(`
      import { ThreadSource } from "${url("ipc/core/wait/thread_source.ts")}";
      import { waitUntil } from "${url("ipc/core/wait/wait.ts")}";
      import { sys_msg } from "@libc/ipc/ffi";
      const id = sys_msg().msgget(0, 0o1600);
      let woken = false;
      waitUntil(() => woken || undefined, { unref: ${unref} }, {
        syscall: "msgrcv", action: "x", object: "x",
        call: {
          symbol: "msgrcv",
          prepare: (_, address) => [BigInt(id), address, 0n, 0n, 0n],
          finish: () => woken = true,
        },
      }, new ThreadSource()).then(() => console.log("woken"));
      console.log(id);`);
    const id = Number(await child.line());
    try {
      if (unref) {
        assertEquals((await child.end()).stdout, "");
      } else {
        // Once the call is in the kernel, removing the queue ends it.
        await later(50);
        sys_msg().msgctl(id, 0, null);
        assertEquals(await child.line(), "woken");
        assertEquals((await child.end()).code, 0);
      }
    } finally {
      sys_msg().msgctl(id, 0, null);
    }
  });
}

Deno.test("ThreadSource does no harm in a worker that is terminated while its thread waits", async () => {
  await using child = spawnDeno(
    `
    import { ThreadSource } from "${url("ipc/core/wait/thread_source.ts")}";
    import { waitUntil } from "${url("ipc/core/wait/wait.ts")}";
    import { sys_msg } from "@libc/ipc/ffi";
    if (self.name === "") {
      const id = sys_msg().msgget(0, 0o1600);
      for (let i = 0; i < 5; i++) {
        const worker = new Worker(import.meta.url, { type: "module", name: String(id) });
        await new Promise((resolve) => worker.onmessage = resolve);
        worker.terminate();
      }
      sys_msg().msgctl(id, 0, null);
      await new Promise((resolve) => setTimeout(resolve, 50));
      console.log("alive");
    } else {
      waitUntil(() => undefined, {}, {
        syscall: "msgrcv", action: "x", object: "x",
        call: { symbol: "msgrcv", prepare: (_, address) => [BigInt(self.name), address, 0n, 0n, 0n] },
      }, new ThreadSource());
      setTimeout(() => postMessage("waiting"), 20);
    }`,
    { permissions: ["--allow-all"] },
  );
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stdout], [0, "alive\n"], stderr);
});

Deno.test({
  ...notEmulated(
    "ThreadSource holds up neither receiveSync() nor the end when nothing can interrupt its threads",
    "waits in no thread",
  ),
  async fn() {
    using _dog = watchdog("an ignored signal");
    await using child = spawnDeno(`
      import { ignore, IPC_PRIVATE, SysvMessageQueue } from "@libc/ipc";
      using queue = SysvMessageQueue.create(IPC_PRIVATE);
      const controller = new AbortController();
      const wait = queue.receive(controller).catch(() => "aborted");
      // Long enough for a thread to wait in the kernel.
      await new Promise((resolve) => setTimeout(resolve, 20));
      for (let signal = 34; signal <= 64; signal++) ignore(signal);
      controller.abort();
      try {
        queue.receiveSync({ timeout: 5 });
      } catch (error) {
        console.log(error.code, await wait);
      }`);
    const { code, stdout, stderr } = await child.end();
    assertEquals([code, stdout, stderr], [0, "ETIMEDOUT aborted\n", ""]);
  },
});
