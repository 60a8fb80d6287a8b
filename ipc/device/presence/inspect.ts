/**
 * Inspects the objects of a device, and removes those of a dead one.
 *
 * @module
 */

import { hasCode, isGone } from "../../../ffi/errno.ts";
import type { Key } from "../../core/convert/key.ts";
import { type Peer, peerOf } from "../identity.ts";
import { processStartTime } from "../../core/process/proc.ts";
import { SysvMessageQueue } from "../../sysv/message_queue.ts";
import { SysvSemaphoreSet } from "../../sysv/semaphore_set.ts";
import { SysvSharedMemory } from "../../sysv/shared_memory.ts";
import { type Place, placeOf } from "../address.ts";
import {
  isUnfinished,
  type MemoryKind,
  readHeader,
  silence,
} from "../memory/header.ts";
import { RecordReader } from "../memory/record.ts";
import { RingReader } from "../memory/ring.ts";
import {
  findEmpty,
  findSegment,
  type FindSegmentOptions,
  type Segment,
} from "../memory/segment.ts";
import type { DeviceObject } from "../object.ts";
import { areSame, type Signs, signsOf } from "./signs.ts";
import {
  type DeviceAddress,
  type Reading,
  type Transport,
  TRANSPORTS,
} from "../types.ts";
import { claim, describeQueue, FINDABLE, findQueue } from "./claim.ts";
import { hiddenObjects } from "./hidden.ts";
import { type Owner, ownerOf, plainOwner } from "./owner.ts";
import { DeviceSemaphores, isRemoved } from "./semaphores.ts";

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

/** The result of {@linkcode inspect}. */
export interface DeviceInspection {
  /** The key. */
  key: Key;
  /**
   * `"none"`: no object; `"alive"`: a device runs; `"dead"`: a device has died
   * and left objects; `"foreign"`: a segment of an unknown program, or one too
   * small for a device.
   */
  status: "none" | "alive" | "dead" | "foreign";
  /** The process that runs or ran it; undefined when there is none. */
  device: Peer | undefined;
  /** The kind of memory; undefined when there is none. */
  transport: Transport | undefined;
  /** Whether the device is another program with only the C struct. */
  plain: boolean;
  /** The newest reading, if there is a valid one. */
  reading: Reading | undefined;
  /**
   * Milliseconds since the last heartbeat, which the device writes about every
   * 250 ms: much more means that it is stopped or blocked. Undefined when there
   * is none.
   */
  silence: number | undefined;
  /** The kernel objects. */
  objects: DeviceObject[];
  /** The number of mappings; undefined where the kernel does not count them. */
  attachCount: number | undefined;
  /** The visible processes that have the memory mapped. */
  attached: AttachedProcess[];
  /** The process that holds the writers' lock, if one does. */
  lockedBy: Peer | undefined;
}

/** Options of {@linkcode detach}. */
export interface DetachOptions extends DeviceAddress {
  /**
   * Also removes objects of a living device or of an unknown program.
   *
   * @default {false}
   */
  force?: boolean | undefined;
}

/** The result of {@linkcode detach}. */
export interface DetachResult {
  /** The state before. */
  before: DeviceInspection;
  /** The removed objects. */
  removed: DeviceObject[];
}

/**
 * Inspects the kernel objects of a device's key, without changing them. For
 * inaccessible objects it reports only their existence, and whether their
 * creator is alive.
 *
 * @example Is there a device?
 * ```ts
 * import { inspect } from "@libc/ipc/device";
 * import { assertEquals } from "@std/assert";
 *
 * const { status, objects } = inspect({ path: ".", projectId: "I" });
 * assertEquals([status, objects.length], ["none", 0]);
 * ```
 *
 * @throws {IpcError} `ENOENT` when the path does not exist.
 */
export function inspect(address: DeviceAddress = {}): DeviceInspection {
  return inspectPlace(placeOf(address));
}

/**
 * Removes the objects of a dead device; with `force`, any objects of the key. A
 * living device whose memory is removed ends with `reason: "removed"`.
 *
 * @example Clean up
 * ```ts
 * import { detach } from "@libc/ipc/device";
 * import { assertEquals } from "@std/assert";
 *
 * const { removed } = detach({ path: ".", projectId: "I" });
 * assertEquals(removed, []);
 * ```
 *
 * @throws {IpcError} `EBUSY` when a device is alive or the objects belong to
 * another program, unless `force`; `EPERM` or `EACCES` when they belong to
 * another user; `ENOENT` when the path does not exist.
 */
