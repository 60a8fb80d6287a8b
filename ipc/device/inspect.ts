/**
 * What exists under the key of a device, and removing what a dead one left.
 *
 * @module
 */

import type { Key } from "../../ffi/core/_sysv.ts";
import type { DeviceAddress, Peer, Reading, Transport } from "./types.ts";

/** A kernel object of a device. */
export interface DeviceObject {
  /** What it is. */
  kind: "memory" | "semaphores" | "queue";
  /** Where it lives; semaphores and queue are always `"sysv"`. */
  transport: Transport;
  /** Its System V id; undefined for POSIX memory and a memfd. */
  id: number | undefined;
  /** Its name: `"/libc-ipc-device-…"`; undefined for System V objects. */
  name: string | undefined;
  /** Bytes of memory, number of semaphores, or bytes waiting in the queue. */
  size: number;
  /** User id of the owner. */
  uid: number;
  /** Permission bits. */
  mode: number;
}

/** A process that has the memory mapped. */
export interface AttachedProcess {
  /** Its process id. */
  pid: number;
  /** The name of its program. */
  program: string;
  /** Whether it can write. */
  writable: boolean;
  /** Whether it is the device. */
  device: boolean;
}

/** What exists under the key of a device. */
export interface DeviceInspection {
  /** The key. */
  key: Key;
  /**
   * `"none"`: nothing; `"alive"`: a device runs; `"dead"`: a device has died
   * and left things; `"foreign"`: a segment of another program that this module
   * does not know, or one too small to be a device's.
   */
  status: "none" | "alive" | "dead" | "foreign";
  /** The process that runs or ran it; undefined when there is none. */
  device: Peer | undefined;
  /** Where the memory lives; undefined when there is none. */
  transport: Transport | undefined;
  /** Whether the device is another program's with only the C struct. */
  plain: boolean;
  /** The newest reading, when there is one that makes sense. */
  reading: Reading | undefined;
  /** The kernel objects there are. */
  objects: DeviceObject[];
  /** How many mappings the kernel counts; undefined if it does not. */
  attachCount: number | undefined;
  /** Those of the attached processes that may be seen. */
  attached: AttachedProcess[];
  /** The process that holds the writers' lock, if one does. */
  lockedBy: Peer | undefined;
}

/** Options of {@linkcode detach}. */
export interface DetachOptions extends DeviceAddress {
  /**
   * Removes also what a living device, or a program this module does not
   * know, uses.
   *
   * @default {false}
   */
  force?: boolean | undefined;
}

/** What {@linkcode detach} did. */
export interface DetachResult {
  /** What was there before. */
  before: DeviceInspection;
  /** What was removed. */
  removed: DeviceObject[];
}

/** What exists under the key of a device. Changes nothing. */
export function inspect(address: DeviceAddress = {}): DeviceInspection {
  void address;
  throw new TypeError("not yet");
}

/**
 * Removes what a dead device left behind.
 *
 * @throws {IpcError} `EBUSY` when a device is alive or what is there belongs to
 * another program, unless `force`; `EPERM` when it belongs to another user.
 */
export function detach(options: DetachOptions = {}): DetachResult {
  void options;
  throw new TypeError("not yet");
}
