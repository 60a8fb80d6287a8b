import { IpcError } from "@libc/ipc/errno";
import { PosixMessageQueue } from "@libc/ipc/posix-mq";
import { NAME, SIZE } from "./letter.ts";

/** Milliseconds without a message after which the inbox closes. */
const PATIENCE = 30_000;
/** Milliseconds to read a message. */
const pace = Number(Deno.args[0] ?? 1000);

const stopped = new AbortController();
Deno.addSignalListener("SIGINT", () => stopped.abort());
Deno.addSignalListener("SIGTERM", () => stopped.abort());

// Removed at the end of this scope, with all messages.
using queue = PosixMessageQueue.create(NAME, SIZE);
console.log(`open as ${NAME}, for ${SIZE.maxMessages} messages`);

try {
  const options = { timeout: PATIENCE, signal: stopped.signal };
  for await (const { data, priority } of queue.messages(options)) {
    const text = new TextDecoder().decode(data);
    console.log(`${priority}: ${text}`);
    if (text === "close") break;
    // Meanwhile others arrive; the most urgent one is received next.
    await new Promise((resolve) => setTimeout(resolve, pace));
  }
} catch (error) {
  const idle = error instanceof IpcError && error.code === "ETIMEDOUT";
  if (!idle && !stopped.signal.aborted) throw error;
}
console.log(`closed, ${queue.attributes().messages} messages unread`);
