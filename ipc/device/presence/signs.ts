/**
 * The values of a key's semaphores.
 *
 * They exist before any other object and until all others are gone. So an
 * inspection reads them before and after the other objects: if they differ, it
 * may have mixed two devices.
 *
 * @module
 */

import { isGone } from "../../../ffi/errno.ts";
import type { Place } from "../address.ts";
import { DeviceSemaphores } from "./semaphores.ts";
import type { Transport } from "../types.ts";

/** The values of a key's semaphores at one moment. */
export interface Signs {
  /** The id of the set, which no later set gets. */
  id: number;
  /** The kind of memory. */
  transport: Transport;
  /** Whether the device is alive. */
  claimed: boolean;
  /** Process id of the device. */
  pid: number;
  /** The descriptor of its memfd. */
  fd: number | undefined;
}

/** Reads the semaphores of a key, if they are a device's. */
export function signsOf({ key }: Place): Signs | undefined {
  using semaphores = DeviceSemaphores.findReadable(key);
  try {
    const values = semaphores?.read();
    if (semaphores === undefined || values?.transport === undefined) {
      return undefined;
    }
    const { transport, claimed, fd } = values;
    const { id } = semaphores.set;
    return { id, transport, claimed, pid: semaphores.holder, fd };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Whether no device began or ended between two reads. */
export function areSame(a: Signs | undefined, b: Signs | undefined): boolean {
  return a?.id === b?.id && a?.claimed === b?.claimed && a?.fd === b?.fd;
}
