// Pipes: options, children at the other end, and exhaustion.

import { IpcError, pipe, PIPE_BUF } from "@libc/ipc";
import { fcntl } from "@libc/ipc/ffi";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  denoArgs,
  hasCommand,
  openedSince,
  openFds,
  source,
  spawnCommand,
  until,
  watchdog,
} from "../../util.ts";
import { CAPACITY, STREAMS, text } from "../core/stream/util.ts";
import { startCommand, startPeer } from "./peer.ts";

const PEER = source("tests/ipc/pipe/peer.ts");

Deno.test("pipe() is close-on-exec at both ends", () => {
  using ends = pipe();
  for (const { fd } of [ends.reader, ends.writer]) {
    assertEquals(fcntl().fcntl(fd.number, 1), 1);
  }
});

Deno.test("PIPE_BUF is what a pipe takes whole: less room takes nothing", () => {
  using ends = pipe({ capacity: 4096 });
  ends.writer.writeSync("x");
  assertStrictEquals(ends.writer.tryWrite(new Uint8Array(PIPE_BUF)), undefined);
  assertEquals(ends.reader.readSync(new Uint8Array(9)), 1);
  assertEquals(ends.writer.tryWrite(new Uint8Array(PIPE_BUF)), PIPE_BUF);
});

Deno.test("pipe() has the capacity asked for, rounded up", () => {
  using ends = pipe({ capacity: 5000 });
  assertEquals([ends.reader.capacity, ends.writer.capacity], [8192, 8192]);
  assertEquals(ends.reader.resize(1), 4096);
  assertEquals(ends.writer.resize(1 << 20), 1 << 20);
  ends.writer.writeSync(new Uint8Array(CAPACITY + 1));
  const error = assertThrows(() => ends.reader.resize(4096), IpcError);
  assertEquals([error.code, error.syscall], ["EBUSY", "fcntl"]);
  assertEquals(ends.writer.capacity, 1 << 20);
});

Deno.test("pipe() refuses capacities that are no sizes", () => {
  const before = openFds(STREAMS);
  for (const capacity of [0, -1, 1.5, NaN, 2 ** 31, Infinity]) {
    assertThrows(() => pipe({ capacity }), RangeError, "capacity must be an");
  }
  // deno-lint-ignore no-explicit-any -- wrong on purpose
  assertThrows(() => pipe({ capacity: "1" as any }), TypeError, 'got "1"');
  // More than any kernel allows. The error comes after the pipe was created.
  const error = assertThrows(() => pipe({ capacity: 2 ** 31 - 1 }), IpcError);
  assert(["EPERM", "EINVAL", "ENOMEM"].includes(error.code), error.message);
  assertEquals(openedSince(before, STREAMS), []);
});

Deno.test("pipe() in packet mode keeps the bounds of writes", () => {
  using ends = pipe({ packet: true });
  for (const packet of ["one", "two", "three"]) ends.writer.writeSync(packet);
  const buffer = new Uint8Array(4096);
  assertEquals(ends.reader.readSync(buffer), 3);
  assertEquals(ends.reader.readSync(buffer.subarray(0, 1)), 1);
  assertEquals(ends.reader.tryRead(buffer), 5);
  assertEquals(text(buffer.subarray(0, 5)), "three");
  assertStrictEquals(ends.reader.tryRead(buffer), undefined);
  ends.writer.writeSync(new Uint8Array(5000));
  assertEquals(ends.reader.readSync(buffer), 4096);
  assertEquals(ends.reader.readSync(buffer), 904);
});

// Other processes

Deno.test("a perl child and this process talk over two pipes", async () => {
  using _dog = watchdog("perl");
  using there = pipe();
  using back = pipe();
  const code = `$| = 1;
    open my $in, "<&=", $ARGV[0] or die; open my $out, ">&=", $ARGV[1] or die;
    while (my $line = <$in>) { syswrite $out, uc $line }`;
  const child = startCommand(
    "perl",
    ["-e", code],
    there.reader,
    back.writer,
  );
  there.reader.close();
  back.writer.close();
  const buffer = new Uint8Array(100);
  for (const line of ["one\n", "two\n"]) {
    await there.writer.write(line);
    const count = await back.reader.read(buffer);
    assertEquals(text(buffer.subarray(0, count ?? 0)), line.toUpperCase());
  }
  there.writer.close();
  assertStrictEquals(await back.reader.read(buffer), null);
  assertEquals((await child.status).code, 0);
});

