import { pipe } from "@libc/ipc/pipe";
import { spawn } from "@libc/ipc/spawn";

// One pipe for each direction.
using questions = pipe();
using answers = pipe();

const child = new URL("child.ts", import.meta.url).pathname;
const [command = Deno.execPath(), ...args] = Deno.args.length > 0
  ? Deno.args
  : [Deno.execPath(), "run", "--quiet", "--allow-ffi", child];

await using process = spawn(command, {
  args,
  fds: { 3: questions.reader, 4: answers.writer },
});
// The child has these ends now. While they are open here too, neither side sees
// the end of its pipe.
questions.reader.close();
answers.writer.close();

const lines = answers.reader.readable.pipeThrough(new TextDecoderStream())
  .getReader();
for (const question of ["3 4", "10 20 30", "1.5 2.5"]) {
  await questions.writer.write(`${question}\n`);
  const { value = "no answer\n" } = await lines.read();
  console.log(`${question.replaceAll(" ", " + ")} = ${value.trimEnd()}`);
}

// At the end of the questions the child leaves its loop and exits.
questions.writer.close();
const { code } = await process.status;
console.log(`the child has ended with ${code}`);
