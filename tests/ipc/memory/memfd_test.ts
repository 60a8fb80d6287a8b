import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { capabilities } from "@libc/ipc/capabilities";
import { IpcError } from "@libc/ipc/errno";
import { EventFd } from "@libc/ipc/eventfd";
import { pageSize } from "@libc/ipc/mapping";
import { Memfd } from "@libc/ipc/memfd";
import { pipe } from "@libc/ipc/pipe";
import { PosixMessageQueue } from "@libc/ipc/posix-mq";
import { PosixSharedMemory } from "@libc/ipc/posix-shm";
import { Socket } from "@libc/ipc/socket";
import { spawn } from "@libc/ipc/spawn";
import {
  codeOf,
  denoArgs,
  EMULATED,
  notEmulated,
  openedSince,
  openFds,
  scaled,
  source,
  spawnDeno,
  uniqueName,
} from "../../util.ts";
import { FILES, isRecent, mappings } from "./process_state.ts";

const PAGE = pageSize();
const HELPERS = source("tests/ipc/memory/process_state.ts");

Deno.test("Memfd.create() makes zero bytes under a name that need not be unique", () => {
  using memory = Memfd.create("frames", { size: 5000 });
  using other = Memfd.create("frames", { size: 5000 });
  assertEquals(memory.name, "frames");
  assertEquals(memory.size, 5000);
  assertEquals([memory.readOnly, memory.closed], [false, false]);
  const stat = memory.stat();
  assertEquals([stat.size, stat.links, stat.uid], [5000, 0, Deno.uid()]);
  assertNotEquals(stat.inode, other.stat().inode);
  assert(isRecent(stat.modifyTime));
  using mapping = memory.map();
  assertEquals(mapping.read(), new Uint8Array(5000));
  mapping.bytes[0] = 1;
  using second = memory.map();
  assertEquals(second.bytes[0], 1);
  using third = other.map();
  assertEquals(third.bytes[0], 0);
});

Deno.test("Memfd.create() fixes the size unless told otherwise", () => {
  using memory = Memfd.create("fixed", { size: 5000 });
  assertEquals(memory.seals, ["shrink", "grow"]);
  const error = assertThrows(
    () => memory.resize(4999),
    IpcError,
    `Cannot resize memfd "fixed" to 4999 bytes: ftruncate failed with EPERM`,
  );
  assertEquals(error.code, "EPERM");
  assertEquals(codeOf(() => memory.resize(5001)), "EPERM");
  assertEquals(codeOf(() => memory.resize(5001, { reserve: true })), "EPERM");
  memory.resize(5000);
  assertEquals(memory.size, 5000);
  using open = Memfd.create("open", { size: 5000, seals: [] });
  assertEquals(open.seals, []);
  open.resize(9000);
  open.resize(10);
  assertEquals(open.size, 10);
  using empty = Memfd.create("empty", { size: 0 });
  assertEquals(empty.seals, []);
  empty.resize(1);
  using sealed = Memfd.create("sealed", { size: 0, seals: ["grow"] });
  assertThrows(() => sealed.map(), RangeError, "it has no bytes");
});

Deno.test("Memfd.create() refuses wrong arguments before any call", () => {
  const before = openFds(FILES);
  for (const size of [-1, 0.5, NaN, 2 ** 53]) {
    assertThrows(() => Memfd.create("x", { size }), RangeError, "size must be");
  }
  for (const options of [undefined, null, 4096]) {
    assertThrows(
      () => Memfd.create("x", options as never),
      TypeError,
      "options must be an object",
    );
  }
  assertThrows(
    () => Memfd.create("a\0b", { size: 1 }),
    TypeError,
    String.raw`name must not contain a NUL character, got "a\u0000b"`,
  );
  assertThrows(
    () => Memfd.create("ä".repeat(125), { size: 1 }),
    TypeError,
    "name must have at most 249 bytes",
  );
  assertThrows(
    () => Memfd.create("x", { size: 1, seals: ["shrunk" as never] }),
    TypeError,
    `seal must be one of seal, shrink, grow, write, future_write, exec, got "shrunk"`,
  );
  for (const hugePages of [0, 1, 3000, 2 ** 41, -1]) {
    assertThrows(
      () => Memfd.create("x", { size: 1, hugePages }),
      RangeError,
      "hugePages must be",
    );
  }
  assertEquals(openedSince(before, FILES), []);
});

