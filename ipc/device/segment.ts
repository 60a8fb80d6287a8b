/**
 * Where the memory of a device lives: one interface over the transports.
 *
 * @module
 */

import { ignoreGone, type Key } from "../../ffi/core/_sysv.ts";
import type { Mapping } from "../../ffi/core/mapping.ts";
import { SysvSharedMemory } from "../sysv/shared_memory.ts";
import { type Mapper, mappersOf } from "./attached.ts";
import type { DeviceObject } from "./inspect.ts";
import { makerLives } from "./identity.ts";
import { isGone } from "./semaphores.ts";
import type { Transport } from "./types.ts";

/** The memory of a device, mapped. */
export interface Segment extends Disposable {
  /** Where it lives. */
  readonly transport: Transport;
  /** The mapping: writable for who made it, else read-only. */
  readonly mapping: Mapping;
  /** What the kernel says of it. */
  describe(): DeviceObject;
  /** How many mappings there are; undefined where the kernel does not count. */
  attachCount(): number | undefined;
  /** The processes that have it mapped, of those that may be seen. */
  mappers(): Mapper[];
  /** Whether it was removed, so that nobody else can find it any more. */
  readonly removed: boolean;
  /** The process that made it; undefined when the kernel does not say. */
  readonly creator: { pid: number; lives: boolean | undefined } | undefined;
  /** The descriptor of a memfd. */
  readonly fd: number | undefined;
  /** Removes it; that somebody else has done it is no error. */
  remove(): void;
  /** Unmaps it. It stays. */
  [Symbol.dispose](): void;
}

/** System V shared memory, which C programs find by its key. */
class SysvSegment implements Segment {
  readonly transport = "sysv";
  readonly fd = undefined;
  readonly mapping: Mapping;
  readonly #memory: SysvSharedMemory;

  constructor(memory: SysvSharedMemory, readOnly: boolean) {
    this.#memory = memory;
    this.mapping = memory.attach({ readOnly });
  }

  describe(): DeviceObject {
    const { id, size, uid, mode } = this.#memory.stat();
    return {
      kind: "memory",
      transport: "sysv",
      id,
      name: undefined,
      size,
      uid,
      mode,
    };
  }

  attachCount(): number {
    return this.#memory.stat().attachCount;
  }

  mappers(): Mapper[] {
    return mappersOf({
      inode: BigInt(this.#memory.id),
      path: "/SYSV",
      perNamespace: true,
    });
  }

  get removed(): boolean {
    try {
      return this.#memory.stat().removed;
    } catch (error) {
      if (isGone(error)) return true;
      throw error;
    }
  }

  get creator(): { pid: number; lives: boolean | undefined } {
    const { creatorPid, changeTime } = this.#memory.stat();
    return { pid: creatorPid, lives: makerLives(creatorPid, changeTime) };
  }

  remove(): void {
    ignoreGone(() => this.#memory.remove());
  }

  [Symbol.dispose](): void {
    this.mapping.close();
  }
}

/**
 * Makes the memory of a device.
 *
 * @throws {IpcError} `EEXIST` when there is one.
 */
export function createSegment(
  transport: Transport,
  options: { key: Key; size: number; mode: number },
): Segment {
  const { key, size, mode } = options;
  void transport;
  const memory = SysvSharedMemory.create(key, size, { mode, owner: false });
  try {
    return new SysvSegment(memory, false);
  } catch (error) {
    memory.remove();
    throw error;
  }
}

/** Where to find memory. */
export interface FindSegmentOptions {
  /** The key of the device. */
  key: Key;
  /** The process that has the memfd. */
  pid?: number | undefined;
  /** The number of its descriptor there. */
  fd?: number | undefined;
}

/** The memory that is there, read-only; undefined when there is none. */
export function findSegment(
  transport: Transport,
  options: FindSegmentOptions,
): Segment | undefined {
  if (transport !== "sysv") return undefined;
  try {
    return new SysvSegment(SysvSharedMemory.open(options.key), true);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}
