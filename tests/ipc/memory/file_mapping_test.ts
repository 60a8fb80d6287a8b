import { assert, assertEquals, assertThrows } from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import { pageSize } from "@libc/ipc/mapping";
import { Memfd } from "@libc/ipc/memfd";
import { mapAnonymous, mapFile } from "@libc/ipc/mmap";
import { PosixSemaphore } from "@libc/ipc/posix-sem";
import { spawn } from "@libc/ipc/spawn";
import { struct } from "@libc/ipc/struct";
import {
  codeOf,
  hasCommand,
  notEmulated,
  openedSince,
  openFds,
  scaled,
  source,
  spawnDeno,
  spawnWorker,
  watchdog,
} from "../../util.ts";
import { FILES, mappings, umask } from "./process_state.ts";

const PAGE = pageSize();
const NO_PYTHON = hasCommand("python3") ? "" : " [skipped: no Python]";
const HELPERS = source("tests/ipc/memory/process_state.ts");

/** A directory of its own for a test. */
function directory(
  dir = "/tmp",
): Disposable & { path(name: string): string } {
  const path = Deno.makeTempDirSync({ dir, prefix: "libc_ipc_" });
  return {
    path: (name) => `${path}/${name}`,
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

/** Bytes that encode their own offsets. */
function numbered(size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 255);
}

Deno.test("mapFile() maps a file, and what is written goes to it", () => {
  using dir = directory();
  const path = dir.path("data");
  Deno.writeFileSync(path, numbered(5000));
  {
    using mapping = mapFile(path);
    assertEquals(mapping.size, 5000);
    assertEquals(mapping.readOnly, false);
    assertEquals(mapping.read(), numbered(5000));
    mapping.bytes[4999] = 200;
    mapping.flush();
  }
  assertEquals(Deno.readFileSync(path)[4999], 200);
  assertEquals(Deno.statSync(path).size, 5000);
});

Deno.test("mapFile() takes a file: URL and a path with spaces", () => {
  using dir = directory();
  const path = dir.path("a name ä");
  Deno.writeFileSync(path, numbered(10));
  const url = new URL("file:///");
  url.pathname = path;
  using first = mapFile(url);
  using second = mapFile(path);
  first.bytes[0] = 99;
  assertEquals(second.bytes[0], 99);
  assertThrows(() => mapFile(new URL("https://a/b")), TypeError, "file: URL");
  assertThrows(() => mapFile("a\0b"), TypeError, "NUL");
  assertThrows(() => mapFile(""), TypeError, "path");
  assertThrows(() => mapFile(3 as never), TypeError, "got 3");
});

Deno.test("mapFile() maps any part, on a page boundary or not", () => {
  using dir = directory();
  const path = dir.path("data");
  const bytes = numbered(2 * PAGE + 100);
  Deno.writeFileSync(path, bytes);
  for (
    const [offset, length] of [
      [0, 1],
      [5, 7],
      [PAGE - 1, 2],
      [PAGE, PAGE + 100],
      [2 * PAGE + 99, 1],
    ] as const
  ) {
    using mapping = mapFile(path, { offset, length });
    assertEquals(mapping.read(), bytes.slice(offset, offset + length));
    assertEquals(mappings(path).length, 1);
    mapping.flush();
    mapping.flush({ offset: mapping.size - 1 });
    mapping.advise("random");
    mapping.protect({ readOnly: true });
    mapping.close();
    assertEquals(mappings(path), []);
  }
  assertThrows(
    () => mapFile(path, { offset: 2 * PAGE, length: 101 }),
    RangeError,
    `of file "${path}": it ends at ${2 * PAGE + 100}`,
  );
  assertThrows(() => mapFile(path, { offset: 2 * PAGE + 100 }), RangeError);
  assertEquals(mappings(path), []);
});

Deno.test("mapFile() of any part has nothing atomic but what is aligned in memory", () => {
  using dir = directory();
  const path = dir.path("data");
  Deno.writeFileSync(path, new Uint8Array(100));
  using mapping = mapFile(path, { offset: 4 });
  const Pair = struct({ small: "u32", large: "u64" });
  assertThrows(
    () => Pair.atomic(mapping, "large"),
    TypeError,
    "Cannot use large atomically: the mapping does not begin at a multiple of 8",
  );
  assertEquals(Pair.atomic(mapping, "small").add(1), 0);
  assertEquals(Pair.view(mapping).small, 1);
  assertThrows(
    () => PosixSemaphore.inMapping(mapping, 8),
    RangeError,
    "offset must be 4 behind a multiple of 8, got 8",
  );
  using semaphore = PosixSemaphore.inMapping(mapping, 12, { value: 3 });
  assertEquals(semaphore.value(), 3);
});

Deno.test("mapFile() with readOnly needs no permission to write", () => {
  using dir = directory();
  const path = dir.path("data");
  Deno.writeFileSync(path, numbered(10), { mode: 0o400 });
  using mapping = mapFile(path, { readOnly: true });
  assertThrows(() => mapping.bytes, TypeError, "read-only");
  assertEquals(mapping.read(), numbered(10));
  assertEquals(codeOf(() => mapping.protect({ readOnly: false })), "EACCES");
});

Deno.test("mapFile() with private leaves the file as it is", () => {
  using dir = directory();
  const path = dir.path("data");
  Deno.writeFileSync(path, numbered(10), { mode: 0o400 });
  {
    using mapping = mapFile(path, { private: true });
    mapping.bytes[0] = 77;
    assertEquals(mapping.read(0, 2), new Uint8Array([77, numbered(2)[1] ?? 0]));
  }
  assertEquals(Deno.readFileSync(path), numbered(10));
});

Deno.test("mapFile() with create makes a file of its size once", () => {
  using dir = directory();
  const path = dir.path("new");
  assertEquals(codeOf(() => mapFile(path)), "ENOENT");
  {
    using mapping = mapFile(path, { create: true, size: 5000, mode: 0o666 });
    assertEquals(mapping.read(), new Uint8Array(5000));
    mapping.bytes[0] = 1;
  }
  assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o666 & ~umask());
  using again = mapFile(path, { create: true, size: 6000 });
  assertEquals([again.size, again.bytes[0]], [6000, 1]);
  using smaller = mapFile(path, { create: true, size: 10 });
  assertEquals(smaller.size, 6000);
  const error = assertThrows(
    () => mapFile(path, { createNew: true, size: 10 }),
    IpcError,
    `Cannot create file "${path}": open failed with EEXIST`,
  );
  assertEquals(error.code, "EEXIST");
  using other = mapFile(dir.path("other"), { createNew: true, size: 1 });
  assertEquals(other.size, 1);
});