Deno.test("Memfd.create() takes the longest name, and an empty one", () => {
  const name = "ä".repeat(124) + "x";
  using memory = Memfd.create(name, { size: 1 });
  using empty = Memfd.create("", { size: 1 });
  assertEquals(
    Deno.readLinkSync(`/proc/self/fd/${memory.fd.number}`),
    `/memfd:${name} (deleted)`,
  );
  assertEquals(empty.name, "");
});

Deno.test("Memfd.create() reserves the memory when told to", () => {
  const size = 16 * PAGE;
  using usual = Memfd.create("usual", { size });
  assertEquals(usual.stat().allocated, 0);
  using reserved = Memfd.create("reserved", { size, reserve: true });
  assertEquals(reserved.stat().allocated, size);
});

Deno.test("Memfd.create() obeys executable", () => {
  using never = Memfd.create("never", { size: 1, executable: false });
  assertEquals(never.stat().mode & 0o111, 0);
  if (capabilities().memfdExec) {
    assertEquals(never.seals, ["shrink", "grow", "exec"]);
    assertEquals(codeOf(() => never.set({ mode: 0o777 })), "EPERM");
  }
  using ever = Memfd.create("ever", { size: 1, executable: true });
  assertEquals(ever.stat().mode & 0o111, 0o111);
  assertEquals(ever.seals, ["shrink", "grow"]);
});

Deno.test("Memfd.create() explains huge pages that are not there", () => {
  const before = openFds(FILES);
  const error = assertThrows(
    () => Memfd.create("huge", { size: 2 ** 21, hugePages: 8192 }),
    IpcError,
    "ENODEV (No such device): this machine has no pages of 8192 bytes",
  );
  assertEquals(error.syscall, "memfd_create");
  assertEquals(
    codeOf(() => Memfd.create("huge", { size: 4097, hugePages: true })),
    "EINVAL",
  );
  assertEquals(openedSince(before, FILES), []);
});

/** Reads a number from `/proc/meminfo`. */
function meminfo(name: string): number {
  const text = Deno.readTextFileSync("/proc/meminfo");
  return Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(text)?.[1] ?? 0);
}

Deno.test({
  ...notEmulated("Memfd with huge pages maps whole ones only", "maps others"),
  fn() {
    using memory = Memfd.create("huge", { size: 2 ** 22, hugePages: 2 ** 21 });
    assertThrows(
      () => memory.map({ length: PAGE }),
      RangeError,
      "its pages have 2097152",
    );
    assertThrows(() => memory.map({ offset: PAGE }), RangeError, "its pages");
    // More than any machine has, or than another test lends meanwhile.
    using most = Memfd.create("most", { size: 2 ** 44, hugePages: 2 ** 21 });
    const error = assertThrows(() => most.map(), IpcError);
    assertEquals(error.code, "ENOMEM");
    assertStringIncludes(error.message, "too few huge pages are free");
  },
});

/** The number of huge pages that the kernel may make on demand. */
const OVERCOMMIT = "/proc/sys/vm/nr_overcommit_hugepages";

/** Allows two huge pages if there are none and this user may allow them. */
function lendHugePages(): Disposable | undefined {
  if (meminfo("HugePages_Free") >= 2) return { [Symbol.dispose]() {} };
  using stack = new DisposableStack();
  try {
    // The setting is global, so other tests that lend pages have to wait.
    const file = stack.use(Deno.openSync(OVERCOMMIT));
    file.lockSync(true);
    const before = Deno.readTextFileSync(OVERCOMMIT);
    Deno.writeTextFileSync(OVERCOMMIT, `${Number(before) + 2}`);
    stack.defer(() => Deno.writeTextFileSync(OVERCOMMIT, before));
    return stack.move();
  } catch {
    return undefined;
  }
}

function hasHugePages(): boolean {
  using lent = lendHugePages();
  return lent !== undefined;
}

const noHugePages = EMULATED
  ? " [skipped: the emulator maps no huge pages]"
  : hasHugePages()
  ? ""
  : " [skipped: this machine has no free huge pages, and lends none]";

