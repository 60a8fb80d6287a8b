/**
 * Objects with the key of a device that this process may not open: the kernel
 * lists all System V objects to everybody.
 *
 * @module
 */

import type { Key } from "../../core/convert/key.ts";
import { makerLives } from "../identity.ts";
import { SysvMessageQueue } from "../../sysv/message_queue.ts";
import { SysvSemaphoreSet } from "../../sysv/semaphore_set.ts";
import { SysvSharedMemory } from "../../sysv/shared_memory.ts";
import type { DeviceObject } from "../object.ts";
import type { Owner } from "./owner.ts";

/** The inaccessible objects of a key. */
export interface Hidden {
  /** The objects. */
  objects: DeviceObject[];
  /** The creator of the memory; undefined when the memory is not hidden. */
  owner: Owner | undefined;
  /** The number of mappings of the memory. */
  attachCount: number | undefined;
}

/** Finds the objects of a key other than the known ones. */
export function hiddenObjects(
  key: Key,
  known: readonly DeviceObject[],
): Hidden {
  const isHidden = (kind: DeviceObject["kind"]) =>
    known.every((object) => object.kind !== kind || object.id === undefined);
  const ofKey = <T extends { key: Key }>(list: T[]) =>
    list.find((object) => object.key === key);
  const memory = isHidden("memory")
    ? ofKey(SysvSharedMemory.list())
    : undefined;
  const queue = isHidden("queue") ? ofKey(SysvMessageQueue.list()) : undefined;
  const set = isHidden("semaphores")
    ? ofKey(SysvSemaphoreSet.list())
    : undefined;
  return {
    objects: [
      ...(memory ? [describe("memory", memory, memory.size)] : []),
      ...(queue ? [describe("queue", queue, queue.bytes)] : []),
      ...(set ? [describe("semaphores", set, set.length)] : []),
    ],
    owner: memory && {
      pid: memory.creatorPid,
      alive: makerLives(memory.creatorPid, memory.changeTime) ?? true,
    },
    attachCount: memory?.attachCount,
  };
}

function describe(
  kind: DeviceObject["kind"],
  stat: { id: number; uid: number; mode: number },
  size: number,
): DeviceObject {
  const { id, uid, mode } = stat;
  return { kind, transport: "sysv", id, name: undefined, size, uid, mode };
}
