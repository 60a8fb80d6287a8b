// Pipes: options, splice, children at the other end, and what can run out.

import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { fcntl } from "../../../ffi/libc/fcntl.ts";
import { IpcError } from "../../../ffi/core/errno.ts";
import {
  O_APPEND,
  O_CREAT,
  O_DIRECT,
  O_RDWR,
} from "../../../ffi/core/platform.ts";
import { cstring } from "../../../ffi/core/cstring.ts";
import { closeFd } from "../../../ffi/core/fd.ts";
import { pipe, PIPE_BUF } from "../../../ipc/stream/pipe.ts";
import { CAPACITY, isPending, openFds, text, turn } from "./util.ts";
import { startCommand, startPeer } from "./peer.ts";
import {
  hasCommand,
  source,
  spawnCommand,
  until,
  watchdog,
} from "../../util.ts";

const PEER = source("tests/ipc/stream/peer.ts");

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
  const before = openFds();
  for (const capacity of [0, -1, 1.5, NaN, 2 ** 31, Infinity]) {
    assertThrows(() => pipe({ capacity }), RangeError, "capacity must be an");
  }
  // deno-lint-ignore no-explicit-any -- wrong on purpose
  assertThrows(() => pipe({ capacity: "1" as any }), TypeError, 'got "1"');
  // More than any kernel can make, and found out after the pipe was made.
  const error = assertThrows(() => pipe({ capacity: 2 ** 31 - 1 }), IpcError);
  assert(["EPERM", "EINVAL", "ENOMEM"].includes(error.code), error.message);
  assertEquals(openFds(), before);
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

// splice

Deno.test("splice() moves bytes on, waits for them, and says the end", async () => {
  using from = pipe();
  using to = pipe();
  const moved = from.reader.splice(to.writer);
  from.writer.writeSync("hello");
  assertEquals(await moved, 5);
  const buffer = new Uint8Array(9);
  assertEquals(to.reader.readSync(buffer), 5);
  assertEquals(text(buffer.subarray(0, 5)), "hello");
  assertEquals([from.reader.bytesRead, to.writer.bytesWritten], [5, 5]);
  from.writer.writeSync("abcdef");
  assertEquals(from.reader.spliceSync(to.writer, { length: 4 }), 4);
  assertEquals(from.reader.trySplice(to.writer, 1), 1);
  assertEquals(from.reader.trySplice(to.writer), 1);
  assertStrictEquals(from.reader.trySplice(to.writer), undefined);
  from.writer.close();
  assertStrictEquals(from.reader.trySplice(to.writer), null);
  assertStrictEquals(from.reader.spliceSync(to.writer), null);
  assertStrictEquals(await from.reader.splice(to.writer), null);
  assertEquals(to.reader.readSync(buffer), 6);
});

Deno.test("splice() waits for room, and nobody reads meanwhile", async () => {
  using from = pipe();
  using to = pipe({ capacity: CAPACITY });
  to.writer.writeSync(new Uint8Array(CAPACITY));
  from.writer.writeSync("first");
  const moved = from.reader.splice(to.writer);
  await turn();
  const buffer = new Uint8Array(9);
  const read = from.reader.read(buffer);
  assertStrictEquals(from.reader.tryRead(buffer), undefined);
  assertThrows(() => from.reader.readSync(buffer), TypeError, "now: an async");
  assertStrictEquals(from.reader.trySplice(to.writer), undefined);
  from.writer.writeSync("second");
  to.reader.readSync(new Uint8Array(CAPACITY));
  const count = await moved;
  assert(count === 5 || count === 11, `moved ${count}`);
  if (count === 5) assertEquals(await read, 6);
  else from.writer.writeSync("third");
  await read;
  assertEquals(to.reader.readSync(new Uint8Array(99)), count);
});

Deno.test("read() that queues behind a splice() gets what comes after it", async () => {
  using from = pipe();
  using to = pipe({ capacity: CAPACITY });
  to.writer.writeSync(new Uint8Array(CAPACITY));
  const moved = from.reader.splice(to.writer, { length: 5 });
  const buffer = new Uint8Array(99);
  const read = from.reader.read(buffer);
  from.writer.writeSync("firstsecond");
  // Long enough for both to wait in the reactor.
  await new Promise((resolve) => setTimeout(resolve, 5));
  to.reader.readSync(new Uint8Array(CAPACITY));
  assertEquals(await moved, 5);
  assertEquals(await read, 6);
  assertEquals(text(buffer.subarray(0, 6)), "second");
  assertEquals(to.reader.readSync(buffer), 5);
  assertEquals(text(buffer.subarray(0, 5)), "first");
});

