// Children that misuse the pipe they share with this process: nothing they do
// blocks this process, loses a byte or kills it.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { type ChildFd, IpcError, pipe, type PipeEnds, spawn } from "@libc/ipc";
import { fcntl } from "@libc/ipc/ffi";
import { type LineChild, lineChild } from "../ipc/process/util.ts";
import { watchdog } from "../util.ts";

const F_GETFL = 3;
const O_NONBLOCK = 0o4000;
/** More bytes than any pipe here holds. */
const MUCH = 300_000;

/** Starts a program with descriptor 3 and a function `control()` for it. */
function startPeer(code: string, fd: ChildFd): LineChild {
  const program = `
    const { fcntl, read } = Deno.dlopen("libc.so.6", {
      fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
      read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
    }).symbols;
    const control = (command, argument) => fcntl(3, command, argument);
    ${code}`;
  return lineChild(
    spawn(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-lock", "--no-config", "--allow-ffi"],
        `data:application/javascript,${encodeURIComponent(program)}`,
      ],
      fds: { 0: "pipe", 1: "pipe", 3: fd },
    }),
  );
}

/** Clears `O_NONBLOCK` with `F_SETFL`, then does nothing until it ends. */
const MAKE_BLOCKING = `
  control(4, 0);
  console.log(control(3, 0) & ${O_NONBLOCK});
  await Deno.stdin.read(new Uint8Array(1));`;

/** The end that is shared with the child. */
const ENDS: Record<string, (ends: PipeEnds) => ChildFd> = {
  "the reader": ({ reader }) => reader,
  "the writer": ({ writer }) => writer,
  "the descriptor of the reader": ({ reader }) => reader.fd,
};

for (const [what, endOf] of Object.entries(ENDS)) {
  for (const used of [true, false]) {
    const when = used ? "was used" : "is used later";
    Deno.test(`a child that has ${what}, which ${when}, cannot make it block`, async () => {
      using _dog = watchdog(what);
      using ends = pipe();
      const use = () => {
        assertEquals(ends.reader.tryRead(new Uint8Array(1)), undefined);
        assertEquals(ends.writer.tryWrite(""), 0);
      };
      if (used) use();
      await using child = startPeer(MAKE_BLOCKING, endOf(ends));
      if (!used) use();
      assertEquals(await child.line(), "0");
      for (const { fd } of [ends.reader, ends.writer]) {
        const flags = fcntl().fcntl(fd.number, F_GETFL);
        assertEquals(flags & O_NONBLOCK, O_NONBLOCK);
      }
      assertEquals(ends.reader.tryRead(new Uint8Array(1)), undefined);
      await assertRejects(
        () => ends.writer.write(new Uint8Array(MUCH), { timeout: 1 }),
        IpcError,
        "ETIMEDOUT",
      );
    });
  }
}

Deno.test("a write goes on while the child makes the pipe smaller and larger", async () => {
  using _dog = watchdog("a pipe of another size");
  using ends = pipe({ capacity: 65536 });
  await using child = startPeer(
    `
    console.log(control(1031, 4096), control(1031, 1 << 30) < 0);
    const buffer = new Uint8Array(3000);
    let sum = 0;
    let sizes = [4096, 8192, 65536];
    for (let count = 0, i = 0; count < ${MUCH}; i++) {
      const length = read(3, buffer, 3000);
      if (length <= 0) break;
      for (const byte of buffer.subarray(0, Number(length))) {
        if (byte === (count++ & 0xff)) sum++;
      }
      control(1031, sizes[i % 3]);
    }
    console.log(sum);`,
    ends.reader,
  );
  assertEquals(await child.line(), "4096 true");
  assertEquals(ends.writer.capacity, 4096);
  await ends.writer.write(Uint8Array.from({ length: MUCH }, (_, i) => i));
  assertEquals(await child.line(), String(MUCH));
});

Deno.test("a child that never reads holds up one write and nothing else", async () => {
  using _dog = watchdog("a child that never reads");
  using ends = pipe({ capacity: 4096 });
  const child = startPeer(
    `console.log("there");
    await Deno.stdin.read(new Uint8Array(1));`,
    ends.reader,
  );
  ends.reader.close();
  assertEquals(await child.line(), "there");
  await assertRejects(
    () => ends.writer.write(new Uint8Array(5000), { timeout: 5 }),
    IpcError,
    "ETIMEDOUT",
  );
  assertEquals(ends.writer.bytesWritten, 4096);
  const failing = assertRejects(() => ends.writer.write("x"), IpcError);
  let turns = 0;
  while (turns < 100) {
    await new Promise<void>((next) => setImmediate(() => next(void turns++)));
  }
  // When the child ends, the write fails, and this process gets no SIGPIPE.
  await child[Symbol.asyncDispose]();
  assertEquals((await failing).code, "EPIPE");
  assertEquals(ends.writer.bytesWritten, 4096);
});

Deno.test("a child that closes its ends early is the end, or EPIPE", async () => {
  using _dog = watchdog("ends that are closed early");
  using to = pipe();
  using from = pipe();
  const child = spawn("sh", {
    args: ["-c", "echo half of; exec 3<&- 4>&-; read wait"],
    fds: { 0: "pipe", 1: from.writer, 3: to.reader, 4: from.writer },
  });
  to.reader.close();
  from.writer.close();
  const buffer = new Uint8Array(100);
  assertEquals(await from.reader.read(buffer), 8);
  const failed = await assertRejects(
    async () => {
      for (;;) await to.writer.write(new Uint8Array(4096));
    },
    IpcError,
  );
  assertEquals(failed.code, "EPIPE");
  const end = from.reader.read(buffer);
  assert(child.stdin !== undefined);
  child.stdin.close();
  assertEquals(await end, null);
  assertEquals((await child.status).code, 1);
});