Deno.test({
  name: `Memfd with huge pages is memory as any other${noHugePages}`,
  ignore: noHugePages !== "",
  fn() {
    using _lent = lendHugePages();
    const huge = 1024 * meminfo("Hugepagesize");
    using memory = Memfd.create("huge", { size: 2 * huge, hugePages: true });
    using mapping = memory.map();
    using second = memory.map({ offset: huge });
    mapping.bytes[2 * huge - 1] = 1;
    assertEquals(second.bytes[huge - 1], 1);
    const maps = Deno.readTextFileSync("/proc/self/smaps");
    // The start of its line: another mapping may end at that address.
    const begin = new RegExp(`^0*${mapping.address.toString(16)}-`, "m");
    const part = maps.slice(maps.search(begin));
    const [, size] = /^KernelPageSize:\s*(\d+) kB$/m.exec(part) ?? [];
    assertEquals(1024 * Number(size), huge);
    const error = assertThrows(
      () => memory.pwrite(new Uint8Array(1)),
      IpcError,
    );
    assertEquals(error.code, "EINVAL");
  },
});

Deno.test("Memfd.seal() forbids for good what it says", () => {
  using memory = Memfd.create("sealed", { size: 2 * PAGE, seals: [] });
  memory.seal("shrink");
  assertEquals(memory.seals, ["shrink"]);
  assertEquals(codeOf(() => memory.resize(PAGE)), "EPERM");
  memory.resize(3 * PAGE);
  memory.seal("grow", "shrink");
  assertEquals(memory.seals, ["shrink", "grow"]);
  assertEquals(codeOf(() => memory.resize(4 * PAGE)), "EPERM");
  memory.seal();
  const mapping = memory.map();
  const busy = assertThrows(
    () => memory.seal("write"),
    IpcError,
    "it is mapped writable",
  );
  assertEquals(busy.code, "EBUSY");
  mapping.close();
  memory.seal("write");
  assertEquals(codeOf(() => memory.map()), "EPERM");
  assertEquals(codeOf(() => memory.pwrite(new Uint8Array(1))), "EPERM");
  using view = memory.map({ readOnly: true });
  assertEquals(view.read(0, 1)[0], 0);
  using own = memory.map({ private: true });
  own.bytes[0] = 1;
  memory.seal("seal");
  const done = assertThrows(() => memory.seal("grow"), IpcError);
  assertEquals([done.code, done.syscall], ["EPERM", "fcntl"]);
  assertEquals(memory.seals, ["seal", "shrink", "grow", "write"]);
  assertThrows(() => memory.seal("all" as never), TypeError, `got "all"`);
});

Deno.test({
  name: `Memfd.seal() with "future_write" leaves its own mapping writable${
    capabilities().memfdFutureWrite ? "" : " [skipped: kernel before 5.1]"
  }`,
  ignore: !capabilities().memfdFutureWrite,
  fn() {
    using memory = Memfd.create("published", { size: PAGE });
    using mapping = memory.map();
    memory.seal("future_write", "seal");
    mapping.bytes[0] = 9;
    assertEquals(codeOf(() => memory.map()), "EPERM");
    assertEquals(codeOf(() => memory.pwrite(new Uint8Array(1))), "EPERM");
    using view = memory.map({ readOnly: true });
    assertEquals(view.read(0, 1)[0], 9);
    assertEquals(codeOf(() => view.protect({ readOnly: false })), "EACCES");
  },
});

Deno.test("Memfd.map() maps any part of it", () => {
  using memory = Memfd.create("parts", { size: 2 * PAGE });
  using mapping = memory.map({ offset: PAGE - 1, length: 2 });
  mapping.bytes.set([1, 2]);
  const copy = new Uint8Array(4);
  assertEquals(memory.pread(copy, PAGE - 2), 4);
  assertEquals([...copy], [0, 1, 2, 0]);
  assertThrows(() => memory.map({ length: 2 * PAGE + 1 }), RangeError);
  assertThrows(() => memory.pwrite(copy, 2 * PAGE - 3), RangeError);
  memory.pwrite(copy, 2 * PAGE - 4);
  assertEquals(memory.pread(copy, 2 * PAGE - 2), 2);
});

