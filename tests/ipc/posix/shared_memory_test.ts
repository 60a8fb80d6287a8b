import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import { pageSize } from "@libc/ipc/mapping";
import { PosixSharedMemory } from "@libc/ipc/posix-shm";
import {
  codeOf,
  openedSince,
  openFds,
  scaled,
  spawnDeno,
  spawnWorker,
  uniqueName,
} from "../../util.ts";
import {
  FILES,
  isRecent,
  mappings,
  sharedFiles,
  umask,
} from "../memory/process_state.ts";

/** An unused name, with its slash. */
function freeName(): string {
  return `/${uniqueName()}`;
}

Deno.test("PosixSharedMemory.create() tells what it made", () => {
  const name = freeName();
  using memory = PosixSharedMemory.create(name, { size: 5000 });
  assertEquals(memory.name, name);
  assertEquals(memory.size, 5000);
  assertEquals(memory.created, true);
  assertEquals(memory.readOnly, false);
  assertEquals(memory.closed, false);
  const stat = memory.stat();
  const file = Deno.statSync(`/dev/shm${name}`);
  assertEquals(stat.size, 5000);
  assertEquals(stat.mode, 0o600);
  assertEquals(stat.links, 1);
  assertEquals([stat.uid, stat.gid], [Deno.uid(), Deno.gid()]);
  assertEquals([stat.inode, stat.device], [file.ino, file.dev]);
  assertEquals(stat.modifyTime, file.mtime);
  assertEquals(stat.accessTime, file.atime);
  assert(isRecent(stat.changeTime));
  assertEquals(stat.allocated, Math.ceil(5000 / pageSize()) * pageSize());
});

Deno.test("PosixSharedMemory.create() throws EEXIST when the name is taken, with all names", () => {
  using memory = PosixSharedMemory.create(freeName(), { size: 1 });
  const error = assertThrows(
    () => PosixSharedMemory.create(memory.name, { size: 1 }),
    IpcError,
    `Cannot create shared memory "${memory.name}": shm_open failed with EEXIST (File exists)`,
  );
  assertEquals(error.code, "EEXIST");
  assertEquals(error.syscall, "shm_open");
  assertEquals(memory.size, 1);
});

Deno.test("PosixSharedMemory.create() refuses wrong arguments before any call", () => {
  const name = freeName();
  for (const size of [-1, 1.5, NaN, Infinity, 2 ** 53]) {
    assertThrows(
      () => PosixSharedMemory.create(name, { size }),
      RangeError,
      `${size}`,
    );
  }
  for (const mode of [-1, 0o10000, 0.5]) {
    assertThrows(
      () => PosixSharedMemory.create(name, { size: 1, mode }),
      RangeError,
      "mode must be",
    );
  }
  for (const options of [undefined, null, 4096]) {
    assertThrows(
      () => PosixSharedMemory.create(name, options as never),
      TypeError,
      "options must be an object",
    );
  }
  assertThrows(
    () => PosixSharedMemory.create(name, { size: 10n } as never),
    TypeError,
    "size must be a number, got 10n",
  );
  assertEquals(codeOf(() => PosixSharedMemory.open(name)), "ENOENT");
});

Deno.test("PosixSharedMemory judges names alike in every call", () => {
  for (
    const name of ["", "a", "/", "/a/b", "/a\0b", "/..", `/${"x".repeat(255)}`]
  ) {
    for (
      const call of [
        () => PosixSharedMemory.create(name, { size: 1 }),
        () => PosixSharedMemory.open(name),
        () => PosixSharedMemory.openOrCreate(name, { size: 1 }),
        () => PosixSharedMemory.unlink(name),
      ]
    ) {
      assertThrows(call, TypeError, `got ${JSON.stringify(name)}`);
    }
  }
});

Deno.test("PosixSharedMemory takes the longest name in every call", () => {
  const name = freeName().padEnd(255, "x");
  using memory = PosixSharedMemory.create(name, { size: 1 });
  using other = PosixSharedMemory.open(name);
  assertEquals(other.stat().inode, memory.stat().inode);
  memory.unlink();
  assertEquals(codeOf(() => PosixSharedMemory.unlink(name)), "ENOENT");
});

