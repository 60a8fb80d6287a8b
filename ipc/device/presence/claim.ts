/**
 * Claims the key of a device, and removes the objects of a dead one.
 *
 * The process that has raised the semaphore DEVICE owns all objects of the key.
 * The claimant removes the set of a dead device last, so that two processes
 * never clean up or create at once.
 *
 * @module
 */

import { hasCode, type IpcError, isGone } from "../../../ffi/errno.ts";
import type { Key } from "../../core/convert/key.ts";
import { ownIdentity, processText } from "../identity.ts";
import { pause } from "../../core/wait/timer_interrupt.ts";
import { SysvMessageQueue } from "../../sysv/message_queue.ts";
import { deviceError, type Place } from "../address.ts";
import { isUnfinished } from "../memory/header.ts";
import { findEmpty, findSegment, type Segment } from "../memory/segment.ts";
import type { DeviceObject } from "../object.ts";
import type { Transport } from "../types.ts";
import { ownerOf } from "./owner.ts";
import { DeviceSemaphores } from "./semaphores.ts";

/** The transports whose memory outlives the device, unlike a memfd. */
export const FINDABLE = ["sysv", "posix"] as const;

/** The number of interrupted attempts before it is an error. */
const ATTEMPTS = 100;
/**
 * The number of attempts before random pauses, to get out of step with others.
 */
const QUICK_ATTEMPTS = 5;

/** Options of claiming a key. */
export interface ClaimOptions {
  /** The kind of memory. */
  transport: Transport;
  /** Permission bits. */
  mode: number;
  /** The verb of messages. */
  action: "create" | "detach";
  /** The error code when another process is the device. */
  code: "EEXIST" | "EBUSY";
}

/** A claimed key. */
export interface Claim {
  /** Its new semaphores. */
  semaphores: DeviceSemaphores;
  /** The removed objects of a dead device. */
  removed: DeviceObject[];
}

/**
 * Claims a key for this process.
 *
 * @throws {IpcError} `EEXIST` when another device runs, or an object has the
 * key that is not known to be a dead device's.
 */
export function claim(place: Place, options: ClaimOptions): Claim {
  const removed: DeviceObject[] = [];
  for (let i = 0; i < ATTEMPTS; i++) {
    // Two equally fast loops would stay in step.
    if (i > QUICK_ATTEMPTS) pause(Math.random());
    const semaphores = obtain(place, options);
    if (semaphores === undefined) continue;
    try {
      const attempt = new Attempt(place, options, removed);
      if (attempt.claim(semaphores)) return { semaphores, removed };
      semaphores[Symbol.dispose]();
    } catch (error) {
      semaphores[Symbol.dispose]();
      // Another process has removed the set in between.
      if (!isGone(error)) throw error;
    }
  }
  throw deviceError(
    "EAGAIN",
    "semop",
    `Cannot ${options.action} ${place.label}: others create and remove it all the time`,
  );
}

/**
 * Creates or opens the set of the key; undefined when it vanished meanwhile.
 */
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
    // Check `claimed` first, so that a caller with only read permission also
    // learns the owner.
    const which = claimed
      ? undefined
      : semaphores.claim(this.#options.transport);
    if (which === undefined) {
      // Another process took the new set for a dead device's and is about to
      // remove it.
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
    // A process that is just creating it would hold the claim.
    using empty = this.#find("posix", () => findEmpty(this.#place.key));
    if (empty !== undefined) {
      const object = empty.describe();
      empty.remove();
      this.#removed.push(object);
    }
    this.#removeQueue(certain);
  }

  /** Finds memory; inaccessible memory of another transport is no obstacle. */
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

  /** Throws unless it is certain that no process writes to that memory. */
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

/** Describes a queue. */
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
