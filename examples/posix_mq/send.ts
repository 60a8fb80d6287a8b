import { IpcError } from "@libc/ipc/errno";
import { PosixMessageQueue } from "@libc/ipc/posix-mq";
import { NAME } from "./letter.ts";

// send.ts PRIORITY TEXT PRIORITY TEXT …
const messages = [];
for (let i = 0; i + 1 < Deno.args.length; i += 2) {
  const [priority, text = ""] = Deno.args.slice(i, i + 2);
  messages.push({ priority: Number(priority), text });
}

function open(): PosixMessageQueue {
  try {
    return PosixMessageQueue.open(NAME, { writeOnly: true });
  } catch (error) {
    if (!(error instanceof IpcError)) throw error;
    console.error(`${error.message}\nIs the inbox open?`);
    Deno.exit(1);
  }
}

using queue = open();
for (const { priority, text } of messages) {
  if (queue.trySend(text, { priority })) {
    console.log(`sent ${text}`);
  } else {
    console.log(`full, waiting to send ${text}`);
    await queue.send(text, { priority, timeout: 10_000 });
  }
}
