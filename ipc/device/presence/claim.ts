/**
 * Becoming the one device of a key, and removing what a dead one left.
 *
 * Whoever has raised the semaphore DEVICE owns everything under the key. A set
 * that a dead device left is removed last, by whoever has claimed it, so that
 * at no time two processes clean up or build at once.
 *
 * @module
 */

import { hasCode, type IpcError, isGone } from "../../../ffi/errno.ts";
import type { Key } from "../../core/convert/key.ts";
import { ownIdentity, processText } from "../../core/process/identity.ts";
import { pause } from "../../core/wait/timer_interrupt.ts";
import { SysvMessageQueue } from "../../sysv/message_queue.ts";
import { deviceError, type Place } from "../address.ts";
import { isUnfinished } from "../memory/header.ts";
import { findEmpty, findSegment, type Segment } from "../memory/segment.ts";
import type { DeviceObject } from "../object.ts";
import type { Transport } from "../types.ts";
import { ownerOf } from "./owner.ts";
import { DeviceSemaphores } from "./semaphores.ts";

/** Where memory is found without its device; a memfd goes with it. */
export const FINDABLE = ["sysv", "posix"] as const;

/** How often others may come in between before it is an error. */
const ATTEMPTS = 100;
/** After so many of them it is time to get out of step with the others. */
const QUICK_ATTEMPTS = 5;

/** What a key is claimed for. */
export interface ClaimOptions {
  /** Where the memory shall live. */
  transport: Transport;
  /** Permission bits. */
  mode: number;
  /** The verb of messages. */
  action: "create" | "detach";
  /** The code when somebody else is the device. */
  code: "EEXIST" | "EBUSY";
}

/** A key that is claimed. */
export interface Claim {
  /** Its new semaphores. */
  semaphores: DeviceSemaphores;
  /** What a dead device had left, and was removed. */
  removed: DeviceObject[];
}

/**
 * Claims a key for this process.
 *
 * @throws {IpcError} `EEXIST` when another device runs, or something that is
 * not known to be a dead device's is in the way.
 */
export function claim(place: Place, options: ClaimOptions): Claim {
  const removed: DeviceObject[] = [];
  for (let i = 0; i < ATTEMPTS; i++) {
    // Two loops that are equally fast would keep step.
    if (i > QUICK_ATTEMPTS) pause(Math.random());
    const semaphores = obtain(place, options);
    if (semaphores === undefined) continue;
    try {
      const attempt = new Attempt(place, options, removed);
      if (attempt.claim(semaphores)) return { semaphores, removed };
      semaphores[Symbol.dispose]();
    } catch (error) {
      semaphores[Symbol.dispose]();
      // Somebody else has removed the set in between.
      if (!isGone(error)) throw error;
    }
  }
  throw deviceError(
    "EAGAIN",
    "semop",
    `Cannot ${options.action} ${place.label}: others create and remove it all the time`,
  );
}

/** The set of the key, new or old; undefined when it vanished meanwhile. */
function obtain(
  { key }: Place,
  { mode }: ClaimOptions,
): DeviceSemaphores | undefined {
  try {
    return DeviceSemaphores.create(key, mode);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  }
  return DeviceSemaphores.find(key, "wait");
}

/** One attempt to claim a key. */
class Attempt {
  readonly #place: Place;
  readonly #options: ClaimOptions;
  readonly #removed: DeviceObject[];

  constructor(place: Place, options: ClaimOptions, removed: DeviceObject[]) {
    this.#place = place;
    this.#options = options;
    this.#removed = removed;
  }

