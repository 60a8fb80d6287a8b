/**
 * Inter-process communication of a Unix kernel for Deno: shared memory,
 * semaphores, message queues, and a simulated device with its clients. Needs
 * nothing but `--allow-ffi`, builds nothing, depends on nothing.
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
 * Each mechanism is also a module of its own, such as
 * `@libc/ipc/sysv-msg`. Importing opens no library and asks for no permission:
 * that happens at the first call.
 *
 * @module
 */

export { type Capabilities, capabilities } from "./ffi/core/capabilities.ts";
export {
  ERRNO,
  errnoMessage,
  errnoName,
  IpcError,
  type IpcErrorInit,
} from "./ffi/core/errno.ts";
export * from "./ffi/core/file_lock.ts";
export {
  type Advice,
  type FlushOptions,
  Mapping,
  pageSize,
} from "./ffi/core/mapping.ts";
export * from "./ffi/core/struct.ts";
export { type Waitable, waitAny } from "./ffi/core/wait_any.ts";
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
export * from "./ipc/stream/fifo.ts";
export * from "./ipc/stream/pipe.ts";
export * from "./ipc/stream/socket.ts";
export * from "./ipc/sysv/key.ts";
export * from "./ipc/sysv/limits.ts";
export * from "./ipc/sysv/message_queue.ts";
export * from "./ipc/sysv/semaphore_set.ts";
export * from "./ipc/sysv/shared_memory.ts";
