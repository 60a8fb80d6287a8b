/**
 * The kernel objects of a device.
 *
 * @module
 */

import type { Transport } from "./types.ts";

/** A kernel object of a device. */
export interface DeviceObject {
  /** The kind of object. */
  kind: "memory" | "semaphores" | "queue";
  /** Its transport; semaphores and queue are always `"sysv"`. */
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
