// Arguments that the types forbid but JavaScript allows: each error names the
// argument and the value it got.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Fifo,
  ftok,
  IPC_PRIVATE,
  IpcError,
  mapAnonymous,
  onSignal,
  PosixMessageQueue,
  PosixSemaphore,
  PosixSharedMemory,
  sharedArrayBuffer,
  sigqueue,
  Socket,
  spawn,
  SysvMessageQueue,
  SysvSemaphoreSet,
  SysvSharedMemory,
} from "@libc/ipc";
import { uniqueKey, uniqueName } from "../util.ts";

/** Passes a value that the types refuse. */
const any = <T>(value: unknown): T => value as T;

const CASES: [string, () => unknown, string][] = [
  [
    "sharedArrayBuffer",
    () => sharedArrayBuffer(any({})),
    "source must have a descriptor, as a Memfd has, got an object",
  ],
  [
    "onSignal",
    () => onSignal(any(undefined)),
    "signal must be a name or a number, or several of them, got undefined",
  ],
  [
    "PosixSemaphore.inMapping",
    () => PosixSemaphore.inMapping(any({}), 0),
    "mapping must be a Mapping, got an object",
  ],
  [
    "ftok",
    () => ftok(".", any(undefined)),
    "projectId must be a number or one character, got none",
  ],
  [
    "spawn with a string for arguments",
    () => spawn("echo", { args: any("ab") }),
    'args must be an array, got "ab"',
  ],
  [
    "spawn with a string for options",
    () => spawn("echo", any("x")),
    'options must be an object, got "x"',
  ],
  [
    "sigqueue",
    () => sigqueue(Deno.pid, 0, any(5)),
    "options must be an object with a value, got 5",
  ],
  [
    "Mapping.protect",
    () => {
      using memory = mapAnonymous(10);
      memory.protect(any({}));
    },
    "readOnly must be true or false, got undefined",
  ],
  [
    "SysvMessageQueue.create",
    () => SysvMessageQueue.create(any("abc")),
    'key must be a number, got "abc"',
  ],
];

for (const [name, call, message] of CASES) {
  Deno.test(`${name}() says which argument is wrong`, () => {
    const error = assertThrows(call, TypeError);
    assertEquals(error.message, message);
  });
}

Deno.test("sendFds() says which argument is wrong", async () => {
  const [a, b] = Socket.pair();
  using _a = a;
  using _b = b;
  const error = await assertRejects(() => a.sendFds(any("x")), TypeError);
  assertEquals(error.message, 'fds must be an array, got "x"');
});

Deno.test("removing twice says that there is none", () => {
  const twice = [
    SysvSharedMemory.create(IPC_PRIVATE, 10),
    SysvSemaphoreSet.create(IPC_PRIVATE, [1]),
    SysvMessageQueue.create(IPC_PRIVATE),
  ];
  for (const object of twice) {
    object.remove();
    for (const call of [() => object.remove(), () => object.stat()]) {
      const error = assertThrows(
        call,
        IpcError,
        "there is none with this id, or no longer",
      );
      assertEquals(error.code, "EINVAL");
    }
  }
});

Deno.test("openOrCreate() with owner undefined leaves what it made, as without", () => {
  const options: { owner: boolean } = any({ owner: undefined });
  const key = uniqueKey();
  const name = `/${uniqueName()}`;
  const path = `/tmp${name}`;
  const size = 8;
  const made: [string, () => Disposable, () => Disposable][] = [
    [
      "SysvSharedMemory",
      () => SysvSharedMemory.openOrCreate(key, size, options),
      () => removing(SysvSharedMemory.open(key)),
    ],
    [
      "SysvSemaphoreSet",
      () => SysvSemaphoreSet.openOrCreate(key, [0], options),
      () => removing(SysvSemaphoreSet.open(key)),
    ],
    [
      "SysvMessageQueue",
      () => SysvMessageQueue.openOrCreate(key, options),
      () => removing(SysvMessageQueue.open(key)),
    ],
    [
      "PosixSharedMemory",
      () => PosixSharedMemory.openOrCreate(name, { size, ...options }),
      () => unlinking(PosixSharedMemory.open(name)),
    ],
    [
      "PosixSemaphore",
      () => PosixSemaphore.openOrCreate(name, options),
      () => unlinking(PosixSemaphore.open(name)),
    ],
    [
      "PosixMessageQueue",
      () =>
        PosixMessageQueue.openOrCreate(name, {
          maxMessages: 1,
          messageSize: size,
          ...options,
        }),
      () => unlinking(PosixMessageQueue.open(name)),
    ],
    [
      "Fifo",
      () => Fifo.openOrCreate(path, options),
      () => removing(Fifo.open(path)),
    ],
  ];
  const gone = made.filter(([, make, open]) => {
    make()[Symbol.dispose]();
    try {
      open()[Symbol.dispose]();
      return false;
    } catch (error) {
      if (error instanceof IpcError && error.code === "ENOENT") return true;
      throw error;
    }
  });
  assertEquals(gone.map(([what]) => what), []);
});

function removing<T extends { remove(): void }>(handle: T): T {
  handle.remove();
  return handle;
}

function unlinking<T extends { unlink(): void }>(handle: T): T {
  handle.unlink();
  return handle;
}