Deno.test("Memfd.resize() does not take away what is mapped", () => {
  using memory = Memfd.create("open", { size: 2 * PAGE, seals: [] });
  const mapping = memory.map({ offset: PAGE });
  assertThrows(
    () => memory.resize(PAGE),
    RangeError,
    `Cannot shrink memfd "open" to ${PAGE} bytes while ${2 * PAGE} are mapped`,
  );
  mapping.close();
  memory.resize(PAGE);
  assertEquals(memory.size, PAGE);
});

Deno.test("Memfd.open() reaches the memory of another process", async () => {
  await using child = spawnDeno(`
    import { Memfd } from "@libc/ipc/memfd";
    using memory = Memfd.create("theirs", { size: 5000 });
    using mapping = memory.map();
    mapping.bytes.set([1, 2, 3]);
    console.log(memory.fd.number);
    await Deno.stdin.read(new Uint8Array(1));
    console.log(mapping.bytes[0]);
  `);
  const fd = Number(await child.line());
  {
    using memory = Memfd.open({ pid: child.pid, fd });
    assertEquals([memory.name, memory.size], ["theirs", 5000]);
    assertEquals(memory.seals, ["shrink", "grow"]);
    using mapping = memory.map();
    assertEquals(mapping.read(0, 3), new Uint8Array([1, 2, 3]));
    mapping.bytes[0] = 9;
    await child.write("go");
    assertEquals(await child.line(), "9");
    assertEquals((await child.end()).code, 0);
    // The memory lives on in the descriptors and mappings of this process.
    assertEquals(mapping.bytes[1], 2);
    using again = memory.map();
    assertEquals(again.bytes[2], 3);
  }
  assertEquals(codeOf(() => Memfd.open({ pid: child.pid, fd })), "ENOENT");
});

Deno.test("Memfd reaches a child as an inherited descriptor", async () => {
  using memory = Memfd.create("given", { size: 100 });
  const code = `
    import { Memfd } from "@libc/ipc/memfd";
    import { inheritedFd } from "@libc/ipc/spawn";
    using memory = Memfd.fromFd(inheritedFd(3), { takeOver: true });
    using mapping = memory.map();
    mapping.bytes[99] = memory.seals.length;
  `;
  await using child = spawn(Deno.execPath(), {
    args: denoArgs(code),
    fds: { 1: "inherit", 2: "inherit", 3: memory },
  });
  assertEquals((await child.status).code, 0);
  using mapping = memory.map();
  assertEquals(mapping.bytes[99], 2);
});

Deno.test("Memfd.open() with readOnly gives no way to write", () => {
  using memory = Memfd.create("mine", { size: 10, seals: [] });
  using reader = Memfd.open(
    { pid: Deno.pid, fd: memory.fd.number },
    { readOnly: true },
  );
  assertEquals(reader.readOnly, true);
  using mapping = reader.map();
  assertThrows(() => mapping.bytes, TypeError, "read-only");
  assertEquals(codeOf(() => reader.map({ readOnly: false })), "EACCES");
  assertEquals(codeOf(() => reader.pwrite(new Uint8Array(1))), "EBADF");
  assertEquals(codeOf(() => reader.seal("write")), "EPERM");
  using copy = Memfd.fromFd(reader.fd);
  assertEquals(copy.readOnly, true);
});

Deno.test("Memfd.open() and fromFd() refuse what is no memory", () => {
  using event = EventFd.create();
  using ends = pipe();
  using queue = PosixMessageQueue.create(null, { messageSize: 8 });
  const [socket, other] = Socket.pair();
  using _socket = socket;
  using _other = other;
  const before = openFds(FILES);
  for (
    // Neither a socket nor an eventfd can be opened by its name.
    const [{ number: fd }, byNumber, byName] of [
      [event.fd, "ENODEV", "ENXIO"],
      [socket.fd, "ENODEV", "ENXIO"],
      [ends.reader.fd, "ENODEV", "ENODEV"],
      [queue.fd, "EINVAL", "EINVAL"],
    ] as const
  ) {
    assertEquals(codeOf(() => Memfd.fromFd(fd)), byNumber);
    const there = { pid: Deno.pid, fd };
    assertEquals(codeOf(() => Memfd.open(there, { readOnly: true })), byName);
  }
  assertEquals(openedSince(before, FILES), []);
  assertEquals(codeOf(() => Memfd.fromFd(1_000_000)), "EBADF");
  assertThrows(() => Memfd.fromFd(-1), RangeError, "fd must be");
  assertThrows(() => Memfd.fromFd("3" as never), TypeError, `got "3"`);
  assertThrows(
    () => Memfd.open({ pid: 0, fd: 1 }),
    RangeError,
    "pid must be",
  );
  assertThrows(() => Memfd.open(undefined as never), TypeError, "pid");
});