Deno.test("PosixSharedMemory.create() with null finds names that nobody uses", () => {
  using first = PosixSharedMemory.create(null, { size: 1 });
  using second = PosixSharedMemory.create(null, { size: 1 });
  assertNotEquals(first.name, second.name);
  using other = PosixSharedMemory.open(first.name);
  assertEquals(other.size, 1);
});

Deno.test("PosixSharedMemory.create() lets the umask take away bits unless told to ignore it", () => {
  using usual = PosixSharedMemory.create(null, { size: 1, mode: 0o666 });
  assertEquals(usual.stat().mode, 0o666 & ~umask());
  using exact = PosixSharedMemory.create(null, {
    size: 1,
    mode: 0o666,
    ignoreUmask: true,
  });
  assertEquals(exact.stat().mode, 0o666);
});

Deno.test("PosixSharedMemory.create() reserves the memory unless told not to", () => {
  const size = 64 * pageSize();
  using reserved = PosixSharedMemory.create(null, { size });
  assertEquals(reserved.stat().allocated, size);
  using sparse = PosixSharedMemory.create(null, { size, reserve: false });
  assertEquals(sparse.size, size);
  assertEquals(sparse.stat().allocated, pageSize());
});

Deno.test("PosixSharedMemory.create() makes an object of no bytes, too", () => {
  using memory = PosixSharedMemory.create(null, { size: 0 });
  assertEquals(memory.size, 0);
  assertThrows(() => memory.map(), RangeError, "it has no bytes");
});

Deno.test("PosixSharedMemory.open() throws ENOENT and says what it did", () => {
  const name = freeName();
  const error = assertThrows(
    () => PosixSharedMemory.open(name),
    IpcError,
    `Cannot open shared memory "${name}": shm_open failed with ENOENT (No such file or directory)`,
  );
  assertEquals(error.code, "ENOENT");
});

Deno.test("PosixSharedMemory.open() with readOnly gives no way to write", () => {
  using memory = PosixSharedMemory.create(null, { size: 100 });
  using reader = PosixSharedMemory.open(memory.name, { readOnly: true });
  assertEquals(reader.readOnly, true);
  assertEquals(reader.created, false);
  assertEquals(codeOf(() => reader.resize(10)), "EINVAL");
  assertEquals(codeOf(() => reader.resize(200)), "EBADF");
  using mapping = reader.map();
  assertEquals(mapping.readOnly, true);
  assertThrows(() => mapping.bytes, TypeError, "read-only");
  assertEquals(codeOf(() => reader.map({ readOnly: false })), "EACCES");
  assertEquals(codeOf(() => reader.pwrite(new Uint8Array(1))), "EBADF");
  assertEquals(codeOf(() => mapping.protect({ readOnly: false })), "EACCES");
  using own = reader.map({ private: true });
  own.bytes[0] = 1;
  assertEquals(mapping.read(0, 1)[0], 0);
});

Deno.test("PosixSharedMemory.open() throws EINVAL when it is smaller than asked", () => {
  using memory = PosixSharedMemory.create(null, { size: 100 });
  using other = PosixSharedMemory.open(memory.name, { size: 100 });
  assertEquals(other.size, 100);
  const before = openFds(FILES);
  const error = assertThrows(
    () => PosixSharedMemory.open(memory.name, { size: 101 }),
    IpcError,
    "it has 100 bytes, not the 101 asked for (EINVAL)",
  );
  assertEquals(error.code, "EINVAL");
  assertEquals(openedSince(before, FILES), []);
});

Deno.test("PosixSharedMemory.openOrCreate() says which happened", () => {
  const name = freeName();
  using first = PosixSharedMemory.openOrCreate(name, {
    size: 10,
    owner: true,
  });
  using second = PosixSharedMemory.openOrCreate(name, { size: 5 });
  assertEquals([first.created, second.created], [true, false]);
  assertEquals(second.size, 10);
  assertEquals(
    codeOf(() => PosixSharedMemory.openOrCreate(name, { size: 11 })),
    "EINVAL",
  );
});

