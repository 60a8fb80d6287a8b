// POSIX shared memory with C and Python on the other side.

import { assert, assertEquals } from "@std/assert";
import { PosixSharedMemory } from "@libc/ipc/posix-shm";
import { array, struct } from "@libc/ipc/struct";
import { removing } from "../ipc/memory/process_state.ts";
import { hasCommand, spawnCommand, uniqueName } from "../util.ts";

const PEER = new URL("peers/posix_shm_peer.c", import.meta.url).pathname;
const NO_CC = hasCommand("cc") ? "" : " [skipped: no C compiler]";
const NO_PYTHON = hasCommand("python3") ? "" : " [skipped: no Python]";

/** A compiled peer: call it with arguments to get the lines of its output. */
async function buildPeer(): Promise<
  AsyncDisposable & { run(...args: (string | number)[]): Promise<string> }
> {
  const binary = await Deno.makeTempFile({ prefix: "posix_shm_peer_" });
  const built = await new Deno.Command("cc", {
    args: ["-O1", "-o", binary, PEER, "-lrt"],
  }).output();
  assert(built.success, new TextDecoder().decode(built.stderr));
  return {
    async run(...args) {
      const { code, stdout, stderr } = await new Deno.Command(binary, {
        args: args.map(String),
      }).output();
      const text = new TextDecoder();
      return code === 0
        ? text.decode(stdout).trim()
        : text.decode(stderr).trim();
    },
    [Symbol.asyncDispose]: () => Deno.remove(binary),
  };
}

/** Runs a Python program with arguments and gives its output. */
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
    await using peer = await buildPeer();
    const name = `/${uniqueName()}`;
    assertEquals(await peer.run("create", name, 5000, "640"), "");
    try {
      using memory = PosixSharedMemory.open(name);
      assertEquals(memory.stat().mode, 0o640);
      assertEquals(memory.size, 5000);
      await peer.run("write", name, 4990, "from C");
      using mapping = memory.map();
      assertEquals(mapping.read(4990, 6), bytes("from C"));
      mapping.write(bytes("to C"), 100);
      assertEquals(await peer.run("read", name, 100, 4), "hex 746f2043");
      memory.pwrite(bytes("by pwrite"), 100);
      assertEquals(await peer.run("read", name, 103, 6), "hex 707772697465");
    } finally {
      await peer.run("unlink", name);
    }
  },
});

Deno.test({
  name: `C opens, changes and removes what PosixSharedMemory made${NO_CC}`,
  ignore: NO_CC !== "",
  async fn() {
    await using peer = await buildPeer();
    using memory = PosixSharedMemory.create(`/${uniqueName()}`, {
      size: 100,
      mode: 0o600,
    });
    assertEquals(
      await peer.run("stat", memory.name),
      "st_size 100\nst_mode 600",
    );
    assertEquals(
      await peer.run("create", memory.name, 1, "600"),
      "error shm_open 17 File exists",
    );
    await peer.run("truncate", memory.name, 8192);
    assertEquals(memory.size, 8192);
    await peer.run("write", memory.name, 8189, "end");
    using mapping = memory.map({ offset: 8189 });
    assertEquals(mapping.read(), bytes("end"));
    memory.resize(9000);
    assertEquals(
      await peer.run("stat", memory.name),
      "st_size 9000\nst_mode 600",
    );
    assertEquals(await peer.run("unlink", memory.name), "");
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
