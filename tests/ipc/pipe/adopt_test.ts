// Ends of pipes made of descriptors from elsewhere.

import { IpcError, pipe, PipeReader, PipeWriter } from "@libc/ipc";
import { cstring, fcntl, O_DIRECT, O_RDWR, unistd } from "@libc/ipc/ffi";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  denoArgs,
  openedSince,
  openFds,
  spawnCommand,
  watchdog,
} from "../../util.ts";
import { isPending, STREAMS } from "../core/stream/util.ts";

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
  const before = openFds(STREAMS);
  PipeReader.fromFd(reader.fd).close();
  PipeWriter.fromFd(writer.fd.number).close();
  assertEquals(openedSince(before, STREAMS), []);
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
  assertEquals(openedSince(before, STREAMS), []);
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
    unistd().close(fd);
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
    import { PipeReader, PipeWriter } from "@libc/ipc/pipe";
    using input = PipeReader.fromFd(0);
    using output = PipeWriter.fromFd(1);
    while (await input.splice(output) !== null);`;
  await using child = spawnCommand("sh", {
    args: [
      "-c",
      'printf "through deno\\n" | "$@" | tr a-z A-Z',
      "sh",
      Deno.execPath(),
      ...denoArgs(code),
    ],
  });
  const { stdout, stderr } = await child.end();
  assertEquals([stdout, stderr], ["THROUGH DENO\n", ""]);
});
