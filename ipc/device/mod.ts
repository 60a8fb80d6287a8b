/**
 * A simulated I/O device in shared memory, and its clients.
 *
 * A {@linkcode WaveDevice} writes samples of a waveform into memory that any
 * program can attach, C programs included: the first 32 bytes are a C struct. A
 * {@linkcode WaveClient} reads it, a {@linkcode WaveControl} commands it from
 * another process, {@linkcode inspect} and {@linkcode detach} show and clean up.
 *
 * @module
 */

export type { Key } from "../../ffi/core/_sysv.ts";
export type { SyncWaitOptions, WaitOptions } from "../../ffi/core/_argument.ts";
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
} from "./device.ts";
export {
  type FollowOptions,
  type ReadingsOptions,
  WaveClient,
  type WaveClientOptions,
  type WaveClientWaitOptions,
} from "./client.ts";
export { WaveControl } from "./control.ts";
export {
  type AttachedProcess,
  detach,
  type DetachOptions,
  type DetachResult,
  type DeviceInspection,
  type DeviceObject,
  inspect,
} from "./inspect.ts";