  /** True when this process is the device now; false to try again. */
  claim(semaphores: DeviceSemaphores): boolean {
    const { created, set: { id } } = semaphores;
    const { transport, claimed, blank } = semaphores.read();
    if (transport === undefined && !blank) {
      throw this.#inTheWay(`System V semaphore set ${id}`, "semget");
    }
    // First, since who may only read is told as well who it is.
    const which = claimed
      ? undefined
      : semaphores.claim(this.#options.transport);
    if (which === undefined) {
      // Somebody took the new set for a dead one's and is about to remove it.
      if (created) return false;
      throw this.#taken(semaphores.holder);
    }
    try {
      this.#removeLeftovers(which === "next");
    } catch (error) {
      if (which === "first") semaphores.remove();
      else semaphores.unclaim();
      throw error;
    }
    if (created && which === "first") return true;
    this.#removed.push(semaphores.describe());
    semaphores.remove();
    return false;
  }

  /** Removes memory and queue of a dead device, and refuses anything else. */
  #removeLeftovers(known: boolean): void {
    let certain = known;
    for (const transport of FINDABLE) {
      using segment = this.#find(
        transport,
        () => findSegment(transport, { key: this.#place.key }),
      );
      if (segment === undefined) continue;
      if (!(certain && isAbandoned(segment))) this.#refuseLiving(segment);
      const object = segment.describe();
      segment.remove();
      this.#removed.push(object);
      certain = true;
    }
    // Whoever would be making it would hold the claim.
    using empty = this.#find("posix", () => findEmpty(this.#place.key));
    if (empty !== undefined) {
      const object = empty.describe();
      empty.remove();
      this.#removed.push(object);
    }
    this.#removeQueue(certain);
  }

  /** Finds memory; what cannot be opened is only in the way of its own kind. */
  #find<T>(transport: Transport, find: () => T | undefined): T | undefined {
    try {
      return find();
    } catch (error) {
      const { action, transport: wanted } = this.#options;
      const other = action === "create" && transport !== wanted;
      if (other && hasCode(error, "EACCES", "ELOOP", "ENODEV", "ENXIO")) {
        return undefined;
      }
      throw error;
    }
  }

  /** Throws unless it is certain that nobody writes to that memory. */
  #refuseLiving(segment: Segment): void {
    const owner = ownerOf(segment, this.#place.label);
    if (owner?.alive) throw this.#taken(owner.pid);
    if (owner !== undefined) return;
    const { id, name } = segment.describe();
    throw this.#inTheWay(
      segment.transport === "sysv"
        ? `System V shared memory ${id}`
        : `POSIX shared memory ${name}`,
      "shmget",
    );
  }

  #removeQueue(certain: boolean): void {
    const queue = findQueue(this.#place.key);
    if (queue === undefined) return;
    try {
      if (!certain) {
        throw this.#inTheWay(`System V message queue ${queue.id}`, "msgget");
      }
      const object = describeQueue(queue);
      queue.remove();
      this.#removed.push(object);
    } finally {
      queue.close();
    }
  }

  /** The error of a second device. */
  #taken(pid: number): IpcError {
    const { action, code } = this.#options;
    const who = processText(pid);
    return deviceError(
      code,
      "semop",
      `Cannot ${action} ${this.#place.label}: ${who} ${
        action === "create" ? "already runs it" : "runs it"
      }`,
    );
  }

  #inTheWay(what: string, syscall: string): IpcError {
    const { action, code } = this.#options;
    return deviceError(
      code,
      syscall,
      `Cannot ${action} ${this.#place.label}: ${what} has that key and is not known to be a dead device's, so it was left alone`,
    );
  }
}

/** Whether the device of this memory died before it wrote the header. */
function isAbandoned(segment: Segment): boolean {
  const { mapping, creator } = segment;
  const { pid } = ownIdentity();
  return isUnfinished(mapping) && creator?.lives !== true &&
    (segment.attachCount() ?? 1) <= 1 &&
    segment.mappers().every((mapper) => mapper.pid === pid);
}

/** The queue of a key, if there is one. */
export function findQueue(key: Key): SysvMessageQueue | undefined {
  try {
    return SysvMessageQueue.open(key);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** What the kernel says of a queue. */
export function describeQueue(queue: SysvMessageQueue): DeviceObject {
  const { id, bytes, uid, mode } = queue.stat();
  return {
    kind: "queue",
    transport: "sysv",
    id,
    name: undefined,
    size: bytes,
    uid,
    mode,
  };
}
