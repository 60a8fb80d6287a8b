// Many waits at once, while everything else continues.

import { EventFd, pipe } from "@libc/ipc";
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type Child,
  later,
  source,
  spawnDeno,
  turn,
  watchdog,
} from "../util.ts";
import { outcomeOf } from "./checks.ts";
import { kinds, type Subject } from "./kinds.ts";

/** More than the number of threads of Deno, or of the library. */
const WAITERS = 200;

/** Kinds whose objects are independent of each other. */
const alone = kinds.filter((kind) => !kind.broadcast);

/** Creates objects of all kinds in turn, each with a pending wait. */
function startWaits(stack: DisposableStack, suitable = kinds) {
  const settled: Subject[] = [];
  const waits = Array.from({ length: WAITERS }, (_, i) => {
    const kind = suitable[i % suitable.length];
    if (kind === undefined) throw new TypeError("There are no kinds");
    const subject = stack.use(kind.make());
    const wait = outcomeOf(subject, subject.wait()).then((outcome) => {
      settled.push(subject);
      return "value" in outcome ? "woken" : outcome.error;
    });
    return { subject, wait };
  });
  return { settled, waits };
}

Deno.test("200 waits of all kinds leave files, sockets, timers and processes alone", async () => {
  using _dog = watchdog("200 waits");
  using stack = new DisposableStack();
  const { settled, waits } = startWaits(stack);
  await later(30);
  // All of these need threads of the same pool, or turns of the same loop.
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("hello"),
  );
  const files = Array.from(
    { length: 40 },
    () => Deno.readFile(new URL(import.meta.url)),
  );
  for (let i = 0; i < 5; i++) {
    const response = await fetch(`http://127.0.0.1:${server.addr.port}/`);
    assertEquals(await response.text(), "hello");
    await Deno.stat("/");
    await turn();
  }
  await Promise.all(files);
  await new Deno.Command("true").output();
  assertEquals(settled.length, 0, "nobody was woken yet");
  // Wake all of them, in another order.
  for (const { subject } of waits.toReversed()) subject.wake();
  const results = await Promise.all(waits.map(({ wait }) => wait));
  assertEquals(results, waits.map(() => "woken"));
});

Deno.test("200 waits of all kinds are woken in the order of their events", async () => {
  using _dog = watchdog("200 waits, one by one");
  using stack = new DisposableStack();
  const { settled, waits } = startWaits(stack, alone);
  await later(30);
  const order = waits.map(({ subject }) => subject)
    .sort(() => Math.random() - 0.5);
  for (const [i, subject] of order.entries()) {
    subject.wake();
    // The others stay pending.
    while (settled.length <= i) await later(0);
    assertEquals(settled.length, i + 1);
    assertEquals(settled[i] === subject, true, `number ${i}`);
  }
  await Promise.all(waits.map(({ wait }) => wait));
});

Deno.test("1,000 descriptors are waited for at once, half of them in vain", async () => {
  using _dog = watchdog("1,000 descriptors");
  using stack = new DisposableStack();
  const events = Array.from({ length: 1000 }, (_, i) => ({
    event: stack.use(EventFd.create()),
    controller: new AbortController(),
    aborts: i % 2 === 1,
  }));
  const waits = events.map(({ event, controller }) =>
    event.receive({ signal: controller.signal }).catch((error) => error)
  );
  await later(10);
  events.forEach(({ event, controller, aborts }, i) => {
    if (aborts) controller.abort("aborted");
    event.post(i + 1);
  });
  assertEquals(
    await Promise.all(waits),
    events.map(({ aborts }, i) => aborts ? "aborted" : i + 1),
  );
  // The values posted to aborted waits are still there.
  assertEquals(
    events.map(({ event }) => event.tryReceive()),
    events.map(({ aborts }, i) => aborts ? i + 1 : undefined),
  );
});

