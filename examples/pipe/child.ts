import { PipeReader, PipeWriter } from "@libc/ipc/pipe";
import { inheritedFd } from "@libc/ipc/spawn";

using questions = PipeReader.fromFd(inheritedFd(3), { takeOver: true });
using answers = PipeWriter.fromFd(inheritedFd(4), { takeOver: true });

// A pipe has no line boundaries: a read may return half a line, or several.
let text = "";
const decoder = new TextDecoder();
for await (const chunk of questions) {
  text += decoder.decode(chunk, { stream: true });
  const lines = text.split("\n");
  text = lines.pop() ?? "";
  for (const line of lines) {
    const sum = line.split(" ").map(Number).reduce((a, b) => a + b, 0);
    await answers.write(`${sum}\n`);
  }
}
