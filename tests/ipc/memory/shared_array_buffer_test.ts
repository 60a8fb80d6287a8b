import { assert, assertEquals, assertThrows } from "@std/assert";
import { IpcError } from "@libc/ipc/errno";
import { pageSize } from "@libc/ipc/mapping";
import { Memfd } from "@libc/ipc/memfd";
import { PosixSharedMemory } from "@libc/ipc/posix-shm";
import { sharedArrayBuffer } from "@libc/ipc/shared-array-buffer";
import {
  notEmulated,
  source,
  spawnDeno,
  spawnWorker,
  uniqueName,
  watchdog,
} from "../../util.ts";
import { mappings } from "./process_state.ts";

const WASM_PAGE = 65536;

Deno.test("sharedArrayBuffer() is a SharedArrayBuffer over the memory", () => {
  using memory = Memfd.create("shared", { size: 2 * WASM_PAGE });
  memory.pwrite(new Uint8Array([1, 2, 3]));
  const buffer = sharedArrayBuffer(memory);
  assert(buffer instanceof SharedArrayBuffer);
  assertEquals(buffer.byteLength, 2 * WASM_PAGE);
  assertEquals(buffer.growable, false);
  const bytes = new Uint8Array(buffer);
  assertEquals([...bytes.subarray(0, 4)], [1, 2, 3, 0]);
  bytes[2 * WASM_PAGE - 1] = 9;
  const copy = new Uint8Array(1);
  memory.pread(copy, 2 * WASM_PAGE - 1);
  assertEquals(copy[0], 9);
});

Deno.test("sharedArrayBuffer() twice is the same memory", () => {
  using memory = PosixSharedMemory.create(null, { size: WASM_PAGE });
  const first = new Int32Array(sharedArrayBuffer(memory));
  const second = new Int32Array(sharedArrayBuffer(memory));
  Atomics.add(first, 0, 5);
  Atomics.add(second, 0, 6);
  assertEquals(Atomics.load(first, 0), 11);
});

Deno.test("sharedArrayBuffer() takes a part of the memory", () => {
  const page = pageSize();
  using memory = Memfd.create("part", { size: 2 * WASM_PAGE });
  const bytes = new Uint8Array(
    sharedArrayBuffer(memory, { offset: page, length: WASM_PAGE }),
  );
  bytes[1] = 7;
  const copy = new Uint8Array(1);
  memory.pread(copy, page + 1);
  assertEquals(copy[0], 7);
  assertEquals(bytes.length, WASM_PAGE);
});

Deno.test("sharedArrayBuffer() refuses what it cannot map", () => {
  using memory = Memfd.create("odd", { size: WASM_PAGE + 8 });
  assertThrows(
    () => sharedArrayBuffer(memory),
    RangeError,
    `length must be a multiple of 65536 up to 2^32, got ${WASM_PAGE + 8}`,
  );
  assertThrows(
    () => sharedArrayBuffer(memory, { offset: 8 }),
    RangeError,
    "offset must be a multiple of",
  );
  assertThrows(
    () => sharedArrayBuffer(memory, { length: 2 * WASM_PAGE }),
    RangeError,
    `it ends at ${WASM_PAGE + 8}`,
  );
  using reader = Memfd.open(
    { pid: Deno.pid, fd: memory.fd.number },
    { readOnly: true },
  );
  assertThrows(
    () => sharedArrayBuffer(reader, { length: WASM_PAGE }),
    TypeError,
    "it is open for reading only",
  );
  using sealed = Memfd.create("sealed", { size: WASM_PAGE, seals: ["write"] });
  assertEquals(
    assertThrows(() => sharedArrayBuffer(sealed), IpcError).code,
    "EPERM",
  );
  memory.close();
  assertThrows(() => sharedArrayBuffer(memory), TypeError, "closed");
});

Deno.test("sharedArrayBuffer() keeps this thread from shortening the memory", () => {
  using memory = Memfd.create("kept", { size: WASM_PAGE, seals: [] });
  const bytes = new Uint8Array(sharedArrayBuffer(memory));
  assertThrows(() => memory.resize(0), RangeError, "are mapped");
  assertEquals(bytes[0], 0);
});

Deno.test("sharedArrayBuffer() works in Workers, with Atomics.wait()", async () => {
  using memory = Memfd.create("workers", { size: WASM_PAGE });
  const words = new Int32Array(sharedArrayBuffer(memory));
  const code = `
    onmessage = ({ data }) => {
      const words = new Int32Array(data);
      for (let i = 0; i < 1000; i++) Atomics.add(words, 1, 1);
      // Waits for the word to change; when it has by now, it does not.
      const outcome = Atomics.wait(words, 0, 0);
      postMessage([outcome, Atomics.load(words, 0)]);
    };
  `;
  const workers = Array.from({ length: 3 }, () =>
    new Worker(
      `data:application/javascript,${encodeURIComponent(code)}`,
      { type: "module" },
    ));
  try {
    const answers = workers.map((worker) =>
      new Promise((resolve) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.postMessage(words.buffer);
      })
    );
    using mapping = memory.map();
    const outside = new Int32Array(mapping.buffer, 0, 2);
    while (Atomics.load(outside, 1) < 3000) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    Atomics.store(words, 0, 5);
    Atomics.notify(words, 0);
    for (const answer of await Promise.all(answers)) {
      const [outcome, value] = answer as [string, number];
      assert(["ok", "not-equal"].includes(outcome), outcome);
      assertEquals(value, 5);
    }
    assertEquals(outside[1], 3000);
  } finally {
    for (const worker of workers) worker.terminate();
  }
});

