/**
 * Becoming the one device of a key, and removing what a dead one left.
 *
 * Whoever has raised the semaphore DEVICE owns everything under the key. A set
 * that a dead device left is removed last, by whoever has claimed it, so that
 * at no time two processes clean up or build at once.
 *
 * @module
 */

import { hasCode } from "../../ffi/core/_sysv.ts";
import type { IpcError } from "../../ffi/core/errno.ts";
import { SysvMessageQueue } from "../sysv/message_queue.ts";
import { deviceError, type Place } from "./address.ts";
import { readHeader } from "./header.ts";
import { lives, processText } from "./identity.ts";
import { findSegment, type Segment } from "./segment.ts";
import { DeviceSemaphores, isGone } from "./semaphores.ts";
import { type Transport, TRANSPORTS } from "./types.ts";

/** How often others may come in between before it is an error. */
const ATTEMPTS = 100;

/** What to do, for messages. */
export interface ClaimOptions {
  /** Where the memory shall live. */
  transport: Transport;
  /** Permission bits. */
  mode: number;
}

/** A key that is claimed. */
export interface Claim {
  /** Its new semaphores. */
  semaphores: DeviceSemaphores;
  /** What was removed before, one line each. */
  notices: string[];
}

/**
 * Claims a key for this process.
 *
 * @throws {IpcError} `EEXIST` when another device runs, or something that is
 * not known to be a dead device's is in the way.
 */
export function claim(place: Place, options: ClaimOptions): Claim {
  const notices: string[] = [];
  for (let i = 0; i < ATTEMPTS; i++) {
    const semaphores = obtain(place, options);
    if (semaphores === undefined) continue;
    try {
      if (tryClaim(semaphores, place, notices)) return { semaphores, notices };
    } catch (error) {
      semaphores[Symbol.dispose]();
      // Somebody else has removed the set in between.
      if (!isGone(error)) throw error;
    }
  }
  throw deviceError(
    "EAGAIN",
    "semop",
    `Cannot create ${place.label}: others create and remove it all the time`,
  );
}

/** The set of the key, new or old; undefined when it vanished meanwhile. */
function obtain(
  { key }: Place,
  { transport, mode }: ClaimOptions,
): DeviceSemaphores | undefined {
  try {
    return DeviceSemaphores.create(key, transport, mode);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  }
  return DeviceSemaphores.find(key, "wait");
}

/** True when this process is the device now; false to try again. */
function tryClaim(
  semaphores: DeviceSemaphores,
  place: Place,
  notices: string[],
): boolean {
  const { created, id } = semaphores.set;
  const known = semaphores.transport !== undefined;
  if (!known && !semaphores.blank) {
    throw inTheWay(place, `System V semaphore set ${id}`, "semget");
  }
  if (!semaphores.claim()) throw taken(place, semaphores.holder);
  try {
    removeLeftovers(place, known && !created, notices);
  } catch (error) {
    if (created) semaphores.remove();
    else semaphores.unclaim();
    throw error;
  }
  if (created) return true;
  notices.push(`removed the semaphores ${id} of a dead device`);
  semaphores.remove();
  semaphores[Symbol.dispose]();
  return false;
}

/** Removes memory and queue of a dead device, and refuses anything else. */
function removeLeftovers(
  place: Place,
  known: boolean,
  notices: string[],
): void {
  let certain = known;
  for (const transport of TRANSPORTS) {
    using segment = findLeftover(transport, place);
    if (segment === undefined) continue;
    refuseLiving(segment, place);
    const { id, name } = segment.describe();
    segment.remove();
    certain = true;
    notices.push(`removed the memory ${name ?? id} of a dead device`);
  }
  removeQueue(place, certain, notices);
}

function findLeftover(
  transport: Transport,
  { key }: Place,
): Segment | undefined {
  // A memfd goes with its device.
  return transport === "memfd" ? undefined : findSegment(transport, { key });
}

/** Throws unless it is certain that nobody writes to that memory. */
function refuseLiving(segment: Segment, place: Place): void {
  const { id, name } = segment.describe();
  const what = segment.transport === "sysv"
    ? `System V shared memory ${id}`
    : `POSIX shared memory ${name}`;
  const found = isPlausible(segment, place.label);
  if (found === undefined) throw inTheWay(place, what, "shmget");
  if (found.alive) throw taken(place, found.pid);
}

/** Who runs a device, and whether it may live. */
export interface Owner {
  /** Its process id; 0 when it is not visible. */
  pid: number;
  /** Whether it lives, or may live for all that can be known. */
  alive: boolean;
}

/**
 * Who the device of this memory is; undefined when it is the memory of some
 * other program.
 */
export function isPlausible(
  segment: Segment,
  label: string,
): Owner | undefined {
  let found;
  try {
    found = readHeader(segment.mapping, label);
  } catch (error) {
    if (hasCode(error, "EBADMSG")) return undefined;
    throw error;
  }
  if (found.kind === "device") {
    const { identity } = found.header;
    return { pid: identity.pid, alive: lives(identity) ?? true };
  }
  const { size } = segment.mapping;
  return size === PLAIN_SIZE ? plainOwner(segment) : undefined;
}

/** The size of a segment that a C program made for the struct alone. */
const PLAIN_SIZE = 32;

/**
 * Who the device of a plain C struct is. The kernel says who made it; when
 * that process is gone, another one may still write to it.
 */
export function plainOwner(segment: Segment): Owner {
  const { pid = 0, lives: made } = segment.creator ?? {};
  if (made !== false) return { pid, alive: true };
  const mappers = segment.mappers();
  const writer = mappers.find((mapper) => mapper.writable);
  if (writer !== undefined) return { pid: writer.pid, alive: true };
  const seen = mappers.reduce((sum, { count }) => sum + count, 0);
  return { pid, alive: seen < (segment.attachCount() ?? 0) };
}

function removeQueue(place: Place, certain: boolean, notices: string[]): void {
  let queue: SysvMessageQueue;
  try {
    queue = SysvMessageQueue.open(place.key);
  } catch (error) {
    if (isGone(error)) return;
    throw error;
  }
  try {
    if (!certain) {
      throw inTheWay(place, `System V message queue ${queue.id}`, "msgget");
    }
    queue.remove();
    notices.push(`removed the command queue ${queue.id} of a dead device`);
  } finally {
    queue.close();
  }
}

/** The error of a second device. */
export function taken(place: Place, pid: number): IpcError {
  return deviceError(
    "EEXIST",
    "semop",
    `Cannot create ${place.label}: ${processText(pid)} already runs it`,
  );
}

function inTheWay(place: Place, what: string, syscall: string): IpcError {
  return deviceError(
    "EEXIST",
    syscall,
    `Cannot create ${place.label}: ${what} has that key and is not known to be a dead device's, so it was left alone`,
  );
}