Deno.test("PosixSharedMemory.openOrCreate() owns nothing unless told, and what it opens never", () => {
  const name = freeName();
  try {
    {
      using _first = PosixSharedMemory.openOrCreate(name, { size: 1 });
    }
    {
      using second = PosixSharedMemory.openOrCreate(name, {
        size: 1,
        owner: true,
      });
      assertEquals(second.created, false);
    }
    using third = PosixSharedMemory.open(name);
    assertEquals(third.size, 1);
  } finally {
    PosixSharedMemory.unlink(name);
  }
});

Deno.test("PosixSharedMemory.openOrCreate() finishes an object that has no size yet", () => {
  using memory = PosixSharedMemory.create(freeName(), { size: 0 });
  for (const reserve of [true, false]) {
    using other = PosixSharedMemory.openOrCreate(memory.name, {
      size: 5000,
      reserve,
    });
    assertEquals(other.created, false);
    assertEquals(other.size, 5000);
    memory.resize(0);
  }
});

Deno.test("PosixSharedMemory.openOrCreate() has one creator among eight processes", async () => {
  const name = freeName();
  const children = Array.from({ length: 8 }, () =>
    spawnDeno(`
      import { PosixSharedMemory } from "@libc/ipc/posix-shm";
      console.log("ready");
      await Deno.stdin.read(new Uint8Array(1));
      using memory = PosixSharedMemory.openOrCreate("${name}", { size: 9000 });
      using mapping = memory.map();
      Atomics.add(new Int32Array(mapping.buffer, 8192, 1), 0, 1);
      console.log(memory.created);
    `));
  try {
    for (const child of children) assertEquals(await child.line(), "ready");
    for (const child of children) await child.write("go");
    const created = [];
    for (const child of children) created.push(await child.line());
    assertEquals(created.filter((line) => line === "true").length, 1);
    using memory = PosixSharedMemory.open(name);
    using mapping = memory.map();
    assertEquals(new Int32Array(mapping.buffer, 8192, 1)[0], 8);
  } finally {
    for (const child of children) await child[Symbol.asyncDispose]();
    PosixSharedMemory.unlink(name);
  }
});

Deno.test("PosixSharedMemory.unlink() removes the name and leaves the memory", () => {
  using memory = PosixSharedMemory.create(freeName(), { size: 10 });
  using mapping = memory.map();
  mapping.bytes[0] = 1;
  memory.unlink();
  assertEquals(memory.stat().links, 0);
  assertEquals(codeOf(() => memory.unlink()), "ENOENT");
  assertEquals(codeOf(() => PosixSharedMemory.open(memory.name)), "ENOENT");
  using second = memory.map();
  assertEquals(second.bytes[0], 1);
});

Deno.test("PosixSharedMemory.unlink() by name removes what is not open", () => {
  const name = freeName();
  PosixSharedMemory.create(name, { size: 1, owner: false }).close();
  PosixSharedMemory.unlink(name);
  const error = assertThrows(
    () => PosixSharedMemory.unlink(name),
    IpcError,
    `Cannot unlink shared memory "${name}": shm_unlink failed with ENOENT`,
  );
  assertEquals(error.syscall, "shm_unlink");
});

Deno.test("PosixSharedMemory is removed by dispose of its owner, not by close()", () => {
  const name = freeName();
  {
    using memory = PosixSharedMemory.create(name, { size: 1 });
    memory.close();
    using other = PosixSharedMemory.open(name);
    assertEquals(other.size, 1);
  }
  assertEquals(codeOf(() => PosixSharedMemory.open(name)), "ENOENT");
});

Deno.test("PosixSharedMemory dispose removes only the object that it created", () => {
  const name = freeName();
  {
    using memory = PosixSharedMemory.create(name, { size: 1 });
    PosixSharedMemory.unlink(name);
    PosixSharedMemory.create(name, { size: 2, owner: false }).close();
    assertEquals(memory.size, 1);
  }
  using other = PosixSharedMemory.open(name);
  assertEquals(other.size, 2);
  other.unlink();
});