Deno.test("a wait that ends can start, close and abort others", async () => {
  using _dog = watchdog("waits from waits");
  for (const kind of alone) {
    for (const delay of [0, 1]) {
      using subject = kind.make();
      using other = kind.make();
      const controller = new AbortController();
      const { signal } = controller;
      const aborted = outcomeOf(other, other.wait({ signal }));
      const closed = outcomeOf(other, other.wait());
      const again = outcomeOf(subject, subject.wait()).then(() => {
        controller.abort("aborted");
        other.close();
        const wait = outcomeOf(subject, subject.wait());
        subject.wake();
        return wait;
      });
      if (delay > 0) await later(delay);
      subject.wake();
      assert("value" in await again, kind.name);
      assertEquals(await aborted, { error: "aborted" });
      const outcome = await closed;
      assert("error" in outcome && outcome.error instanceof TypeError);
    }
  }
});

/** A program that runs in a process, where `self.name` is "", and its workers. */
function spawnWithWorkers(code: string): Child {
  return spawnDeno(
    `
    import { IPC_PRIVATE, SysvMessageQueue } from "@libc/ipc";
    import { checkMany } from "${source("tests/async/checks.ts")}";
    import { kinds } from "${source("tests/async/kinds.ts")}";
    const start = (name) => new Worker(import.meta.url, { type: "module", name });
    const next = (worker) => new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
    ${code}`,
    { permissions: ["--allow-all"] },
  );
}

/** Runs a program of this folder. */
function spawnProgram(name: string): Child {
  return spawnDeno(new URL(name, import.meta.url), {
    permissions: ["--allow-all"],
  });
}

Deno.test("workers wait on their own, with threads of their own", async () => {
  using _dog = watchdog("workers");
  await using child = spawnWithWorkers(`
    // Each of three isolates takes a third of the kinds, all at the same time.
    const third = Number(self.name || 2);
    const workers = self.name === "" ? [start("0"), start("1")] : [];
    const done = workers.map(next);
    for (const [i, kind] of kinds.entries()) {
      if (i % 3 === third && !kind.broadcast) await checkMany(kind);
    }
    if (self.name !== "") postMessage("done");
    else {
      console.log((await Promise.all(done)).join());
      for (const worker of workers) worker.terminate();
    }`);
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stdout], [0, "done,done\n"], stderr);
});

Deno.test("a message between isolates wakes the one that waits for it", async () => {
  using _dog = watchdog("between isolates");
  await using child = spawnWithWorkers(`
    if (self.name === "") {
      using there = SysvMessageQueue.create(IPC_PRIVATE);
      using back = SysvMessageQueue.create(IPC_PRIVATE);
      const worker = start(there.id + " " + back.id);
      let right = 0;
      for (let i = 1; i <= 300; i++) {
        there.sendSync(i, "");
        if ((await back.receive()).type === i) right++;
      }
      console.log(right);
      worker.terminate();
    } else {
      const [there, back] = self.name.split(" ").map((id) => SysvMessageQueue.fromId(Number(id)));
      for (;;) await back.send((await there.receive()).type, "");
    }`);
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stdout], [0, "300\n"], stderr);
});

Deno.test("terminated workers leave room for others to wait", async () => {
  using _dog = watchdog("terminated workers");
  await using child = spawnProgram("terminated_workers_child.ts");
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stdout], [0, "done\n"], stderr);
});

Deno.test("a wait without descriptors left rejects, loses nothing, and later ones work", async () => {
  using _dog = watchdog("EMFILE");
  await using child = spawnProgram("no_descriptors_child.ts");
  const { code, stdout, stderr } = await child.end();
  const line = "EMFILE,EMFILE,ETIMEDOUT,1";
  // The additional descriptor belongs to a thread that is kept for the next
  // wait.
  assertEquals([code, stdout], [0, `${line} 0\n${line} 1\n1\n`], stderr);
});

Deno.test("a pipe whose reader and writer wait for each other moves on", async () => {
  using _dog = watchdog("both ends of a pipe");
  using ends = pipe({ capacity: 4096 });
  const data = new Uint8Array(300_000).map((_, i) => i);
  const writing = ends.writer.write(data).then(() => ends.writer.close());
  let at = 0;
  for await (const chunk of ends.reader) {
    assertEquals(chunk, data.subarray(at, at += chunk.length));
  }
  await writing;
  assertEquals(at, data.length);
  await assertRejects(() => ends.writer.write("x"), TypeError, "closed");
});
