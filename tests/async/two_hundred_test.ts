// A program that waits for one message on each of 200 objects of every kind.

import { assertEquals } from "@std/assert";
import { scaled, source, spawnDeno, watchdog } from "../util.ts";

const OBJECTS = scaled(200);

Deno.test(`a program waits on ${OBJECTS} objects of every kind, gives up half, gets the messages of all, and ends by itself`, async () => {
  using _dog = watchdog("many objects of every kind", 170);
  await using child = spawnDeno(
    `import { kinds } from "${source("tests/async/kinds.ts")}";
    import { outcomeOf } from "${source("tests/async/checks.ts")}";
    const REASON = { given: "up" };
    using stack = new DisposableStack();
    const all = [];
    // What a signal wakes has one object for the whole process.
    for (const kind of kinds.filter((kind) => !kind.broadcast)) {
      // A machine has 256 queues, and these are two kinds of waits on them.
      const share = kind.name.startsWith("PosixMessageQueue") ? 2 : 1;
      for (let i = 0; i < ${OBJECTS} / share; i++) {
        const controller = new AbortController();
        const subject = stack.use(kind.make());
        const { signal } = controller;
        const outcome = outcomeOf(subject, subject.wait({ signal }));
        all.push({ kind, subject, controller, outcome, givesUp: i % 2 === 0 });
      }
    }
    for (const { givesUp, controller } of all) {
      if (givesUp) controller.abort(REASON);
    }
    for (const { subject } of all) subject.wake();
    const wrong = {};
    for (const { kind, subject, outcome, givesUp } of all) {
      const { error } = await outcome;
      if (error !== (givesUp ? REASON : undefined)) wrong[kind.name] = String(error);
      // Nobody has taken it.
      if (givesUp && "error" in await outcomeOf(subject, subject.wait())) {
        wrong[kind.name] = "lost";
      }
      // Some are taken for a moment, and come back.
      while (subject.effects && kind.delayed && subject.effects() > 1) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      if (subject.effects && subject.effects() !== 1) {
        wrong[kind.name] = subject.effects() + " effects";
      }
    }
    console.log(JSON.stringify(wrong));`,
    { permissions: ["--allow-all"] },
  );
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stdout], [0, "{}\n"], stderr);
});