/**
 * Blocks until another thread has raised a word to a value. It spins at first,
 * so that both continue at the same time, and sleeps if threads share a
 * processor.
 */
function reached(words: Int32Array, index: number, value: number): void {
  for (let spins = 0; Atomics.load(words, index) < value; spins++) {
    if (spins > 10_000) Atomics.wait(words, index, value - 1);
  }
}

Deno.test("mapFile() never makes a file shorter that another thread makes longer", async () => {
  using _dog = watchdog("mapFile() of two threads");
  // In memory, since the disk does not matter here.
  using dir = directory("/dev/shm");
  const path = dir.path("grows");
  const turns = scaled(50, 5000);
  // Many files per turn: a turn takes long if threads share a processor.
  const files = 20;
  using worker = spawnWorker(`
    import { mapFile } from "@libc/ipc/mmap";
    const state = new Int32Array(new SharedArrayBuffer(8));
    const reached = ${reached};
    postMessage(state);
    setTimeout(() => {
      for (let turn = 1; turn <= ${turns}; turn++) {
        reached(state, 0, turn);
        for (let i = 0; i < ${files}; i++) {
          const options = { create: true, size: ${4 * PAGE}, reserve: false };
          mapFile(${JSON.stringify(path)} + i, options).close();
        }
        Atomics.store(state, 1, turn);
        Atomics.notify(state, 1);
      }
    });
  `);
  const state = await worker.next();
  assert(state instanceof Int32Array);
  let shorter = 0;
  for (let turn = 1; turn <= turns; turn++) {
    Atomics.store(state, 0, turn);
    Atomics.notify(state, 0);
    for (let i = 0; i < files; i++) {
      mapFile(path + i, { create: true, size: PAGE, reserve: false }).close();
    }
    reached(state, 1, turn);
    for (let i = 0; i < files; i++) {
      if (Deno.statSync(path + i).size !== 4 * PAGE) shorter++;
      Deno.removeSync(path + i);
    }
  }
  assertEquals(shorter, 0);
});