export function detach(options: DetachOptions = {}): DetachResult {
  const place = placeOf(options);
  const before = inspectPlace(place);
  if (options.force) return { before, removed: removeAll(place) };
  if (before.status === "none") return { before, removed: [] };
  const { semaphores, removed } = claim(place, {
    transport: "sysv",
    mode: 0o600,
    action: "detach",
    code: "EBUSY",
  });
  semaphores.remove();
  semaphores[Symbol.dispose]();
  return { before, removed };
}

function removeAll({ key }: Place): DeviceObject[] {
  const removed: DeviceObject[] = [];
  const take = (object: DeviceObject, remove: () => void) => {
    remove();
    removed.push(object);
  };
  for (const transport of FINDABLE) {
    using segment = findSegment(transport, { key });
    if (segment) take(segment.describe(), () => segment.remove());
  }
  using empty = findEmpty(key);
  if (empty) take(empty.describe(), () => empty.remove());
  const queue = findQueue(key);
  if (queue) take(describeQueue(queue), () => queue.remove());
  queue?.close();
  using semaphores = DeviceSemaphores.find(key);
  if (semaphores) take(semaphores.describe(), () => semaphores.remove());
  return removed;
}

/** The number of attempts when a device begins or ends meanwhile. */
const ATTEMPTS = 5;

function inspectPlace(place: Place): DeviceInspection {
  for (let attempt = 1;; attempt++) {
    using inspector = new Inspector(place, signsOf(place));
    inspector.look();
    const now = signsOf(place);
    if (inspector.isSteady(now) || attempt === ATTEMPTS) {
      return inspector.conclude(now);
    }
  }
}

/** What an inspection knows of one memory. */
interface Memory
  extends
    Pick<DeviceInspection, "plain" | "reading" | "silence" | "attachCount"> {
  /** The object. */
  object: DeviceObject;
  /** The owner of the device; undefined when it is not a device's memory. */
  owner: Owner | undefined;
  /** The memory itself, unmapped; undefined when it may not be opened. */
  segment?: Segment;
}

/**
 * Collects the objects one by one. It omits those that appear or vanish during
 * the inspection, so that the result describes one moment.
 */
class Inspector implements Disposable {
  readonly #place: Place;
  readonly #signs: Signs | undefined;
  readonly #handles = new DisposableStack();
  readonly #objects: DeviceObject[] = [];
  /** Tells whether an object still exists. */
  readonly #isThere = new Map<DeviceObject, () => boolean>();
  /** Objects that only a device makes. */
  readonly #devices = new Set<DeviceObject>();
  readonly #memories: Memory[] = [];
  #lockHolder: number | undefined;

  constructor(place: Place, signs: Signs | undefined) {
    this.#place = place;
    this.#signs = signs;
  }

  [Symbol.dispose](): void {
    this.#handles.dispose();
  }