Deno.test("splice() to the number of a full pipe waits for room and leaves no descriptor", async () => {
  using _dog = watchdog("splice() to a number");
  using from = pipe();
  using to = pipe();
  from.writer.writeSync("hello");
  const fill = () => {
    while (to.writer.tryWrite(new Uint8Array(4096)) !== undefined);
  };
  const drain = () => {
    while (to.reader.tryRead(new Uint8Array(CAPACITY)) !== undefined);
  };
  // Makes the reactor, which stays.
  await to.reader.read(new Uint8Array(1), { timeout: 2 }).catch(() => {});
  const before = openFds();
  for (const target of [to.writer.fd.number, to.writer.fd]) {
    fill();
    const moved = from.reader.splice(target, { length: 2 });
    await new Promise((resolve) => setTimeout(resolve, 2));
    drain();
    assertEquals(await moved, 2);
  }
  assertEquals(openFds(), before);
});

Deno.test("splice() of much through two pipes keeps every byte in its place", async () => {
  using _dog = watchdog("splice()");
  using from = pipe({ capacity: 4096 });
  using to = pipe({ capacity: 8192 });
  const data = Uint8Array.from({ length: 300_000 }, (_, i) => i % 253);
  const [, received] = await Promise.all([
    from.writer.write(data).then(() => from.writer.close()),
    new Response(to.reader.readable).bytes(),
    (async () => {
      while (await from.reader.splice(to.writer, { timeout: 9999 }) !== null);
      to.writer.close();
    })(),
  ]);
  assertEquals(received.length, data.length);
  assert(received.every((byte, i) => byte === data[i]));
});

Deno.test("splice() times out and aborts at either end without moving a byte", async () => {
  using from = pipe();
  using to = pipe({ capacity: CAPACITY });
  const late = await assertRejects(
    () => from.reader.splice(to.writer, { timeout: 3 }),
    IpcError,
    `Cannot splice from ${from.reader.label} to ${to.writer.label}: splice timed out after 3 ms (ETIMEDOUT)`,
  );
  assertEquals(late.code, "ETIMEDOUT");
  to.writer.writeSync(new Uint8Array(CAPACITY));
  from.writer.writeSync("hello");
  await assertRejects(
    () => from.reader.splice(to.writer, { timeout: 3 }),
    IpcError,
    "timed out after 3 ms",
  );
  assertThrows(
    () => from.reader.spliceSync(to.writer, { timeout: 3 }),
    IpcError,
    "timed out after 3 ms",
  );
  const controller = new AbortController();
  const moved = from.reader.splice(to.writer, controller);
  await turn();
  controller.abort();
  await assertRejects(() => moved, DOMException);
  assertEquals(from.reader.readSync(new Uint8Array(9)), 5, "not held any more");
});

Deno.test("splice() rejects when either end is closed while it waits", async () => {
  using _dog = watchdog("splice() and close()");
  using to = pipe({ capacity: CAPACITY });
  to.writer.writeSync(new Uint8Array(CAPACITY));
  for (const waitForRoom of [false, true]) {
    const from = pipe();
    if (waitForRoom) from.writer.writeSync("x");
    const moved = from.reader.splice(to.writer);
    await new Promise((resolve) => setTimeout(resolve, 2));
    from[Symbol.dispose]();
    await assertRejects(() => moved, TypeError, "a closed pipe");
  }
  using from = pipe();
  from.writer.writeSync("x");
  const moved = from.reader.splice(to.writer);
  await new Promise((resolve) => setTimeout(resolve, 2));
  to.writer.close();
  await assertRejects(() => moved, TypeError, "Cannot write to a closed pipe");
  assertEquals(from.reader.readSync(new Uint8Array(9)), 1);
});

Deno.test("splice() moves into a file, and refuses one in append mode", async () => {
  const path = await Deno.makeTempFile();
  const fd = fcntl().open(cstring(path, "path"), O_RDWR | O_CREAT, 0);
  const append = fcntl().open(cstring(path, "path"), O_RDWR | O_APPEND, 0);
  try {
    using from = pipe();
    from.writer.writeSync("into a file");
    assertEquals(await from.reader.splice(fd), 11);
    assertEquals(await Deno.readTextFile(path), "into a file");
    from.writer.writeSync("x");
    const error = await assertRejects(
      () => from.reader.splice(append),
      IpcError,
      "the target must not be in append mode",
    );
    assertEquals([error.code, error.syscall], ["EINVAL", "splice"]);
    assertEquals(from.reader.readSync(new Uint8Array(9)), 1);
  } finally {
    closeFd(fd, path);
    closeFd(append, path);
    await Deno.remove(path);
  }
});

Deno.test("splice() refuses what is no descriptor or length", async () => {
  using from = pipe();
  await assertRejects(() => from.reader.splice(-1), RangeError, "target");
  await assertRejects(
    // deno-lint-ignore no-explicit-any -- wrong on purpose
    () => from.reader.splice("1" as any),
    TypeError,
    'target must be a number, got "1"',
  );
  assertThrows(
    () => from.reader.spliceSync(1, { length: 0 }),
    RangeError,
    "length",
  );
  from.writer.writeSync("x");
  const error = assertThrows(() => from.reader.trySplice(1_000_000), IpcError);
  assertEquals(error.code, "EBADF");
  from.reader.close();
  assertThrows(() => from.reader.trySplice(1), TypeError, "Cannot read from a");
});

