/**
 * What exists under the key of a device, and removing what a dead one left.
 *
 * @module
 */

import { hasCode, type Key } from "../../ffi/core/_sysv.ts";
import { processStartTime } from "../../ffi/core/proc.ts";
import { SysvMessageQueue } from "../sysv/message_queue.ts";
import { SysvSemaphoreSet } from "../sysv/semaphore_set.ts";
import { SysvSharedMemory } from "../sysv/shared_memory.ts";
import { type Place, placeOf } from "./address.ts";
import type { Mapper } from "./attached.ts";
import {
  claim,
  describeQueue,
  FINDABLE,
  findQueue,
  type Owner,
  ownerOf,
  plainOwner,
} from "./claim.ts";
import {
  isUnfinished,
  type MemoryKind,
  readHeader,
  silence,
} from "./header.ts";
import { hiddenObjects } from "./hidden.ts";
import { peerOf } from "./identity.ts";
import { RecordReader } from "./record.ts";
import { RingReader } from "./ring.ts";
import {
  findEmpty,
  findSegment,
  type FindSegmentOptions,
  type Segment,
} from "./segment.ts";
import { DeviceSemaphores, isGone, isRemoved } from "./semaphores.ts";
import { type Look, type Signs, steady } from "./signs.ts";
import {
  type DeviceAddress,
  type Peer,
  type Reading,
  type Transport,
  TRANSPORTS,
} from "./types.ts";

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
  /**
   * Milliseconds since the device gave a sign of life, which it does every 250
   * or so: much more, and it is stopped or blocked. Undefined when it gives none.
   */
  silence: number | undefined;
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

/**
 * What exists under the key of a device. Changes nothing. Of what may not be
 * read it tells only that it is there, and whether its maker lives.
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
 * Removes what a dead device left behind; with `force` whatever is there. A
 * device that is robbed of its memory ends, with `reason: "removed"`.
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
 * @throws {IpcError} `EBUSY` when a device is alive or what is there belongs to
 * another program, unless `force`; `EPERM` or `EACCES` when it belongs to
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

function inspectPlace(place: Place): DeviceInspection {
  return steady(
    place,
    "inspect",
    (signs) => new Inspector(place).inspect(signs),
  );
}

/** Collects what there is, piece by piece. */
class Inspector {
  readonly #place: Place;
  #objects: DeviceObject[] = [];
  #owner: Owner | undefined;
  #known = false;
  #plain = false;
  #reading: Reading | undefined;
  #silence: number | undefined;
  #attachCount: number | undefined;
  #mappers: Mapper[] = [];
  #transport: Transport | undefined;
  #lockHolder: number | undefined;
  readonly #handles = new DisposableStack();
  readonly #memory: Segment[] = [];
  readonly #hidden = new Set<DeviceObject>();

  constructor(place: Place) {
    this.#place = place;
  }

  inspect(signs: Signs | undefined): Look<DeviceInspection> {
    try {
      this.#look(signs);
    } catch (error) {
      this.#handles.dispose();
      throw error;
    }
    return {
      result: this.#result(),
      outdated: () =>
        this.#memory.some(({ removed }) => removed) ||
        this.#objects.some((object) =>
          accessOf(object) !== (this.#hidden.has(object) ? "hidden" : "open")
        ),
      end: () => this.#handles.dispose(),
    };
  }

  #look(signs: Signs | undefined): void {
    const { key } = this.#place;
    for (const transport of TRANSPORTS) {
      const where = signs?.claimed ? { ...signs, key } : { key };
      readable(() => this.#lookAtMemory(transport, where));
    }
    readable(() => this.#lookAtEmpty());
    readable(() => this.#lookAtQueue());
    readable(() => this.#lookAtSemaphores());
    this.#lookAtHidden();
    if (signs !== undefined) {
      this.#known = true;
      this.#transport ??= signs.transport;
      // The kernel's word counts more than the memory's.
      if (signs.claimed) this.#owner = { pid: signs.pid, alive: true };
      this.#owner ??= { pid: signs.pid, alive: false };
    }
  }

  #result(): DeviceInspection {
    const { key } = this.#place;
    const owner = this.#owner;
    const holder = this.#lockHolder;
    return {
      key,
      status: this.#status(),
      device: owner && peerOf(owner.pid, owner.alive),
      transport: this.#transport,
      plain: this.#plain,
      reading: this.#reading,
      silence: this.#silence,
      objects: this.#objects,
      attachCount: this.#attachCount,
      attached: this.#mappers.map(({ pid, writable }) => ({
        pid,
        program: peerOf(pid, true).program,
        writable,
        device: pid === owner?.pid,
      })),
      // The device itself takes it for each write.
      lockedBy: holder === undefined || holder === owner?.pid
        ? undefined
        : peerOf(holder, processStartTime(holder) !== undefined),
    };
  }

  #status(): DeviceInspection["status"] {
    if (this.#objects.length === 0) return "none";
    if (this.#owner?.alive) return "alive";
    return this.#known ? "dead" : "foreign";
  }

  #lookAtMemory(transport: Transport, where: FindSegmentOptions): void {
    const segment = this.#handles.use(findSegment(transport, where));
    if (segment === undefined) return;
    this.#memory.push(segment);
    const { label } = this.#place;
    this.#objects.push(segment.describe());
    this.#transport = transport;
    const kind = readable(() => readHeader(segment.mapping, label));
    if (kind !== undefined) {
      this.#plain = kind.kind === "plain";
      this.#reading = readable(() => readAny(segment, kind, label));
    }
    if (kind?.kind === "device") this.#silence = silence(segment.mapping);
    const owner = ownerOf(segment, label);
    if (owner !== undefined) this.#known = true;
    this.#owner = owner;
    // Of a program that made more than the struct.
    if (owner === undefined && !isUnfinished(segment.mapping)) {
      this.#owner = this.#reading && plainOwner(segment);
    }
    // This look must not count.
    segment.mapping.close();
    this.#attachCount = segment.attachCount();
    this.#mappers = segment.mappers();
  }

  #lookAtEmpty(): void {
    using empty = findEmpty(this.#place.key);
    if (empty === undefined) return;
    this.#objects.push(empty.describe());
    // Nobody but a device gives its memory such a name.
    this.#known = true;
    this.#transport ??= "posix";
  }

  #lookAtHidden(): void {
    const hidden = hiddenObjects(this.#place.key, this.#objects);
    this.#objects.push(...hidden.objects);
    for (const object of hidden.objects) this.#hidden.add(object);
    if (hidden.owner === undefined) return;
    this.#owner ??= hidden.owner;
    this.#transport ??= "sysv";
    this.#attachCount ??= hidden.attachCount;
  }

  #lookAtQueue(): void {
    const queue = findQueue(this.#place.key);
    if (queue === undefined) return;
    this.#objects.push(describeQueue(queue));
    queue.close();
  }

  #lookAtSemaphores(): void {
    using semaphores = DeviceSemaphores.find(this.#place.key, "wait");
    if (semaphores === undefined) return;
    this.#objects.push(semaphores.describe());
    const { transport, blank } = semaphores.read();
    if (transport === undefined) {
      this.#known ||= blank;
    } else {
      this.#lockHolder = semaphores.lockHolder;
    }
  }
}

/** Whether an object is there now, and may be read. */
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

/** What may not be read, makes no sense or has just gone, is left out. */
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
