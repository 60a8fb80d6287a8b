// POSIX shared memory with C and Python on the other side.

import { assertEquals } from "@std/assert";
import { PosixSharedMemory } from "@libc/ipc/posix-shm";
import { array, struct } from "@libc/ipc/struct";
import { removing } from "../ipc/memory/process_state.ts";
import { spawnCommand, uniqueName } from "../util.ts";
import { compiled, NO_CC, NO_PYTHON } from "./_peers.ts";

/** Runs the C program to its end and returns its output, or its error. */
async function inC(...args: (string | number)[]): Promise<string> {
  await using child = spawnCommand(await compiled("posix_shm_peer"), {
    args: args.map(String),
  });
  const { code, stdout, stderr } = await child.end();
  return (code === 0 ? stdout : stderr).trim();
}

/** Runs a Python program with arguments and returns its output. */
async function python(code: string, ...args: string[]): Promise<string> {
  await using child = spawnCommand("python3", { args: ["-c", code, ...args] });
  const { code: status, stdout, stderr } = await child.end();
  assertEquals(status, 0, stderr);
  return stdout.trim();
}

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test({
  name: `PosixSharedMemory opens, reads and writes what C made${NO_CC}`,
  ignore: NO_CC !== "",
  async fn() {
    const name = `/${uniqueName()}`;
    assertEquals(await inC("create", name, 5000, "640"), "");
    try {
      using memory = PosixSharedMemory.open(name);
      assertEquals(memory.stat().mode, 0o640);
      assertEquals(memory.size, 5000);
      await inC("write", name, 4990, "from C");
      using mapping = memory.map();
      assertEquals(mapping.read(4990, 6), bytes("from C"));
      mapping.write(bytes("to C"), 100);
      assertEquals(await inC("read", name, 100, 4), "hex 746f2043");
      memory.pwrite(bytes("by pwrite"), 100);
      assertEquals(await inC("read", name, 103, 6), "hex 707772697465");
    } finally {
      await inC("unlink", name);
    }
  },
});

Deno.test({
  name: `PosixSharedMemory makes what C opens, changes and removes${NO_CC}`,
  ignore: NO_CC !== "",
  async fn() {
    using memory = PosixSharedMemory.create(`/${uniqueName()}`, {
      size: 100,
      mode: 0o600,
    });
    assertEquals(
      await inC("stat", memory.name),
      "st_size 100\nst_mode 600",
    );
    assertEquals(
      await inC("create", memory.name, 1, "600"),
      "error shm_open 17 File exists",
    );
    await inC("truncate", memory.name, 8192);
    assertEquals(memory.size, 8192);
    await inC("write", memory.name, 8189, "end");
    using mapping = memory.map({ offset: 8189 });
    assertEquals(mapping.read(), bytes("end"));
    memory.resize(9000);
    assertEquals(
      await inC("stat", memory.name),
      "st_size 9000\nst_mode 600",
    );
    assertEquals(await inC("unlink", memory.name), "");
    assertEquals(memory.stat().links, 0);
  },
});

Deno.test({
  name:
    `PosixSharedMemory shares with Python's multiprocessing.shared_memory${NO_PYTHON}`,
  ignore: NO_PYTHON !== "",
  async fn() {
    using memory = PosixSharedMemory.create(`/${uniqueName()}`, { size: 4096 });
    using mapping = memory.map();
    mapping.write(bytes("from Deno"));
    const output = await python(
      `
import sys
from multiprocessing import resource_tracker, shared_memory
memory = shared_memory.SharedMemory(name=sys.argv[1])
# Until Python 3.13 it removes at its end what it has only opened.
resource_tracker.unregister(memory._name, "shared_memory")
print(memory.size, bytes(memory.buf[:9]).decode())
memory.buf[4087:4096] = b"by Python"
memory.close()
`,
      memory.name.slice(1),
    );
    assertEquals(output, "4096 from Deno");
    assertEquals(mapping.read(4087), bytes("by Python"));
  },
});

Deno.test({
  name:
    `PosixSharedMemory opens what Python made, with its structs${NO_PYTHON}`,
  ignore: NO_PYTHON !== "",
  async fn() {
    const name = `/${uniqueName()}`;
    using _left = removing(name.slice(1));
    await using child = spawnCommand("python3", {
      args: [
        "-c",
        `
import struct, sys
from multiprocessing import shared_memory
memory = shared_memory.SharedMemory(name=sys.argv[1], create=True, size=64)
struct.pack_into("@iid8s", memory.buf, 0, -5, 7, 2.5, b"python")
print("made", flush=True)
sys.stdin.readline()
print(*struct.unpack_from("@iid8s", memory.buf, 0))
memory.close()
memory.unlink()
`,
        name.slice(1),
      ],
    });
    assertEquals(await child.line(), "made");
    const Record = struct({
      a: "i32",
      b: "i32",
      c: "f64",
      tag: array("u8", 8),
    });
    using memory = PosixSharedMemory.open(name, { size: Record.size });
    using mapping = memory.map();
    const record = mapping.view(Record);
    assertEquals([record.a, record.b, record.c], [-5, 7, 2.5]);
    assertEquals(mapping.read(16, 8), bytes("python\0\0"));
    record.a = 11;
    record.c = -0.25;
    mapping.write(bytes("deno\0\0\0\0"), 16);
    await child.write("go");
    assertEquals(
      await child.line(),
      String.raw`11 7 -0.25 b'deno\x00\x00\x00\x00'`,
    );
    assertEquals((await child.end()).code, 0);
    assertEquals(memory.stat().links, 0);
  },
});
