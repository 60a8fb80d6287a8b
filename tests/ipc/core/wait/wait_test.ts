import { assert, assertEquals, assertRejects } from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import type { WaitOptions } from "@libc/ipc/wait";
import { PollingSource } from "../../../../ipc/core/wait/source.ts";
import { waitUntil } from "../../../../ipc/core/wait/wait.ts";
import { source as url, spawnDeno } from "../../../util.ts";

const SUBJECT = {
  syscall: "msgrcv",
  action: "receive from",
  object: "a queue",
};

Deno.test("waitUntil() settles what is ready without a turn of the event loop", async () => {
  let turned = false;
  setImmediate(() => turned = true);
  const source = new PollingSource();
  assertEquals(await waitUntil(() => 5, undefined, SUBJECT, source), 5);
  assertEquals(turned, false);
  assertEquals(source.waiters.size, 0);
});

Deno.test("waitUntil() tries again until there is a value", async () => {
  let ready = false;
  const done = waitUntil(
    () => ready ? "value" : undefined,
    {},
    SUBJECT,
    new PollingSource(),
  );
  setTimeout(() => ready = true, 30);
  assertEquals(await done, "value");
});

Deno.test("waitUntil() rejects with what the attempt throws, at once or later", async () => {
  const source = new PollingSource();
  await assertRejects(
    () =>
      waitUntil(
        () => {
          throw new RangeError("first");
        },
        {},
        SUBJECT,
        source,
      ),
    RangeError,
    "first",
  );
  let tries = 0;
  await assertRejects(
    () =>
      waitUntil(
        () => {
          if (++tries > 3) throw new RangeError("later");
        },
        {},
        SUBJECT,
        source,
      ),
    RangeError,
    "later",
  );
  assertEquals(source.waiters.size, 0);
});

Deno.test("waitUntil() times out with ETIMEDOUT and tries no more", async () => {
  let tries = 0;
  const source = new PollingSource();
  const attempt = () => {
    tries++;
    return undefined;
  };
  const error = await assertRejects(
    () => waitUntil(attempt, { timeout: 40 }, SUBJECT, source),
    IpcError,
    "Cannot receive from a queue: msgrcv timed out after 40 ms",
  );
  assertEquals(error.code, "ETIMEDOUT");
  const before = tries;
  await new Promise((resolve) => setTimeout(resolve, 80));
  assertEquals(tries, before);
  assertEquals(source.parked, 0);
});

Deno.test("waitUntil() with a timeout of 0 looks once before it gives up", async () => {
  assertEquals(
    await waitUntil(() => 1, { timeout: 0 }, SUBJECT, new PollingSource()),
    1,
  );
  await assertRejects(
    () =>
      waitUntil(() => undefined, { timeout: 0 }, SUBJECT, new PollingSource()),
    IpcError,
    "ETIMEDOUT",
  );
});

Deno.test("waitUntil() rejects with the signal's reason, before and while waiting", async () => {
  const source = new PollingSource();
  const reason = new Error("enough");
  let tries = 0;
  const attempt = () => {
    tries++;
    return undefined;
  };
  const aborted = AbortSignal.abort(reason);
  assertEquals(
    await waitUntil(attempt, { signal: aborted }, SUBJECT, source)
      .catch((error) => error),
    reason,
  );
  assertEquals(tries, 0);
  const controller = new AbortController();
  const wait = waitUntil(attempt, controller, SUBJECT, source);
  setTimeout(() => controller.abort(reason), 10);
  assertEquals(await wait.catch((error) => error), reason);
  assertEquals(source.waiters.size, 0);
});

Deno.test("waitUntil() refuses a timeout that is no number of milliseconds", async () => {
  for (const timeout of [-1, NaN]) {
    await assertRejects(
      () => waitUntil(() => 1, { timeout }, SUBJECT, new PollingSource()),
      RangeError,
      "timeout must be",
    );
  }
  await assertRejects(
    () =>
      waitUntil(
        () => 1,
        { timeout: "5" as never },
        SUBJECT,
        new PollingSource(),
      ),
    TypeError,
    'got "5"',
  );
});

Deno.test("waitUntil() serves 200 waiters while files are read", async () => {
  const open = new Set<number>();
  const controllers = Array.from({ length: 200 }, () => new AbortController());
  const waits = controllers.map((controller, i) =>
    waitUntil(
      () => open.has(i) ? i : undefined,
      controller,
      SUBJECT,
      new PollingSource(),
    ).catch(() => "aborted")
  );
  await new Promise((resolve) => setTimeout(resolve, 30));
  // The pool of threads is free: this would hang if each wait occupied a
  // thread.
  const text = await Deno.readTextFile(new URL(import.meta.url));
  assert(text.length > 0);
  controllers.forEach((controller, i) => {
    if (i % 2 === 0) open.add(i);
    else controller.abort();
  });
  assertEquals(
    await Promise.all(waits),
    waits.map((_, i) => i % 2 === 0 ? i : "aborted"),
  );
});

for (const unref of [true, false]) {
  Deno.test(`waitUntil() ${unref ? "lets the process end with" : "keeps the process alive without"} unref`, async () => {
    await using child = spawnDeno(`
      import { waitUntil } from "${url("ipc/core/wait/wait.ts")}";
      import { PollingSource } from "${url("ipc/core/wait/source.ts")}";
      const start = performance.now();
      waitUntil(
        () => !${unref} && performance.now() - start > 100 ? true : undefined,
        { unref: ${unref} },
        { syscall: "x", action: "x", object: "x" },
        new PollingSource(),
      ).then(() => console.log("waited"));
      console.log("ready");`);
    assertEquals(await child.line(), "ready");
    const { code, stdout } = await child.end();
    assertEquals(code, 0);
    assertEquals(stdout, unref ? "" : "waited\n");
  });
}

Deno.test("waitUntil() refuses options that are none", async () => {
  const wait = (options: unknown) => () =>
    waitUntil(() => 1, options as WaitOptions, SUBJECT, new PollingSource());
  await assertRejects(wait(5), TypeError, "options must be an object, got 5");
  await assertRejects(
    wait({ signal: {} }),
    TypeError,
    "signal must be an AbortSignal, got an object",
  );
});
