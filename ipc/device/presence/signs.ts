/**
 * What the semaphores of a key say.
 *
 * They say it before there is anything else and after nothing else is left. So
 * whoever looks at the rest of a device reads them before and after it: unless
 * they are the same, it may have seen half of one device and half of the next.
 *
 * @module
 */

import { isGone } from "../../../ffi/errno.ts";
import type { Place } from "../address.ts";
import { DeviceSemaphores } from "./semaphores.ts";
import type { Transport } from "../types.ts";

/** What the semaphores of a key say, at one moment. */
export interface Signs {
  /** The id of the set, which no other set gets. */
  id: number;
  /** Where the memory lives. */
  transport: Transport;
  /** Whether the device lives. */
  claimed: boolean;
  /** Process id of the device. */
  pid: number;
  /** The descriptor of its memfd. */
  fd: number | undefined;
}

/** What the semaphores of a key say, if they are a device's. */
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

/** Whether no device has begun or ended between two looks. */
export function areSame(a: Signs | undefined, b: Signs | undefined): boolean {
  return a?.id === b?.id && a?.claimed === b?.claimed && a?.fd === b?.fd;
}