// Descriptors from elsewhere

Deno.test("fromFd() opens a pipe a second time, with flags of its own", async () => {
  using ends = pipe({ packet: true });
  const flags = (fd: number) => fcntl().fcntl(fd, 3);
  using reader = PipeReader.fromFd(ends.reader.fd.number);
  using writer = PipeWriter.fromFd(ends.writer.fd);
  for (const end of [reader, writer]) {
    assertEquals(fcntl().fcntl(end.fd.number, 1), 1, "close-on-exec");
    assertEquals(flags(end.fd.number) & 0o4000, 0o4000);
  }
  assertEquals(flags(ends.reader.fd.number) & 0o4000, 0, "made non-blocking");
  assertEquals(
    flags(writer.fd.number) & O_DIRECT,
    flags(ends.writer.fd.number) & O_DIRECT,
    "packet mode",
  );
  await writer.write("one");
  await writer.write("two");
  const buffer = new Uint8Array(9);
  assertEquals(await reader.read(buffer), 3);
  assertEquals(ends.reader.readSync(buffer), 3);
  const end = reader.read(buffer);
  writer.close();
  assert(await isPending(end), "the first writer is still there");
  ends.writer.close();
  assertStrictEquals(await end, null);
});

Deno.test("fromFd() takes over only when told, and only what it accepts", () => {
  const { reader, writer } = pipe();
  const before = openFds();
  PipeReader.fromFd(reader.fd).close();
  PipeWriter.fromFd(writer.fd.number).close();
  assertEquals(openFds(), before);
  const wrong = assertThrows(
    () => PipeReader.fromFd(writer.fd, { takeOver: true }),
    IpcError,
    `Cannot use pipe (descriptor ${writer.fd.number}): fcntl failed with EBADF (Bad file descriptor): it is open for writing only`,
  );
  assertEquals(wrong.code, "EBADF");
  assertThrows(
    () => PipeWriter.fromFd(reader.fd, { takeOver: true }),
    IpcError,
    "it is open for reading only",
  );
  assertEquals(openFds(), before);
  const [input, output] = [reader.fd, writer.fd.number];
  PipeReader.fromFd(input, { takeOver: true }).close();
  assert(reader.closed);
  PipeWriter.fromFd(output, { takeOver: true }).close();
  assertEquals(fcntl().fcntl(output, 1), -1, "the number is closed");
});

Deno.test("fromFd() refuses what is no pipe", async () => {
  const fd = fcntl().open(cstring("/dev/null", "path"), O_RDWR, 0);
  try {
    const error = assertThrows(() => PipeReader.fromFd(fd), IpcError);
    assertEquals(
      error.message,
      `Cannot use descriptor ${fd}: fstat failed with EINVAL (Invalid argument): it is no pipe`,
    );
  } finally {
    closeFd(fd, "/dev/null");
  }
  const none = assertThrows(() => PipeWriter.fromFd(1_000_000), IpcError);
  assertEquals([none.code, none.syscall], ["EBADF", "fstat"]);
  assertThrows(() => PipeWriter.fromFd(-1), RangeError, "fd must be");
  using ends = pipe();
  const { fd: closed } = ends.reader;
  closed.close();
  assertThrows(() => PipeReader.fromFd(closed), TypeError, "closed");
  await assertRejects(() => ends.reader.read(new Uint8Array(1)), TypeError);
});

Deno.test("fromFd(0) reads what a shell pipes in, and fromFd(1) writes on", async () => {
  using _dog = watchdog("standard input");
  const code = `
    import { PipeReader, PipeWriter } from "${source("ipc/stream/pipe.ts")}";
    using input = PipeReader.fromFd(0);
    using output = PipeWriter.fromFd(1);
    while (await input.splice(output) !== null);`;
  await using child = spawnCommand("sh", {
    args: [
      "-c",
      'printf "through deno\\n" | "$@" | tr a-z A-Z',
      "sh",
      Deno.execPath(),
      "run",
      "--quiet",
      "--allow-ffi",
      `data:application/typescript,${encodeURIComponent(code)}`,
    ],
  });
  const { stdout, stderr } = await child.end();
  assertEquals([stdout, stderr], ["THROUGH DENO\n", ""]);
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
    // Used here before, so non-blocking here, and still blocking for cat.
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
    import { pipe } from "${source("ipc/stream/pipe.ts")}";
    import { openFds } from "${source("tests/ipc/stream/util.ts")}";
    import { unistd } from "${source("ffi/libc/unistd.ts")}";
    import { fcntl } from "${source("ffi/libc/fcntl.ts")}";
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
      "run",
      "--quiet",
      "--no-lock",
      "--allow-all",
      `data:application/typescript,${encodeURIComponent(code)}`,
    ],
  });
  const { stdout, stderr } = await child.end();
  assertEquals(stderr, "");
  assertEquals(stdout, "EMFILE,EMFILE,made,EMFILE,made\n");
});