Deno.test("mapFile() refuses wrong options before any call", () => {
  using dir = directory();
  const path = dir.path("never");
  assertThrows(
    () => mapFile(path, { create: true }),
    RangeError,
    "size must be from 1 on for a new file, got 0",
  );
  assertThrows(() => mapFile(path, { createNew: true }), RangeError, "size");
  assertThrows(
    () => mapFile(path, { create: true, size: -1 }),
    RangeError,
    "size must be",
  );
  assertThrows(
    () => mapFile(path, { create: true, size: 1, mode: -1 }),
    RangeError,
    "mode must be",
  );
  assertThrows(() => Deno.statSync(path), Deno.errors.NotFound);
  assertThrows(
    () => mapFile(new URL("file:///tmp/%ff")),
    TypeError,
    "file must be a file: URL of a path in UTF-8, got file:///tmp/%ff",
  );
});

Deno.test("mapFile() removes what it has created and cannot map", () => {
  using dir = directory();
  const path = dir.path("gone");
  const before = openFds(FILES);
  assertThrows(
    () => mapFile(path, { create: true, size: 10, offset: 10 }),
    RangeError,
    "it ends at 10",
  );
  assertThrows(() => Deno.statSync(path), Deno.errors.NotFound);
  Deno.writeFileSync(path, numbered(5));
  assertThrows(
    () => mapFile(path, { create: true, size: 10, offset: 10 }),
    RangeError,
  );
  assertEquals(Deno.readFileSync(path).slice(0, 5), numbered(5));
  assertEquals(openedSince(before, FILES), []);
});

Deno.test("mapFile() takes an open descriptor, which stays open", () => {
  using memory = Memfd.create("file", { size: 100, seals: [] });
  using mapping = mapFile(memory.fd, { offset: 10 });
  assertEquals(mapping.size, 90);
  mapping.bytes[0] = 5;
  using longer = mapFile(memory.fd, { size: 200 });
  assertEquals(longer.size, 200);
  assertEquals(longer.bytes[10], 5);
  using reader = Memfd.open(
    { pid: Deno.pid, fd: memory.fd.number },
    { readOnly: true },
  );
  using view = mapFile(reader.fd);
  assertEquals(view.readOnly, true);
  assertThrows(
    () => mapFile(memory.fd, { create: true, size: 1 }),
    TypeError,
    "Cannot create the file of an open descriptor",
  );
  memory.close();
  assertThrows(() => mapFile(memory.fd), TypeError, "closed");
});

Deno.test("mapFile() refuses what is no file, and never waits", async () => {
  using _dog = watchdog("mapFile() of a FIFO");
  using dir = directory();
  const fifo = dir.path("fifo");
  await new Deno.Command("mkfifo", { args: [fifo] }).output();
  const before = openFds(FILES);
  assertEquals(codeOf(() => mapFile(fifo)), "ENODEV");
  assertEquals(codeOf(() => mapFile(fifo, { readOnly: true })), "ENODEV");
  assertEquals(codeOf(() => mapFile("/dev/null")), "ENODEV");
  assertEquals(codeOf(() => mapFile("/dev/null", { size: 10 })), "ENODEV");
  assertEquals(codeOf(() => mapFile("/tmp")), "EISDIR");
  assertEquals(codeOf(() => mapFile("/tmp", { readOnly: true })), "ENODEV");
  Deno.writeFileSync(dir.path("empty"), new Uint8Array(0));
  assertThrows(
    () => mapFile(dir.path("empty")),
    RangeError,
    "it has no bytes",
  );
  assertEquals(openedSince(before, FILES), []);
});

