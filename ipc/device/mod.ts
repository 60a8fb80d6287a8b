/**
 * A simulated I/O device in shared memory, and its clients.
 *
 * A {@linkcode WaveDevice} writes samples of a waveform into memory that any
 * program can attach. A {@linkcode WaveClient} reads it, a
 * {@linkcode WaveControl} sends it commands from another process,
 * {@linkcode inspect} shows its kernel objects and {@linkcode detach} cleans
 * up.
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
 * All objects have the key `ftok(directory, 'x')`.
 *
 * **The memory.** `shmget(key, 32, 0666)` finds it. The first 32 bytes are this
 * struct, whose fields are each written atomically; the rest is private to this
 * module.
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
 * it for each write, so that the struct does not change while another process
 * holds it: take it with `{ 0, -1, SEM_UNDO }`, copy the struct, and release it
 * with `{ 0, 1, SEM_UNDO }`. The device writes delayed samples afterwards;
 * after a second it continues without the lock. Do not touch the other
 * semaphores: they show whether the device is alive.
 *
 * **Commands.** Send a message of type 1 with the text `<reply> <command>`:
 * `reply` is the message type of the answer, from 2 to 2147483647, and
 * `command` is as in {@linkcode parseCommand}. The answer is `ok ` and the
 * status as JSON, or `error `, a code and a message. The device discards an
 * answer that is not fetched within five seconds.
 *
 * @module
 */

export type { Key } from "../core/convert/key.ts";
export type { SyncWaitOptions, WaitOptions } from "../core/wait/options.ts";
export type { Peer } from "./identity.ts";
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
