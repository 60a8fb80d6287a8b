/**
 * Ways to come by memory, System V objects, processes, locks and what ends with
 * a scope, for the table of all constructors.
 */

import {
  EventFd,
  ignore,
  inheritedFd,
  lockFile,
  mapAnonymous,
  mapFile,
  Memfd,
  openLockFile,
  Pidfd,
  PosixMessageQueue,
  PosixSemaphore,
  PosixSharedMemory,
  restoreDefault,
  sharedArrayBuffer,
  SignalQueue,
  spawn,
  SysvMessageQueue,
  SysvSemaphoreSet,
  SysvSharedMemory,
  tryLockFile,
  WaveClient,
  WaveDevice,
} from "@libc/ipc";
import { checkFd } from "../../ffi/core/errno.ts";
import { errno } from "../../ffi/libc/_open.ts";
import { fcntl } from "../../ffi/libc/fcntl.ts";
import type { Prepare } from "./constructors.ts";

const F_DUPFD = 0;
const PAGE = 4096;

/** A key that nobody has. */
function freeKey(): number {
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
  // 0 is IPC_PRIVATE.
  return 1 + random % 0x7fff_ffff;
}

/** A file of one page, removed at the end. */
function file(stack: DisposableStack): string {
  const path = Deno.makeTempFileSync();
  stack.defer(() => Deno.removeSync(path));
  Deno.truncateSync(path, PAGE);
  return path;
}

/** A program that ends as soon as its standard input does. */
function cat(stack: DisposableStack, fds: Record<number, Memfd> = {}) {
  return stack.use(spawn("cat", { fds: { ...fds, 0: "pipe" } }));
}

/** A device that runs, and where. */
function running(stack: DisposableStack): { path: string } {
  const path = Deno.makeTempDirSync();
  stack.defer(() => Deno.removeSync(path));
  stack.use(WaveDevice.create({ waveform: "SIN", period: 1, path })).start();
  return { path };
}

/** The table's part. */
export const moreConstructors: Record<string, Prepare> = {
  "Fd.duplicate()"(stack) {
    const { fd } = stack.use(EventFd.create());
    return () => fd.duplicate();
  },
  "inheritedFd()": () => () => {
    // As a parent leaves it: not close-on-exec.
    const fd = checkFd(
      fcntl().fcntl_int(0, F_DUPFD, 3),
      errno[0],
      "fcntl",
      "duplicate",
      "descriptor 0",
    );
    return inheritedFd(fd);
  },

  // Memory

  "PosixSharedMemory.map()"(stack) {
    const memory = stack.use(PosixSharedMemory.create(null, { size: PAGE }));
    return () => memory.map();
  },
  "Memfd.map()"(stack) {
    const memory = stack.use(Memfd.create("theirs", { size: PAGE }));
    return () => memory.map();
  },
  "Memfd.open() of another process"(stack) {
    using memory = Memfd.create("theirs", { size: PAGE });
    const { pid } = cat(stack, { 3: memory });
    return () => Memfd.open({ pid, fd: 3 });
  },
  "mapFile() of a file that is there"(stack) {
    const path = file(stack);
    return () => mapFile(path);
  },
  "mapFile() for reading"(stack) {
    const path = file(stack);
    return () => mapFile(path, { readOnly: true });
  },
  "mapAnonymous()": () => () => mapAnonymous(PAGE),
  "Mapping.pin()"(stack) {
    const memory = stack.use(Memfd.create("pinned", { size: PAGE }));
    return () => {
      using mapping = memory.map();
      return mapping.pin();
    };
  },
  "sharedArrayBuffer()"(stack) {
    const memory = stack.use(Memfd.create("shared", { size: 65536 }));
    return () => {
      // Nobody holds it: it goes with the garbage.
      new Uint8Array(sharedArrayBuffer(memory))[0] = 1;
      return undefined;
    };
  },

  // System V

  "SysvSharedMemory.open()"(stack) {
    const { key } = stack.use(SysvSharedMemory.create(freeKey(), PAGE));
    return () => SysvSharedMemory.open(key);
  },
  "SysvSharedMemory.openOrCreate()": () => () =>
    SysvSharedMemory.openOrCreate(freeKey(), PAGE, { owner: true }),
  "SysvSharedMemory.fromId()"(stack) {
    const { id } = stack.use(SysvSharedMemory.create(freeKey(), PAGE));
    return () => SysvSharedMemory.fromId(id);
  },
  "SysvSharedMemory.attach()"(stack) {
    const memory = stack.use(SysvSharedMemory.create(freeKey(), PAGE));
    return () => memory.attach();
  },
  "SysvSemaphoreSet.open()"(stack) {
    const { key } = stack.use(SysvSemaphoreSet.create(freeKey(), [1]));
    return () => SysvSemaphoreSet.open(key);
  },
  "SysvSemaphoreSet.openOrCreate()": () => () =>
    SysvSemaphoreSet.openOrCreate(freeKey(), [1], { owner: true }),
  "SysvSemaphoreSet.fromId()"(stack) {
    const { id } = stack.use(SysvSemaphoreSet.create(freeKey(), [1]));
    return () => SysvSemaphoreSet.fromId(id);
  },
  "SysvMessageQueue.open()"(stack) {
    const { key } = stack.use(SysvMessageQueue.create(freeKey()));
    return () => SysvMessageQueue.open(key);
  },
  "SysvMessageQueue.openOrCreate()": () => () =>
    SysvMessageQueue.openOrCreate(freeKey(), { owner: true }),
  "SysvMessageQueue.fromId()"(stack) {
    const { id } = stack.use(SysvMessageQueue.create(freeKey()));
    return () => SysvMessageQueue.fromId(id);
  },

  // Semaphores and queues

  "PosixSemaphore.inMapping()"(stack) {
    const mapping = stack.use(mapAnonymous(PAGE));
    return () => PosixSemaphore.inMapping(mapping);
  },
  "PosixSemaphore.at()"(stack) {
    const mapping = stack.use(mapAnonymous(PAGE));
    stack.use(PosixSemaphore.inMapping(mapping));
    return () => PosixSemaphore.at(mapping);
  },
  "PosixMessageQueue.onMessage()"(stack) {
    const queue = stack.use(PosixMessageQueue.create());
    return () => queue.onMessage(() => {});
  },

  // Processes, signals, locks

  "Pidfd.of()"(stack) {
    const child = cat(stack);
    return () => Pidfd.of(child);
  },
  "SignalQueue.open()": () => () => SignalQueue.open("SIGRTMAX"),
  "ignore()": () => () => ignore("SIGHUP"),
  "restoreDefault()": () => () => restoreDefault("SIGHUP"),
  "lockFile()"(stack) {
    const fd = stack.use(openLockFile(file(stack)));
    return () => lockFile(fd);
  },
  "tryLockFile()"(stack) {
    const fd = stack.use(openLockFile(file(stack)));
    return () => tryLockFile(fd);
  },

  // The device

  "WaveClient.wait()"(stack) {
    const address = running(stack);
    return () => WaveClient.wait(address);
  },
  "WaveClient.follow()"(stack) {
    const client = stack.use(WaveClient.open(running(stack)));
    return () => {
      const samples = client.follow();
      return { [Symbol.dispose]: () => void samples.return?.() };
    };
  },
  "WaveDevice.beginConfiguration()"(stack) {
    const path = Deno.makeTempDirSync();
    stack.defer(() => Deno.removeSync(path));
    const device = stack.use(
      WaveDevice.create({ waveform: "SIN", period: 1, path }),
    );
    return () => device.beginConfiguration();
  },
};