Deno.test("sharedArrayBuffer() in a Worker outlives its maker's references", async () => {
  using memory = Memfd.create("outlive", { size: WASM_PAGE });
  using worker = spawnWorker(`
    import { Memfd } from "@libc/ipc/memfd";
    import { sharedArrayBuffer } from "@libc/ipc/shared-array-buffer";
    using memory = Memfd.open({ pid: ${Deno.pid}, fd: ${memory.fd.number} });
    const bytes = new Uint8Array(sharedArrayBuffer(memory));
    memory.close();
    bytes[3] = 33;
    postMessage(bytes.buffer);
  `);
  const bytes = new Uint8Array(await worker.next() as SharedArrayBuffer);
  assertEquals(bytes[3], 33);
  bytes[4] = 44;
  const copy = new Uint8Array(2);
  memory.pread(copy, 3);
  assertEquals([...copy], [33, 44]);
});

Deno.test("sharedArrayBuffer() counts together with another process", async () => {
  using memory = PosixSharedMemory.create(null, { size: WASM_PAGE });
  const words = new Int32Array(sharedArrayBuffer(memory));
  await using child = spawnDeno(`
    import { PosixSharedMemory, sharedArrayBuffer } from "@libc/ipc";
    using memory = PosixSharedMemory.open("${memory.name}");
    const words = new Int32Array(sharedArrayBuffer(memory));
    console.log("ready");
    while (Atomics.load(words, 1) === 0);
    for (let i = 0; i < 100_000; i++) Atomics.add(words, 0, 1);
    console.log("done");
  `);
  assertEquals(await child.line(), "ready");
  Atomics.store(words, 1, 1);
  for (let i = 0; i < 100_000; i++) Atomics.add(words, 0, 1);
  assertEquals(await child.line(), "done");
  assertEquals(Atomics.load(words, 0), 200_000);
});

Deno.test("sharedArrayBuffer() survives garbage collection, and goes with it", async () => {
  using _dog = watchdog("the garbage collection of sharedArrayBuffer()");
  using memory = Memfd.create("collected", { size: WASM_PAGE });
  await using child = spawnDeno(
    `
    import { Memfd } from "@libc/ipc/memfd";
    import { sharedArrayBuffer } from "@libc/ipc/shared-array-buffer";
    import { mappings } from "${source("tests/ipc/memory/process_state.ts")}";
    using memory = Memfd.open({ pid: ${Deno.pid}, fd: ${memory.fd.number} });
    const kept = new Int32Array(sharedArrayBuffer(memory));
    // In a function of its own, which leaves nothing on the stack.
    const round = () => {
      Atomics.add(new Int32Array(sharedArrayBuffer(memory)), 0, 1);
      // Something else to take the place of what was given back.
      new Uint8Array(new SharedArrayBuffer(65536)).fill(255);
    };
    for (let i = 0; i < 200; i++) {
      round();
      if (i % 10 === 0) globalThis.gc();
    }
    while (mappings("memfd:collected").length > 1) {
      await new Promise((resolve) => setTimeout(resolve));
      globalThis.gc();
    }
    console.log(Atomics.load(kept, 0));
  `,
    { permissions: ["--allow-all", "--v8-flags=--expose-gc"] },
  );
  const { code, stdout, stderr } = await child.end();
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdout, "200\n");
  const copy = new Int32Array(1);
  memory.pread(new Uint8Array(copy.buffer));
  assertEquals(copy[0], 200);
});

Deno.test("sharedArrayBuffer() maps nothing twice over", () => {
  const name = uniqueName();
  using memory = Memfd.create(name, { size: WASM_PAGE });
  const buffer = sharedArrayBuffer(memory);
  assertEquals(mappings(name).length, 1);
  assertEquals(buffer.byteLength, WASM_PAGE);
});

Deno.test({
  ...notEmulated(
    "sharedArrayBuffer() that the kernel refuses leaves no memory to two owners",
    "refuses earlier",
  ),
  async fn() {
    using _dog = watchdog("sharedArrayBuffer() of huge pages");
    // More huge pages than are free, or than another test lends meanwhile. The
    // kernel finds that out late.
    await using child = spawnDeno(
      `
      import { mapAnonymous, Memfd, sharedArrayBuffer } from "@libc/ipc";
      const size = 2 ** 21;
      using memory = Memfd.create("huge", { size: 64 * size, hugePages: size });
      const others = [];
      for (let i = 1; i <= 30; i++) {
        try {
          sharedArrayBuffer(memory);
        } catch (error) {
          if (!["ENOMEM", "EINVAL"].includes(error.code)) throw error;
        }
        others.push(mapAnonymous(size));
        others.at(-1).bytes.fill(i);
      }
      for (let i = 0; i < 10; i++) {
        globalThis.gc();
        await new Promise((resolve) => setTimeout(resolve));
      }
      console.log(others.every(({ bytes }, i) => bytes[size - 1] === i + 1));
    `,
      { permissions: ["--allow-all", "--v8-flags=--expose-gc"] },
    );
    const { code, stdout, stderr } = await child.end();
    assertEquals([code, stdout, stderr], [0, "true\n", ""]);
  },
});
