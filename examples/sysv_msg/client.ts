import { IpcError } from "@libc/ipc/errno";
import { SysvMessageQueue } from "@libc/ipc/sysv-msg";
import { KEY, QUESTION, type Question } from "./request.ts";

const question: Question = { from: Deno.pid, numbers: Deno.args.map(Number) };

function open(): SysvMessageQueue {
  try {
    return SysvMessageQueue.open(KEY);
  } catch (error) {
    if (!(error instanceof IpcError)) throw error;
    console.error(`${error.message}\nIs the server running?`);
    Deno.exit(1);
  }
}

using queue = open();
await queue.send(QUESTION, JSON.stringify(question), { timeout: 1000 });
if (question.numbers.length > 0) {
  const { data } = await queue.receive({ type: Deno.pid, timeout: 5000 });
  const sum = new TextDecoder().decode(data);
  console.log(`${question.numbers.join(" + ")} = ${sum}`);
}
