import { IpcError } from "@libc/ipc/errno";
import { SysvMessageQueue } from "@libc/ipc/sysv-msg";
import { KEY, QUESTION, type Question } from "./request.ts";

/** Milliseconds without a question after which the server ends. */
const PATIENCE = 30_000;

const stopped = new AbortController();
Deno.addSignalListener("SIGINT", () => stopped.abort());
Deno.addSignalListener("SIGTERM", () => stopped.abort());

// Removed at the end of this scope, with all messages.
using queue = SysvMessageQueue.create(KEY);
console.log(`waiting for questions on queue ${queue.id}`);

let answered = 0;
try {
  // Receive only questions: unfetched answers are in the same queue.
  const options = {
    type: QUESTION,
    timeout: PATIENCE,
    signal: stopped.signal,
  };
  for await (const { data } of queue.messages(options)) {
    const text = new TextDecoder().decode(data);
    const { from, numbers }: Question = JSON.parse(text);
    if (numbers.length === 0) break;
    const sum = numbers.reduce((a, b) => a + b);
    await queue.send(from, `${sum}`, { timeout: 1000 });
    answered++;
  }
} catch (error) {
  const idle = error instanceof IpcError && error.code === "ETIMEDOUT";
  if (!idle && !stopped.signal.aborted) throw error;
}
console.log(`ended; questions answered: ${answered}`);