Deno.test("Memfd.fromFd() explains a regular file that is no memfd", () => {
  const path = Deno.makeTempFileSync({ prefix: "libc_ipc_" });
  try {
    using child = Deno.openSync(path);
    void child;
    const [fd = ""] = openFds(new RegExp(`^${path}$`));
    const error = assertThrows(() => Memfd.fromFd(parseInt(fd)), IpcError);
    // A file on tmpfs has the seal "seal", others have none.
    assertEquals(error.code, "EINVAL");
    assert(error.message.endsWith(": it is no memfd"), error.message);
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("Memfd.fromFd() duplicates, or takes over when told to", () => {
  const before = openFds(FILES);
  {
    using memory = Memfd.create("given", { size: 10 });
    using copy = Memfd.fromFd(memory.fd);
    assertEquals(copy.name, "given");
    assertNotEquals(copy.fd.number, memory.fd.number);
    assertEquals(copy.stat().inode, memory.stat().inode);
    copy.close();
    assertEquals(memory.size, 10);
    using taken = Memfd.fromFd(memory.fd, { takeOver: true });
    assertEquals(memory.closed, true);
    assertEquals(taken.size, 10);
    const number = taken.fd.duplicate().number;
    using last = Memfd.fromFd(number, { takeOver: true });
    assertEquals(last.size, 10);
    assertThrows(() => Deno.readLinkSync(`/proc/self/fd/${number}`));
  }
  assertEquals(openedSince(before, FILES), []);
});

Deno.test("Memfd.fromFd() does not take over what it refuses", () => {
  using memory = Memfd.create("weak", { size: 10, seals: ["grow"] });
  const before = openFds(FILES);
  const error = assertThrows(
    () =>
      Memfd.fromFd(memory.fd, {
        takeOver: true,
        requireSeals: ["shrink", "grow", "write"],
      }),
    IpcError,
    "it is not sealed against shrink, write (EPERM)",
  );
  assertEquals(error.code, "EPERM");
  assertEquals(memory.closed, false);
  const source = { pid: Deno.pid, fd: memory.fd.number };
  assertEquals(
    codeOf(() => Memfd.open(source, { requireSeals: ["shrink"] })),
    "EPERM",
  );
  assertEquals(openedSince(before, FILES), []);
  memory.seal("shrink");
  Memfd.open(source, { requireSeals: ["shrink"] }).close();
});

Deno.test("Memfd.fromFd() takes POSIX shared memory, which has no other seal", () => {
  using shared = PosixSharedMemory.create(null, { size: 10 });
  using memory = Memfd.fromFd(shared.fd);
  assertEquals(memory.seals, ["seal"]);
  assertEquals(memory.name, `/dev/shm${shared.name}`);
  assertEquals(codeOf(() => memory.seal("shrink")), "EPERM");
  assertEquals(
    codeOf(() => Memfd.fromFd(shared.fd, { requireSeals: ["shrink"] })),
    "EPERM",
  );
});

Deno.test("Memfd protects who maps it from a peer that would shorten it", async () => {
  using memory = Memfd.create("safe", { size: 2 * PAGE });
  using mapping = memory.map();
  await using child = spawnDeno(`
    import { Memfd } from "@libc/ipc/memfd";
    using memory = Memfd.open({ pid: ${Deno.pid}, fd: ${memory.fd.number} });
    try {
      memory.resize(0);
    } catch (error) {
      console.log(error.code);
    }
  `);
  assertEquals(await child.line(), "EPERM");
  assertEquals(mapping.read(PAGE, 1)[0], 0);
});

Deno.test({
  ...notEmulated(
    "Memfd without seals survives being shortened by copying",
    "has no process_vm_readv",
  ),
  async fn() {
    using memory = Memfd.create("unsafe", { size: 3 * PAGE, seals: [] });
    await using child = spawnDeno(
      `
    import { Memfd } from "@libc/ipc/memfd";
    using memory = Memfd.open({ pid: ${Deno.pid}, fd: ${memory.fd.number} });
    using mapping = memory.map();
    console.log("mapped");
    await Deno.stdin.read(new Uint8Array(1));
    const target = new Uint8Array(10);
    let code = "";
    try {
      mapping.readInto(target, ${2 * PAGE});
    } catch (error) {
      code = error.code;
    }
    console.log(memory.pread(target, ${PAGE - 5}), memory.pread(target, ${
        2 * PAGE
      }), code);
  `,
    );
    assertEquals(await child.line(), "mapped");
    memory.resize(PAGE);
    await child.write("go");
    const { code, stdout, stderr } = await child.end();
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout, "5 0 EFAULT\n");
  },
});

Deno.test("Memfd is inherited only by being given", async () => {
  const name = uniqueName();
  using memory = Memfd.create(name, { size: 10 });
  using copy = Memfd.fromFd(memory.fd);
  assertEquals(copy.size, 10);
  const { stdout } = await new Deno.Command("ls", {
    args: ["-l", "/proc/self/fd"],
  }).output();
  assertEquals(new TextDecoder().decode(stdout).includes(name), false);
});

Deno.test("Memfd.close() once more leaves alone what has its number by now", () => {
  for (;;) {
    const memory = Memfd.create("closed", { size: 10 });
    const { number } = memory.fd;
    memory.close();
    using other = Memfd.create("other", { size: 1 });
    // Another thread may have taken the number meanwhile.
    if (other.fd.number !== number) continue;
    memory.close();
    memory[Symbol.dispose]();
    assertEquals(other.size, 1);
    break;
  }
});

Deno.test("Memfd leaves no descriptor or mapping behind", () => {
  const name = uniqueName();
  for (let i = 0; i < scaled(1000, 10_000); i++) {
    using memory = Memfd.create(name, { size: 2 * PAGE });
    using copy = Memfd.fromFd(memory.fd);
    using mapping = copy.map({ offset: 1 });
    mapping.bytes[0] = 1;
  }
  assertEquals([openFds(new RegExp(name)), mappings(name)], [[], []]);
});

Deno.test("Memfd leaves nothing behind when descriptors run out", async () => {
  await using child = spawnDeno(
    `
    import { Memfd } from "@libc/ipc/memfd";
    import { openFds } from "${source("tests/util.ts")}";
    import { FILES, withFewDescriptors } from "${HELPERS}";
    const memory = Memfd.create("first", { size: 10 });
    const source = { pid: Deno.pid, fd: memory.fd.number };
    Memfd.open(source).close();
    const before = openFds(FILES).join();
    const run = (call) => {
      const codes = withFewDescriptors(call);
      return [codes, openFds(FILES).join() === before];
    };
    console.log(JSON.stringify([
      run(() => Memfd.create("more", { size: 10 }).close()),
      run(() => Memfd.fromFd(memory.fd).close()),
      run(() => Memfd.open(source).close()),
      run(() => memory.map().close()),
    ]));`,
    { permissions: ["--allow-all"] },
  );
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stderr], [0, ""]);
  assertEquals(JSON.parse(stdout), [
    [["EMFILE"], true],
    [["EMFILE"], true],
    [["EMFILE"], true],
    [[], true],
  ]);
});

Deno.test("Memfd refuses a size beyond RLIMIT_FSIZE and lives", async () => {
  await using child = spawnDeno(
    `
    import { Memfd } from "@libc/ipc/memfd";
    import { openFds } from "${source("tests/util.ts")}";
    import { FILES, limit, RLIMIT_FSIZE } from "${HELPERS}";
    const memory = Memfd.create("first", { size: 10, seals: [] });
    const before = openFds(FILES).join();
    limit(RLIMIT_FSIZE, 2 ** 30);
    const codeOf = (call) => {
      try {
        call();
      } catch (error) {
        return error.code;
      }
    };
    console.log(
      codeOf(() => Memfd.create("large", { size: 2 ** 30 + 1 })),
      codeOf(() => memory.resize(2 ** 30 + 1)),
      openFds(FILES).join() === before,
    );`,
    { permissions: ["--allow-all"] },
  );
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdout, "EFBIG EFBIG true\n");
});
