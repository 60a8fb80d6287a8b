/**
 * What the semaphores of a key say, and looking at a device while others may
 * make or remove one.
 *
 * @module
 */

import { pause } from "../../ffi/core/timer_interrupt.ts";
import { deviceError, type Place } from "./address.ts";
import { DeviceSemaphores, isGone } from "./semaphores.ts";
import type { Transport } from "./types.ts";

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

/** How often others may come in between, without a pause. */
const QUICK_ATTEMPTS = 5;
/** And with pauses: two loops that are equally fast would keep step. */
const ATTEMPTS = 100;
/** The longest of these pauses, in milliseconds. */
const MAX_PAUSE = 1;

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

/** Whether nothing has begun or ended between two looks. */
function areSame(a: Signs | undefined, b: Signs | undefined): boolean {
  return a?.id === b?.id && a?.claimed === b?.claimed && a?.fd === b?.fd;
}

/** What a look at a device has found. */
export interface Look<T> {
  /** The result. */
  result: T;
  /** Whether something that it saw has been removed since. */
  outdated(): boolean;
  /** Gives up what only {@linkcode outdated} needs, or all of it. */
  end(counts: boolean): void;
}

/**
 * Looks at a device until none has begun or ended meanwhile: what was seen in
 * between may be half of one and half of the next.
 *
 * @param patient Whether it may block this thread for some milliseconds.
 * @throws {IpcError} `EAGAIN` when others do nothing else.
 */
export function steady<T>(
  place: Place,
  action: string,
  look: (signs: Signs | undefined) => Look<T>,
  patient = true,
): T {
  let signs = signsOf(place);
  for (let i = 0; i < (patient ? ATTEMPTS : QUICK_ATTEMPTS); i++) {
    if (i >= QUICK_ATTEMPTS) pause(Math.random() * MAX_PAUSE);
    const seen = look(signs);
    const before = signs;
    let counts = false;
    try {
      signs = signsOf(place);
      // In this order: a device takes its semaphores away last.
      counts = areSame(before, signs) && !seen.outdated();
    } finally {
      seen.end(counts);
    }
    if (counts) return seen.result;
  }
  throw deviceError(
    "EAGAIN",
    "semget",
    `Cannot ${action} ${place.label}: others create and remove it all the time`,
  );
}