  look(): void {
    const { key } = this.#place;
    const where = this.#signs?.claimed ? { ...this.#signs, key } : { key };
    for (const transport of TRANSPORTS) {
      readable(() => this.#lookAtMemory(transport, where));
    }
    readable(() => this.#lookAtEmpty());
    readable(() => this.#lookAtQueue());
    readable(() => this.#lookAtSemaphores());
    this.#lookAtHidden();
  }

  /** Whether nothing has changed since. */
  isSteady(now: Signs | undefined): boolean {
    return areSame(this.#signs, now) &&
      this.#isThere.values().every((isThere) => isThere());
  }

  conclude(now: Signs | undefined): DeviceInspection {
    const objects = this.#objects.filter((object) =>
      this.#isThere.get(object)?.() &&
      // The memfd's descriptor number may belong to another device's by now.
      (object.transport !== "memfd" || areSame(this.#signs, now))
    );
    const memory = this.#memories.findLast(({ object }) =>
      objects.includes(object)
    );
    const owner = ownerNow(memory?.owner, now);
    const known = now !== undefined ||
      objects.some((object) => this.#devices.has(object));
    const holder = this.#lockHolder;
    return {
      key: this.#place.key,
      status: statusOf(objects, owner, known),
      device: owner && peerOf(owner.pid, owner.alive),
      transport: objects.find(({ kind }) => kind === "memory")?.transport ??
        now?.transport,
      plain: memory?.plain ?? false,
      reading: memory?.reading,
      silence: memory?.silence,
      objects,
      attachCount: memory?.attachCount,
      attached: memory?.segment?.mappers().map(({ pid, writable }) => ({
        pid,
        program: peerOf(pid, true).program,
        writable,
        device: pid === owner?.pid,
      })) ?? [],
      // The device itself takes the lock for each write.
      lockedBy: holder === undefined || holder === owner?.pid
        ? undefined
        : peerOf(holder, processStartTime(holder) !== undefined),
    };
  }

  #add(object: DeviceObject, isThere: () => boolean): DeviceObject {
    this.#objects.push(object);
    this.#isThere.set(object, isThere);
    return object;
  }

  #lookAtMemory(transport: Transport, where: FindSegmentOptions): void {
    const segment = this.#handles.use(findSegment(transport, where));
    if (segment === undefined) return;
    const { label } = this.#place;
    const object = this.#add(segment.describe(), () => !segment.removed);
    const kind = readable(() => readHeader(segment.mapping, label));
    const reading = kind && readable(() => readAny(segment, kind, label));
    let owner = ownerOf(segment, label);
    if (owner !== undefined) this.#devices.add(object);
    // The memory of a program that made more than the struct.
    else if (!isUnfinished(segment.mapping)) {
      owner = reading && plainOwner(segment);
    }
    const stillness = kind?.kind === "device"
      ? silence(segment.mapping)
      : undefined;
    // This mapping must not count.
    segment.mapping.close();
    this.#memories.push({
      object,
      segment,
      owner,
      plain: kind?.kind === "plain",
      reading,
      silence: stillness,
      attachCount: segment.attachCount(),
    });
  }

  #lookAtEmpty(): void {
    const empty = this.#handles.use(findEmpty(this.#place.key));
    if (empty === undefined) return;
    this.#devices.add(this.#add(empty.describe(), () => !empty.removed));
  }

  #lookAtQueue(): void {
    const queue = findQueue(this.#place.key);
    if (queue === undefined) return;
    const object = describeQueue(queue);
    this.#add(object, () => accessOf(object) === "open");
    queue.close();
  }

  #lookAtSemaphores(): void {
    using semaphores = DeviceSemaphores.find(this.#place.key, "wait");
    if (semaphores === undefined) return;
    const object = semaphores.describe();
    this.#add(object, () => accessOf(object) === "open");
    const { transport, blank } = semaphores.read();
    if (blank) this.#devices.add(object);
    if (transport !== undefined) this.#lockHolder = semaphores.lockHolder;
  }

  #lookAtHidden(): void {
    const hidden = hiddenObjects(this.#place.key, this.#objects);
    for (const object of hidden.objects) {
      // An object that can be opened has been made in between.
      this.#add(object, () => accessOf(object) === "hidden");
      if (object.kind !== "memory") continue;
      const { owner, attachCount } = hidden;
      this.#memories.unshift({
        object,
        owner,
        attachCount,
        plain: false,
        reading: undefined,
        silence: undefined,
      });
    }
  }
}

/**
 * The owner of the device: the semaphores are more reliable than the memory.
 */
function ownerNow(
  owner: Owner | undefined,
  signs: Signs | undefined,
): Owner | undefined {
  if (signs?.claimed) return { pid: signs.pid, alive: true };
  return owner ?? (signs && { pid: signs.pid, alive: false });
}

function statusOf(
  objects: DeviceObject[],
  owner: Owner | undefined,
  known: boolean,
): DeviceInspection["status"] {
  if (owner?.alive) return "alive";
  if (objects.length === 0) return "none";
  return known ? "dead" : "foreign";
}

/** Whether an object exists now, and may be read. */
function accessOf({ kind, id }: DeviceObject): "open" | "hidden" | "gone" {
  if (id === undefined) return "open";
  const { fromId } = kind === "memory"
    ? SysvSharedMemory
    : kind === "queue"
    ? SysvMessageQueue
    : SysvSemaphoreSet;
  try {
    return isRemoved(() => fromId(id).close()) ? "gone" : "open";
  } catch (error) {
    if (hasCode(error, "EACCES")) return "hidden";
    throw error;
  }
}

function readAny(
  segment: Segment,
  kind: MemoryKind,
  label: string,
): Reading | undefined {
  const { mapping } = segment;
  const plain = kind.kind === "plain";
  return new RecordReader(mapping, plain, label).read()?.reading ??
    (plain
      ? undefined
      : new RingReader(mapping, kind.header.ring, label).newest());
}

/** Undefined for an object that may not be read, is invalid or has vanished. */
function readable<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (
      hasCode(error, "EACCES") || hasCode(error, "EPERM") ||
      hasCode(error, "EBADMSG") || isGone(error)
    ) return undefined;
    throw error;
  }
}
