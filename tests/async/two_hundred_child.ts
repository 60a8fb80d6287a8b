/**
 * Waits for one message on each of many objects of every kind, aborts half of
 * the waits, and prints the deviations. Uses its own IPC namespace and `/tmp`
 * if permitted: a machine has 256 POSIX queues for all tests.
 */

import {
  isPrivileged,
  keepFiles,
  unshareIpc,
} from "../conformance/privileges.ts";
import { later } from "../util.ts";
import { outcomeOf } from "./checks.ts";
import { kinds } from "./kinds.ts";

const OBJECTS = Number(Deno.args[0]);
const REASON = { given: "up" };

if (isPrivileged()) {
  unshareIpc();
  keepFiles();
}
using stack = new DisposableStack();
// Kinds that a signal wakes have one object for the whole process.
const all = kinds.filter((kind) => !kind.broadcast).flatMap((kind) => {
  // Two kinds of waits share the queues.
  const share = kind.name.startsWith("PosixMessageQueue") ? 2 : 1;
  return Array.from({ length: OBJECTS / share }, (_, i) => {
    const controller = new AbortController();
    const subject = stack.use(kind.make());
    const { signal } = controller;
    const outcome = outcomeOf(subject, subject.wait({ signal }));
    return { kind, subject, controller, outcome, givesUp: i % 2 === 0 };
  });
});
for (const { givesUp, controller } of all) {
  if (givesUp) controller.abort(REASON);
}
for (const { subject } of all) subject.wake();
const wrong: Record<string, string> = {};
for (const { kind, subject, outcome, givesUp } of all) {
  const ended = await outcome;
  const error = "error" in ended ? ended.error : undefined;
  if (error !== (givesUp ? REASON : undefined)) {
    wrong[kind.name] = String(error);
  }
  // No wait has taken it.
  if (givesUp && "error" in await outcomeOf(subject, subject.wait())) {
    wrong[kind.name] = "lost";
  }
}
for (const { kind, subject: { effects } } of all) {
  if (effects === undefined) continue;
  let count = effects();
  // Some are taken for a moment, and returned.
  for (; kind.delayed && count > 1; count = effects()) await later(1);
  if (count !== 1) wrong[kind.name] = `${count} effects`;
}
console.log(JSON.stringify(wrong));
