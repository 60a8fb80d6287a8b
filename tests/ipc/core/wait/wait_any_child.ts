/**
 * Waits on 200 objects, aborts half of the waits, and makes all objects ready.
 * Prints how many of the waits did not go as they should, or lost something.
 */

import { IPC_PRIVATE } from "@libc/ipc/sysv-key";
import { pipe } from "@libc/ipc/pipe";
import { SysvMessageQueue } from "@libc/ipc/sysv-msg";
import { SysvSemaphoreSet } from "@libc/ipc/sysv-sem";

/** An object of any kind. */
interface Subject {
  wait(options: { signal: AbortSignal }): Promise<unknown>;
  give(): void;
  /** How much is left of what was given. */
  left(): number;
}

using stack = new DisposableStack();

const kinds: (() => Subject)[] = [
  () => {
    const queue = stack.use(SysvMessageQueue.create(IPC_PRIVATE));
    return {
      wait: (options) => queue.receive(options),
      give: () => queue.sendSync(1, "x"),
      left: () => queue.stat().messages,
    };
  },
  () => {
    const set = stack.use(SysvSemaphoreSet.create(IPC_PRIVATE, [0]));
    return {
      wait: (options) => set.acquire(0, { ...options, undo: false }),
      give: () => set.release(0, 1, { undo: false }),
      left: () => set.value(),
    };
  },
  () => {
    const ends = stack.use(pipe());
    return {
      wait: (options) => ends.reader.read(new Uint8Array(1), options),
      give: () => ends.writer.writeSync("x"),
      left: () => ends.reader.tryRead(new Uint8Array(1)) ?? 0,
    };
  },
];

const subjects = Array.from({ length: 200 }, (_, i) => {
  const make = kinds[i % kinds.length];
  if (make === undefined) throw new RangeError("no kinds");
  const isAborted = i % 2 === 0;
  return { ...make(), isAborted, controller: new AbortController() };
});

const waits = subjects.map(({ wait, controller }) =>
  wait({ signal: controller.signal }).then(() => false, () => true)
);
// Most of them are on their way into the kernel by then.
await new Promise((resolve) => setTimeout(resolve, 100));
for (const { give, controller, isAborted } of subjects) {
  if (isAborted) controller.abort();
  give();
}
const aborted = await Promise.all(waits);
const wrong = subjects.filter(({ left, isAborted }, i) =>
  aborted[i] !== isAborted || left() !== Number(isAborted)
);
console.log(wrong.length);
