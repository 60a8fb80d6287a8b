import { assert, assertEquals } from "@std/assert";
import { SysvMessageQueue } from "@libc/ipc/sysv-msg";
import { Mailbox } from "../../../../ipc/device/server/mailbox.ts";
import { uniqueKey } from "../../../util.ts";

/** Both ends of a queue, which is removed at the end. */
function ends() {
  const key = uniqueKey();
  const mailbox = Mailbox.create(key, 0o600);
  const queue = SysvMessageQueue.open(key);
  return { mailbox, queue, [Symbol.dispose]: () => mailbox.remove() };
}

Deno.test("tidy() takes back an answer that nobody fetches for five seconds", () => {
  using pair = ends();
  const { mailbox, queue } = pair;
  mailbox.answer(70, "old", 1000);
  mailbox.answer(71, "new", 2000);
  mailbox.tidy(5999);
  assertEquals(queue.stat().messages, 2);
  mailbox.tidy(6000);
  assertEquals(queue.stat().messages, 1);
  assert(mailbox.busy);
  mailbox.tidy(7000);
  assert(!mailbox.busy);
});

Deno.test("answer() takes back an older answer to the same asker", () => {
  using pair = ends();
  const { mailbox, queue } = pair;
  mailbox.answer(70, "first", 0);
  mailbox.answer(70, "second", 1);
  const { data } = queue.tryReceive({ type: 70 }) ?? {};
  assertEquals(new TextDecoder().decode(data), "second");
  assertEquals(queue.tryReceive({ type: 70 }), undefined);
});

Deno.test("answer() makes room in a queue full of older answers", () => {
  using pair = ends();
  const { mailbox, queue } = pair;
  const { maxBytes } = queue.stat();
  const long = "x".repeat(Math.min(8000, maxBytes / 3));
  for (let i = 0; i < 20; i++) mailbox.answer(100 + i, long, i);
  assert(queue.tryReceive({ type: 119 }) !== undefined);
  assertEquals(queue.tryReceive({ type: 100 }), undefined);
  mailbox.tidy(1e9);
  // Messages of others cannot be taken back, so there is no answer.
  while (queue.trySend(0x7fff_ffff, long));
  while (queue.trySend(0x7fff_ffff, ""));
  mailbox.answer(200, long, 99);
  assertEquals(queue.tryReceive({ type: 200 }), undefined);
});

Deno.test("answer() keeps track of no more than 64 answers", () => {
  using pair = ends();
  const { mailbox, queue } = pair;
  for (let i = 0; i < 200; i++) mailbox.answer(100 + i, "", 0);
  assertEquals(queue.stat().messages, 64);
});

Deno.test("Mailbox notes that its queue is gone and stays quiet", () => {
  using pair = ends();
  const { mailbox, queue } = pair;
  queue.remove();
  assertEquals(mailbox.next(), undefined);
  assert(mailbox.gone);
  mailbox.answer(70, "x", 0);
  mailbox.tidy(1e9);
  assertEquals([mailbox.busy, mailbox.next()], [false, undefined]);
});