Deno.test({
  name: "cat copies megabytes from one pipe of ours to another",
  ignore: !hasCommand("cat"),
  async fn() {
    using _dog = watchdog("cat");
    using there = pipe();
    using back = pipe();
    // Using the ends makes them non-blocking here, but still blocking for cat.
    there.reader.tryRead(new Uint8Array(1));
    back.writer.tryWrite("");
    const child = startCommand(
      "perl",
      [
        "-MPOSIX",
        "-e",
        "POSIX::dup2($ARGV[0], 0); POSIX::dup2($ARGV[1], 1); exec 'cat'",
      ],
      there.reader,
      back.writer,
    );
    there.reader.close();
    back.writer.close();
    const data = "0123456789abcdef".repeat(200_000);
    const [, received] = await Promise.all([
      there.writer.write(data).then(() => there.writer.close()),
      new Response(back.reader.readable).text(),
    ]);
    assert(received === data);
    assertEquals((await child.status).code, 0);
  },
});

Deno.test("a writer that is killed leaves its bytes, then the end", async () => {
  using _dog = watchdog("a writer that is killed");
  using ends = pipe();
  const child = startPeer(
    `import { openWriter } from "${PEER}";
    const writer = openWriter(Number(Deno.args[0]));
    await writer.write("last words");
    await writer.write(new Uint8Array(1 << 20));`,
    ends.writer,
  );
  ends.writer.close();
  const buffer = new Uint8Array(10);
  assertEquals(await ends.reader.read(buffer), 10);
  assertEquals(text(buffer), "last words");
  child.kill("SIGKILL");
  await child.status;
  let total = 0;
  for await (const chunk of ends.reader) {
    assert(chunk.every((byte) => byte === 0));
    total += chunk.length;
  }
  assert(total <= CAPACITY + 4096, `${total} bytes`);
});

Deno.test("a reader that is killed is EPIPE for the write that waits", async () => {
  using _dog = watchdog("a reader that is killed");
  using ends = pipe();
  const child = startPeer("setInterval(() => {}, 1000);", ends.reader);
  ends.reader.close();
  const write = ends.writer.write(new Uint8Array(1 << 20));
  const refused = assertRejects(() => write, IpcError, "EPIPE");
  await until(() => ends.writer.bytesWritten >= CAPACITY);
  child.kill("SIGKILL");
  await refused;
  await child.status;
  assert(ends.writer.bytesWritten < 1 << 20);
});

Deno.test("pipe() without descriptors left is EMFILE and leaks none", async () => {
  using _dog = watchdog("EMFILE");
  const code = `
    import { pipe } from "@libc/ipc/pipe";
    import { openFds } from "${source("tests/descriptors.ts")}";
    import { fcntl, unistd } from "@libc/ipc/ffi";
    const codes = [];
    const attempt = (left, make) => {
      openFds(); // opens the directory itself, so before none are left
      const taken = [];
      for (let fd; (fd = fcntl().fcntl_int(0, 0x406, 0)) >= 0;) taken.push(fd);
      for (let i = 0; i < left; i++) unistd().close(taken.pop());
      let result;
      try {
        make()[Symbol.dispose]();
        result = "made";
      } catch (error) {
        result = error.code;
      }
      const free = [];
      for (let fd; (fd = fcntl().fcntl_int(0, 0x406, 0)) >= 0;) free.push(fd);
      codes.push(result + (free.length === left ? "" : " leaks"));
      for (const fd of [...taken, ...free]) unistd().close(fd);
    };
    using ends = pipe();
    for (const left of [0, 1, 2]) attempt(left, () => pipe());
    for (const left of [0, 1]) attempt(left, () => ends.reader.inheritable());
    console.log(codes.join());`;
  await using child = spawnCommand("sh", {
    args: [
      "-c",
      'ulimit -n 200; exec "$@"',
      "sh",
      Deno.execPath(),
      ...denoArgs(code, "--allow-all"),
    ],
  });
  const { stdout, stderr } = await child.end();
  assertEquals(stderr, "");
  assertEquals(stdout, "EMFILE,EMFILE,made,EMFILE,made\n");
});