Deno.test("mapFile() shares a file with another process", async () => {
  using dir = directory();
  const path = dir.path("shared");
  using mapping = mapFile(path, { create: true, size: 2 * PAGE });
  const words = new Int32Array(mapping.buffer);
  await using child = spawnDeno(`
    import { mapFile } from "@libc/ipc/mmap";
    using mapping = mapFile("${path}", { offset: ${PAGE} });
    const words = new Int32Array(mapping.buffer);
    console.log("mapped");
    await Deno.stdin.read(new Uint8Array(1));
    console.log(Atomics.add(words, 0, 2));
  `);
  assertEquals(await child.line(), "mapped");
  Atomics.store(words, PAGE / 4, 40);
  await child.write("go");
  assertEquals(await child.line(), "40");
  assertEquals(Atomics.load(words, PAGE / 4), 42);
});

Deno.test({
  ...notEmulated(
    "mapFile() survives a shortened file by readInto()",
    "has no process_vm_readv",
  ),
  async fn() {
    using dir = directory();
    const path = dir.path("shortened");
    Deno.writeFileSync(path, numbered(2 * PAGE));
    await using child = spawnDeno(`
    import { mapFile } from "@libc/ipc/mmap";
    using mapping = mapFile("${path}");
    console.log("mapped");
    await Deno.stdin.read(new Uint8Array(1));
    const target = new Uint8Array(10);
    try {
      mapping.readInto(target, ${PAGE});
    } catch (error) {
      console.log(error.code, mapping.readInto(target, 10), target[0]);
    }
  `);
    assertEquals(await child.line(), "mapped");
    Deno.truncateSync(path, PAGE);
    await child.write("go");
    assertEquals(await child.line(), `EFAULT 10 ${numbered(11)[10]}`);
    assertEquals((await child.end()).code, 0);
  },
});

Deno.test("mapFile() leaves nothing behind when descriptors run out", async () => {
  using dir = directory();
  const path = dir.path("scarce");
  await using child = spawnDeno(
    `
    import { mapFile } from "@libc/ipc/mmap";
    import { openFds } from "${source("tests/util.ts")}";
    import { FILES, withFewDescriptors } from "${HELPERS}";
    const before = openFds(FILES).join();
    const codes = withFewDescriptors(() =>
      mapFile("${path}", { createNew: true, size: 10 }).close()
    );
    console.log(codes.join(), openFds(FILES).join() === before);`,
    { permissions: ["--allow-all"] },
  );
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdout, "EMFILE true\n");
});

Deno.test("mapAnonymous() gives zero bytes of its own", () => {
  for (const shared of [false, true]) {
    using first = mapAnonymous(5000, { shared });
    using second = mapAnonymous(5000, { shared });
    assertEquals(first.size, 5000);
    assertEquals(first.read(), new Uint8Array(5000));
    first.bytes.fill(1);
    assertEquals(second.bytes[0], 0);
    assert(first.address !== second.address);
    first.lock();
    first.unlock();
    first.protect({ readOnly: true });
    assertThrows(() => first.bytes, TypeError, "read-only");
    first.advise("dontneed");
  }
});

Deno.test("mapAnonymous() unmaps all of it", () => {
  const size = 1237 * PAGE;
  const kilobytes = String(size / 1024);
  /** Counts the mappings of a size that nothing else has. */
  const count = () =>
    Deno.readTextFileSync("/proc/self/smaps").split("\n")
      .filter((line) => /^Size:\s+(\d+) kB$/.exec(line)?.[1] === kilobytes)
      .length;
  const before = count();
  // Populated, so that it is not merged with an adjacent mapping.
  const mapping = mapAnonymous(size - 1, { shared: true, populate: true });
  assertEquals(count(), before + 1);
  mapping.close();
  assertEquals(count(), before);
});

