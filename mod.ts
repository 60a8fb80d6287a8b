/**
 * Unix inter-process communication for Deno: shared memory, semaphores, message
 * queues, pipes, sockets, processes, file locks, and a simulated device with
 * its clients. It needs only `--allow-ffi`, has no build step and no
 * dependencies.
 *
 * ```ts
 * import { IPC_PRIVATE, SysvMessageQueue } from "@libc/ipc";
 * import { assertEquals } from "@std/assert";
 *
 * using queue = SysvMessageQueue.create(IPC_PRIVATE);
 * queue.sendSync(1, "hello");
 * const { data } = await queue.receive({ timeout: 1000 });
 * assertEquals(new TextDecoder().decode(data), "hello");
 * ```
 *
 * Each mechanism is also a module of its own, such as `@libc/ipc/sysv-msg`.
 * Importing opens no library and asks for no permission; the first call does.
 *
 * @module
 */

export { type Capabilities, capabilities } from "./ipc/capabilities.ts";
export {
  ERRNO,
  errnoMessage,
  errnoName,
  IpcError,
  type IpcErrorInit,
} from "./ffi/errno.ts";
export * from "./ipc/file/lock.ts";
export {
  type Advice,
  type FlushOptions,
  Mapping,
  pageSize,
} from "./ipc/core/memory/mapping.ts";
export * from "./ffi/struct/struct.ts";
export { type Waitable, waitAny } from "./ipc/core/wait/wait_any.ts";
export * from "./ipc/device/mod.ts";
export * from "./ipc/memory/file_mapping.ts";
export * from "./ipc/memory/memfd.ts";
export * from "./ipc/memory/shared_array_buffer.ts";
export * from "./ipc/posix/message_queue.ts";
export * from "./ipc/posix/semaphore.ts";
export * from "./ipc/posix/shared_memory.ts";
export * from "./ipc/process/eventfd.ts";
export * from "./ipc/process/pidfd.ts";
export * from "./ipc/process/signal.ts";
export * from "./ipc/process/spawn.ts";
export * from "./ipc/pipe/fifo.ts";
export * from "./ipc/pipe/pipe.ts";
export * from "./ipc/socket/socket.ts";
export * from "./ipc/sysv/key.ts";
export * from "./ipc/sysv/limits.ts";
export * from "./ipc/sysv/message_queue.ts";
export * from "./ipc/sysv/semaphore_set.ts";
export * from "./ipc/sysv/shared_memory.ts";
