import { IpcError } from "@libc/ipc/errno";
import { Fifo } from "@libc/ipc/fifo";
import { decode, PATH } from "./protocol.ts";

/** Milliseconds without a request after which the server ends. */
const PATIENCE = 30_000;

const stopped = new AbortController();
Deno.addSignalListener("SIGINT", () => stopped.abort());
Deno.addSignalListener("SIGTERM", () => stopped.abort());

async function answer(line: string): Promise<void> {
  const { replyTo, text } = decode(line);
  try {
    // A client that is gone must not delay the others.
    using fifo = Fifo.open(replyTo);
    using writer = await fifo.openWriter({ timeout: 1000 });
    await writer.write(`${text.toUpperCase()}!\n`, { timeout: 1000 });
    console.log(`answered ${JSON.stringify(text)}`);
  } catch (error) {
    if (!(error instanceof IpcError)) throw error;
    console.error(`cannot answer: ${error.message}`);
  }
}

// Removed at the end of this scope. Also open for writing, so that there is no
// end when the last client closes.
using fifo = Fifo.create(PATH);
using ends = fifo.openReadWrite();
console.log(`waiting for requests on ${PATH}`);

const buffer = new Uint8Array(65536);
const decoder = new TextDecoder();
let text = "";
try {
  for (;;) {
    const count = await ends.reader.read(buffer, {
      timeout: PATIENCE,
      signal: stopped.signal,
    });
    if (count === null) break;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) await answer(line);
  }
} catch (error) {
  const idle = error instanceof IpcError && error.code === "ETIMEDOUT";
  if (!idle && !stopped.signal.aborted) throw error;
}
console.log("the server ends");
