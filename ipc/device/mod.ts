/**
 * A simulated I/O device in shared memory, and its clients.
 *
 * A {@linkcode WaveDevice} writes samples of a waveform into memory that any
 * program can attach. A {@linkcode WaveClient} reads it, a
 * {@linkcode WaveControl} commands it from another process,
 * {@linkcode inspect} shows what there is and {@linkcode detach} cleans up.
 *
 * ```ts
 * import { WaveClient, WaveDevice } from "@libc/ipc/device";
 *
 * // The working directory, unless told otherwise, stands for one device.
 * const path = Deno.makeTempDirSync();
 * using device = WaveDevice.create({ waveform: "SIN", period: 2, path });
 * const done = device.run();
 *
 * // Usually in another process:
 * using client = WaveClient.open({ path });
 * for await (const reading of client.readings({ interval: 0.05, count: 3 })) {
 *   console.log(reading.state, reading.value, reading.time);
 * }
 *
 * device.exit();
 * await done;
 * Deno.removeSync(path);
 * ```
 *
 * ## For programs in C and other languages
 *
 * Everything has the key `ftok(directory, 'x')`.
 *
 * **The memory.** `shmget(key, 32, 0666)` finds it. The first 32 bytes are this
 * struct, in which each field is written whole; the rest belongs to this module.
 *
 * ```c
 * struct wave {
 *   int32_t state;    // 0 off, 1 on, 2 initializing, 3 paused, 4 closing, 5 config
 *   int32_t waveform; // 0 sine, 1 triangle, 2 square
 *   int32_t value;    // the newest sample, at most 2^(bits - 1) either way
 *   double time;      // device time of that sample, in seconds
 *   double period;    // in seconds
 * };
 * ```
 *
 * **The writers' lock.** Semaphore 0 of the set, 1 when free. The device takes
 * it for each write, so that whoever holds it finds the struct at rest: take it
 * with `{ 0, -1, SEM_UNDO }`, copy the struct, and give it back with
 * `{ 0, 1, SEM_UNDO }`. What was due meanwhile is written afterwards; after a
 * second the device goes on without the lock. The other semaphores tell
 * whether the device lives: leave them alone.
 *
 * **Commands.** Send a message of type 1 with the text `<reply> <command>`:
 * `reply` is the message type that the answer shall have, from 2 to 2147483647,
 * and `command` is as in {@linkcode parseCommand}. The answer begins with `ok `
 * and the status as JSON, or with `error `, a code and a message. An answer that
 * nobody fetches is taken back after five seconds.
 *
 * @module
 */

export type { Key } from "../core/convert/key.ts";
export type { SyncWaitOptions, WaitOptions } from "../core/wait/options.ts";
export type { Peer } from "../core/process/identity.ts";
export * from "./types.ts";
export { sampleAt, type Waveform, WAVEFORMS } from "./waveform.ts";
export {
  type CommandName,
  type DeviceCommand,
  formatCommand,
  parseCommand,
} from "./command.ts";
export {
  type RunOptions,
  WaveDevice,
  type WaveDeviceOptions,
} from "./server/device.ts";
export {
  type FollowOptions,
  type ReadingsOptions,
  WaveClient,
  type WaveClientOptions,
  type WaveClientWaitOptions,
} from "./client/client.ts";
export { WaveControl } from "./client/control.ts";
export { type DeviceObject } from "./object.ts";
export {
  type AttachedProcess,
  detach,
  type DetachOptions,
  type DetachResult,
  type DeviceInspection,
  inspect,
} from "./presence/inspect.ts";