Deno.test("PosixSharedMemory dispose minds nobody who unlinked it before", () => {
  const memory = PosixSharedMemory.create(freeName(), { size: 1 });
  PosixSharedMemory.unlink(memory.name);
  memory[Symbol.dispose]();
  memory[Symbol.dispose]();
  assertEquals(memory.closed, true);
});

Deno.test("PosixSharedMemory.fd is the descriptor, which closes with it", () => {
  using memory = PosixSharedMemory.create(freeName(), { size: 10 });
  assertStrictEquals(memory.fd, memory.fd);
  assertEquals(
    Deno.readLinkSync(`/proc/self/fd/${memory.fd.number}`),
    `/dev/shm${memory.name}`,
  );
  memory.fd.close();
  assertEquals(memory.closed, true);
});

Deno.test("PosixSharedMemory descriptors are not inherited", async () => {
  using memory = PosixSharedMemory.create(freeName(), { size: 10 });
  using _other = PosixSharedMemory.open(memory.name);
  const { stdout } = await new Deno.Command("ls", {
    args: ["-l", "/proc/self/fd"],
  }).output();
  assertEquals(new TextDecoder().decode(stdout).includes(memory.name), false);
});

Deno.test("PosixSharedMemory.set() changes mode and owner, whatever the umask", () => {
  using memory = PosixSharedMemory.create(freeName(), { size: 1 });
  memory.set({ mode: 0o666 });
  assertEquals(memory.stat().mode, 0o666);
  if (Deno.uid() === 0) {
    memory.set({ uid: 65534 });
    assertEquals([memory.stat().uid, memory.stat().gid], [65534, Deno.gid()]);
    memory.set({ gid: 65534 });
    assertEquals(memory.stat().gid, 65534);
  }
  assertThrows(() => memory.set({ uid: -1 }), RangeError, "uid");
  assertThrows(() => memory.set({ gid: 2 ** 32 - 1 }), RangeError, "gid");
  assertThrows(() => memory.set({ mode: 0o10000 }), RangeError, "mode");
});

Deno.test("PosixSharedMemory leaves no descriptor, mapping or name behind", () => {
  const prefix = uniqueName();
  for (let i = 0; i < scaled(1000, 10_000); i++) {
    using memory = PosixSharedMemory.create(`/${prefix}-${i}`, { size: 8192 });
    using mapping = memory.map({ offset: 4095, length: 2 });
    mapping.bytes[1] = 1;
  }
  assertEquals(openFds(new RegExp(prefix)), []);
  assertEquals(mappings(prefix), []);
  assertEquals(sharedFiles(prefix), []);
});

Deno.test("PosixSharedMemory cannot be made without permission, and says which", async () => {
  await using child = spawnDeno(
    `
      import { PosixSharedMemory } from "@libc/ipc/posix-shm";
      try {
        PosixSharedMemory.create(null, { size: 1 });
      } catch (error) {
        console.log(error.name, error.message.includes("--allow-ffi"));
      }
    `,
    { permissions: [] },
  );
  assertEquals(await child.line(), "NotCapable true");
});

Deno.test("PosixSharedMemory works in a Worker of its own", async () => {
  using memory = PosixSharedMemory.create(freeName(), { size: 4 });
  using worker = spawnWorker(`
    import { PosixSharedMemory } from "@libc/ipc/posix-shm";
    using memory = PosixSharedMemory.open("${memory.name}");
    using mapping = memory.map();
    mapping.bytes[0] = 7;
    try {
      PosixSharedMemory.create("${memory.name}", { size: 1 });
    } catch (error) {
      postMessage(error.code);
    }
  `);
  assertEquals(await worker.next(), "EEXIST");
  const byte = new Uint8Array(1);
  assertEquals(memory.pread(byte), 1);
  assertEquals(byte[0], 7);
});