Deno.test("mapAnonymous() refuses wrong sizes", () => {
  for (const size of [0, -1, 0.5, NaN, 2 ** 53]) {
    assertThrows(() => mapAnonymous(size), RangeError, "size must be");
  }
  assertThrows(() => mapAnonymous("1" as never), TypeError, "size must be");
  const error = assertThrows(() => mapAnonymous(2 ** 50), IpcError);
  assertEquals([error.code, error.syscall], ["ENOMEM", "mmap"]);
  const before = openFds(FILES);
  assertThrows(() => mapAnonymous(2 ** 50, { shared: true }), IpcError);
  assertEquals(openedSince(before, FILES), []);
});

Deno.test("mapAnonymous() shares memory with a process that is started", async () => {
  using _dog = watchdog("inherited memory");
  const before = openFds(FILES);
  {
    using memory = mapAnonymous(5000, { shared: true });
    const cells = new Int32Array(memory.buffer, 0, 2);
    Atomics.store(cells, 1, 37);
    using child = spawn(Deno.execPath(), {
      args: [
        "eval",
        `--config=${new URL("../../../deno.json", import.meta.url).pathname}`,
        `import { mapFile } from "@libc/ipc/mmap";
        import { inheritedFd } from "@libc/ipc/spawn";
        using fd = inheritedFd(3);
        using memory = mapFile(fd);
        const cells = new Int32Array(memory.buffer, 0, 2);
        console.log(memory.size, Atomics.add(cells, 1, 5));`,
      ],
      fds: { 1: "pipe", 3: memory },
    });
    assertEquals(
      await new Response(child.stdout?.readable).text(),
      "5000 37\n",
    );
    assertEquals((await child.status).code, 0);
    assertEquals(Atomics.load(cells, 1), 42);
    // Nobody can shrink it, which would kill a process that touches it.
    assertThrows(() =>
      Deno.truncateSync(`/proc/self/fd/${memory.fd.number}`, 0)
    );
  }
  assertEquals(openedSince(before, FILES), []);
});

Deno.test(`mapAnonymous() shares memory with a Python program${NO_PYTHON}`, {
  ignore: NO_PYTHON !== "",
}, async () => {
  using memory = mapAnonymous(100, { shared: true });
  memory.write(new TextEncoder().encode("hello"), 5);
  using child = spawn("python3", {
    args: [
      "-c",
      "import mmap; m = mmap.mmap(3, 100); m[0:5] = m[5:10].upper()",
    ],
    fds: { 3: memory },
  });
  assertEquals((await child.status).code, 0);
  assertEquals(new TextDecoder().decode(memory.read(0, 10)), "HELLOhello");
});

Deno.test("mapFile() follows a symbolic link to a file, and makes that longer", () => {
  using folder = directory();
  Deno.writeTextFileSync(folder.path("file"), "text");
  Deno.symlinkSync(folder.path("file"), folder.path("link"));
  using mapping = mapFile(folder.path("link"), { create: true, size: 10 });
  mapping.write(new TextEncoder().encode("T"));
  assertEquals(Deno.readTextFileSync(folder.path("file")), "Text\0\0\0\0\0\0");
});

Deno.test("mapFile() refuses to make what a symbolic link to nothing names", () => {
  using folder = directory();
  Deno.symlinkSync(folder.path("nothing"), folder.path("link"));
  const error = assertThrows(
    () => mapFile(folder.path("link"), { create: true, size: 10 }),
    IpcError,
    "it is a symbolic link to what does not exist",
  );
  assertEquals(error.code, "ELOOP");
  assertThrows(
    () => Deno.statSync(folder.path("nothing")),
    Deno.errors.NotFound,
  );
});
